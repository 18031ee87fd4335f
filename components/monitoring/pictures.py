"""The pictures of a monitoring report, as SVG text: each from the figures alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from components.contracts.drift import Shift
from components.contracts.results import Bin, Interval
from components.contracts.vintages import Curve
from components.figures.colors import BAD, GOOD, PSI_COLORS, QUIET
from components.figures.psi import MODERATE, SIGNIFICANT
from components.figures.svg import Scale, bar, clipped, dot, line, path, picture, quiet, text, told

#: Releases in the order of their first months have them in turn; none is the colour of an alarm.
_COLORS = (GOOD, "#b08968", "#6a994e", "#7b5ea7")
_WIDTH, _HEIGHT = 440, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 432, 10, 176
#: What is earlier is in the tables alone: a clock that was wrong once must not squeeze all others.
_MOST_MONTHS = 60
_LABEL, _NUMBER = 54, 24  # room that the name of a month takes, and a number
_NAMES, _LINE = 186, 17  # of a picture with a line a feature
_BAR = 36
_PALE = "#e9edf1"
_NEXT = 10  # between two labels


@dataclass(frozen=True)
class Point:
    """A figure of one release in one month, and what it tells where a pointer rests on it."""

    month: str
    release: str
    value: float
    told: str
    low: float | None = None
    high: float | None = None
    #: False of what is an estimate, or of too few rows.
    sure: bool = True
    alarming: bool = False
    #: The most that chance gives.
    chance: float | None = None


@dataclass(frozen=True)
class Level:
    """What a figure is held against, in one month of one release."""

    month: str
    release: str
    at: Interval


@dataclass(frozen=True)
class Months:
    """What every picture over months shares: the months, and the releases by their first one."""

    months: tuple[str, ...]
    #: Release -> the first and the last month that it decided in; ascending.
    releases: Mapping[str, tuple[str, str]]

    @staticmethod
    def of(seen: Sequence[tuple[str, str]], until: str) -> "Months":
        """From months with a release that decided in them, up to one that need not be there."""
        last = np.datetime64(until, "M")
        earliest = min(month for month, _ in seen)
        first = max(np.datetime64(earliest, "M"), last - _MOST_MONTHS + 1)
        found: dict[str, tuple[str, str]] = {}
        for month, release in sorted(seen):
            found[release] = (found.get(release, (month, ""))[0], month)
        return Months(tuple(map(str, np.arange(first, last + 1))), found)

    def color(self, release: str) -> str:
        return _COLORS[list(self.releases).index(release) % len(_COLORS)]


@dataclass(frozen=True)
class _Slots:
    """Where the months of a picture lie, each with room for the releases that decided in it."""

    over: Months
    within: Mapping[str, Sequence[str]]

    @property
    def width(self) -> float:
        return (_RIGHT - _LEFT) / len(self.over.months)

    def left(self, month: str) -> float:
        return _LEFT + self.width * self.over.months.index(month)

    def middle(self, month: str, release: str) -> float:
        own = self.within[month]
        return self.left(month) + self.width * (own.index(release) + 1) / (len(own) + 1)


def over_months(
    name: str,
    points: Sequence[Point],
    over: Months,
    *,
    levels: Sequence[Level] = (),
    borders: Sequence[float] = (),
    zero: bool = False,
    percent: bool = False,
) -> str:
    """A figure by month, a colour a release; dotted upright lines are where another one begins.

    `borders` are lines across, `zero` whether it begins at 0, and `percent` how it is written.
    """
    points = [one for one in points if one.month in over.months]
    levels = [one for one in levels if one.month in over.months]
    places = [(one.month, one.release) for one in points]
    slots = _slots(over, [*places, *((one.month, one.release) for one in levels)])
    reach = [
        *(v for p in points for v in (p.value, p.low, p.high) if v is not None),
        *(v for one in levels for v in (one.at.low, one.at.high)),
        *borders,
    ]
    # What chance gives to a few rows must not squeeze the figures.
    reach += [p.chance for p in points if p.chance is not None and p.chance <= 2 * max(reach)]
    y = _scale(reach, zero=zero)
    parts = [
        *_grid(y, percent=percent),
        *_promotions(slots),
        *(line(_LEFT, y(border), _RIGHT, y(border), BAD, dotted=True) for border in borders),
        *(_level(one, slots, y) for one in levels),
        *_joined(points, slots, y),
        *(_point(one, slots, y) for one in points),
        *_names(slots),
    ]
    return picture(parts, name=name, width=_WIDTH, height=_HEIGHT)


def volume(name: str, points: Sequence[Point], over: Months) -> str:
    """Counts by month, a bar a release."""
    points = [one for one in points if one.month in over.months]
    slots = _slots(over, [(one.month, one.release) for one in points])
    y = _scale([one.value for one in points], zero=True)
    parts = [*_grid(y, percent=False), *_promotions(slots)]
    for one in points:
        wide = min(_BAR, 0.8 * slots.width / len(slots.within[one.month]))
        left = slots.middle(one.month, one.release) - wide / 2
        top = y(one.value)
        drawn = bar(left, top, wide, _BOTTOM - top, color=over.color(one.release))
        parts.append(told(one.told, drawn))
    return picture([*parts, *_names(slots)], name=name, width=_WIDTH, height=_HEIGHT)


def _slots(over: Months, seen: Sequence[tuple[str, str]]) -> _Slots:
    order = list(over.releases)
    pairs = sorted(set(seen), key=lambda one: (one[0], order.index(one[1])))
    grouped = groupby(pairs, key=lambda one: one[0])
    return _Slots(over, {month: [release for _, release in own] for month, own in grouped})


def _scale(reach: Sequence[float], *, zero: bool) -> Scale:
    low, high = min(reach, default=0.0), max(reach, default=1.0)
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    low = 0.0 if zero else max(0.0, low - room) if low >= 0 else low - room
    return Scale(low, high + room, _BOTTOM, _TOP)


def _grid(y: Scale, *, percent: bool) -> Iterator[str]:
    for value, name in y.ticks(percent=percent):
        yield line(_LEFT, y(value), _RIGHT, y(value), _PALE)
        yield quiet(_LEFT - 5, y(value) + 3.5, name, anchor="end")


def _promotions(slots: _Slots) -> Iterator[str]:
    for release, (first, _) in list(slots.over.releases.items())[1:]:
        if first not in slots.over.months:
            continue
        x = slots.left(first)
        yield told(f"release {release[:12]} from {first} on", line(x, _TOP, x, _BOTTOM, QUIET,
                                                                    dotted=True))  # fmt: skip


def _names(slots: _Slots) -> Iterator[str]:
    months = slots.over.months
    yield line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, QUIET)
    every = next((n for n in (1, 2, 3, 6) if n * slots.width >= _LABEL), 12)
    # From the last one back: that is the month of the report.
    for month in months[::-1][::every]:
        x = slots.left(month) + slots.width / 2
        yield line(x, _BOTTOM, x, _BOTTOM + 3, QUIET)
        yield quiet(min(x, _WIDTH - _LABEL / 2), _BOTTOM + 16, month, anchor="middle")


def _level(one: Level, slots: _Slots, y: Scale) -> str:
    color, left = slots.over.color(one.release), slots.left(one.month)
    own = slots.within[one.month]
    width = slots.width / len(own)
    left += width * own.index(one.release)
    high, low = y(one.at.high), y(one.at.low)
    at = y(one.at.value)
    band = (
        f'<rect x="{left:.1f}" y="{high:.1f}" width="{width:.1f}" height="{low - high:.1f}" '
        f'fill="{color}" opacity="0.16"/>'
    )
    return band + line(left, at, left + width, at, color)


def _joined(points: Sequence[Point], slots: _Slots, y: Scale) -> Iterator[str]:
    """Lines between the points of a release in months that follow each other."""
    place = slots.over.months.index
    order = sorted(points, key=lambda one: (one.release, one.month))
    for one, then in pairwise(order):
        if one.release == then.release and place(then.month) == place(one.month) + 1:
            yield line(
                slots.middle(one.month, one.release), y(one.value),
                slots.middle(then.month, then.release), y(then.value),
                slots.over.color(one.release), dotted=not (one.sure and then.sure),
            )  # fmt: skip


def _point(one: Point, slots: _Slots, y: Scale) -> str:
    x, color = slots.middle(one.month, one.release), slots.over.color(one.release)
    parts = []
    if one.chance is not None and one.chance <= y.high:
        parts.append(line(x - 4, y(one.chance), x + 4, y(one.chance), QUIET))
    if one.low is not None and one.high is not None:
        parts.append(line(x, y(one.low), x, y(one.high), color, dotted=not one.sure))
    if one.alarming:
        parts.append(dot(x, y(one.value), BAD, hollow=True, radius=5.5))
    parts.append(dot(x, y(one.value), color, hollow=not one.sure, radius=2.6))
    return told(one.told, *parts)


def curves(found: Sequence[Curve]) -> str:
    """The share of each vintage that had gone bad, by months since its decision; the later a
    vintage the darker its line.
    """
    some = [one for one in found if one.rows]
    last = max(len(one.bad) for one in some) - 1
    x = Scale(0, max(1, last), _LEFT, _RIGHT - _LABEL)
    y = _scale([one.bad[-1] / one.rows for one in some], zero=True)
    parts = [*_grid(y, percent=True), line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, QUIET)]
    whole = [at for at, _ in x.ticks(8) if at.is_integer()]
    parts += [quiet(x(at), _BOTTOM + 13, f"{at:.0f}", anchor="middle") for at in whole]
    parts.append(quiet(_RIGHT, _BOTTOM + 13, "months", anchor="end"))
    labels: list[tuple[float, float]] = []
    for number, one in enumerate(some):
        color = _shade(number / max(1, len(some) - 1))
        places = [(x(age), y(bad / one.rows)) for age, bad in enumerate(one.bad)]
        end = f"{one.bad[-1]:,} of {one.rows:,} bad after {len(one.bad) - 1} months"
        parts.append(told(f"{one.month}: {end}", path(places, color), dot(*places[-1], color)))
        right, height = places[-1]
        # A name where no other one is.
        if len(places) > 1 and all(
            abs(right - a) > _LABEL or abs(height - b) > _NEXT for a, b in labels
        ):
            labels.append((right, height))
            parts.append(text(right + 6, height + 3.5, one.month, color=color))
    return picture(parts, name="Vintage curves", width=_WIDTH, height=_HEIGHT)


def _shade(depth: float) -> str:
    """A blue, the deeper the darker."""
    light, dark = (168, 200, 220), (16, 52, 84)
    return "#" + "".join(
        f"{round(a + (b - a) * depth):02x}" for a, b in zip(light, dark, strict=True)
    )


def moved(shifts: Sequence[Shift]) -> str:
    """The PSI of features, beside the most that chance gives; those without one are left out."""
    some = [(one, one.psi) for one in shifts if one.psi is not None]
    x = Scale(0, 1.05 * max(SIGNIFICANT, *(psi for _, psi in some)), _NAMES, _RIGHT)
    bottom = _TOP + _LINE * len(some)
    parts = []
    for place, (one, psi) in enumerate(some):
        middle = _TOP + _LINE * (place + 0.5)
        chance = one.by_chance or 0.0
        parts.append(told(
            f"{one.name}: PSI {psi:.4f} of {one.rows:,} rows, by chance up to {chance:.4f}",
            text(_NAMES - 6, middle + 3.5, clipped(one.name), anchor="end"),
            bar(_NAMES, middle - 5, x(psi) - _NAMES, 10, color=PSI_COLORS.get(one.word, BAD)),
            line(x(chance), middle - 7, x(chance), middle + 7, "black"),
        ))  # fmt: skip
    for border in (MODERATE, SIGNIFICANT):
        parts.append(line(x(border), _TOP, x(border), bottom, BAD, dotted=True))
        # Beside a PSI of 5 both are in one place.
        if border == SIGNIFICANT or x(SIGNIFICANT) - x(MODERATE) > _NUMBER:
            parts.append(quiet(x(border), bottom + 12, f"{border:g}", anchor="middle"))
    return picture(parts, name="PSI", width=_WIDTH, height=bottom + 16)


def calibration(bins: Sequence[Bin]) -> str:
    """What was predicted and what came, by tenth of the rows."""
    high = 1.06 * max([0.01, *(max(one.predicted, one.high) for one in bins)])
    x, y = Scale(0, high, _LEFT, _RIGHT), Scale(0, high, _BOTTOM, _TOP)
    parts = [*_grid(y, percent=True), line(x(0), y(0), x(high), y(high), QUIET, dotted=True)]
    parts += [quiet(x(at), _BOTTOM + 13, n, anchor="middle") for at, n in x.ticks(percent=True)]
    for one in bins:
        across = x(one.predicted)
        known = f"{one.observed:.2%} ({one.low:.2%} to {one.high:.2%})"
        parts.append(told(
            f"{one.rows:,} rows: PD {one.predicted:.2%}, bad {known}",
            line(across, y(one.low), across, y(one.high), GOOD),
            dot(across, y(one.observed), GOOD),
        ))  # fmt: skip
    parts.append(line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, QUIET))
    return picture(parts, name="Calibration", width=_WIDTH, height=_HEIGHT)

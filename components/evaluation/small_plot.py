"""The picture of one feature, as SVG text written by hand: a page has dozens of them, and a drawing
library takes a third of a second for each.
"""

from collections.abc import Iterator, Sequence
from html import escape

from components.contracts.exploration import FeatureFigures, Histogram, Slice
from components.figures.numbers import short
from components.figures.rates import wilson

_GOOD, _BAD, _QUIET, _INK = "#2a6f97", "#c8553d", "#8d99ae", "#1d2b36"
#: Of a category with more values, the most frequent are shown.
MOST_BINS = 12
_LONGEST = 24  # letters of a label
_WIDTH, _TOP, _LINE = 560, 22, 15
_BARS = (8.0, 190.0)  # from left to right: of the left part, and of the rates
_RATES = (350.0, 500.0)


def feature_plot(found: FeatureFigures) -> str:
    """How many rows have which values, and the bad rate by bin with 95 % intervals and WoE."""
    bins = frequent(found.bins)
    bottom = _TOP + _LINE * max(6, len(bins))
    parts = [
        _text(_BARS[0], 12, "rows", color=_QUIET),
        _text(_RATES[0], 12, "bad rate", color=_QUIET),
        _text(_WIDTH - 4, 12, "WoE", anchor="end", color=_QUIET),
        *(_bars(bins) if found.histogram is None else _histogram(found.histogram, bottom)),
        *_rates(bins, bottom),
    ]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {bottom + 18}" role="img" font-size="10.5" '
        f'aria-label="{escape(found.name)}">' + "".join(parts) + "</svg>"
    )


def frequent(bins: Sequence[Slice]) -> list[Slice]:
    """Those that a picture has room for, in their order."""
    order = sorted(range(len(bins)), key=lambda place: -bins[place].rows)
    return [bins[place] for place in sorted(order[:MOST_BINS])]


def clipped(label: str) -> str:
    """A label that fits beside an axis."""
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"


def _histogram(found: Histogram, bottom: float) -> Iterator[str]:
    left, right = _BARS
    step, most = (right - left) / len(found.counts), max(found.counts)
    for place, count in enumerate(found.counts):
        height = (bottom - _TOP) * count / most
        yield _bar(left + step * place, bottom - height, step * 0.94, height)
    yield _line(left, bottom, right, bottom, _QUIET)
    low, high = found.edges[0], found.edges[-1]
    if (low + 0.5).is_integer() and high - low == len(found.counts):  # a bar for a whole number
        low, high = low + 0.5, high - 0.5
    yield _text(left, bottom + 12, short(low), color=_QUIET)
    yield _text(right, bottom + 12, short(high), anchor="end", color=_QUIET)


def _bars(bins: Sequence[Slice]) -> Iterator[str]:
    left, right = _BARS
    most = max((own.rows for own in bins), default=1)
    for place, own in enumerate(bins):
        length = (right - left) * own.rows / most
        yield _bar(left, _TOP + _LINE * place + 3, length, _LINE - 5)


def _rates(bins: Sequence[Slice], bottom: float) -> Iterator[str]:
    left, right = _RATES
    reach = [wilson(own.bad, own.rows) for own in bins]
    top = max((high for _, high in reach), default=1.0) or 1.0

    def at(rate: float) -> float:
        return left + (right - left) * rate / top

    rows = sum(own.rows for own in bins)
    if rows:
        whole = at(sum(own.bad for own in bins) / rows)
        yield _line(whole, _TOP, whole, bottom, _QUIET, dotted=True)
    for place, (own, (low, high)) in enumerate(zip(bins, reach, strict=True)):
        middle = _TOP + _LINE * (place + 0.5)
        color = _BAD if own.woe > 0 else _GOOD
        yield _text(left - 10, middle + 3.5, clipped(own.label), anchor="end")
        yield _line(at(low), middle, at(high), middle, color)
        yield f'<circle cx="{at(own.bad / own.rows):.1f}" cy="{middle:.1f}" r="3" fill="{color}"/>'
        yield _text(_WIDTH - 4, middle + 3.5, f"{own.woe:+.2f}", anchor="end", color=_QUIET)
    yield _line(left, bottom, right, bottom, _QUIET)
    yield _text(left, bottom + 12, "0", color=_QUIET)
    yield _text(right, bottom + 12, f"{top:.1%}", anchor="end", color=_QUIET)


def _bar(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{_GOOD}"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, color: str, *, dotted: bool = False) -> str:
    dots = ' stroke-dasharray="2 3"' if dotted else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"'
        f' stroke-width="1.3"{dots}/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", color: str = _INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'
    )

"""The picture of one feature, as SVG text."""

from collections.abc import Iterator, Sequence

from components.contracts.exploration import FeatureFigures, Histogram, Slice
from components.figures.colors import BAD, GOOD, QUIET
from components.figures.numbers import short
from components.figures.rates import wilson
from components.figures.svg import bar, clipped, dot, line, picture, quiet, text

#: Of a category with more values, the most frequent are shown.
MOST_BINS = 12
_WIDTH, _TOP, _LINE = 560, 22, 15
_BARS = (8.0, 190.0)  # from left to right: of the left part, and of the rates
_RATES = (350.0, 500.0)


def feature_plot(found: FeatureFigures) -> str:
    """How many rows have which values, and the bad rate by bin with 95 % intervals and WoE."""
    bins = frequent(found.bins)
    bottom = _TOP + _LINE * max(6, len(bins))
    parts = [
        quiet(_BARS[0], 12, "rows"),
        quiet(_RATES[0], 12, "bad rate"),
        quiet(_WIDTH - 4, 12, "WoE", anchor="end"),
        *(_bars(bins) if found.histogram is None else _histogram(found.histogram, bottom)),
        *_rates(bins, bottom),
    ]
    return picture(parts, name=found.name, width=_WIDTH, height=bottom + 18)


def frequent(bins: Sequence[Slice]) -> list[Slice]:
    """Those that a picture has room for, in their order."""
    order = sorted(range(len(bins)), key=lambda place: -bins[place].rows)
    return [bins[place] for place in sorted(order[:MOST_BINS])]


def _histogram(found: Histogram, bottom: float) -> Iterator[str]:
    left, right = _BARS
    step, most = (right - left) / len(found.counts), max(found.counts)
    for place, count in enumerate(found.counts):
        height = (bottom - _TOP) * count / most
        yield bar(left + step * place, bottom - height, step * 0.94, height)
    yield line(left, bottom, right, bottom, QUIET)
    low, high = found.edges[0], found.edges[-1]
    if (low + 0.5).is_integer() and high - low == len(found.counts):  # a bar for a whole number
        low, high = low + 0.5, high - 0.5
    yield quiet(left, bottom + 12, short(low))
    yield quiet(right, bottom + 12, short(high), anchor="end")


def _bars(bins: Sequence[Slice]) -> Iterator[str]:
    left, right = _BARS
    most = max((own.rows for own in bins), default=1)
    for place, own in enumerate(bins):
        length = (right - left) * own.rows / most
        yield bar(left, _TOP + _LINE * place + 3, length, _LINE - 5)


def _rates(bins: Sequence[Slice], bottom: float) -> Iterator[str]:
    left, right = _RATES
    reach = [wilson(own.bad, own.rows) for own in bins]
    top = max((high for _, high in reach), default=1.0) or 1.0

    def at(rate: float) -> float:
        return left + (right - left) * rate / top

    rows = sum(own.rows for own in bins)
    if rows:
        whole = at(sum(own.bad for own in bins) / rows)
        yield line(whole, _TOP, whole, bottom, QUIET, dotted=True)
    for place, (own, (low, high)) in enumerate(zip(bins, reach, strict=True)):
        middle = _TOP + _LINE * (place + 0.5)
        color = BAD if own.woe > 0 else GOOD
        yield text(left - 10, middle + 3.5, clipped(own.label), anchor="end")
        yield line(at(low), middle, at(high), middle, color)
        yield dot(at(own.bad / own.rows), middle, color)
        yield quiet(_WIDTH - 4, middle + 3.5, f"{own.woe:+.2f}", anchor="end")
    yield line(left, bottom, right, bottom, QUIET)
    yield quiet(left, bottom + 12, "0")
    yield quiet(right, bottom + 12, f"{top:.1%}", anchor="end")

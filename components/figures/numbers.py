"""Numbers of any size, as a reader wants them."""

import math
from collections.abc import Sequence

from components.contracts.results import Interval

_WHOLE = 1e15  # from here on a float keeps no units
_DIGITS = (4, 6, 17)


def short(value: float, digits: int = _DIGITS[0]) -> str:
    """Whole numbers in full, others in some digits."""
    if float(value).is_integer() and abs(value) < _WHOLE:
        return f"{int(value):,}"
    if abs(value) >= 10**digits and abs(value) < _WHOLE:
        return f"{value:,.0f}"
    return f"{value:,.{digits}g}"


def spans(edges: Sequence[float], *, whole: bool = False) -> list[str]:
    """What the bins between these edges are called, in as few digits as tell them apart.

    A bin is above one edge and at most the next; of whole numbers, those that it may hold.
    """
    if not edges:
        return ["any"]
    for digits in _DIGITS:
        texts = [short(edge, digits) for edge in edges]
        if len(set(texts)) == len(texts):
            break
    lowest = [short(edge + 1) for edge in edges] if whole else texts
    between = [
        high if low == high else f"{low} to {high}"
        for low, high in zip(lowest[:-1], texts[1:], strict=True)
    ]
    return [f"up to {texts[0]}", *between, f"above {texts[-1]}"]


def share(value: float | None) -> str:
    """A rate, or a part of the rows, where there is one."""
    return "-" if value is None or math.isnan(value) else f"{value:.2%}"


def shown(value: float) -> str:
    """A figure, where there is one."""
    return "-" if math.isnan(value) else f"{value:.4f}"


def span(interval: Interval) -> str:
    """A figure with its interval."""
    return f"{interval.value:.4f} ({interval.low:.4f} to {interval.high:.4f})"


def share_span(value: float, low: float, high: float) -> str:
    """A rate with its interval."""
    return f"{value:.2%} ({low:.2%} to {high:.2%})"

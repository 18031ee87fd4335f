"""Pieces of pictures as SVG text written by hand: a page has dozens of pictures, and a drawing
library takes a third of a second and 40 kB for each.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from components.figures.colors import GOOD, INK, QUIET

_LONGEST = 24  # letters of a label
_STEPS = (1.0, 2.0, 5.0, 10.0)
_SLIGHT = 1e-9  # that a float may be off


@dataclass(frozen=True)
class Scale:
    """Where values from low to high lie in a picture, from start to end; outside, at its edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * min(1.0, max(0.0, share))

    def ticks(self, most: int = 5, *, percent: bool = False) -> list[tuple[float, str]]:
        """Round values along it, as many at most, and what they are called."""
        least = (self.high - self.low) / most
        size = 10.0 ** math.floor(math.log10(least))
        step = next(size * one for one in _STEPS if size * one >= least * (1 - _SLIGHT))
        first, last = (math.ceil(self.low / step - _SLIGHT), math.floor(self.high / step + _SLIGHT))
        digits = max(0, -math.floor(math.log10(step * (100 if percent else 1)) + _SLIGHT))
        called = f".{digits}%" if percent else f",.{digits}f"
        return [(at * step, format(at * step, called)) for at in range(first, last + 1)]


def picture(parts: Sequence[str], *, name: str, width: float, height: float) -> str:
    """A picture of these parts; it is as wide as its place on the page."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" font-size="10.5" '
        f'aria-label="{escape(name)}">' + "".join(parts) + "</svg>"
    )


def told(text: str, *parts: str) -> str:
    """Parts that tell something where a pointer rests on them."""
    return f"<g><title>{escape(text)}</title>{''.join(parts)}</g>"


def clipped(label: str) -> str:
    """A label that fits beside an axis."""
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"


def bar(x: float, y: float, width: float, height: float, *, color: str = GOOD) -> str:
    """A bar, from its upper left corner."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, color: str, *, dotted: bool = False) -> str:
    """A line from one point to another."""
    dots = ' stroke-dasharray="2 3"' if dotted else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"'
        f' stroke-width="1.3"{dots}/>'
    )


def path(points: Sequence[tuple[float, float]], color: str) -> str:
    """A line through points."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke="{color}" stroke-width="1.3"/>'


def dot(x: float, y: float, color: str, *, hollow: bool = False, radius: float = 3) -> str:
    """A point of a figure."""
    ink = f'fill="white" stroke="{color}" stroke-width="1.3"' if hollow else f'fill="{color}"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" {ink}/>'


def text(x: float, y: float, words: str, *, anchor: str = "start", color: str = INK) -> str:
    """Words, from their start, middle or end."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">'
        f"{escape(words)}</text>"
    )


def quiet(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    """Words that only help to read."""
    return text(x, y, words, anchor=anchor, color=QUIET)

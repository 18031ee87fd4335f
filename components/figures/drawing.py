"""A picture, as SVG text."""

import io
from collections.abc import Callable

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def draw(paint: Callable[[Axes], None], *, title: str, height: float = 3.4) -> str:
    """A picture of one plot."""
    # A fixed salt and no date: equal figures give equal bytes.
    with mpl.rc_context({"svg.hashsalt": "vintage", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(5.2, height), layout="constrained")
        axes = figure.subplots()
        paint(axes)
        axes.set_title(title, loc="left", fontweight="bold")
        axes.spines[["top", "right"]].set_visible(False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]

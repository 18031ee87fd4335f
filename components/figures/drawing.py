"""A picture, as SVG text."""

import io
from collections.abc import Callable

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.figures.psi import FEW_ROWS, NO_MORE

GOOD, BAD, QUIET = "#2a6f97", "#c8553d", "#8d99ae"
#: Of what is read from a PSI; none that shouts where there is nothing to be read.
PSI_COLORS = {
    "stable": "#b9d3e3", NO_MORE: "#e9edf1", FEW_ROWS: "#ffffff", "moderate": "#e9b44c",
    "significant": BAD,
}  # fmt: skip


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

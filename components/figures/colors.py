"""The colours of every picture."""

from components.figures.psi import FEW_ROWS, NO_MORE

GOOD, BAD, QUIET, INK = "#2a6f97", "#c8553d", "#8d99ae", "#1d2b36"
#: Of what is read from a PSI; none that shouts where there is nothing to be read.
PSI_COLORS = {
    "stable": "#b9d3e3", NO_MORE: "#e9edf1", FEW_ROWS: "#ffffff", "moderate": "#e9b44c",
    "significant": BAD,
}  # fmt: skip

"""The report's pictures, as SVG text: each from the figures alone."""

import io
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.contracts.results import Curves

GOOD, BAD, QUIET = "#2a6f97", "#c8553d", "#8d99ae"
_MOST_FEATURES = 15


def _draw(paint: Callable[[Axes], None], *, title: str, height: float = 3.4) -> str:
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


def target(curves: Curves) -> str:
    """Rows by split, good and bad."""

    def paint(axes: Axes) -> None:
        names = list(curves.target)
        rows = np.array([curves.target[name][0] for name in names])
        bad = np.array([curves.target[name][1] for name in names])
        axes.bar(names, rows - bad, color=GOOD, label="good")
        axes.bar(names, bad, bottom=rows - bad, color=BAD, label="bad")
        for place, (all_, of_them) in enumerate(zip(rows, bad, strict=True)):
            axes.text(place, all_, f"{of_them / all_:.1%} bad", ha="center", va="bottom")
        axes.set_ylabel("rows")
        axes.legend(frameon=False)

    return _draw(paint, title="Target by split")


def roc(curves: Curves, auc: float) -> str:
    """The ROC curve."""

    def paint(axes: Axes) -> None:
        fall_out, recall = zip(*curves.roc, strict=True)
        axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", label="by chance")
        axes.plot(fall_out, recall, color=GOOD, label=f"AUC {auc:.4f}")
        axes.set_xlabel("good rows called bad")
        axes.set_ylabel("bad rows called bad")
        axes.legend(frameon=False, loc="lower right")

    return _draw(paint, title="ROC")


def calibration(curves: Curves) -> str:
    """Predicted against observed, by tenth of the rows."""

    def paint(axes: Axes) -> None:
        predicted = [group.predicted for group in curves.calibration]
        observed = [group.observed for group in curves.calibration]
        top = max(*predicted, *observed) * 1.05
        axes.plot([0, top], [0, top], color=QUIET, linestyle=":", label="perfect")
        axes.plot(predicted, observed, color=GOOD, marker="o", label="tenths of the rows")
        axes.set_xlabel("predicted PD")
        axes.set_ylabel("observed bad rate")
        axes.legend(frameon=False, loc="upper left")

    return _draw(paint, title="Calibration")


def scores(curves: Curves) -> str:
    """The distribution of PDs, good and bad rows apart, each as shares of its class."""

    def paint(axes: Axes) -> None:
        edges = np.array(curves.score_edges)
        for counts, color, label in (
            (curves.scores_good, GOOD, "good"),
            (curves.scores_bad, BAD, "bad"),
        ):
            shares = np.array(counts) / max(1, sum(counts))
            axes.stairs(shares, edges, fill=True, color=color, alpha=0.55, label=label)
        axes.set_xlabel("PD")
        axes.set_ylabel("share of the class")
        axes.legend(frameon=False)

    return _draw(paint, title="Scores by class")


def importance(curves: Curves) -> str:
    """AUC lost when an input is shuffled."""

    def paint(axes: Axes) -> None:
        top = curves.importance[:_MOST_FEATURES][::-1]
        axes.barh([name for name, _ in top], [lost for _, lost in top], color=GOOD)
        axes.set_xlabel("AUC lost when shuffled")

    return _draw(paint, title="Importance of the inputs", height=4.2)

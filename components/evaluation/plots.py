"""The report's pictures, as SVG text: each from the figures alone."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from components.contracts.results import Candidates, Curves, Gain, Moved, Profit, Stability
from components.figures.colors import BAD, GOOD, PSI_COLORS, QUIET
from components.figures.drawing import draw
from components.figures.psi import MODERATE, SIGNIFICANT, psi_word
from components.figures.svg import clipped

FAMILY_COLORS = (GOOD, BAD, "#6a994e", "#b08968", "#7b5ea7")
_MOST_FEATURES = 15


def target(splits: Mapping[str, tuple[int, int]]) -> str:
    """Rows and bad rows by split."""

    def paint(axes: Axes) -> None:
        names = list(splits)
        rows = np.array([splits[name][0] for name in names])
        bad = np.array([splits[name][1] for name in names])
        axes.bar(names, rows - bad, color=GOOD, label="good")
        axes.bar(names, bad, bottom=rows - bad, color=BAD, label="bad")
        for place, (all_, of_them) in enumerate(zip(rows, bad, strict=True)):
            axes.text(place, all_, f"{of_them / all_:.1%} bad", ha="center", va="bottom")
        axes.set_ylim(top=max(rows) * 1.1)
        axes.set_ylabel("rows")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.legend(frameon=False)

    return draw(paint, title="Target by split")


def roc(curves: Curves, auc: float) -> str:
    """The ROC curve."""

    def paint(axes: Axes) -> None:
        fall_out, recall = zip(*curves.roc, strict=True)
        axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", label="by chance")
        axes.plot(fall_out, recall, color=GOOD, label=f"AUC {auc:.4f}")
        axes.set_xlabel("good rows called bad")
        axes.set_ylabel("bad rows called bad")
        axes.legend(frameon=False, loc="lower right")

    return draw(paint, title="ROC")


def calibration(curves: Curves) -> str:
    """Predicted against observed, by tenth of the rows."""

    def paint(axes: Axes) -> None:
        bins = curves.calibration
        predicted = [group.predicted for group in bins]
        observed = np.array([group.observed for group in bins])
        reach = np.array([[group.low for group in bins], [group.high for group in bins]])
        top = max(*predicted, reach.max()) * 1.05
        axes.plot([0, top], [0, top], color=QUIET, linestyle=":", label="perfect")
        axes.errorbar(
            predicted,
            observed,
            yerr=np.abs(reach - observed),
            color=GOOD,
            marker="o",
            markersize=4,
            capsize=2,
            label="tenths of the rows, 95 %",
        )
        axes.set_xlabel("predicted PD")
        axes.set_ylabel("observed bad rate")
        axes.legend(frameon=False, loc="upper left")

    return draw(paint, title="Calibration")


def gains(curves: Curves) -> str:
    """The share of bad rows that the riskiest rows hold."""

    def paint(axes: Axes) -> None:
        rows = np.cumsum([0, *(tenth.rows for tenth in curves.lift)])
        captured = [0.0, *(tenth.captured for tenth in curves.lift)]
        axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", label="by chance")
        axes.plot(rows / rows[-1], captured, color=GOOD, marker="o", markersize=4, label="model")
        axes.set_xlabel("share of the rows, highest PDs first")
        axes.set_ylabel("share of the bad rows")
        axes.legend(frameon=False, loc="lower right")

    return draw(paint, title="Gains")


def lift(curves: Curves) -> str:
    """The bad rate of each tenth over that of all rows."""

    def paint(axes: Axes) -> None:
        places = range(1, len(curves.lift) + 1)
        axes.bar(places, [tenth.lift for tenth in curves.lift], color=GOOD)
        axes.axhline(1, color=QUIET, linestyle=":")
        axes.set_xticks(list(places))
        axes.set_xlabel("tenth of the rows, highest PDs first")
        axes.set_ylabel("bad rate over the mean")

    return draw(paint, title="Lift")


def profit(found: Profit) -> str:
    """Profit per applicant by cut-off, with the chosen one and the best in hindsight."""

    def paint(axes: Axes) -> None:
        cutoffs, profits = zip(*found.curve, strict=True)
        axes.axhline(0, color=QUIET, linewidth=0.8)
        axes.plot(cutoffs, profits, color=GOOD)
        axes.plot(*found.best, color=QUIET, marker="D", linestyle="", label="best on these rows")
        axes.plot(*found.chosen, color=BAD, marker="o", linestyle="", label="the policy's")
        axes.set_xlabel("approve below this PD")
        axes.set_ylabel("profit per applicant")
        axes.yaxis.set_major_formatter("{x:,.6g}")
        axes.legend(frameon=False)

    return draw(paint, title="Profit by cut-off")


def psi(moved: Sequence[Moved]) -> str:
    """How far the first of these moved from development to test."""

    def paint(axes: Axes) -> None:
        top = moved[: _MOST_FEATURES + 1][::-1]
        places = range(len(top))
        said = [psi_word(one) for one in top]
        colors = [PSI_COLORS[word] for word in said]
        axes.barh(places, [one.psi for one in top], color=colors, edgecolor=QUIET, linewidth=0.5)
        axes.plot([one.by_chance for one in top], places, linestyle="", marker="|", markersize=9,
                  color="black")  # fmt: skip
        axes.set_yticks(places, [clipped(one.name) for one in top])
        for border in (MODERATE, SIGNIFICANT):
            axes.axvline(border, color=QUIET, linestyle=":")
        axes.set_xlabel(f"PSI; dotted {MODERATE} and {SIGNIFICANT}")
        psi_legend(axes, said, chance=True)

    return draw(paint, title="Stability", height=4.6)


def psi_legend(axes: Axes, said: Sequence[str], *, chance: bool = False) -> None:
    """What the colours of some readings mean, below a picture."""
    marks: list[Artist] = [
        Patch(facecolor=color, edgecolor=QUIET, linewidth=0.5, label=word)
        for word, color in PSI_COLORS.items()
        if word in said
    ]
    if chance:
        marks.append(
            Line2D([], [], linestyle="", marker="|", color="black", label="most by chance")
        )
    figure = axes.figure
    figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False)


def score_shares(stability: Stability) -> str:
    """The score's bins, development beside test."""

    def paint(axes: Axes) -> None:
        # The last bin is that of missing scores, of which there are none.
        expected, found = stability.expected[:-1], stability.found[:-1]
        places = np.arange(len(expected))
        axes.bar(places - 0.2, expected, width=0.4, color=QUIET, label="development")
        axes.bar(places + 0.2, found, width=0.4, color=GOOD, label="test")
        axes.set_xticks(places, [str(place + 1) for place in places])
        axes.set_xlabel("tenth of the development rows, lowest PDs first")
        axes.set_ylabel("share of the rows")
        axes.set_ylim(top=max(*expected, *found) * 1.25)
        axes.legend(frameon=False, ncols=2)

    return draw(paint, title="Score, development to test")


def trials(candidates: Candidates) -> str:
    """The search: the AUC of every trial, and the best so far, by family."""

    def paint(axes: Axes) -> None:
        for number, candidate in enumerate(candidates.candidates):
            color = FAMILY_COLORS[number % len(FAMILY_COLORS)]
            places = np.array([trial.number + 1 for trial in candidate.trials])
            aucs = np.array([trial.auc for trial in candidate.trials])
            pruned = np.array([trial.pruned for trial in candidate.trials])
            # What was given up saw some of the folds only: its mean is none to compare.
            axes.plot(places[~pruned], aucs[~pruned], "o", color=color, markersize=4, alpha=0.6)
            best = np.maximum.accumulate(np.where(pruned, -np.inf, aucs))
            left = f", {pruned.sum()} given up early" if pruned.any() else ""
            label = f"{candidate.family}: {len(places)} tried{left}"
            axes.step(places, best, where="post", color=color, label=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("trial; the line is the best so far")
        axes.set_ylabel("mean AUC over the folds")
        axes.figure.legend(loc="outside lower center", ncols=1, frameon=False)

    return draw(paint, title="Search", height=4.2)


def gain(found: Gain, *, title: str, unit: str) -> str:
    """The resampled gains of a challenger."""

    def paint(axes: Axes) -> None:
        axes.stairs(found.counts, found.edges, fill=True, color=GOOD, alpha=0.55)
        axes.axvline(0, color=BAD, linewidth=1.2, label="no gain")
        axes.axvline(found.gain, color=GOOD, label=f"gain {found.gain:+.4g}")
        for border in (found.low, found.high):
            axes.axvline(border, color=QUIET, linestyle=":")
        axes.set_xlabel(unit)
        axes.set_ylabel("resamples")
        axes.legend(frameon=False)

    return draw(paint, title=title)


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

    return draw(paint, title="Scores by class")


def importance(curves: Curves) -> str:
    """AUC lost when an input is shuffled."""

    def paint(axes: Axes) -> None:
        top = curves.importance[:_MOST_FEATURES][::-1]
        axes.barh([clipped(name) for name, _ in top], [lost for _, lost in top], color=GOOD)
        axes.set_xlabel("AUC lost when shuffled")

    return draw(paint, title="Importance of the inputs", height=4.2)

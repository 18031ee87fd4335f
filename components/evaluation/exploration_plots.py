"""The pictures of an exploration, as SVG text: each from the figures alone."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from components.contracts.exploration import (
    Correlations,
    MonthlyDrift,
    MonthRate,
)
from components.evaluation.plots import FAMILY_COLORS, psi_legend
from components.figures.colors import GOOD, PSI_COLORS
from components.figures.drawing import draw
from components.figures.psi import psi_word
from components.figures.rates import wilson
from components.figures.svg import clipped

_MOST_TICKS = 12


def target_by_month(months: Sequence[MonthRate]) -> str:
    """The bad rate of the labelled rows by the month of their as-of."""

    def paint(axes: Axes) -> None:
        known = [month for month in months if month.labelled]
        places = np.arange(len(known))
        rates = np.array([month.bad / month.labelled for month in known])
        reach = np.array([wilson(month.bad, month.labelled) for month in known]).reshape(-1, 2).T
        axes.fill_between(places, reach[0], reach[1], color=GOOD, alpha=0.25, linewidth=0)
        axes.plot(places, rates, color=GOOD, marker="o", markersize=3)
        _month_ticks(axes, [month.month for month in known])
        axes.set_ylim(bottom=0)
        axes.set_ylabel("bad rate, 95 % interval")

    return draw(paint, title="Target by month")


def rows_by_month(tables: Mapping[str, Mapping[str, int]]) -> str:
    """Rows of the dated tables by month."""

    def paint(axes: Axes) -> None:
        months = sorted({month for found in tables.values() for month in found})
        for number, (name, found) in enumerate(tables.items()):
            rows = [found.get(month, 0) for month in months]
            color = FAMILY_COLORS[number % len(FAMILY_COLORS)]
            axes.plot(range(len(months)), rows, color=color, label=name, marker="o", markersize=2)
        _month_ticks(axes, months)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("rows")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.legend(frameon=False)

    return draw(paint, title="Rows by month")


def _month_ticks(axes: Axes, months: Sequence[str]) -> None:
    every = max(1, -(-len(months) // _MOST_TICKS))
    axes.set_xticks(range(0, len(months), every), months[::every], rotation=45, ha="right")


def heat_map(found: Correlations) -> str:
    """Spearman's correlations of the features with the highest IV."""

    def paint(axes: Axes) -> None:
        table = np.array([[np.nan if v is None else v for v in line] for line in found.table])
        names = [clipped(name) for name in found.features]
        places = range(len(names))
        axes.set_facecolor("#eeeeee")
        drawn = axes.imshow(table, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="none")
        axes.set_xticks(places, names, rotation=90, fontsize=6)
        axes.set_yticks(places, names, fontsize=6)
        axes.figure.colorbar(drawn, ax=axes, shrink=0.7)

    return draw(paint, title="Spearman's correlation", height=4.8)


def drift_by_month(found: MonthlyDrift) -> str:
    """What is read from the PSI of features, development to the rows of each month."""

    def paint(axes: Axes) -> None:
        words = list(PSI_COLORS)
        said = [[psi_word(one) for one in line] for line in found.moved]
        table = np.array([[words.index(word) for word in line] for line in said])
        axes.imshow(
            table, cmap=ListedColormap(list(PSI_COLORS.values())), vmin=-0.5,
            vmax=len(words) - 0.5, aspect="auto", interpolation="none",
        )  # fmt: skip
        axes.set_yticks(range(len(found.features)), [clipped(name) for name in found.features])
        pairs = zip(found.months, found.rows, strict=True)
        _month_ticks(axes, [f"{month}, {rows:,} rows" for month, rows in pairs])
        psi_legend(axes, [word for line in said for word in line])

    return draw(paint, title="Drift by month", height=4.6)

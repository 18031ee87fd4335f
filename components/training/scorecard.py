"""The scorecard's table: every bin of every feature with its evidence and its points."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np

from components.scoring.instances import Matrix
from components.scoring.reasons import shown
from components.scoring.spec import BinnedColumn, CodedColumn, Columns, LinearModel, Platt, Scale
from components.training.bins import Weights
from components.training.models import Label, Values


@dataclass(frozen=True)
class Line:
    """One bin."""

    label: str
    rows: int
    share: float
    bad: int
    bad_rate: float
    woe: float
    points: float


@dataclass(frozen=True)
class Section:
    """One feature: its information value and its bins."""

    feature: str
    title: str
    iv: float
    bins: tuple[Line, ...]


def table(
    columns: Columns,
    model: LinearModel,
    calibration: Platt,
    scale: Scale,
    *,
    names: Sequence[str],
    titles: Sequence[str],
    categories: Sequence[tuple[str, ...]],
    values: Matrix,
    label: Label,
) -> dict[str, object]:
    """The document `scorecard.json`. Points of the bins and `intercept_points` add up to the
    score's points, before they are rounded.
    """
    factor = scale.pdo / math.log(2.0)
    own: list[CodedColumn | BinnedColumn] = [*columns.coded, *columns.binned]
    sections = []
    for column, weight in zip(own, model.weights, strict=True):
        each = -factor * calibration.slope * weight  # points for one of evidence
        place = column.feature
        lines = _lines(column, categories[place], values[:, place], label, each)
        bad = np.array([line.bad for line in lines], dtype=np.float64)
        rows = np.array([line.rows for line in lines], dtype=np.float64)
        iv = Weights(label).value(bad, rows - bad)
        sections.append(Section(names[place], titles[place], iv, lines))
    base = calibration.slope * model.intercept + calibration.intercept
    offset = scale.base_points - factor * math.log(scale.base_odds)
    ordered = sorted(sections, key=lambda section: -section.iv)
    return {
        **asdict(scale),
        "rows": len(label),
        "intercept_points": offset - factor * base,
        "features": [asdict(section) for section in ordered],
    }


def _lines(
    column: CodedColumn | BinnedColumn,
    categories: tuple[str, ...],
    values: Values,
    label: Label,
    each: float,
) -> tuple[Line, ...]:
    if isinstance(column, CodedColumn):
        bins = [
            (name, woe, values == code)
            for code, (name, woe) in enumerate(zip(categories, column.values, strict=True))
        ]
    else:
        own = np.isin(values, [code for code, _ in column.special])
        place = np.searchsorted(column.edges, values, side="left")
        bins = [
            (name, woe, (place == number) & ~own & ~np.isnan(values))
            for number, (name, woe) in enumerate(
                zip(_ranges(column.edges), column.values, strict=True)
            )
        ]
        bins += [(f"exactly {shown(code)}", woe, values == code) for code, woe in column.special]
    bins.append(("missing", column.missing, np.isnan(values)))
    return tuple(
        Line(
            label=name,
            rows=int(rows.sum()),
            share=float(rows.mean()),
            bad=int(label[rows].sum()),
            bad_rate=float(label[rows].mean()) if rows.any() else 0.0,
            woe=woe,
            points=each * woe,
        )
        for name, woe, rows in bins
    )


def _ranges(edges: tuple[float, ...]) -> list[str]:
    if not edges:
        return ["all"]
    inner = [f"above {shown(low)}, to {shown(high)}" for low, high in pairwise(edges)]
    return [f"to {shown(edges[0])}", *inner, f"above {shown(edges[-1])}"]

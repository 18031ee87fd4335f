"""What a model does on segments, and how fair it is between protected groups."""

import math
from collections.abc import Sequence

import numpy as np

from components.contracts.results import LEAST_ROWS, Fairness, Group, Segment
from components.figures.bootstrap import Label, Scores, auc_interval
from components.figures.groups import Groups, each_group

#: Rows of either class that an AUC needs for an interval.
_LEAST_OF_CLASS = 10


def segments(column: str, groups: Groups, label: Label, pd: Scores, seed: int) -> list[Segment]:
    """How a model does on the rows of each value of a column."""
    return [
        Segment(
            column=column,
            value=value,
            rows=int(own.sum()),
            bad=int(label[own].sum()),
            bad_rate=float(label[own].mean()),
            mean_pd=float(pd[own].mean()),
            gap=float(pd[own].mean() - label[own].mean()),
            auc=auc_interval(label[own], pd[own], seed)
            if np.bincount(label[own], minlength=2).min() >= _LEAST_OF_CLASS
            else None,
        )
        for value, own in each_group(groups)
    ]


def fairness(column: str, groups: Groups, label: Label, pd: Scores, cutoff: float) -> Fairness:
    """How evenly a cut-off treats the groups of a protected column.

    Small groups are shown, and not compared: a share of few rows is chance.
    """
    approved = pd < cutoff
    found = []
    for value, own in each_group(groups):
        good = own & (label == 0)
        found.append(
            Group(
                value=value,
                rows=int(own.sum()),
                good=int(good.sum()),
                bad_rate=float(label[own].mean()),
                mean_pd=float(pd[own].mean()),
                approved=float(approved[own].mean()),
                good_approved=float(approved[good].mean()) if good.any() else None,
                in_ratio=bool(own.sum() >= LEAST_ROWS),
                in_gap=bool(good.sum() >= LEAST_ROWS),
            )
        )
    shares = [g.approved for g in found if g.in_ratio]
    of_good = [g.good_approved for g in found if g.in_gap and g.good_approved is not None]
    return Fairness(
        column=column,
        groups=tuple(found),
        approval_ratio=min(shares) / max(shares) if _comparable(shares) else math.nan,
        opportunity_gap=max(of_good) - min(of_good) if _comparable(of_good) else math.nan,
    )


def _comparable(shares: Sequence[float]) -> bool:
    """One group alone, or groups of which nobody is approved, are even by necessity."""
    return len(shares) > 1 and max(shares) > 0


def worst(found: Sequence[Fairness]) -> dict[str, float]:
    """What the gate may bound: the worst over the protected columns.

    NaN, which passes no rule, where nothing is protected or one column cannot be compared.
    """
    # Not min and max: with a NaN they depend on the order.
    return {
        "approval_ratio": float(np.min([f.approval_ratio for f in found] or [math.nan])),
        "equal_opportunity": float(np.max([f.opportunity_gap for f in found] or [math.nan])),
    }

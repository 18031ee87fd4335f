"""Rows by the values of a column: segments, and fairness between protected groups."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from components.contracts.results import LEAST_ROWS, Fairness, Group, Segment
from components.figures.bootstrap import Label, Scores, auc_interval

Groups = NDArray[np.str_]
_BANDS = 5
#: In brackets: a value may be called "missing".
MISSING = "(missing)"
#: Rows of either class that an AUC needs for an interval.
_LEAST_OF_CLASS = 10


def groups_of(values: Sequence[object]) -> Groups:
    """The group of each row: a category as it is, a number as the fifth of the rows it is in.

    Numbers with no more than five values are groups as they are.
    """
    first = next((v for v in values if not _is_missing(v)), "")
    if not isinstance(first, int | float | np.number):
        return np.array([MISSING if _is_missing(v) else str(v) for v in values])
    numbers = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    distinct = np.unique(numbers[~np.isnan(numbers)])
    if len(distinct) <= _BANDS:
        names = _texts(distinct)
        places = np.searchsorted(distinct, numbers)
    else:
        edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _BANDS + 1)))
        names = [f"{low} to {high}" for low, high in pairwise(_texts(edges))]
        places = np.searchsorted(edges, numbers, side="right") - 1
    named = np.array(names)[np.clip(places, 0, len(names) - 1)]
    return np.where(np.isnan(numbers), MISSING, named)


def _is_missing(value: object) -> bool:
    return value is None or value != value  # noqa: PLR0124 - neither NaN nor NaT equals itself


def _texts(numbers: NDArray[np.float64]) -> list[str]:
    """Whole numbers in full; others in six digits, or in all where six do not tell them apart."""
    values = [float(number) for number in numbers]
    for digits in (".6g", ""):
        found = [str(int(v)) if v.is_integer() else format(v, digits) for v in values]
        if len(set(found)) == len(found):
            break
    return found


def each_group(groups: Groups) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Every group and its rows: numbers and bands in the order of their size, then names."""
    for name in sorted(np.unique(groups).tolist(), key=_place):
        yield name, groups == name


def _place(name: str) -> tuple[float, str]:
    try:
        first = float(name.split(" ", maxsplit=1)[0])
    except ValueError:
        return np.inf, name
    return (np.inf if np.isnan(first) else first), name


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

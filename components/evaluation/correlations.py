"""How features move together: Spearman's correlations."""

import numpy as np
from numpy.typing import NDArray

from components.contracts.results import LEAST_ROWS
from components.scoring.instances import Matrix

Values = NDArray[np.float64]
#: Of the mean square: what is left of a column of one value is rounding.
_LEAST_SPREAD = 1e-9


def spearman(columns: Matrix) -> Matrix:
    """Of every two columns, over the rows that know both; NaN where too few do, or one column has
    a single value.

    Ranks are those among all the known values of a column.
    """
    ranked = np.column_stack([_ranks(column) for column in columns.T])
    there = (~np.isnan(ranked)).astype(np.float64)
    filled = np.nan_to_num(ranked)
    rows = there.T @ there
    with np.errstate(all="ignore"):
        mean = filled.T @ there / rows  # of a column, over the rows that know the other too
        together = filled.T @ filled / rows - mean * mean.T
        square = (filled**2).T @ there / rows
        spread = square - mean**2
        spread[spread <= _LEAST_SPREAD * square] = np.nan
        found = np.clip(together / np.sqrt(spread * spread.T), -1, 1)
    found[rows < LEAST_ROWS] = np.nan
    return np.asarray(found)


def by_bad_rate(codes: Values, count: int, label: NDArray[np.int64]) -> Values:
    """Categories as numbers that rise with their bad rates."""
    there, labelled = ~np.isnan(codes), label >= 0
    some = codes[there & labelled].astype(np.intp)
    rows = np.bincount(some, minlength=count)
    bad = np.bincount(some, weights=label[there & labelled], minlength=count)
    rates = bad / np.maximum(rows, 1)
    found = np.full(len(codes), np.nan)
    found[there] = rates[codes[there].astype(np.intp)]
    return found


def _ranks(values: Values) -> Values:
    """Mean ranks of the known values, around 0; the others stay missing."""
    there = ~np.isnan(values)
    _, place, counts = np.unique(values[there], return_inverse=True, return_counts=True)
    mean = np.cumsum(counts) - (counts + 1) / 2
    found = np.full(len(values), np.nan)
    found[there] = mean[place] - (there.sum() - 1) / 2
    return found


def strong_pairs(found: Matrix, above: float) -> list[tuple[int, int, float]]:
    """Pairs of columns whose correlation is above it either way, the strongest first."""
    left, right = np.triu_indices(len(found), 1)
    strength = np.abs(found[left, right])
    strong = np.flatnonzero(strength > above)  # NaN is above nothing
    strong = strong[np.argsort(-strength[strong], kind="stable")]
    return [(int(left[n]), int(right[n]), float(found[left[n], right[n]])) for n in strong]

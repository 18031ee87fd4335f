"""Weight-of-evidence bins: how much more bad there is in a part of the rows than in all of them.

A bin's weight is ln(share of the bad rows in it / share of the good rows in it): above 0 where
it is worse than the whole, so that a model's weights on it are positive.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from components.scoring.evidence import Counts, information_value, weights

Values = NDArray[np.float64]
Label = NDArray[np.int64]


@dataclass(frozen=True)
class NumberBins:
    """A number's bins: bin n is above edge n-1 and at most edge n."""

    edges: tuple[float, ...]
    woe: tuple[float, ...]
    special: tuple[tuple[float, float], ...]
    missing: float


@dataclass(frozen=True)
class CategoryBins:
    """A category's bins, one a code."""

    woe: tuple[float, ...]
    missing: float


def bin_number(
    values: Values,
    label: Label,
    *,
    most_bins: int,
    least_rows: int,
    monotone: int = 0,
    special: tuple[float, ...] = (),
) -> NumberBins:
    """Bins where the bad rate changes most, as a shallow tree finds them.

    With `monotone` +1 the weights never fall from bin to bin, with -1 they never rise. Special
    codes and missing values have bins of their own, whatever their number; one without rows
    weighs nothing.
    """
    missing = np.isnan(values)
    own = missing | np.isin(values, special)
    rest, truth = values[~own], label[~own]
    weight = Weights(label)
    edges = _edges(rest, truth, most_bins, least_rows, monotone)
    woe = weight.between(edges, rest, truth)
    while monotone and (wrong := np.flatnonzero(np.diff(woe) * monotone < 0)).size:
        edges = np.delete(edges, wrong[0])  # two bins in the wrong order become one
        woe = weight.between(edges, rest, truth)
    return NumberBins(
        edges=tuple(edges.tolist()),
        woe=tuple(woe.tolist()),
        special=tuple((code, weight.of_rows(label[values == code])) for code in special),
        missing=weight.of_rows(label[missing]),
    )


def _edges(values: Values, label: Label, most: int, least_rows: int, monotone: int) -> Values:
    if len(values) < 2 * least_rows or values.min() == values.max():
        return np.empty(0)
    tree = DecisionTreeClassifier(
        max_leaf_nodes=most, min_samples_leaf=least_rows, monotonic_cst=[monotone], random_state=0
    ).fit(values[:, None], label)
    # The tree looks at float32; an edge is put on the value of ours that is next below it.
    split = np.sort(tree.tree_.threshold[tree.tree_.children_left >= 0])
    known = np.unique(values)
    seen = known.astype(np.float32).astype(np.float64)
    place = np.searchsorted(seen, split, side="right") - 1
    return np.unique(known[np.clip(place, 0, len(known) - 2)])


def bin_category(values: Values, label: Label, categories: int, *, least_rows: int) -> CategoryBins:
    """One bin a category; those with few rows, or none, are one bin together."""
    weight = Weights(label)
    known = ~np.isnan(values)
    codes = values[known].astype(np.intp)
    rows: Values = np.bincount(codes, minlength=categories).astype(np.float64)
    bad: Values = np.bincount(codes, weights=label[known], minlength=categories).astype(np.float64)
    few = rows < least_rows
    woe = weight.of(bad, rows - bad)
    woe[few] = weight.of(bad[few].sum(), (rows - bad)[few].sum()) if rows[few].sum() else 0.0
    return CategoryBins(tuple(woe.tolist()), weight.of_rows(label[~known]))


class Weights:
    """Weights of evidence against all the rows."""

    def __init__(self, label: Label) -> None:
        self._bad = max(1, int(label.sum()))
        self._good = max(1, int(len(label) - label.sum()))

    def of(self, bad: Counts, good: Counts) -> Values:
        """Of bins with so many rows of each class."""
        return weights(bad, good, self._bad, self._good)

    def between(self, edges: Values, values: Values, label: Label) -> Values:
        """Of the bins that the edges make."""
        place = np.searchsorted(edges, values, side="left")
        rows: Values = np.bincount(place, minlength=len(edges) + 1).astype(np.float64)
        bad: Values = np.bincount(place, weights=label, minlength=len(edges) + 1).astype(np.float64)
        return self.of(bad, rows - bad)

    def of_rows(self, label: Label) -> float:
        """Of one bin with these labels."""
        return float(self.of(float(label.sum()), float(len(label) - label.sum())))

    def value(self, bad: Values, good: Values) -> float:
        """Information value: what all the bins tell."""
        return information_value(bad, good, self._bad, self._good)

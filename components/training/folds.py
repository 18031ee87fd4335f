"""Folds of rows, and what a family sees of them: columns, weights and made-up rows are fitted on
the fitting side of each fold alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from components.contracts.errors import VintageError
from components.contracts.families import Family
from components.scoring.instances import Matrix
from components.scoring.spec import Columns
from components.scoring.transform import Encoder
from components.training.columns import Feature, fit_columns
from components.training.models import Label, Rows, Values

_LEAST_OF_A_CLASS = 10  # in each fold: an AUC of fewer says nothing


@dataclass(frozen=True)
class Fold:
    """One cut of the rows: the places to fit on, and those to judge on."""

    fit: NDArray[np.int64]
    judge: NDArray[np.int64]


def draw(
    label: Label, groups: NDArray[np.int64] | None, *, rows: int | None, seed: int
) -> NDArray[np.int64]:
    """The places of at most so many rows, ascending: whole groups, or else the classes in
    proportion; all of them where `rows` is none.
    """
    if rows is None or rows >= len(label):
        return np.arange(len(label))
    rng = np.random.default_rng(seed)
    if groups is not None:
        _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        order = rng.permutation(len(sizes))
        taken = np.zeros(len(sizes), dtype=np.bool_)
        taken[order] = np.cumsum(sizes[order]) <= rows
        return np.flatnonzero(taken[group])
    good, bad = (rng.permutation(np.flatnonzero(label == side)) for side in (0, 1))
    few = round(rows * len(bad) / len(label))
    return np.sort(np.concatenate([good[: rows - few], bad[:few]]))


def cut(
    label: Label, groups: NDArray[np.int64] | None, *, folds: int, seed: int
) -> tuple[Fold, ...]:
    """Folds with the classes shared out evenly; rows of one group are in one fold."""
    rarer = _rarer(label)
    if rarer < folds * _LEAST_OF_A_CLASS:
        raise VintageError(
            f"training: expected at least {folds * _LEAST_OF_A_CLASS} rows of each class for "
            f"{folds} folds, found {rarer} among {len(label):,} rows"
        )
    if groups is not None and (found := len(np.unique(groups))) < folds:
        raise VintageError(
            f"training: expected at least {folds} groups for {folds} folds, found {found} among "
            f"{len(label):,} rows"
        )
    if groups is None:
        made = StratifiedKFold(folds, shuffle=True, random_state=seed).split(label, label)
        cuts = tuple(Fold(fit, judge) for fit, judge in made)
    else:
        dealt = _dealt(label, groups, folds, seed)
        cuts = tuple(
            Fold(np.flatnonzero(dealt != number), np.flatnonzero(dealt == number))
            for number in range(folds)
        )
    for number, fold in enumerate(cuts):
        if not _rarer(label[fold.judge]) or _rarer(label[fold.fit]) < _LEAST_OF_A_CLASS:
            raise VintageError(
                f"training: expected both classes in every fold, found too few of one in "
                f"fold {number + 1} of {folds}; declare fewer folds"
            )
    return cuts


def _dealt(label: Label, groups: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row. Groups with bad rows go, those with the most first, to the fold with
    the fewest bad rows; then the others, the largest first, to the one with the fewest rows.

    (sklearn's weighs each group against all folds' spread, which takes seconds for many groups.)
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    bad = np.bincount(group, weights=label).astype(np.int64)
    chance = np.random.default_rng(seed).random(len(sizes))
    rows_of, bad_of = [0] * folds, [0] * folds
    fold = np.empty(len(sizes), dtype=np.int64)
    for place in np.lexsort((chance, -sizes, -bad)).tolist():
        own, size = int(bad[place]), int(sizes[place])
        least = min(range(folds), key=lambda n: (bad_of[n], rows_of[n]) if own else (rows_of[n], n))
        bad_of[least] += own
        rows_of[least] += size
        fold[place] = least
    return fold[group]


def _rarer(label: Label) -> int:
    """Rows of the class that has fewer."""
    return int(min(label.sum(), len(label) - label.sum()))


@dataclass(frozen=True)
class Prepared:
    """Rows in a family's columns."""

    columns: Columns
    signs: tuple[int, ...]
    rows: Rows

    #: The labels that it was fitted on, before any were made up.
    label: Label
    imbalance: str

    def encode(self, values: Matrix) -> Matrix:
        """Other rows in the same columns."""
        return Encoder(self.columns)(values)

    def judged(self, values: Matrix, label: Label) -> Rows:
        """Rows to stop boosting by: the classes weigh what they weigh for the fit, or a loss
        would go on falling on them while the model is spoilt.
        """
        weight = None if self.imbalance == "none" else _even(label, self.label)
        return Rows(self.encode(values), label, weight)


def prepare(
    family: Family, features: tuple[Feature, ...], values: Matrix, label: Label, seed: int
) -> Prepared:
    """Fit a family's columns on these rows, and weigh or add to them where it says so."""
    columns = fit_columns(family, features, values, label)
    matrix = Encoder(columns)(values)
    signs = _signs(family, columns, features)
    rows = _balanced(family, matrix, label, seed)
    return Prepared(columns, signs, rows, label, family.imbalance)


def preparation(family: Family) -> str:
    """What of a family its prepared rows depend on: equal text, equal rows."""
    fields = {"kind", "encoder", "imputer", "scaler", "imbalance", "most_bins", "least_share"}
    if family.kind in {"tree", "forest"}:
        fields.remove("least_share")  # a leaf's there
    return family.model_dump_json(include=fields)


def _signs(family: Family, columns: Columns, features: tuple[Feature, ...]) -> tuple[int, ...]:
    """The monotone direction of each column of the matrix."""
    if family.kind == "scorecard":
        # The bins go the declared way already; more evidence of bad is more bad, in every column.
        return (1,) * (len(columns.coded) + len(columns.binned))
    signs = {feature.position: feature.monotone for feature in features}
    others = len(columns.indicators) + len(columns.coded)
    return (*(signs[column.feature] for column in columns.numbers), *([0] * others))


def _even(label: Label, among: Label) -> Values:
    """Weights that give both classes half of the whole, as they are shared out among some rows."""
    share = among.mean()
    weights: Values = np.where(label == 1, 0.5 / share, 0.5 / (1 - share))
    return weights


def _balanced(family: Family, matrix: Matrix, label: Label, seed: int) -> Rows:
    if family.imbalance == "none":
        return Rows(matrix, label)
    if family.imbalance == "class-weights":
        return Rows(matrix, label, _even(label, label))
    from imblearn.over_sampling import SMOTE  # slow to import, seldom asked for

    neighbours = min(5, _rarer(label) - 1)
    made, labels = SMOTE(random_state=seed, k_neighbors=neighbours).fit_resample(matrix, label)
    return Rows(np.asarray(made), np.asarray(labels, dtype=np.int64))

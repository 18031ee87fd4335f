"""The models themselves: from a matrix and a label to a fitted model, by the field's libraries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from components.contracts.families import (
    Family,
    ForestFamily,
    LogisticFamily,
    ScorecardFamily,
    TreeFamily,
    XGBoostFamily,
)
from components.scoring.bundle import MODEL
from components.scoring.instances import Matrix
from components.scoring.spec import LinearModel, TreesModel
from components.training import onnx

Values = NDArray[np.float64]
Label = NDArray[np.int64]
#: Rounds without a better log loss after which boosting stops.
_PATIENCE = 30
#: Rows drawn for one tree of a forest at most: its bounded depth and leaves learn no more of a
#: larger draw, and the trees together see all rows.
_TREE_ROWS = 20_000
#: Rounds between two looks at the watched rows.
_STRIDE = 5


@dataclass(frozen=True)
class Rows:
    """A matrix with its labels; `weight` is none where every row counts the same."""

    matrix: Matrix
    label: Label
    weight: Values | None = None
    #: (lane, bins) -> the same rows as boosting reads them: made once, read by every trial.
    _quantiles: dict[tuple[int, int], xgboost.QuantileDMatrix] = field(default_factory=dict)
    lane: int = 0

    def in_lane(self, lane: int) -> "Rows":
        """The same rows for a reader who is not alone."""
        return replace(self, lane=lane)

    def quantiles(self, bins: int) -> xgboost.QuantileDMatrix:
        """The rows in so many bins a column."""
        key = (self.lane, bins)
        if key not in self._quantiles:
            self._quantiles[key] = xgboost.QuantileDMatrix(
                self.matrix.astype(np.float32),
                label=self.label,
                weight=self.weight,
                max_bin=bins,
                ref=self._quantiles.get((0, bins)),  # another lane need not look for bins again
            )
        return self._quantiles[key]


@dataclass(frozen=True)
class Fitted:
    """A fitted model as its library has it."""

    #: Log odds by the library itself.
    margin: Callable[[Matrix], Values]
    #: The model in the scoring format, and its ONNX file where it has one.
    export: Callable[[], tuple[TreesModel | LinearModel, bytes]]
    #: Rounds after which boosting stopped; 0 where nothing was watched, and for other families.
    rounds: int = 0


def fit_model(
    family: Family,
    rows: Rows,
    *,
    signs: tuple[int, ...],
    seed: int,
    watch: Rows | None = None,
    threads: int = 0,
) -> Fitted:
    """Fit one model. `signs` are the monotone directions of the columns.

    With `watch`, boosting stops where these rows' log loss gets no better. `threads` 0 are all
    there are; the model is the same for any number.
    """
    match family:
        case ScorecardFamily() | LogisticFamily():
            return _linear(family, rows, signs)
        case TreeFamily() | ForestFamily():
            return _trees(family, rows, signs, seed, threads)
        case XGBoostFamily():
            return _boosted(family, rows, signs, seed, watch, threads)
    assert_never(family)


def _linear(family: ScorecardFamily | LogisticFamily, rows: Rows, signs: tuple[int, ...]) -> Fitted:
    weights, intercept = _regressed(family.inverse_penalty, rows, range(len(signs)))
    # A column may go the declared way alone, and another beside others like it. The one that is
    # furthest off goes, until none is.
    kept = list(range(len(signs)))
    while (turned := weights * signs).min() < 0:
        kept.remove(int(turned.argmin()))
        weights, intercept = _regressed(family.inverse_penalty, rows, kept)
    return Fitted(
        margin=lambda matrix: np.asarray(matrix @ weights + intercept),
        export=lambda: (LinearModel(intercept, tuple(weights.tolist())), b""),
    )


def _regressed(inverse_penalty: float, rows: Rows, columns: Sequence[int]) -> tuple[Values, float]:
    """One weight a column, 0 for those that are left out, and the intercept."""
    weights = np.zeros(rows.matrix.shape[1])
    if not len(columns):
        bad = np.average(rows.label, weights=rows.weight)
        return weights, float(np.log(bad / (1 - bad)))
    # Few columns, many rows: Newton's steps are the quickest, and mind no column's scale.
    model = LogisticRegression(C=inverse_penalty, solver="newton-cholesky", tol=1e-6)
    model.fit(rows.matrix[:, columns], rows.label, sample_weight=rows.weight)
    weights[columns] = model.coef_[0]
    return weights, float(model.intercept_[0])


def _trees(
    family: TreeFamily | ForestFamily, rows: Rows, signs: tuple[int, ...], seed: int, threads: int
) -> Fitted:
    # For labels 0 and 1, variance is half of Gini's impurity: a regressor grows the same trees,
    # and its leaf is the share of bad rows, which is what scoring needs.
    shared = {
        "max_depth": family.max_depth,
        "min_weight_fraction_leaf": family.least_share,
        "random_state": seed,
        "monotonic_cst": np.array(signs),
    }
    if isinstance(family, TreeFamily):
        model = DecisionTreeRegressor(**shared)
    else:
        model = RandomForestRegressor(
            n_estimators=family.trees,
            max_features=family.max_features,
            max_samples=tree_rows(family, rows),
            n_jobs=threads or -1,
            **shared,
        )
    model.fit(rows.matrix.astype(np.float32), rows.label, sample_weight=rows.weight)
    if isinstance(family, ForestFamily):
        model.n_jobs = 1  # threads would add up the trees as they come, not in one order

    def margin(matrix: Matrix) -> Values:
        sure = np.clip(model.predict(matrix.astype(np.float32)), 1e-6, 1 - 1e-6)
        return np.asarray(np.log(sure / (1 - sure)))

    width = rows.matrix.shape[1]
    return Fitted(
        margin=margin,
        export=lambda: (TreesModel(MODEL, "probability"), onnx.of_sklearn(model, width)),
    )


def tree_rows(family: Family, rows: Rows) -> int | None:
    """The rows that each tree of a forest draws; none where they are as many as there are."""
    few = isinstance(family, ForestFamily) and len(rows.label) > _TREE_ROWS
    return _TREE_ROWS if few else None


def _boosted(
    family: XGBoostFamily,
    rows: Rows,
    signs: tuple[int, ...],
    seed: int,
    watch: Rows | None,
    threads: int,
) -> Fitted:
    parameters = {
        **family.model_dump(include=_XGBOOSTS_OWN),
        "objective": "binary:logistic",
        "tree_method": "hist",
        "monotone_constraints": "(" + ",".join(map(str, signs)) + ")",
        "seed": seed,
        "nthread": threads,
    }
    train = rows.quantiles(family.max_bin)
    booster = xgboost.Booster(parameters, [train])
    kept = _boost(booster, train, family.rounds, watch)

    def margin(matrix: Matrix) -> Values:
        found = booster.inplace_predict(
            matrix.astype(np.float32), iteration_range=(0, kept), predict_type="margin"
        )
        return np.asarray(found, dtype=np.float64)

    width = rows.matrix.shape[1]
    return Fitted(
        margin=margin,
        export=lambda: (TreesModel(MODEL), onnx.of_xgboost(booster[:kept], width)),
        rounds=0 if watch is None else kept,
    )


def _boost(
    booster: xgboost.Booster, train: xgboost.QuantileDMatrix, rounds: int, watch: Rows | None
) -> int:
    """Add trees. Returns how many to keep: all, or those at the least log loss of the watched rows,
    looked at every few rounds, since to look costs as much as to add a tree.
    """
    margin: Values | None = None
    least, best, seen = np.inf, 0, 0
    for done in range(1, rounds + 1):
        booster.update(train, done - 1)
        if watch is None or (done % _STRIDE and done < rounds):
            continue
        margin = booster.inplace_predict(
            watch.matrix, iteration_range=(seen, done), predict_type="margin", base_margin=margin
        )
        seen = done
        signed = np.where(watch.label == 1, -1.0, 1.0) * margin
        loss = float(np.average(np.logaddexp(0.0, signed), weights=watch.weight))
        if loss < least:
            least, best = loss, done
        elif done - best >= _PATIENCE:
            break
    return rounds if watch is None else best


_XGBOOSTS_OWN = {
    "max_depth", "eta", "gamma", "min_child_weight", "subsample", "colsample_bytree",
    "colsample_bynode", "max_bin", "reg_lambda", "reg_alpha",
}  # fmt: skip

"""The search against sklearn's own: the same 20 sets of parameters of XGBoost on the same folds.

100,000 rows x 40 features, on two cores each. Peer: RandomizedSearchCV, one candidate a core.
"""

import time
from typing import Any

import numpy as np
import xgboost
from sklearn.model_selection import RandomizedSearchCV

from benchmarks._line import line
from benchmarks._model import NAMES, rows_of
from components.contracts.families import Between, Search, XGBoostFamily
from components.training.columns import Feature
from components.training.folds import cut
from components.training.search import Bench, search

_ROWS, _TRIALS, _SEED = 100_000, 20, 7
_FAMILY = XGBoostFamily(
    rounds=200,
    max_bin=256,
    method="random",
    search={
        "max_depth": Between(low=2, high=6, whole=True),
        "eta": Between(low=0.03, high=0.3, log=True),
        "min_child_weight": Between(low=1, high=40, log=True),
        "subsample": Between(low=0.5, high=1),
        "colsample_bytree": Between(low=0.3, high=1),
        "reg_lambda": Between(low=0.3, high=30, log=True),
    },
)
_THEIR_NAMES = {"eta": "learning_rate"}


class _Listed:
    """Candidates in a given order, as sklearn's sampler would draw them."""

    def __init__(self, listed: list[dict[str, Any]], name: str) -> None:
        self._values = iter([candidate[name] for candidate in listed])

    def rvs(self, random_state: object = None) -> object:
        del random_state
        return next(self._values)


def main() -> None:
    values, label = rows_of(_ROWS, 3)
    features = tuple(Feature(place, name) for place, name in enumerate(NAMES))
    folds = cut(label, None, folds=5, seed=_SEED)
    how = Search(trials=_TRIALS, folds=5)

    started = time.perf_counter()
    found = search(Bench(features, values, label, folds, _SEED), _FAMILY, how, lambda *_: None)
    ours = time.perf_counter() - started

    spaces = _FAMILY.spaces()
    listed = [
        {_THEIR_NAMES.get(name, name): trial.parameters[name] for name in spaces}
        for trial in found.trials
    ]
    model = xgboost.XGBClassifier(
        n_estimators=_FAMILY.rounds, tree_method="hist", max_bin=256, n_jobs=1, random_state=_SEED
    )
    theirs = RandomizedSearchCV(
        model,
        {name: _Listed(listed, name) for name in listed[0]},
        n_iter=_TRIALS,
        scoring="roc_auc",
        cv=[(fold.fit, fold.judge) for fold in folds],
        n_jobs=2,
        refit=False,
    )
    started = time.perf_counter()
    theirs.fit(values.astype(np.float32), label)
    peer = time.perf_counter() - started

    line("search, s (peer: RandomizedSearchCV)", ours=ours, peer=peer, goal=0.4)
    gap = abs(float(theirs.best_score_) - found.auc)
    line("search, distance of the best AUC (peer: the limit)", ours=gap, peer=0.002, goal=1.0)


if __name__ == "__main__":
    main()

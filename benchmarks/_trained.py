"""Training as the pipeline does it, search and all, and the bundles' AUC on the test rows."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from components.contracts.families import Family
from components.contracts.scenario import TrainSpec
from components.scoring.bundle import Bundle
from components.training.fit import train
from components.training.folds import cut
from components.training.matrix import Data


@dataclass(frozen=True)
class Tested:
    """What one training came to on the test rows, and the family that it chose."""

    auc: dict[str, float]
    chosen: str
    #: Family -> the PD of each test row.
    pd: dict[str, NDArray[np.float64]]


def tested(spec: TrainSpec, data: Data, families: tuple[Family, ...], seed: int) -> Tested:
    """Search and fit these families without a look at the test rows, then score those."""
    # A model that is fitted again on all rows has seen the test: nothing is measured on it.
    how = spec.training.model_copy(update={"families": families, "seed": seed, "refit": False})
    test = data.rows("test")
    auc, scored = dict[str, float](), dict[str, NDArray[np.float64]]()
    with tempfile.TemporaryDirectory() as folder:
        found = train(
            data, spec.model_copy(update={"training": how}), Path(folder), lambda *_: None
        )
        for candidate in found.candidates:
            bundle = Bundle.load(Path(folder) / candidate.folder, candidate.bundle)
            pd = bundle.score(data.inputs[test]).pd
            auc[candidate.family] = float(roc_auc_score(data.label[test], pd))
            scored[candidate.family] = pd
    return Tested(auc, found.chosen, scored)


def turned(data: Data, number: int, *, of: int) -> Data:
    """The labelled rows with one fold of so many as test, and a fifth of the others to choose by.
    Rows of one group are on one side: over all folds each is a test row once.
    """
    known = np.flatnonzero(data.label >= 0)
    groups = _of(data.groups, known)
    fold = cut(data.label[known], groups, folds=of, seed=42)[number]
    rest = known[fold.fit]
    chosen_by = cut(data.label[rest], _of(data.groups, rest), folds=5, seed=number)[0].judge
    split = np.full(len(data.label), "score", dtype="<U10")
    split[rest] = "train"
    split[rest[chosen_by]] = "validation"
    split[known[fold.judge]] = "test"
    return replace(data, split=split)


def _of(groups: NDArray[np.int64] | None, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
    return None if groups is None else groups[rows]

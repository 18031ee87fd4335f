"""credit-approval: what SMOTE brings beside class weights, and beside nothing.

Each family as it is declared, not searched, so that what is done about the rare bad rows is all
that differs. Five folds grouped by profile, each once the test of a model that is fitted on the
others: weights and made-up rows are of the fitting rows alone. The data is the published one where
VINTAGE_REAL_DATA names a folder with `credit_approval/`, else a sample of its size.
"""

import os
import tempfile
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

import samples
from benchmarks._line import line
from benchmarks._steps import gold_of
from benchmarks._trained import tested, turned
from components.contracts.families import Imbalance
from components.training.matrix import check, read_gold
from pipelines.scenarios import load

_SCENARIO = "credit-approval"
_FOLDS = 5
_DECLINED = 0.10  # as the scenario's policy has it


def _caught(label: NDArray[np.int64], pd: NDArray[np.float64]) -> tuple[float, float]:
    """Precision and recall where the rows with the highest PDs are declined."""
    declined = np.argsort(-pd, kind="stable")[: round(_DECLINED * len(pd))]
    bad = float(label[declined].sum())
    return bad / len(declined), bad / float(label.sum())


def main() -> None:
    scenario = load(_SCENARIO)
    spec = scenario.train()
    real = Path(os.environ.get("VINTAGE_REAL_DATA", ""), "credit_approval")
    with tempfile.TemporaryDirectory(prefix="imbalance-") as home:
        folder = real if real.is_dir() else Path(home, "files")
        if folder != real:
            samples.write(_SCENARIO, folder, rows=samples.real_size(_SCENARIO), seed=42)
        data = read_gold(gold_of(scenario, folder, Path(home)), spec)
    cuts = [turned(data, number, of=_FOLDS) for number in range(_FOLDS)]
    for one in cuts:
        check(one, spec)
    which = "published" if folder == real else "sample"
    for family in spec.training.families:
        found = {}
        for how in get_args(Imbalance):
            one_of = (family.model_copy(update={"imbalance": how, "search": {}}),)
            ours = [tested(spec, one, one_of, seed) for seed, one in enumerate(cuts)]
            caught = [
                _caught(one.label[one.rows("test")], run.pd[family.kind])
                for one, run in zip(cuts, ours, strict=True)
            ]
            auc = np.mean([run.auc[family.kind] for run in ours])
            found[how] = np.array([auc, *np.mean(caught, axis=0)])
        for how in ("smote", "none"):
            for figure, value, peer in zip(
                ("AUC", "precision", "recall"), found[how], found["class-weights"], strict=True
            ):
                name = f"{_SCENARIO} ({which}), {family.kind}, {figure} with {how}"
                line(f"{name} (peer: class-weights)", ours=value, peer=peer, goal=None)


if __name__ == "__main__":
    main()

"""The step of training: read gold, train, write bundles."""

# The libraries load inside the functions: a reused step never needs them.

import json
from collections.abc import Mapping
from pathlib import Path

from components.storage.objects import Entry
from components.storage.steps import Artifact, Task, hand_over, take, task


def train(*, spec: str, run: str, timeout_minutes: float, gold: Artifact, models: Artifact) -> None:
    """Train every declared family on the development rows and hand over their bundles.

    1. Reuse the bundles of this gold table and this slice.
    2. Else train each family, write its bundle, choose by validation AUC, publish (`models`).
    """
    scenario = json.loads(spec)["scenario"]
    with task("train", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        made = take(gold)
        trained = work.reuse_or_make(
            f"{scenario}/models",
            spec=spec,
            inputs={"gold": made.digest},
            rooms=("training", "scoring"),
            libraries=(
                "numpy",
                "onnx",
                "onnxmltools",
                "onnxruntime",
                "pyarrow",
                "scikit-learn",
                "xgboost-cpu",
            ),
            make=lambda target: _train(work, spec, made, target),
        )
        work.record.facts = dict(trained.facts)
        hand_over(trained, models)


def _train(work: Task, spec: str, made: Entry, target: Path) -> Mapping[str, object]:
    from components.contracts.scenario import TrainSpec
    from components.training.fit import train as train_all
    from components.training.matrix import check_features, read_gold

    declared = TrainSpec.model_validate_json(spec)
    folder = work.store.local(made) / "final-dataset"
    data = read_gold(folder, declared.inputs, declared.features)
    check_features(data, declared.features)
    found = train_all(data, declared, target)
    (target / "candidates.json").write_text(found.model_dump_json(indent=1) + "\n")
    return {
        "chosen": found.chosen,
        "validation_auc": {c.family: round(c.validation_auc, 4) for c in found.candidates},
    }

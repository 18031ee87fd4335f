"""The step of training: read gold, train, write bundles."""

# The libraries load inside the functions: a reused step never needs them.

import json
from collections.abc import Mapping
from pathlib import Path

from components.storage.objects import Entry
from components.storage.steps import Artifact, Task, hand_over, take, task
from components.training import LIBRARIES


def train(*, spec: str, run: str, timeout_minutes: float, gold: Artifact, models: Artifact) -> None:
    """Train every declared family on the development rows and hand over their bundles.

    1. Reuse the bundles of this gold table and this slice.
    2. Else search and fit each family, write its bundle, choose by validation AUC, publish
       (`models`).
    3. Log every trial to MLflow, where that was not done before.
    """
    scenario = json.loads(spec)["scenario"]
    with task("train", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        made = take(gold)
        trained = work.reuse_or_make(
            f"{scenario}/models",
            spec=spec,
            inputs={"gold": made.digest},
            rooms=("training", "scoring"),
            libraries=(*LIBRARIES, "pyarrow"),
            make=lambda target: _train(work, spec, made, target),
        )
        logged = f"{scenario}/logged/{trained.key.rpartition('/')[2]}"
        if work.store.get(logged) is None:
            _log(work, trained)
            work.store.put(logged, work.run)
        work.record.facts = dict(trained.facts)
        hand_over(trained, models)


def _train(work: Task, spec: str, made: Entry, target: Path) -> Mapping[str, object]:
    from components.contracts.scenario import TrainSpec
    from components.training.fit import train as train_all
    from components.training.matrix import check, read_gold

    declared = TrainSpec.model_validate_json(spec)
    folder = work.store.local(made) / "final-dataset"
    data = read_gold(folder, declared)
    check(data, declared)

    def progress(family: str, tried: int, of: int, best: float) -> None:
        work.progress(f"{family} {tried} of {of}, best AUC {best:.4f}")

    found = train_all(data, declared, target, progress)
    (target / "candidates.json").write_text(found.model_dump_json(indent=1) + "\n")
    return {
        "chosen": found.chosen,
        "validation_auc": {c.family: round(c.validation_auc, 4) for c in found.candidates},
        "trials": {c.family: len(c.trials) for c in found.candidates},
    }


def _log(work: Task, trained: Entry) -> None:
    from components.contracts.results import Candidates
    from components.storage.tracking import Tracking

    text = (work.store.local(trained) / "candidates.json").read_text()
    Tracking(work.settings).log_trials(
        work.record.scenario,
        run=work.run,
        key=trained.key.rpartition("/")[2],
        trials=[
            (
                f"{c.family} {trial.number}",
                {"family": c.family, **trial.parameters},
                {"auc": trial.auc, "folds": len(trial.folds)},
                {"trial": "pruned" if trial.pruned else "complete"},
            )
            for c in Candidates.model_validate_json(text).candidates
            for trial in c.trials
        ],
    )

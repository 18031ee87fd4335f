"""The step of training on an installation: what it publishes, records, logs and refuses."""

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from components.contracts.families import Between, Search, Training
from components.contracts.outcomes import GroupedSplit
from components.contracts.results import Candidates
from components.contracts.scenario import Scenario
from components.scoring.bundle import Bundle
from components.storage.objects import FolderStore
from components.storage.settings import Settings
from components.storage.steps import take
from components.training import step
from components.training.matrix import Data
from tests.making import LOGISTIC, TREE, data, scenario, write_gold
from tests.support import Paper

SEARCHED = TREE.at({"search": {"max_depth": Between(low=1, high=6, whole=True)}})
TRAINING = Training(families=(SEARCHED, LOGISTIC), search=Search(trials=5, folds=3))
SCENARIO = scenario(training=TRAINING)


@dataclass
class Place:
    """An installation with one gold table."""

    home: Path
    papers: dict[str, Paper] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = FolderStore(self.home / "store")

    def paper(self, name: str) -> Paper:
        return self.papers.setdefault(name, Paper(str(self.home / "papers" / name)))

    def gold(self, made: Data, **columns: Any) -> None:
        """Publish these rows as a gold table, some of its columns replaced."""
        folder = self.store.scratch()
        path = write_gold(folder / "final-dataset", made) / "part-0.parquet"
        table = pq.read_table(path)
        for name, values in columns.items():
            table = table.set_column(table.column_names.index(name), name, pa.array(values))
        pq.write_table(table, path)
        entry = self.store.publish("small-loans/gold/1", folder, {})
        paper = Path(self.paper("gold").path)
        paper.parent.mkdir(parents=True, exist_ok=True)
        paper.write_text(entry.to_json())

    def train(self, declared: Scenario = SCENARIO, run: str = "first") -> Candidates:
        step.train(
            spec=declared.train().model_dump_json(),
            run=run,
            timeout_minutes=5,
            gold=self.paper("gold"),
            models=self.paper("models"),
        )
        folder = self.store.local(take(self.paper("models")))
        return Candidates.model_validate_json((folder / "candidates.json").read_text())

    def record(self, run: str = "first") -> dict[str, Any]:
        path = self.home / "store" / "runs" / run / "stages" / "train.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def published(self) -> list[Path]:
        """The entries that training published."""
        return sorted((self.home / "store" / "small-loans" / "models").glob("*"))

    def logged(self) -> list[Run]:
        """The runs that MLflow knows, trials and those that they are nested under."""
        client = MlflowClient(Settings.from_environment().tracking)
        experiment = client.get_experiment_by_name("small-loans")
        return [] if experiment is None else list(client.search_runs([experiment.experiment_id]))


@pytest.fixture
def place(home: Path, empty_tracking: Path) -> Place:
    """An installation with the small use case's gold table."""
    shutil.copy(empty_tracking, home)
    made = Place(home)
    made.gold(data(300))
    return made


def test_the_models_are_published_with_what_was_found(place: Place) -> None:
    found = place.train()
    assert [candidate.family for candidate in found.candidates] == ["tree", "logistic"]
    entry = take(place.paper("models"))
    for candidate in found.candidates:
        folder = place.store.local(entry) / candidate.folder
        assert Bundle.load(folder, candidate.bundle).verify()
    facts = {
        "chosen": found.chosen,
        "validation_auc": {c.family: round(c.validation_auc, 4) for c in found.candidates},
        "trials": {"tree": 5, "logistic": 1},
    }
    assert dict(entry.facts) == facts
    assert place.record()["facts"] == facts
    assert (place.record()["status"], place.record()["reused"]) == ("done", False)


def test_how_far_it_is_stands_in_the_record_and_in_the_log(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    found = place.train()
    best = {candidate.family: candidate.search_auc for candidate in found.candidates}
    last = f"logistic 1 of 1, best AUC {best['logistic']:.4f}"
    assert place.record()["progress"] == last
    said = [line for line in capfd.readouterr().out.splitlines() if "best AUC" in line]
    assert len(said) == 6
    assert said[4] == f"[train] tree 5 of 5, best AUC {best['tree']:.4f}"
    assert said[5] == f"[train] {last}"


def test_every_trial_is_logged_once_whatever_runs_again(place: Place) -> None:
    found = place.train()
    runs = place.logged()
    trials = {run.info.run_name: run for run in runs if "mlflow.parentRunId" in run.data.tags}
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert parent.info.run_name == "first"
    expected = {f"{c.family} {t.number}": (c, t) for c in found.candidates for t in c.trials}
    assert set(trials) == set(expected)
    for name, (candidate, trial) in expected.items():
        run = trials[name]
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.tags["trial"] == ("pruned" if trial.pruned else "complete")
        assert run.data.metrics == pytest.approx({"auc": trial.auc, "folds": len(trial.folds)})
        given = {"family": candidate.family, **trial.parameters}
        assert run.data.params == {key: str(value) for key, value in given.items()}
    place.train(run="again")
    assert (place.record("again")["reused"], len(place.logged())) == (True, len(runs))
    # The models are gone, and made again: what they were searched by is in the log already.
    (entry,) = place.published()
    shutil.rmtree(entry)
    assert place.train(run="anew") == found
    assert (place.record("anew")["reused"], len(place.logged())) == (False, len(runs))


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (30, {}, "train: training: expected at least 30 rows of each class for 3 folds, found "),
        (
            300,
            {"_label": [1] * 300},
            "train: label BAD: expected both classes among the train rows, found 180 of class 1",
        ),
        (
            300,
            {"AMOUNT": [5.0] * 300},
            "train: feature AMOUNT: expected values that differ, found 5 in all 180 train rows",
        ),
        (
            300,
            {"INCOME": pa.array([None] * 300, pa.float64())},
            "train: feature INCOME: expected values, found all missing",
        ),
        (
            300,
            {"AMOUNT": [1.0, float("inf")] * 150},
            "train: columns: AMOUNT: expected a number of at least 0, found inf; 150 rows like it",
        ),
        (
            300,
            {"INCOME": ["31/01/2024"] * 300},
            "train: columns: INCOME: expected a number, found '31/01/2024'; 300 rows like it",
        ),
        (
            300,
            {"INCOME": [float(n) for n in range(300)], "AMOUNT": [float(n) for n in range(300)]},
            "train: feature AMOUNT: expected values of its own, found those of INCOME in every row",
        ),
        (
            300,
            {"AMOUNT": data(300).label.astype(float).tolist()},
            "train: feature AMOUNT: expected an AUC below 0.98 of it alone, found 1.0000: it knows",
        ),
    ],
    ids=["30 rows", "one class", "constant", "missing", "infinite", "dates", "twice", "leak"],
)
def test_rows_that_cannot_teach_fail_the_task_by_name_and_nothing_is_published(
    home: Path,
    capfd: pytest.CaptureFixture[str],
    rows: int,
    columns: dict[str, Any],
    message: str,
) -> None:
    place = Place(home)
    place.gold(data(rows), **columns)
    with pytest.raises(SystemExit) as ended:
        place.train()
    assert ended.value.code == 1
    record = place.record()
    assert record["error"].startswith(message)
    assert (record["status"], record["final"]) == ("failed", True)
    told = capfd.readouterr().err
    assert told.startswith(message)
    assert "Traceback" not in told
    assert not place.published()
    assert not list((home / "store").glob("**/spec.json"))
    assert not place.logged()


def test_the_groups_of_the_split_are_read_beside_the_inputs(home: Path) -> None:
    place = Place(home)
    how = Search(trials=2, folds=3)
    plain = scenario(training=Training(families=(TREE,), search=how))
    grouped = plain.model_copy(update={"split": GroupedSplit(by=("REGION",))})
    made = data()
    person = np.arange(len(made.label)) // 30  # of thirty rows, on one side each
    sides = np.array(["train"] * 6 + ["validation"] * 2 + ["test"] * 2)[person % 10]
    place.gold(replace(made, split=sides, groups=person))
    one, other = (
        place.train(declared, run=run).candidates[0]
        for declared, run in ((plain, "plain"), (grouped, "grouped"))
    )
    assert one.trials[0].folds != other.trials[0].folds

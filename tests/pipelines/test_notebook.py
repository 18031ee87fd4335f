"""The functions for a notebook: the same bundles as the pipeline's, and faults named."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.contracts.errors import VintageError
from components.contracts.families import Training
from components.contracts.outcomes import GroupedSplit
from components.scoring.bundle import Bundle
from pipelines.notebook import Model, evaluate, explain, fit
from tests.making import LOGISTIC, SEARCH, XGBOOST, data, plain_columns, scenario, write_gold

SCENARIO = scenario(segments=("REGION",))


def frame(rows: int = 600) -> pd.DataFrame:
    """Rows of the small use case, a tenth of them without a label yet."""
    made = data(rows)
    found = pd.DataFrame(plain_columns(made.inputs))
    found["BAD"] = np.where(np.arange(rows) % 10 == 9, np.nan, made.label)
    found["AGE"] = 18 + np.arange(rows) % 50
    return found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return fit(frame(), SCENARIO, folder=tmp_path_factory.mktemp("bundles"), progress=len)


def test_a_fit_makes_a_bundle_a_family_and_each_verifies(model: Model) -> None:
    for candidate in model.candidates.candidates:
        bundle = Bundle.load(model.folder / candidate.folder, candidate.bundle)
        assert bundle.verify() >= 20
    assert model.bundle.spec.family == model.candidates.chosen


def test_rows_without_a_label_teach_nothing(model: Model) -> None:
    assert (model.data.split == "score").sum() == 60
    card = json.loads((model.bundle.folder / "card.json").read_text())
    assert card["rows"] == (np.isin(model.data.split, ["train", "validation"])).sum()


def test_a_second_fit_of_the_same_frame_gives_the_same_bundles(
    model: Model, tmp_path: Path
) -> None:
    again = fit(frame(), SCENARIO, folder=tmp_path, progress=len)
    assert again.candidates == model.candidates


def test_evaluate_gives_every_familys_figures_on_the_test_rows(model: Model) -> None:
    found = evaluate(model)
    assert found.rows == model.data.rows("test").sum()
    assert [f.family for f in found.figures] == ["xgboost", "logistic"]
    assert all(f.intervals["auc"].low <= f.metrics["auc"] for f in found.figures)


def test_explain_gives_score_reasons_and_parts_under_the_frames_index(model: Model) -> None:
    some = frame().iloc[[5, 3, 8]]
    told = explain(model, some)
    assert told.index.tolist() == [5, 3, 8]
    assert told["pd"].tolist() == model.score(some)["pd"].tolist()
    names = [feature.name for feature in SCENARIO.features]
    for (_, row), reasons in zip(told.iterrows(), told["reasons"], strict=True):
        assert sum(row[names] >= 1e-3) >= len(reasons)
        assert bool(reasons) == bool((row[names] >= 1e-3).any())


def test_a_declared_split_is_kept(tmp_path: Path) -> None:
    given = frame().assign(side=np.resize(["train", "train", "validation", "test"], 600))
    made = fit(given, SCENARIO, folder=tmp_path, split="side", progress=len)
    known = given["BAD"].notna().to_numpy()
    assert (made.data.split[known] == given["side"].to_numpy()[known]).all()


GROUPED = scenario(split=GroupedSplit(by=("VISITS", "REGION")))


@pytest.fixture
def gold(tmp_path: Path) -> pd.DataFrame:
    """The gold table of a grouped scenario: groups of ten rows, each on one side."""
    made = data(600)
    groups = np.arange(600) // 10
    sides = np.array(["train", "train", "validation", "test"])[groups % 4]
    label = np.where(np.arange(600) % 10 == 9, -1, made.label)
    sides = np.where(label < 0, "score", sides)
    made = replace(made, groups=groups - 2**62, split=sides, label=label)
    return pd.read_parquet(write_gold(tmp_path / "gold", made))


def test_a_gold_table_is_a_frame_with_its_label_its_sides_and_its_groups(
    gold: pd.DataFrame, tmp_path: Path
) -> None:
    made = fit(gold, GROUPED, folder=tmp_path / "made", split="_split", progress=len)
    assert made.data.groups is not None
    assert made.data.groups.tolist() == gold["_group"].tolist()
    assert made.data.split.tolist() == gold["_split"].tolist()
    assert (made.data.label == -1).sum() == 60
    assert evaluate(made).rows == (gold["_split"] == "test").sum()
    assert explain(made, gold.head(2))["reasons"].map(len).max() > 0


@pytest.mark.parametrize(
    ("change", "split", "message"),
    [
        (lambda f: f.drop(columns="_group"), "_split", "_group: expected a column, found none"),
        (lambda f: f.drop(columns="_split"), "_split", "_split: expected a column, found none"),
        (
            lambda f: f.drop(columns="_label"),
            "_split",
            "BAD: expected a column, found none",
        ),
        (lambda f: f, None, "a grouped split is made with the gold table, in its column _split"),
        (lambda f: f.assign(_group=1), "_split", "expected each on one side of train, val.*test"),
        (lambda f: f.assign(_split="left"), "_split", "expected train, validation, test, found"),
    ],
)
def test_a_gold_table_that_is_not_whole_is_refused_by_name(
    gold: pd.DataFrame, tmp_path: Path, change: object, split: str | None, message: str
) -> None:
    assert callable(change)
    with pytest.raises(VintageError, match=message):
        fit(change(gold), GROUPED, folder=tmp_path / "made", split=split, progress=len)


def _twice(given: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([given, given[["INCOME"]]], axis=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="INCOME"), "INCOME: expected a column, found none"),
        (lambda f: f.drop(columns=["AGE", "BAD"]), "BAD: expected a column.*AGE: expected a col"),
        (_twice, "INCOME: expected one column, found it twice"),
        (lambda f: f.assign(BAD=1), "expected at least 4 rows of each class, found {1: 600}"),
        (lambda f: f.assign(BAD=f["BAD"] * 2), "label BAD: expected 0, 1 or nothing, found .2"),
        (lambda f: f.assign(AMOUNT=3.0), "feature AMOUNT: expected values that differ, found 3"),
        (lambda f: f.assign(INCOME=np.nan), "feature INCOME: expected values, found all missing"),
        (lambda f: f.assign(AMOUNT=np.inf), "AMOUNT: expected a number"),
        (lambda f: f.assign(AMOUNT="2024-01-31"), "AMOUNT: expected a number"),
        (lambda f: f.assign(AMOUNT=f["VISITS"]), "AMOUNT: expected values of its own, found tho"),
        (lambda f: f.assign(REGION="east"), "REGION: expected one of north, south, 7"),
        (lambda f: f.head(30), "expected at least 30 rows of each class for 3 folds, found"),
    ],
)
def test_a_frame_that_cannot_teach_is_refused_by_name(
    tmp_path: Path, change: object, message: str
) -> None:
    with pytest.raises(VintageError, match=message):
        fit(change(frame()), SCENARIO, folder=tmp_path / "out", progress=len)  # type: ignore[operator]
    assert not list((tmp_path / "out").glob("*/*")) if (tmp_path / "out").exists() else True


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(VintageError, match="expected an empty folder for the bundles, found"):
        fit(frame(), SCENARIO, folder=tmp_path, progress=len)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_progress_is_told_family_by_family(tmp_path: Path) -> None:
    told: list[str] = []
    declared = SCENARIO.model_copy(
        update={"training": Training(families=(XGBOOST, LOGISTIC), search=SEARCH)}
    )
    fit(frame(), declared, folder=tmp_path, progress=told.append)
    assert [line.split(",")[0] for line in told] == ["xgboost 1 of 1", "logistic 1 of 1"]

"""What a bundle says of itself: its card, its golden rows, and what its rows looked like."""

import json
from pathlib import Path

import numpy as np
import pytest

from components.contracts.families import Between, Search, Training
from components.contracts.modelling import Feature, Reason
from components.contracts.sources import Column, Kind
from components.scoring.bundle import CARD, GOLDEN, Bundle
from components.training.fit import train
from tests.making import (
    FAMILIES,
    FEATURES,
    LOANS,
    LOGISTIC,
    PEOPLE,
    TREE,
    Models,
    data,
    silent,
    train_spec,
    with_features,
)

families = pytest.mark.parametrize("family", FAMILIES)


@families
def test_the_card_says_how_the_bundle_was_made(models: Models, family: str) -> None:
    card = json.loads((models.folder / family / CARD).read_text())
    rows = models.data.rows("train", "validation")
    assert card["fitted_on"] == ["train", "validation"]
    assert card["rows"] == rows.sum() == 480
    assert card["bad"] == models.data.label[rows].sum()
    assert (card["scenario"], card["family"], card["seed"]) == ("small-loans", family, 42)
    assert card["parameters"] == models.of(family).parameters
    assert card["calibration"] == models.of(family).calibration
    assert [f["name"] for f in card["features"]] == [f.name for f in FEATURES]
    assert {"numpy", "onnxruntime", "optuna", "scikit-learn", "xgboost-cpu"} <= set(
        card["environment"]
    )


def test_the_card_says_what_was_searched(tmp_path: Path) -> None:
    depths = {"max_depth": Between(low=1, high=5, whole=True)}
    tree = TREE.at({"method": "grid", "max_depth": 3, "search": depths})
    penalties = {"inverse_penalty": Between(low=0.01, high=10, log=True)}
    logistic = LOGISTIC.at({"method": "random", "search": penalties})
    training = Training(families=(tree, logistic), search=Search(trials=4, folds=3))
    made = train(data(300), train_spec(training=training), tmp_path, silent).candidates
    for found, method, tried in zip(made, ("grid", "random"), (3, 4), strict=True):
        card = json.loads((tmp_path / found.folder / CARD).read_text())
        assert found.method == method
        assert card["search"] == {
            **{"method": method, "trials": 4, "folds": 3, "rows": None},
            "tried": tried,
            "pruned": sum(trial.pruned for trial in found.trials),
            "auc": found.search_auc,
        }


@families
def test_the_golden_rows_spread_over_the_table_with_the_emptiest_among_them(
    models: Models, family: str
) -> None:
    golden = json.loads((models.folder / family / GOLDEN).read_text())
    rows = golden["rows"]
    assert 20 <= len(rows) <= 23
    assert len({len(part) for part in golden.values()}) == 1
    # The last has nothing but what cannot be missing.
    assert rows[-1]["INCOME"] is None
    assert rows[-1]["REGION"] is None
    assert rows[-1]["VISITS"] is not None
    assert any(row["INCOME"] is None for row in rows[:-1])
    assert all(isinstance(row["VISITS"], int) for row in rows)
    assert models.bundle(family).verify() == len(rows)


def test_the_one_row_with_a_hole_is_among_the_golden_ones(tmp_path: Path) -> None:
    made = data(300)
    made.inputs[:, [0, 2]] = np.nan_to_num(made.inputs[:, [0, 2]], nan=1.0)
    made.inputs[203, 0] = np.nan
    spec = train_spec(LOGISTIC)
    train(with_features(made.inputs, made.label, spec), spec, tmp_path, silent)
    rows = json.loads((tmp_path / "logistic" / GOLDEN).read_text())["rows"]
    holes = [row for row in rows[:-1] if row["INCOME"] is None]
    assert [row["AMOUNT"] for row in holes] == [made.inputs[203, 3]]


def test_the_golden_rows_say_dates_as_a_caller_does(tmp_path: Path) -> None:
    dates = tuple(Column(name=name, kind=Kind.DATE) for name in ("BORN", "ASKED"))
    people = PEOPLE.model_copy(update={"columns": (*dates, *PEOPLE.columns)})
    age = Feature(
        name="AGE_THEN",
        title="age",
        expression="(ASKED - BORN) / 365.25",
        reason=Reason.about("AGE", "the age"),
    )
    spec = train_spec(LOGISTIC, sources=(people, LOANS), features=(*FEATURES, age))
    made = data(300)
    days = np.column_stack([np.arange(300.0) * 37 % 9_001, np.full(300, 19_876.0)])
    train(with_features(np.hstack([days, made.inputs]), made.label, spec), spec, tmp_path, silent)
    rows = json.loads((tmp_path / "logistic" / GOLDEN).read_text())["rows"]
    assert {row["ASKED"] for row in rows} == {"2024-06-02"}
    assert rows[0]["BORN"] == "1970-01-01"
    assert Bundle.load(tmp_path / "logistic").verify() == len(rows)


def test_golden_rows_change_with_the_model(models: Models) -> None:
    pds = [json.loads((models.folder / f / GOLDEN).read_text())["pd"] for f in FAMILIES]
    assert len({str(pd) for pd in pds}) == len(FAMILIES)


@families
def test_the_reference_holds_the_share_of_every_bin(models: Models, family: str) -> None:
    reference = models.bundle(family).reference()
    rows = models.data.rows("train", "validation")
    values = models.data.features[rows]
    assert reference.rows == 480
    assert list(reference.percentiles) == sorted(reference.percentiles)
    assert len(reference.percentiles) == 101
    assert set(reference.features) == {feature.name for feature in FEATURES}
    for place, feature in enumerate(FEATURES):
        bins = reference.features[feature.name]
        assert len(bins.expected) == len(bins.edges) + 2
        assert sum(bins.expected) == pytest.approx(1)
        assert bins.expected[-1] == pytest.approx(np.isnan(values[:, place]).mean())
    assert sum(reference.score.expected) == pytest.approx(1)
    assert reference.score.expected[-1] == 0.0

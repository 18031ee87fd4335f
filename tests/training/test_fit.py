"""Choosing, the card, and the gold table as training reads it."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from components.contracts.errors import VintageError
from components.contracts.modelling import Family, Feature, XGBoostFamily
from components.scoring.bundle import CARD, GOLDEN, Bundle
from components.training.families import fit
from components.training.fit import feature_list, train, train_family
from components.training.matrix import check_features, read_gold
from tests.making import (
    FAMILIES,
    FEATURES,
    LOGISTIC,
    XGBOOST,
    Models,
    data,
    train_spec,
    with_features,
    write_gold,
)

POOR = XGBoostFamily(rounds=1, max_depth=1, eta=0.01)


@pytest.mark.parametrize(
    ("families", "chosen"),
    [((POOR, LOGISTIC), "logistic"), ((LOGISTIC, POOR), "logistic"), ((POOR,), "xgboost")],
)
def test_the_family_with_the_best_auc_on_the_validation_rows_is_chosen(
    tmp_path: Path, families: tuple[Family, ...], chosen: str
) -> None:
    found = train(data(), train_spec(*families), tmp_path)
    best = max(found.candidates, key=lambda c: c.validation_auc)
    assert found.chosen == best.family == chosen
    assert [c.family for c in found.candidates] == [f.kind for f in families]


@pytest.mark.parametrize("family", [XGBOOST, LOGISTIC], ids=FAMILIES)
def test_the_validation_auc_is_of_a_model_that_saw_the_train_rows_only(
    tmp_path: Path, family: Family
) -> None:
    made, spec = data(), train_spec(family)
    trained = train_family(made, spec, family, tmp_path)
    assert not list(tmp_path.iterdir())
    # Labels of validation rows turn about: the model that is judged must not notice.
    turned = made.label.copy()
    turned[made.rows("validation")] ^= 1
    other = train_family(with_features(made.inputs, turned, spec), spec, family, tmp_path)
    assert other.validation_auc == pytest.approx(1 - trained.validation_auc)
    assert trained.validation_auc > 0.7


def test_the_final_model_is_fitted_on_train_and_validation_rows_alone(models: Models) -> None:
    made, developed = models.data, models.data.rows("train", "validation")
    fitted = fit(
        LOGISTIC, feature_list(models.spec), made.features[developed], made.label[developed], 42
    )
    assert models.bundle("logistic").spec.model == fitted.model
    whole = fit(LOGISTIC, feature_list(models.spec), made.features, made.label, 42)
    assert whole.model != fitted.model


@pytest.mark.parametrize("family", FAMILIES)
def test_a_bundle_ranks_the_test_rows(models: Models, family: str) -> None:
    test = models.data.rows("test")
    pd = models.bundle(family).score(models.data.inputs[test]).pd
    assert roc_auc_score(models.data.label[test], pd) > 0.7


@pytest.mark.parametrize("family", FAMILIES)
def test_the_card_says_how_the_bundle_was_made(models: Models, family: str) -> None:
    card = json.loads((models.folder / family / CARD).read_text())
    developed = models.data.rows("train", "validation")
    assert card["rows"] == developed.sum() == 480
    assert card["bad"] == models.data.label[developed].sum()
    assert (card["scenario"], card["family"], card["seed"]) == ("small-loans", family, 42)
    assert card["validation_auc"] == models.of(family).validation_auc
    assert card["parameters"] == models.of(family).parameters
    assert [f["name"] for f in card["features"]] == [f.name for f in FEATURES]
    assert {"numpy", "onnxruntime", "xgboost-cpu"} <= set(card["environment"])


def test_the_golden_rows_spread_over_the_table_with_the_emptiest_among_them(
    models: Models,
) -> None:
    rows = json.loads((models.folder / "logistic" / GOLDEN).read_text())["rows"]
    assert 20 <= len(rows) <= 22
    assert any(row["INCOME"] is None and row["REGION"] is None for row in rows)
    assert all(isinstance(row["VISITS"], int) for row in rows)


def test_a_bundle_of_few_rows_is_proven_on_all_of_them(tmp_path: Path) -> None:
    train(data(20), train_spec(LOGISTIC), tmp_path)
    rows = json.loads((tmp_path / "logistic" / GOLDEN).read_text())["rows"]
    assert Bundle.load(tmp_path / "logistic").check_golden() == len(rows) == 16


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("AMOUNT / 0", "feature ODD: expected values, found all missing"),
        ("AMOUNT * 0", "feature ODD: expected values that differ, found 0 in all "),
        ("7", "feature ODD: expected values that differ, found 7 in all "),
        ("where(missing(INCOME), 0 / 0, 3)", "feature ODD: expected values that differ, found 3"),
    ],
)
def test_a_feature_that_cannot_teach_anything_is_refused_by_name(
    expression: str, message: str
) -> None:
    features = (*FEATURES, Feature(name="ODD", title="odd", expression=expression))
    made = data()
    spec = train_spec(features=features)
    with pytest.raises(VintageError, match=message) as refused:
        check_features(with_features(made.inputs, made.label, spec), features)
    assert "feature INCOME" not in str(refused.value)


def test_every_feature_that_cannot_teach_anything_is_told_at_once() -> None:
    features = tuple(Feature(name=n, title=n, expression=t) for n, t in [("A", "1"), ("B", "2")])
    made = data()
    spec = train_spec(features=(*FEATURES, *features))
    with pytest.raises(VintageError, match=r"feature A: .*\nfeature B: "):
        check_features(with_features(made.inputs, made.label, spec), spec.features)


def test_features_that_differ_among_development_rows_are_accepted() -> None:
    check_features(data(), FEATURES)


def test_a_feature_that_differs_in_test_rows_only_is_refused() -> None:
    made = data()
    made.features[made.rows("train", "validation"), 3] = 1.0
    with pytest.raises(VintageError, match="feature AMOUNT: expected values that differ, found 1"):
        check_features(made, FEATURES)


def test_a_gold_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    made, spec = data(), train_spec()
    made.label[5] = -1
    found = read_gold(write_gold(tmp_path / "gold", made), spec.inputs, spec.features)
    assert np.array_equal(found.inputs, made.inputs, equal_nan=True)
    assert np.array_equal(found.features, made.features, equal_nan=True)
    assert np.array_equal(found.label, made.label)
    assert np.array_equal(found.split, made.split)
    assert found.rows("train", "test").sum() == 480

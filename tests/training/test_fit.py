"""Which rows teach what, which family is chosen, and what is trained on like any other."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from components.contracts.families import (
    Between,
    Family,
    LogisticFamily,
    ScorecardFamily,
    Search,
    Training,
    XGBoostFamily,
)
from components.contracts.results import Candidate, Candidates
from components.contracts.scenario import TrainSpec
from components.scoring.bundle import CARD, Bundle
from components.scoring.spec import IndicatorColumn, LinearModel, Platt
from components.training.columns import feature_list
from components.training.fit import train
from components.training.folds import prepare
from components.training.matrix import Data, row_features
from components.training.models import fit_model
from tests.making import (
    EVERY,
    FAMILIES,
    FEATURES,
    LOGISTIC,
    REGIONS,
    SCORECARD,
    TREE,
    Models,
    data,
    inputs_of,
    label_of,
    plain_rows,
    same_bits,
    silent,
    train_spec,
    with_features,
)

POOR = XGBoostFamily(rounds=1, max_depth=1, eta=0.01, search={})
SEARCHED = XGBoostFamily(
    rounds=60, max_depth=3, search={"eta": Between(low=0.05, high=0.5)}, imputer="median"
)
FEW = Search(trials=4, folds=3)
families = pytest.mark.parametrize("family", FAMILIES)


def spec_of(*chosen: Family, refit: bool = False, **more: Any) -> TrainSpec:
    """The train slice of a small search."""
    training = Training(families=chosen, search=FEW, refit=refit)
    return train_spec(training=training, **more)


def changed(made: Data, split: str, *, inputs: bool) -> Data:
    """Rows of one split with other labels, and perhaps other values."""
    rows = made.rows(split)
    label = made.label.copy()
    label[rows] ^= 1
    values = made.inputs.copy()
    if inputs:
        values[rows] = inputs_of(int(rows.sum()), 99)
    fresh = with_features(values, label, train_spec())
    assert not np.array_equal(fresh.features, made.features, equal_nan=True) or not inputs
    return fresh


def learned(found: Candidates) -> list[Candidate]:
    """The candidates without what the validation rows had a say in."""
    unsaid = {"bundle": "", "released": "", "validation_auc": 0.0, "calibration": ""}
    return [candidate.model_copy(update=unsaid) for candidate in found.candidates]


def test_test_rows_change_nothing(tmp_path: Path) -> None:
    spec, made = spec_of(SEARCHED, SCORECARD, LOGISTIC), data(300)
    before = train(made, spec, tmp_path / "before", silent)
    after = train(changed(made, "test", inputs=True), spec, tmp_path / "after", silent)
    assert after == before


def test_validation_rows_have_no_say_in_a_search_but_in_the_bundle(tmp_path: Path) -> None:
    spec, made = spec_of(SEARCHED, ScorecardFamily()), data(300)
    before = train(made, spec, tmp_path / "before", silent)
    after = train(changed(made, "validation", inputs=True), spec, tmp_path / "after", silent)
    assert learned(after) == learned(before)
    assert all(len(candidate.trials) == 4 for candidate in before.candidates)
    for one, other in zip(before.candidates, after.candidates, strict=True):
        assert one.validation_auc != other.validation_auc
        assert one.bundle != other.bundle


def test_train_rows_do_have_a_say(tmp_path: Path) -> None:
    spec, made = spec_of(SEARCHED), data(300)
    before = train(made, spec, tmp_path / "before", silent)
    after = train(changed(made, "train", inputs=True), spec, tmp_path / "after", silent)
    assert learned(after) != learned(before)


@pytest.mark.parametrize("family", EVERY, ids=FAMILIES)
def test_the_validation_auc_is_of_a_model_that_saw_the_train_rows_only(
    models: Models, tmp_path: Path, family: Any
) -> None:
    # Labels of validation rows turn about: the model that is judged must not notice.
    turned = changed(models.data, "validation", inputs=False)
    found = train(turned, spec_of(family), tmp_path, silent).candidates[0]
    if family.kind != "forest":  # of whose ties the turned labels count the other half
        assert found.validation_auc == pytest.approx(1 - models.of(family.kind).validation_auc)
    assert found.validation_auc < 0.4
    assert models.of(family.kind).validation_auc > 0.7


@pytest.mark.parametrize(
    ("declared", "chosen"),
    [((POOR, LOGISTIC), "logistic"), ((LOGISTIC, POOR), "logistic"), ((POOR,), "xgboost")],
)
def test_the_family_with_the_best_auc_on_the_validation_rows_is_chosen(
    tmp_path: Path, declared: tuple[Family, ...], chosen: str
) -> None:
    found = train(data(), spec_of(*declared), tmp_path, silent)
    best = max(found.candidates, key=lambda c: c.validation_auc)
    assert found.chosen == best.family == chosen
    assert [c.family for c in found.candidates] == [f.kind for f in declared]


def test_the_parameters_of_a_candidate_are_those_that_its_search_found(tmp_path: Path) -> None:
    (found,) = train(data(300), spec_of(SEARCHED), tmp_path, silent).candidates
    best = max((t for t in found.trials if not t.pruned), key=lambda trial: trial.auc)
    assert found.search_auc == pytest.approx(best.auc)
    assert {name: found.parameters[name] for name in best.parameters} == best.parameters
    assert found.parameters["rounds"] < SEARCHED.rounds


def test_the_model_handed_over_is_fitted_on_train_and_validation_rows_alone(
    models: Models,
) -> None:
    def model(*splits: str) -> LinearModel:
        rows = models.data.rows(*splits)
        label = models.data.label[rows]
        made = prepare(LOGISTIC, feature_list(models.spec), models.data.features[rows], label, 42)
        fitted = fit_model(LOGISTIC, made.rows, signs=made.signs, seed=42)
        return fitted.export()[0]  # type: ignore[return-value]

    handed = models.bundle("logistic").spec.model
    assert handed == model("train", "validation")
    assert handed not in {model("train"), model("train", "validation", "test")}


def test_without_a_refit_what_is_judged_is_what_is_released(models: Models) -> None:
    for candidate in models.candidates.candidates:
        assert candidate.released == candidate.bundle
        assert candidate.released_folder == candidate.folder == candidate.family
    assert {path.name for path in models.folder.iterdir()} == set(FAMILIES)


def test_a_refit_is_a_second_bundle_of_all_labelled_rows(tmp_path: Path) -> None:
    made = data(400)
    made.split[::10] = "score"  # rows without a label of their own
    made.label[::10] = -1
    plain = train(made, spec_of(SEARCHED, SCORECARD), tmp_path / "plain", silent)
    both = train(made, spec_of(SEARCHED, SCORECARD, refit=True), tmp_path / "both", silent)
    for one, other in zip(plain.candidates, both.candidates, strict=True):
        assert other.bundle == one.bundle
        assert other.released != other.bundle
        assert other.released_folder == f"{other.family}-refitted"
        assert (other.parameters, other.trials) == (one.parameters, one.trials)
        folder = tmp_path / "both"
        assert Bundle.load(folder / other.released_folder, other.released).verify()
        assert Bundle.load(folder / other.folder, other.bundle).verify()
        cards = {
            name: json.loads((folder / name / CARD).read_text())
            for name in (other.folder, other.released_folder)
        }
        judged, released = cards[other.folder], cards[other.released_folder]
        assert judged["fitted_on"] == ["train", "validation"]
        assert released["fitted_on"] == ["train", "validation", "test"]
        assert (judged["rows"], released["rows"]) == (280, 360)
        assert judged["parameters"] == released["parameters"] == other.parameters
        assert judged["search"] == released["search"]


def test_a_refit_learns_from_the_test_rows(tmp_path: Path) -> None:
    spec, made = spec_of(TREE, refit=True), data(300)
    (before,) = train(made, spec, tmp_path / "before", silent).candidates
    other = changed(made, "test", inputs=True)
    (after,) = train(other, spec, tmp_path / "after", silent).candidates
    assert after.bundle == before.bundle
    assert after.released != before.released


@families
def test_a_bundle_ranks_the_test_rows(models: Models, family: str) -> None:
    test = models.data.rows("test")
    pd = models.bundle(family).score(models.data.inputs[test]).pd
    assert roc_auc_score(models.data.label[test], pd) > 0.68


@families
def test_the_pds_of_a_bundle_average_to_the_bad_rate(models: Models, family: str) -> None:
    rows = models.data.rows("train", "validation")
    pd = models.bundle(family).score(models.data.inputs[rows]).pd
    assert pd.mean() == pytest.approx(models.data.label[rows].mean(), abs=0.05)


@pytest.mark.parametrize("imbalance", ["none", "class-weights", "smote"])
def test_calibration_brings_the_pds_back_whatever_evened_the_classes(
    tmp_path: Path, imbalance: str
) -> None:
    inputs = inputs_of(1500, 3)
    inputs[:, 3] /= 3  # smaller amounts: few are bad
    made = with_features(inputs, label_of(inputs, 3), train_spec())
    family = LogisticFamily(imbalance=imbalance, search={})
    train(made, spec_of(family), tmp_path, silent)
    rows, test = made.rows("train", "validation"), made.rows("test")
    assert made.label[rows].mean() < 0.35
    pd = Bundle.load(tmp_path / "logistic").score(inputs[test]).pd
    assert pd.mean() == pytest.approx(made.label[rows].mean(), abs=0.04)


@families
def test_a_category_written_as_a_number_is_the_same_category(models: Models, family: str) -> None:
    bundle, (row,) = models.bundle(family), plain_rows(inputs_of(1, 4))
    as_text, as_number = ({**row, "REGION": region} for region in ("7", 7))
    scores = [bundle.score(bundle.rows([r])).pd for r in (as_text, as_number)]
    assert same_bits(*scores)


@pytest.mark.parametrize("family", ["xgboost", "logistic", "tree", "forest"])
def test_a_category_is_one_column_a_value_and_missing_is_none_of_them(
    models: Models, family: str
) -> None:
    bundle = models.bundle(family)
    indicators = tuple(IndicatorColumn(2, code) for code in range(3))
    assert bundle.spec.columns.indicators == indicators
    row = {"INCOME": 40.0, "VISITS": 2, "AMOUNT": 20.0}
    rows = [{**row, "REGION": region} for region in (*REGIONS, None)]
    margins = bundle.score(bundle.rows(rows)).margin
    if isinstance(bundle.spec.model, LinearModel):
        assert margins[:3] - margins[3] == pytest.approx(bundle.spec.model.weights[-3:])
    assert same_bits(bundle.score(bundle.rows([row])).margin, margins[[3]])


@pytest.mark.parametrize("wanted", [{"REGION"}, {"INCOME", "VISITS", "AMOUNT"}], ids=len)
def test_a_scenario_may_have_categories_only_or_numbers_only(
    tmp_path: Path, wanted: set[str]
) -> None:
    features = tuple(f for f in FEATURES if f.name in wanted)
    spec = spec_of(*EVERY, features=features)
    whole = inputs_of(300, 2)
    names = [c.name for c in train_spec().inputs]
    inputs = whole[:, [names.index(c.name) for c in spec.inputs]]
    made = with_features(inputs, label_of(whole, 2), spec)
    found = train(made, spec, tmp_path, silent)
    assert [c.family for c in found.candidates] == list(FAMILIES)


@pytest.mark.parametrize("family", EVERY, ids=FAMILIES)
def test_a_feature_known_in_validation_rows_only_is_trained_around(
    tmp_path: Path, family: Any
) -> None:
    made, spec = data(300), spec_of(family)
    made.inputs[~made.rows("validation"), 0] = np.nan
    rare = with_features(made.inputs, made.label, spec)
    train(rare, spec, tmp_path, silent)
    assert Bundle.load(tmp_path / family.kind).verify()


@pytest.mark.parametrize("family", EVERY, ids=FAMILIES)
def test_labels_in_exact_balance_are_trained_on_like_any_others(
    tmp_path: Path, family: Any
) -> None:
    made = data()
    half = replace(made, label=np.arange(600, dtype=np.int64) // 10 % 2)
    assert half.label[half.rows("train", "validation")].mean() == 0.5
    train(half, spec_of(family), tmp_path, silent)
    assert Bundle.load(tmp_path / family.kind).verify()


@pytest.mark.parametrize("family", EVERY, ids=FAMILIES)
def test_a_feature_that_tells_all_is_trained_on_like_any_other(tmp_path: Path, family: Any) -> None:
    made = data()
    made.inputs[:, 3] = made.label * 100.0 + made.inputs[:, 3] / 1e3  # a leak
    spec = spec_of(family.at({"trees": 300}) if family.kind == "forest" else family)
    leaked = with_features(made.inputs, made.label, spec)
    (found,) = train(leaked, spec, tmp_path, silent).candidates
    assert found.validation_auc > 0.98
    bundle = Bundle.load(tmp_path / family.kind)
    assert isinstance(bundle.spec.calibration, Platt)
    pd = bundle.score(leaked.inputs).pd
    assert ((pd > 0) & (pd < 1)).all()


def test_rows_of_a_group_are_searched_together(tmp_path: Path) -> None:
    # Each person is there ten times, with a number that gives the label of the others away.
    made = data(600)
    person = np.arange(600) // 10 % 60
    made.inputs[:, 0] = 7.0 * person
    label = (np.random.default_rng(1).random(60) < 0.4).astype(np.int64)[person]
    sides = np.array(["train"] * 6 + ["validation"] * 2 + ["test"] * 2)[person % 10]
    spec = spec_of(TREE.at({"max_depth": 12, "least_share": 0.001}))
    loose = replace(with_features(made.inputs, label, spec), split=sides)
    tied = replace(loose, groups=person)
    aucs = [
        train(rows, spec, tmp_path / name, silent).candidates[0].search_auc
        for name, rows in (("loose", loose), ("tied", tied))
    ]
    assert aucs[0] > 0.9
    assert aucs[1] < 0.65


def test_progress_names_the_family_and_counts_its_trials(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    train(
        data(300),
        spec_of(SEARCHED, LOGISTIC),
        tmp_path,
        lambda family, tried, of, best: told.append((family, tried, of)) if best else None,
    )
    assert told == [("xgboost", n, 4) for n in range(1, 5)] + [("logistic", 1, 1)]


def test_a_computed_feature_is_a_number_even_where_it_shares_a_categorys_name() -> None:
    features = (FEATURES[0], FEATURES[2])
    made = feature_list(train_spec(features=features))
    assert [(f.name, f.categories) for f in made] == [("INCOME", 0), ("REGION", 3)]
    assert [f.name for f in row_features(features)] == ["INCOME", "REGION"]

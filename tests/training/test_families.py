"""The families: a bundle scores as the library itself does, keeps its word, and is reproducible."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from components.contracts.errors import BundleError, VintageError
from components.contracts.modelling import Family, LogisticFamily, XGBoostFamily
from components.scoring.bundle import Bundle
from components.scoring.instances import Matrix
from components.scoring.spec import IndicatorColumn, LinearModel
from components.training.bundle import write_bundle
from components.training.families import fit
from components.training.fit import feature_list, train
from components.training.matrix import check_features, row_features, scoring_inputs
from tests.making import (
    FAMILIES,
    FEATURES,
    LOGISTIC,
    REGIONS,
    XGBOOST,
    Models,
    data,
    inputs_of,
    label_of,
    plain_rows,
    same_bits,
    train_models,
    train_spec,
    with_features,
)

POOR = XGBoostFamily(rounds=2, max_depth=1)
families = pytest.mark.parametrize("family", FAMILIES)


def numbers_and_regions(inputs: Matrix) -> tuple[Matrix, Matrix]:
    """The model's columns, made by hand: INCOME, VISITS, AMOUNT, SHARE; one column a region."""
    income, visits, region, amount = inputs.T
    share = np.full(len(inputs), np.nan)
    np.divide(income, visits, out=share, where=visits != 0)
    regions = np.array([[float(r == code) for code in range(len(REGIONS))] for r in region])
    return np.column_stack([income, visits, amount, share]), regions


def by_xgboost(inputs: Matrix, label: NDArray[np.int64], new: Matrix) -> Matrix:
    """PDs of new rows, from XGBoost alone."""
    columns = [np.hstack(numbers_and_regions(m)) for m in (inputs, new)]
    booster = xgboost.train(
        {
            "max_depth": XGBOOST.max_depth,
            "eta": XGBOOST.eta,
            "objective": "binary:logistic",
            "tree_method": "hist",
            "monotone_constraints": "(0,0,1,0,0,0,0)",
            "seed": 42,
        },
        xgboost.DMatrix(columns[0].astype(np.float32), label=label),
        num_boost_round=XGBOOST.rounds,
    )
    return booster.predict(xgboost.DMatrix(columns[1].astype(np.float32))).astype(np.float64)


def by_scikit_learn(inputs: Matrix, label: NDArray[np.int64], new: Matrix) -> Matrix:
    """PDs of new rows, from scikit-learn alone."""
    numbers, regions = numbers_and_regions(inputs)
    new_numbers, new_regions = numbers_and_regions(new)
    medians = np.nanmedian(numbers, axis=0)
    scaler = StandardScaler().fit(np.where(np.isnan(numbers), medians, numbers))
    model = LogisticRegression(max_iter=1000)
    model.fit(
        np.hstack([scaler.transform(np.where(np.isnan(numbers), medians, numbers)), regions]), label
    )
    filled = scaler.transform(np.where(np.isnan(new_numbers), medians, new_numbers))
    return np.asarray(model.predict_proba(np.hstack([filled, new_regions]))[:, 1])


@pytest.mark.parametrize(
    ("family", "library"), [("xgboost", by_xgboost), ("logistic", by_scikit_learn)]
)
def test_a_bundle_scores_rows_that_it_never_saw_as_the_library_alone_does(
    models: Models, family: str, library: Callable[[Matrix, NDArray[np.int64], Matrix], Matrix]
) -> None:
    developed, new = models.data.rows("train", "validation"), inputs_of(500, 99)
    expected = library(models.data.inputs[developed], models.data.label[developed], new)
    found = models.bundle(family).score(new).pd
    assert float(np.abs(found - expected).max()) < 1e-5


@pytest.mark.parametrize("family", [XGBOOST, LOGISTIC], ids=FAMILIES)
def test_a_bundle_that_scores_otherwise_than_its_library_is_not_written(
    tmp_path: Path, family: Family
) -> None:
    spec, made = train_spec(), data(200)
    fitted = fit(family, feature_list(spec), made.features, made.label, 42)
    with pytest.raises(
        BundleError, match=f"{family.kind}: expected PDs within 1e-05 of the librar"
    ):
        write_bundle(
            tmp_path / "bundle",
            scenario=spec.scenario,
            family=family.kind,
            inputs=scoring_inputs(spec.inputs),
            features=row_features(spec.features),
            fitted=replace(fitted, own_pd=fitted.own_pd + 2e-5),
            rows=made.inputs,
            card={},
        )


def test_training_twice_gives_the_same_bundles_byte_for_byte(
    models: Models, tmp_path: Path
) -> None:
    again = train_models(tmp_path)
    assert again.candidates == models.candidates
    for family in FAMILIES:
        for path in (models.folder / family).iterdir():
            assert path.read_bytes() == (tmp_path / family / path.name).read_bytes()


def test_other_rows_give_another_bundle(tmp_path: Path) -> None:
    spec = train_spec(POOR)
    whole = train(data(), spec, tmp_path).candidates[0].bundle
    for name, made in {"rows": data(500), "values": data(seed=8)}.items():
        (tmp_path / name).mkdir()
        found = train(made, spec, tmp_path / name).candidates[0].bundle
        assert found != whole


@pytest.mark.parametrize(("sign", "feature"), [(1, "AMOUNT"), (-1, "INCOME")])
def test_a_monotone_feature_moves_the_pd_one_way_only(
    tmp_path: Path, sign: int, feature: str
) -> None:
    family = XGBoostFamily(rounds=40, max_depth=3, monotone={feature: sign})
    # INCOME is also in SHARE, which would move with it.
    spec = train_spec(family, features=FEATURES[:4])
    inputs = inputs_of(600, 7)
    train(with_features(inputs, label_of(inputs, 7), spec), spec, tmp_path)
    bundle = Bundle.load(tmp_path / "xgboost")
    place = [i.name for i in bundle.spec.inputs].index(feature)
    for row in inputs_of(40, 5):
        ladder = np.repeat(row[None, :], 60, axis=0)
        ladder[:, place] = np.linspace(0, 150, 60)
        steps = np.diff(bundle.score(ladder).margin)
        assert (sign * steps >= 0).all()
    assert np.ptp(bundle.score(ladder).margin) > 0


@pytest.mark.parametrize("wanted", [{"REGION"}, {"INCOME", "VISITS", "AMOUNT"}], ids=len)
def test_a_scenario_may_have_categories_only_or_numbers_only(
    tmp_path: Path, wanted: set[str]
) -> None:
    features = tuple(f for f in FEATURES if f.name in wanted)
    spec = train_spec(XGBoostFamily(rounds=5), LOGISTIC, features=features)
    whole = inputs_of(300, 2)
    names = [c.name for c in train_spec().inputs]
    inputs = whole[:, [names.index(c.name) for c in spec.inputs]]
    found = train(with_features(inputs, label_of(whole, 2), spec), spec, tmp_path)
    assert [c.family for c in found.candidates] == list(FAMILIES)


@families
def test_a_category_is_one_column_a_value_and_missing_is_none_of_them(
    models: Models, family: str
) -> None:
    bundle = models.bundle(family)
    assert bundle.spec.indicators == tuple(IndicatorColumn(2, code) for code in range(3))
    assert 2 not in {column.feature for column in bundle.spec.numbers}
    row = {"INCOME": 40.0, "VISITS": 2, "AMOUNT": 20.0}
    rows = [{**row, "REGION": region} for region in (*REGIONS, None)]
    margins = bundle.score(bundle.rows(rows)).margin
    if isinstance(bundle.spec.model, LinearModel):
        assert margins[:3] - margins[3] == pytest.approx(bundle.spec.model.weights[-3:])
    assert margins.argmax() == REGIONS.index("south")
    assert same_bits(bundle.score(bundle.rows([row])).margin, margins[[3]])


@families
def test_a_category_written_as_a_number_is_the_same_category(models: Models, family: str) -> None:
    bundle, (row,) = models.bundle(family), plain_rows(inputs_of(1, 4))
    as_text, as_number = ({**row, "REGION": region} for region in ("7", 7))
    scores = [bundle.score(bundle.rows([r])).pd for r in (as_text, as_number)]
    assert same_bits(*scores)


@pytest.mark.parametrize(
    "family",
    [XGBoostFamily(rounds=3, gamma=1e9), LogisticFamily(inverse_penalty=1e-9)],
    ids=FAMILIES,
)
def test_a_family_that_learns_next_to_nothing_still_gives_a_bundle(
    tmp_path: Path, family: Family
) -> None:
    made = data(200)
    train(made, train_spec(family), tmp_path)
    pd = Bundle.load(tmp_path / family.kind).score(made.inputs).pd
    assert pd == pytest.approx(np.full(200, made.label.mean()), abs=0.05)


@pytest.mark.parametrize("family", [XGBOOST, LOGISTIC], ids=FAMILIES)
def test_labels_in_exact_balance_are_trained_on_like_any_others(
    tmp_path: Path, family: Family
) -> None:
    made = data()
    half = replace(made, label=(made.inputs[:, 3] > np.median(made.inputs[:, 3])).astype(np.int64))
    half.label[half.rows("train", "validation")] = np.arange(480) % 2
    train(half, train_spec(family), tmp_path)
    assert Bundle.load(tmp_path / family.kind).check_golden()


@pytest.mark.parametrize("family", [XGBOOST, LOGISTIC], ids=FAMILIES)
def test_a_feature_known_in_validation_rows_only_is_trained_around_or_refused_by_name(
    tmp_path: Path, family: Family
) -> None:
    made, spec = data(300), train_spec(family)
    made.inputs[~made.rows("validation"), 0] = np.nan
    rare = with_features(made.inputs, made.label, spec)
    try:
        check_features(rare, spec.features)
        train(rare, spec, tmp_path)
    except VintageError as refused:
        assert "INCOME" in str(refused)

"""The models: as exported they answer as their library does, and they keep to the directions."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from components.contracts.errors import VintageError
from components.contracts.families import (
    Family,
    ForestFamily,
    LogisticFamily,
    ScorecardFamily,
    TreeFamily,
    XGBoostFamily,
)
from components.scoring.bundle import MODEL
from components.scoring.instances import Matrix
from components.scoring.model import load_model
from components.scoring.spec import LinearModel
from components.scoring.transform import Encoder
from components.training import onnx
from components.training.columns import Feature
from components.training.folds import prepare
from components.training.models import Fitted, Rows, fit_model
from tests.making import EVERY, REGIONS, TREE, XGBOOST, Models, inputs_of, same_bits

Label = NDArray[np.int64]
Values = NDArray[np.float64]
TREES: tuple[Family, ...] = (
    TreeFamily(max_depth=12, least_share=1e-4, search={}),
    ForestFamily(trees=10, max_depth=12, least_share=1e-4, max_features=1.0, search={}),
    XGBoostFamily(rounds=20, max_depth=6, min_child_weight=0, search={}),
)
by_kind: Any = {"ids": lambda family: family.kind}
every = pytest.mark.parametrize("family", EVERY, **by_kind)
trees = pytest.mark.parametrize("family", TREES, **by_kind)


def label_of(odds: Values, seed: int = 0) -> Label:
    """Bad as often as the odds say."""
    return (np.random.default_rng(seed).random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(int)


def fit(family: Family, matrix: Matrix, label: Label, **more: Any) -> Fitted:
    """A model of plain columns."""
    return fit_model(family, Rows(matrix, label), signs=(0,) * matrix.shape[1], seed=1, **more)


def exported(fitted: Fitted) -> Callable[[Matrix], Values]:
    """The margins of a model as scoring reads it."""
    spec, file = fitted.export()
    with TemporaryDirectory() as folder:
        (Path(folder) / MODEL).write_bytes(file)
        return load_model(spec, Path(folder)).margin


@every
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_exported_model_answers_as_its_library_does(family: Family, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(0, 10.0 ** rng.integers(-3, 4, 4), (300, 4))
    fresh = rng.normal(0, 10.0 ** rng.integers(-3, 4, 4), (200, 4))
    if family.kind == "xgboost":  # the others never see one
        for rows in (matrix, fresh):
            rows[rng.random(rows.shape) < 0.3] = np.nan
    label = label_of(np.nan_to_num(matrix[:, 0] / np.nanstd(matrix[:, 0])), seed)
    fitted = fit(family, matrix, label)
    for rows in (matrix, fresh):
        assert exported(fitted)(rows) == pytest.approx(fitted.margin(rows), rel=1e-4, abs=1e-4)


@trees
@pytest.mark.parametrize("start", [2.0, -4097.0, 16_777_205.0])
def test_values_next_to_a_threshold_fall_on_the_side_that_the_library_says(
    family: Family, start: float
) -> None:
    values = [np.float32(start)]
    for _ in range(30):
        values.append(np.nextafter(values[-1], np.float32(np.inf)))
    column = np.repeat(np.array(values, dtype=np.float64), 20)
    # Doubles between two such neighbours, which float32 has to round.
    between = (column[:-20] + column[20:]) / 2
    label = label_of(np.repeat(np.where(np.arange(31) % 2, 2.0, -2.0), 20))
    fitted = fit(family, column[:, None], label)
    for rows in (column, between, np.nextafter(column, np.inf), np.nextafter(column, -np.inf)):
        found = exported(fitted)(rows[:, None])
        assert found == pytest.approx(fitted.margin(rows[:, None]), abs=1e-4)
        assert len(np.unique(found)) > 3


@pytest.mark.parametrize(
    ("family", "label", "odds"),
    [
        (XGBoostFamily(rounds=3, gamma=1e9), np.arange(200) % 2, 0.0),
        (XGBoostFamily(rounds=3, gamma=1e9), (np.arange(200) % 4 == 0).astype(int), np.log(1 / 3)),
        (TreeFamily(least_share=0.5), (np.arange(200) % 4 == 0).astype(int), np.log(1 / 3)),
        (LogisticFamily(inverse_penalty=1e-9), np.arange(200) % 2, 0.0),
        (ScorecardFamily(inverse_penalty=1e-9), np.arange(200) % 2, 0.0),
    ],
)
def test_a_model_that_learns_next_to_nothing_answers_with_the_base_rate(
    family: Family, label: Label, odds: float
) -> None:
    matrix = np.random.default_rng(4).normal(size=(200, 2))
    matrix[:, 1] = 0.0 if family.kind == "tree" else matrix[:, 1]
    matrix[:, 0] = 1.0 if family.kind == "tree" else matrix[:, 0]
    assert exported(fit(family, matrix, label))(matrix) == pytest.approx(odds, abs=1e-3)


def numbers_and_regions(inputs: Matrix) -> tuple[Matrix, Matrix]:
    """The columns, made by hand: INCOME, VISITS, AMOUNT, SHARE; one column a region."""
    income, visits, region, amount = inputs.T
    share = np.full(len(inputs), np.nan)
    np.divide(income, visits, out=share, where=visits != 0)
    regions = np.array([[float(r == code) for code in range(len(REGIONS))] for r in region])
    return np.column_stack([income, visits, amount, share]), regions


def filled(inputs: Matrix, by: Matrix) -> tuple[Matrix, Matrix]:
    """The same with the medians of other rows where a number is missing."""
    numbers, regions = numbers_and_regions(inputs)
    medians = np.nanmedian(numbers_and_regions(by)[0], axis=0)
    return np.where(np.isnan(numbers), medians, numbers), regions


def by_xgboost(inputs: Matrix, label: Label, new: Matrix) -> Values:
    """Log odds of new rows, from XGBoost alone."""
    columns = [np.hstack(numbers_and_regions(m)).astype(np.float32) for m in (inputs, new)]
    booster = xgboost.train(
        {
            **{"max_depth": XGBOOST.max_depth, "eta": XGBOOST.eta, "tree_method": "hist"},
            "objective": "binary:logistic",
            "monotone_constraints": "(0,0,1,0,0,0,0)",
        },
        xgboost.DMatrix(columns[0], label=label),
        num_boost_round=XGBOOST.rounds,
    )
    return booster.predict(xgboost.DMatrix(columns[1]), output_margin=True)


def by_regression(inputs: Matrix, label: Label, new: Matrix) -> Values:
    """Log odds of new rows, from scikit-learn's regression alone."""
    (numbers, regions), (new_numbers, new_regions) = filled(inputs, inputs), filled(new, inputs)
    scaler = StandardScaler().fit(numbers)
    model = LogisticRegression(max_iter=2000, tol=1e-6)
    model.fit(np.hstack([scaler.transform(numbers), regions]), label)
    found = model.decision_function(np.hstack([scaler.transform(new_numbers), new_regions]))
    return np.asarray(found)


def by_a_tree(inputs: Matrix, label: Label, new: Matrix) -> Values:
    """Log odds of new rows, from scikit-learn's tree that knows classes."""
    model = DecisionTreeClassifier(
        max_depth=TREE.max_depth,
        min_weight_fraction_leaf=TREE.least_share,
        monotonic_cst=[0, 0, 1, 0, 0, 0, 0],
        random_state=42,
    ).fit(np.hstack(filled(inputs, inputs)), label)
    pd = np.clip(model.predict_proba(np.hstack(filled(new, inputs)))[:, 1], 1e-6, 1 - 1e-6)
    return np.asarray(np.log(pd / (1 - pd)))


@pytest.mark.parametrize(
    ("family", "library"),
    [("xgboost", by_xgboost), ("logistic", by_regression), ("tree", by_a_tree)],
)
def test_a_bundle_scores_rows_that_it_never_saw_as_the_library_alone_does(
    models: Models, family: str, library: Callable[[Matrix, Label, Matrix], Values]
) -> None:
    developed, new = models.data.rows("train", "validation"), inputs_of(500, 99)
    expected = library(models.data.inputs[developed], models.data.label[developed], new)
    found = models.bundle(family).score(new).margin
    assert found == pytest.approx(expected, abs=1e-4, rel=1e-4)


MONOTONE: tuple[Family, ...] = (
    XGBoostFamily(rounds=15, max_depth=4, colsample_bytree=0.7, search={}),
    XGBoostFamily(rounds=15, imputer="median", scaler="robust", imbalance="smote", search={}),
    TreeFamily(max_depth=6, search={}),
    TreeFamily(max_depth=6, imbalance="class-weights", scaler="min-max", search={}),
    ForestFamily(trees=6, least_share=0.01, search={}),
    ScorecardFamily(search={}),
    ScorecardFamily(inverse_penalty=1e3, imbalance="class-weights", search={}),
)


@pytest.mark.parametrize("family", MONOTONE, ids=lambda f: f"{f.kind}-{f.imbalance}")
@settings(deadline=None, max_examples=6)
@given(seed=st.integers(0, 2**32 - 1))
def test_raising_a_monotone_feature_never_moves_the_margin_the_other_way(
    family: Family, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows, signs = 500, rng.choice([-1, 1], 3)
    values = rng.normal(size=(rows, 4))
    # The second feature looks like the first, and the label goes against the declared directions.
    values[:, 1] = values[:, 0] + 0.3 * values[:, 1]
    odds = values[:, :3] @ (rng.choice([-3.0, 3.0], 3) * signs) + rng.choice([-1.0, 1.0])
    label = label_of(odds, seed)
    values[rng.random(values.shape) < 0.1] = np.nan
    features = tuple(
        Feature(place, f"F{place}", monotone=int(sign)) for place, sign in enumerate([*signs, 0])
    )
    made = prepare(family, features, values, label, 1)
    margin = exported(fit_model(family, made.rows, signs=made.signs, seed=1))
    for place, sign in enumerate(signs):
        ladder = np.repeat(values[:20, None, :], 40, axis=1)
        ladder[:, :, place] = np.linspace(-4, 4, 40)
        found = margin(Encoder(made.columns)(ladder.reshape(-1, 4))).reshape(20, 40)
        assert (np.diff(found, axis=1) * sign >= 0).all()


LINEAR = pytest.mark.parametrize(
    ("family", "signs", "expected"),
    [
        (LogisticFamily(), (0, 0), (-1, 1)),
        (LogisticFamily(), (1, 1), (0, 1)),
        (LogisticFamily(), (-1, 0), (-1, 1)),
        (LogisticFamily(), (1, -1), (1, 0)),
        (LogisticFamily(), (-1, -1), (0, 0)),
        # In a scorecard more evidence of bad is more bad, declared or not.
        (ScorecardFamily(), (0, 0), (0, 1)),
        (ScorecardFamily(), (1, 1), (0, 1)),
    ],
)


@LINEAR
def test_a_linear_model_leaves_out_what_would_turn_a_direction(
    family: LogisticFamily | ScorecardFamily, signs: tuple[int, int], expected: tuple[int, int]
) -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=2000)
    second = first + 0.3 * rng.normal(size=2000)
    label = label_of(3 * second - 2 * first)
    features = tuple(Feature(n, str(n), monotone=sign) for n, sign in enumerate(signs))
    made = prepare(family, features, np.column_stack([first, second]), label, 1)
    spec, _ = fit_model(family, made.rows, signs=made.signs, seed=1).export()
    assert isinstance(spec, LinearModel)
    assert tuple(np.sign(spec.weights).tolist()) == expected


@pytest.mark.parametrize("imbalance", ["class-weights", "smote"])
def test_boosting_stops_on_rows_that_weigh_what_they_weigh_for_the_fit(imbalance: str) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(6000, 8))
    label = (rng.random(6000) < 1 / (1 + np.exp(4.2 - values[:, 0]))).astype(np.int64)
    features = tuple(Feature(n, str(n)) for n in range(8))
    family = XGBoostFamily(rounds=400, eta=0.3, imputer="median").at({"imbalance": imbalance})
    made = prepare(family, features, values[:4000], label[:4000], 1)
    judged = made.judged(values[4000:], label[4000:])
    assert judged.weight is not None
    assert judged.weight[judged.label == 1].sum() == pytest.approx(
        judged.weight[judged.label == 0].sum(), rel=0.5
    )
    fitted = fit_model(family, made.rows, signs=made.signs, seed=1, watch=judged, threads=1)
    assert fitted.rounds < 100


@every
def test_the_same_model_comes_from_any_number_of_threads(family: Family) -> None:
    rng = np.random.default_rng(5)
    matrix = rng.normal(size=(3000, 6))
    label = label_of(matrix[:, 0] - matrix[:, 1] * matrix[:, 2])
    one, two = (fit(family, matrix, label, threads=n) for n in (1, 2))
    assert one.export() == two.export()
    assert same_bits(one.margin(matrix), two.margin(matrix))


@every
def test_weights_count_as_rows_do(family: Family) -> None:
    rng = np.random.default_rng(6)
    matrix = rng.normal(size=(200, 2))
    label = label_of(matrix[:, 0])
    family = family.at({"max_features": 1.0, "trees": 1}) if family.kind == "forest" else family
    twice = Rows(np.vstack([matrix, matrix[label == 1]]), np.append(label, label[label == 1]))
    weighted = Rows(matrix, label, np.where(label == 1, 2.0, 1.0))
    plain = Rows(matrix, label)
    fitted = [fit_model(family, r, signs=(0, 0), seed=1) for r in (plain, weighted, twice)]
    without, by_weight, by_rows = (1 / (1 + np.exp(-f.margin(matrix))) for f in fitted)
    assert by_weight.mean() > without.mean() + 0.05
    if family.kind != "forest":  # which draws its rows
        assert by_weight == pytest.approx(by_rows, abs=0.02)


def test_boosting_stops_where_the_watched_rows_get_no_better() -> None:
    rng = np.random.default_rng(7)
    matrix, fresh = rng.normal(size=(2, 400, 3))
    family = XGBoostFamily(rounds=400, eta=0.3, max_depth=4)
    watch = Rows(fresh, label_of(fresh[:, 0], 2))
    watched = fit(family, matrix, label_of(matrix[:, 0], 1), watch=watch)
    assert 1 <= watched.rounds < 100
    stopped = family.at({"rounds": watched.rounds})
    by_hand = fit(stopped, matrix, label_of(matrix[:, 0], 1))
    assert by_hand.rounds == 0
    assert same_bits(watched.margin(fresh), by_hand.margin(fresh))
    assert watched.export() == by_hand.export()


@trees
def test_a_bundle_of_too_many_trees_is_refused_with_its_size(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = np.random.default_rng(8).normal(size=(400, 3))
    fitted = fit(family, matrix, label_of(matrix[:, 0]))
    size = len(fitted.export()[1])
    monkeypatch.setattr(onnx, "_LARGEST", size)
    fitted.export()
    monkeypatch.setattr(onnx, "_LARGEST", size - 1)
    with pytest.raises(VintageError, match=r"^model: expected at most 0 MB of trees, found 0 MB; "):
        fitted.export()


def test_a_bundle_has_at_most_fifty_megabytes_of_trees() -> None:
    assert onnx._LARGEST == 50_000_000

"""Folds: both classes in each, a group on one side, and nothing learned from the judged side."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.contracts.errors import VintageError
from components.contracts.families import (
    Family,
    ForestFamily,
    LogisticFamily,
    ScorecardFamily,
    TreeFamily,
    XGBoostFamily,
)
from components.training import search
from components.training.columns import feature_list
from components.training.folds import Prepared, cut, draw, prepare
from components.training.search import Bench
from tests.making import REGIONS, data, inputs_of, same_bits, train_spec

Label = NDArray[np.int64]
FEATURES = feature_list(train_spec())
PREPARED: tuple[Family, ...] = (
    ScorecardFamily(search={}),
    ScorecardFamily(search={}, imbalance="class-weights"),
    LogisticFamily(search={}, encoder="woe", imputer="mode", scaler="robust", imbalance="smote"),
    LogisticFamily(search={}, scaler="min-max", imbalance="class-weights"),
    TreeFamily(search={}, encoder="woe", imbalance="smote"),
    ForestFamily(search={}, trees=4, encoder="woe", imbalance="class-weights"),
    XGBoostFamily(search={}, rounds=8, encoder="woe", scaler="standard"),
    XGBoostFamily(search={}, rounds=8, imputer="median", imbalance="smote"),
)
prepared = pytest.mark.parametrize(
    "family", PREPARED, ids=lambda f: f"{f.kind}-{f.encoder}-{f.imbalance}"
)


def label_of(bad: int, good: int) -> Label:
    """So many bad rows, spread over the good ones."""
    label = np.zeros(bad + good, dtype=np.int64)
    label[np.linspace(0, bad + good - 1, bad).astype(int)] = 1
    return label


@pytest.mark.parametrize(("bad", "good", "folds"), [(50, 90, 5), (30, 200, 3), (90, 50, 5)])
def test_every_row_is_judged_once_and_both_classes_are_in_every_fold(
    bad: int, good: int, folds: int
) -> None:
    label = label_of(bad, good)
    made = cut(label, None, folds=folds, seed=1)
    assert sorted(np.concatenate([fold.judge for fold in made])) == list(range(bad + good))
    for fold in made:
        assert sorted([*fold.fit, *fold.judge]) == list(range(bad + good))
        assert label[fold.judge].mean() == pytest.approx(label.mean(), abs=0.1)
        assert {0, 1} == set(label[fold.judge]) == set(label[fold.fit])


def test_the_same_seed_cuts_the_same_folds() -> None:
    label = label_of(40, 60)
    first, again, other = (cut(label, None, folds=4, seed=seed) for seed in (1, 1, 2))
    assert [f.judge.tolist() for f in first] == [f.judge.tolist() for f in again]
    assert [f.judge.tolist() for f in first] != [f.judge.tolist() for f in other]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(2, 4), st.floats(0.3, 0.7))
def test_rows_of_one_group_are_in_one_fold_or_the_cut_is_refused(
    seed: int, groups: int, folds: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    label = (rng.random(120) < share).astype(np.int64)
    group = rng.integers(0, groups, 120)
    try:
        made = cut(label, group, folds=folds, seed=1)
    except VintageError as refused:
        assert str(refused).startswith("training: expected ")
        return
    assert sorted(np.concatenate([fold.judge for fold in made])) == list(range(120))
    for fold in made:
        assert not set(group[fold.fit]) & set(group[fold.judge])
        assert {0, 1} == set(label[fold.judge]) == set(label[fold.fit])


@pytest.mark.parametrize(("groups", "folds"), [(400, 5), (3_000, 5), (60, 3)])
def test_folds_of_groups_have_the_classes_and_the_rows_shared_out(groups: int, folds: int) -> None:
    rng = np.random.default_rng(groups)
    group = np.minimum(rng.geometric(3 / groups, 10 * groups), groups)  # some have many rows
    label = (rng.random(len(group)) < 0.05 + 0.3 * (group % 7 == 0)).astype(np.int64)
    made = cut(label, group, folds=folds, seed=1)
    for fold in made:
        assert label[fold.judge].mean() == pytest.approx(label.mean(), rel=0.15)
        assert len(fold.judge) == pytest.approx(len(label) / folds, rel=0.15)
    again, other = (cut(label, group, folds=folds, seed=seed) for seed in (1, 2))
    assert [f.judge.tolist() for f in again] == [f.judge.tolist() for f in made]
    assert [f.judge.tolist() for f in other] != [f.judge.tolist() for f in made]


@pytest.mark.parametrize("rows", [10, 333, 999])
def test_rows_are_drawn_in_proportion_and_by_the_seed(rows: int) -> None:
    label = label_of(300, 700)
    found = draw(label, None, rows=rows, seed=1)
    assert len(found) == len(set(found)) == rows
    assert (np.diff(found) > 0).all()
    assert label[found].sum() == pytest.approx(0.3 * rows, abs=0.5)
    assert draw(label, None, rows=rows, seed=1).tolist() == found.tolist()
    assert draw(label, None, rows=rows, seed=2).tolist() != found.tolist()


@pytest.mark.parametrize("rows", [None, 1_000, 5_000])
@pytest.mark.parametrize("grouped", [False, True])
def test_where_no_more_are_there_all_rows_are_drawn(rows: int | None, grouped: bool) -> None:
    groups = np.arange(1_000) // 3 if grouped else None
    found = draw(label_of(300, 700), groups, rows=rows, seed=1)
    assert found.tolist() == list(range(1_000))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(50, 400))
def test_groups_are_drawn_whole(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    group = rng.integers(-(2**62), 2**62, 80)[rng.integers(0, 80, 500)]
    found = draw(label_of(100, 400), group, rows=rows, seed=seed)
    assert rows - np.unique(group, return_counts=True)[1].max() < len(found) <= rows
    assert not set(group[found]) & set(np.delete(group, found))
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize(
    ("label", "groups", "message"),
    [
        (label_of(49, 200), None, "for 5 folds, found 49 among 249 rows"),
        # A table of thirty rows leaves eighteen to train on.
        (
            label_of(5, 13),
            None,
            "training: expected at least 50 rows of each class for 5 folds, found 5 among 18 rows",
        ),
        (label_of(200, 9), None, "for 5 folds, found 9 among 209 rows"),
        (label_of(0, 100), None, "for 5 folds, found 0 among 100 rows"),
        (
            label_of(50, 50),
            np.arange(100) % 4,
            "training: expected at least 5 groups for 5 folds, found 4 among 100 rows",
        ),
        (
            label_of(50, 50),
            np.zeros(100, dtype=np.int64),
            "5 groups for 5 folds, found 1 among 100 rows",
        ),
        # All bad rows are of one group: they cannot be in every fold.
        (
            np.repeat([1, 0], [50, 80]),
            np.array([0] * 50 + [n % 20 + 1 for n in range(80)]),
            "training: expected both classes in every fold, found too few of one in fold ",
        ),
        # Of one group but nine: where it is judged, there is nothing to fit on.
        (
            np.repeat([1, 0], [50, 80]),
            np.array([0] * 41 + [*range(1, 10)] + [n % 20 + 1 for n in range(80)]),
            "found too few of one in fold ",
        ),
    ],
)
def test_rows_too_few_for_the_folds_are_refused_with_the_numbers(
    label: Label, groups: Any, message: str
) -> None:
    with pytest.raises(VintageError) as refused:
        cut(label, groups, folds=5, seed=1)
    assert message in str(refused.value)


def fitted_on_the_first_fold(
    family: Family, values: Any, label: Label, folds: Any
) -> tuple[Prepared, NDArray[np.float64]]:
    """What a fold's fitting side taught: the prepared rows, and the model's answers."""
    seen: list[Prepared] = []

    def spy(*given: Any) -> Prepared:
        seen.append(prepare(*given))
        return seen[-1]

    with patch.object(search, "prepare", spy):
        bench = Bench(FEATURES, values, label, folds, 1)
        fitted, _ = bench.fit(family, 0, lane=0, stopping=False)
    probe = np.linspace(-2, 60, 50 * len(seen[0].signs)).reshape(50, -1)
    return seen[0], fitted.margin(probe)


@prepared
@settings(deadline=None, max_examples=4)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_judged_side_of_a_fold_teaches_nothing(family: Family, seed: int) -> None:
    made = data(240)
    folds = cut(made.label, None, folds=3, seed=1)
    before, margin = fitted_on_the_first_fold(family, made.features, made.label, folds)
    rng = np.random.default_rng(seed)
    values, label = made.features.copy(), made.label.copy()
    judged = folds[0].judge
    values[judged] = rng.normal(0, 1e5, (len(judged), values.shape[1]))
    values[judged, 2] = rng.integers(0, len(REGIONS), len(judged))
    label[judged] = rng.permutation(label[judged])
    after, other = fitted_on_the_first_fold(family, values, label, folds)
    assert after.columns == before.columns
    assert same_bits(after.rows.matrix, before.rows.matrix)
    assert after.rows.label.tolist() == before.rows.label.tolist()
    assert np.array_equal(after.rows.weight, before.rows.weight)  # type: ignore[arg-type]
    assert same_bits(margin, other)


@prepared
def test_the_fitting_side_of_a_fold_does_teach(family: Family) -> None:
    made = data(240)
    folds = cut(made.label, None, folds=3, seed=1)
    _, margin = fitted_on_the_first_fold(family, made.features, made.label, folds)
    values = made.features.copy()
    values[folds[0].fit] = inputs_of(len(folds[0].fit), 99)[:, [0, 1, 2, 3, 3]]
    _, other = fitted_on_the_first_fold(family, values, made.label, folds)
    assert not same_bits(margin, other)


def test_made_up_rows_even_the_classes_on_the_fitting_side_alone() -> None:
    made, family = data(240), LogisticFamily(imbalance="smote", search={})
    folds = cut(made.label, None, folds=3, seed=1)
    bench = Bench(FEATURES, made.features, made.label, folds, 1)
    for number, fold in enumerate(folds):
        own = prepare(family, FEATURES, made.features[fold.fit], made.label[fold.fit], 1)
        plain = prepare(
            replace_imbalance(family, "none"),
            FEATURES,
            made.features[fold.fit],
            made.label[fold.fit],
            1,
        )
        rows = len(fold.fit)
        assert same_bits(own.rows.matrix[:rows], plain.rows.matrix)
        assert own.rows.label[:rows].tolist() == made.label[fold.fit].tolist()
        assert own.rows.label.mean() == 0.5
        assert len(own.rows.label) > rows
        _, judged = bench.fit(family, number, lane=0, stopping=False)
        assert judged.label.tolist() == made.label[fold.judge].tolist()
        assert same_bits(judged.matrix, plain.encode(made.features[fold.judge]))


def replace_imbalance(family: LogisticFamily, imbalance: str) -> LogisticFamily:
    """The family with other weights or rows."""
    return family.at({"imbalance": imbalance})


@pytest.mark.parametrize(("bad", "good"), [(10, 90), (50, 50), (90, 10)])
def test_class_weights_give_both_classes_half_and_leave_the_sum(bad: int, good: int) -> None:
    label = label_of(bad, good)
    family = XGBoostFamily(imbalance="class-weights", search={})
    rows = prepare(family, FEATURES, inputs_of(100, 1)[:, [0, 1, 2, 3, 3]], label, 1).rows
    assert rows.weight is not None
    assert rows.weight.sum() == pytest.approx(100)
    assert rows.weight[label == 1].sum() == pytest.approx(50)


def test_rows_that_are_not_weighted_all_count_the_same() -> None:
    rows = prepare(XGBoostFamily(), FEATURES, data(60).features, data(60).label, 1).rows
    assert rows.weight is None
    assert len(rows.label) == 60


def test_the_directions_go_with_the_columns() -> None:
    signs = (-1, 0, 0, 1, 0)
    features = tuple(replace(f, monotone=sign) for f, sign in zip(FEATURES, signs, strict=True))
    made = data(200)
    trees = prepare(TreeFamily(), features, made.features, made.label, 1)
    assert trees.signs == (-1, 0, 1, 0, 0, 0, 0)  # four numbers, then three regions
    # Bins go the declared way already: more weight of evidence is more bad, in every column.
    card = prepare(ScorecardFamily(), features, made.features, made.label, 1)
    assert card.signs == (1, 1, 1, 1, 1)

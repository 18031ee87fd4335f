"""The families: what each may be, and what of it may be searched."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.contracts.base import Contract
from components.contracts.families import (
    Between,
    Choice,
    Family,
    ForestFamily,
    LogisticFamily,
    ScorecardFamily,
    Search,
    Space,
    Training,
    TreeFamily,
    XGBoostFamily,
)

KINDS: tuple[type[Family], ...] = (  # type: ignore[valid-type]
    ScorecardFamily,
    LogisticFamily,
    TreeFamily,
    ForestFamily,
    XGBoostFamily,
)
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def grid(*families: Any, trials: int = 6) -> Training:
    """A training that searches every family by grid."""
    by_grid = tuple(family.at({"method": "grid"}) for family in families)
    return Training(families=by_grid, search=Search(trials=trials))


def searched(**spaces: Space) -> XGBoostFamily:
    """Boosting that searches these parameters."""
    return XGBoostFamily(search=spaces)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: XGBoostFamily(imbalance="smote"),
            "xgboost: smote needs an imputer, it cannot mix missing values",
        ),
        (lambda: ScorecardFamily(imbalance="smote"), "Input should be 'none' or 'class-weights'"),
        (lambda: ScorecardFamily(encoder="one-hot"), "Input should be 'woe'"),
        (lambda: ScorecardFamily(imputer="median"), "Input should be 'none'"),
        (lambda: ScorecardFamily(scaler="standard"), "Input should be 'none'"),
        (lambda: ScorecardFamily(most_bins=1), "greater than or equal to 2"),
        (lambda: LogisticFamily(imputer="none"), "Input should be 'median' or 'mode'"),
        (lambda: LogisticFamily(scaler="log"), "'none', 'standard', 'min-max' or 'robust'"),
        (lambda: LogisticFamily(encoder="target"), "Input should be 'one-hot', 'ordinal' or 'woe'"),
        (lambda: LogisticFamily(inverse_penalty=0.0), "greater than 0"),
        (lambda: TreeFamily(imputer="none"), "Input should be 'median' or 'mode'"),
        (lambda: TreeFamily(max_depth=13), "less than or equal to 12"),
        (lambda: TreeFamily(least_share=0.0), "greater than 0"),
        (lambda: ForestFamily(imputer="none"), "Input should be 'median' or 'mode'"),
        (lambda: ForestFamily(trees=501), "less than or equal to 500"),
        (lambda: ForestFamily(max_features=0.0), "greater than 0"),
        (lambda: XGBoostFamily(rounds=0), "greater than or equal to 1"),
        (lambda: XGBoostFamily(rounds=2001), "less than or equal to 2000"),
        (lambda: XGBoostFamily(eta=0.0), "greater than 0"),
        (lambda: XGBoostFamily(max_depth=11), "less than or equal to 10"),
        (
            lambda: searched(depth=Choice(values=(3,))),
            "xgboost: search names depth; expected one of ['colsample_bynode', ",
        ),
        (lambda: searched(kind=Choice(values=("xgboost",))), "xgboost: search names kind; "),
        (lambda: searched(search=Choice(values=(1,))), "xgboost: search names search; "),
        (lambda: searched(method=Choice(values=("grid",))), "xgboost: search names method; "),
        (
            lambda: searched(eta=Between(low=0.1, high=2)),
            "xgboost: search of eta reaches 1.05: Input should be less than or equal to 1",
        ),
        (
            lambda: searched(max_depth=Choice(values=(3, 11))),
            "xgboost: search of max_depth reaches 11: Input should be less than or equal to 10",
        ),
        (
            lambda: searched(encoder=Choice(values=("woe", "target"))),
            "xgboost: search of encoder reaches target: Input should be 'one-hot', 'ordinal' or",
        ),
        (
            lambda: searched(imbalance=Choice(values=("none", "smote"))),
            "xgboost: search of imbalance reaches smote: Value error, xgboost: smote needs an",
        ),
        (
            lambda: searched(max_depth=Between(low=2, high=6)),
            "xgboost: search of max_depth: expected whole numbers; say whole",
        ),
        (
            lambda: ScorecardFamily(search={"imputer": Choice(values=("median",))}),
            "scorecard: search of imputer reaches median: Input should be 'none'",
        ),
        (lambda: Choice(values=()), "at least 1 item"),
        (lambda: Between(low=1, high=1), "search: expected low below high, found 1 to 1"),
        (lambda: Between(low=2, high=1), "search: expected low below high, found 2 to 1"),
        (
            lambda: Between(low=0, high=1, log=True),
            "search: expected low below high, above 0, found 0 to 1",
        ),
        (
            lambda: Between(low=0.5, high=3, whole=True),
            "search: expected whole numbers as bounds, found 0.5 to 3",
        ),
        (lambda: Between(low=0, high=float("inf")), "Input should be a finite number"),
        (lambda: Between(low=0, high=1, steps=1), "greater than or equal to 2"),
        (lambda: Search(trials=0), "greater than or equal to 1"),
        (lambda: Search(folds=1), "greater than or equal to 2"),
        (lambda: TreeFamily(method="guess"), "Input should be 'tpe', 'random' or 'grid'"),
        # One place says it: the family.
        (lambda: Search(method="grid"), "Extra inputs are not permitted"),
        (lambda: Search(rows=10), "greater than or equal to 1000"),
        (lambda: Training(families=()), "at least 1 item"),
        (
            lambda: Training(families=(TreeFamily(), LogisticFamily(), TreeFamily(max_depth=2))),
            "training: a family is declared twice in ['tree', 'logistic', 'tree']",
        ),
        (
            lambda: grid(
                searched(max_depth=Choice(values=(2, 3)), eta=Between(low=0.1, high=1, steps=4))
            ),
            "training: xgboost: expected a grid of at most 6 trials, found 8 points; "
            "raise trials, or declare fewer steps",
        ),
        (lambda: grid(LogisticFamily(), XGBoostFamily()), "xgboost: expected a grid of at most 6"),
        (
            lambda: Training(
                families=(XGBoostFamily(method="random"), TreeFamily(method="grid")),
                search=Search(trials=8),
            ),
            "training: tree: expected a grid of at most 8 trials, found 9 points",
        ),
    ],
)
def test_a_wrong_training_is_refused_with_its_reason(
    make: Callable[[], Contract], message: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("make", "points"),
    [
        (lambda: grid(searched(eta=Between(low=0.1, high=1, steps=6))), 6),
        (lambda: grid(searched(eta=Choice(values=(0.1,)), max_depth=Choice(values=(2, 3)))), 2),
        (lambda: grid(XGBoostFamily(search={})), 1),
        (lambda: grid(TreeFamily(), trials=9), 9),
    ],
)
def test_a_grid_no_larger_than_the_trials_is_accepted(
    make: Callable[[], Training], points: int
) -> None:
    (family,) = make().families
    found = 1
    for space in family.spaces().values():
        found *= len(space.grid())
    assert found == points


@pytest.mark.parametrize("method", ["tpe", "random"])
def test_the_size_of_a_grid_matters_to_a_family_that_is_searched_by_grid_only(method: Any) -> None:
    wide = searched(eta=Between(low=0.1, high=1, steps=50)).at({"method": method})
    small = TreeFamily(method="grid", search={"max_depth": Choice(values=(2, 3))})
    training = Training(families=(wide, small), search=Search(trials=2))
    assert [family.method for family in training.families] == [method, "grid"]


@pytest.mark.parametrize(
    ("space", "points"),
    [
        (Choice(values=("a", 2, 0.5)), ("a", 2, 0.5)),
        (Between(low=0, high=1), (0, 0.5, 1)),
        (Between(low=-1, high=1, steps=5), (-1, -0.5, 0, 0.5, 1)),
        (Between(low=0.01, high=100, log=True), (0.01, 1, 100)),
        (Between(low=0.001, high=10, log=True, steps=2), (0.001, 10)),
        (Between(low=2, high=8, whole=True), (2, 5, 8)),
        (Between(low=1, high=2, whole=True, steps=9), (1, 2)),
        (Between(low=1, high=100, whole=True, log=True), (1, 10, 100)),
    ],
)
def test_a_grid_reaches_from_end_to_end(space: Space, points: tuple[float | str, ...]) -> None:
    assert space.grid() == pytest.approx(points)
    assert all(space.holds(point) for point in space.grid())


@pytest.mark.parametrize(
    ("space", "value", "held"),
    [
        (Choice(values=("a", 2)), "a", True),
        (Choice(values=("a", 2)), 2, True),
        (Choice(values=("a", 2)), 3, False),
        (Between(low=1, high=2), 1, True),
        (Between(low=1, high=2), 2.0, True),
        (Between(low=1, high=2), 2.1, False),
        (Between(low=1, high=2), 0.9, False),
        (Between(low=1, high=2), "1", False),
    ],
)
def test_a_space_knows_what_it_holds(space: Space, value: object, held: bool) -> None:
    assert space.holds(value) is held


@given(
    st.floats(1e-6, 1e6), st.floats(1.001, 1e6), st.booleans(), st.booleans(), st.integers(2, 40)
)
@example(116508.81897512765, 10.0, False, False, 2)
def test_no_point_of_a_grid_is_out_of_its_bounds(
    low: float, factor: float, log: bool, whole: bool, steps: int
) -> None:
    high = low * factor
    if whole:
        low, high = float(int(low) + 1), float(int(high) + 2)
    space = Between(low=low, high=high, log=log, whole=whole, steps=steps)
    points = space.grid()
    assert all(space.holds(point) for point in points)
    assert list(points) == sorted(points)
    assert not whole or all(isinstance(point, int) for point in points)


@kinds
def test_a_family_has_spaces_of_its_own_unless_it_is_told_others(kind: Any) -> None:
    assert kind().spaces() == kind.SPACES
    assert set(kind.SPACES) < set(kind().parameters())
    assert not {"kind", "method", "search"} & set(kind().parameters())
    assert kind(search={}).spaces() == {}
    # Its own spaces are spaces that a declaration could name.
    assert kind(search=kind.SPACES).spaces() == kind.SPACES


@kinds
def test_a_family_at_other_parameters_is_the_same_but_for_them(kind: Any) -> None:
    family = kind(method="random", search={})
    for name, space in kind.SPACES.items():
        point = space.grid()[-1]
        moved = family.at({name: point})
        assert moved.parameters() == {**family.parameters(), name: point}
        assert (moved.kind, moved.method, moved.search) == (family.kind, "random", {})


def test_a_family_at_parameters_out_of_its_bounds_is_refused() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        XGBoostFamily().at({"eta": 3})


@kinds
def test_a_family_is_told_by_its_kind_and_comes_back_from_its_text(kind: Any) -> None:
    made = Training.model_validate({"families": [{"kind": kind().kind}]})
    assert made.families == (kind(),)
    whole = Training(families=(kind(search=kind.SPACES),))
    assert Training.model_validate_json(whole.model_dump_json()) == whole


def test_a_family_of_no_known_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="'scorecard', 'logistic', 'tree', 'forest'"):
        Training.model_validate({"families": [{"kind": "oracle"}]})


@kinds
def test_no_family_takes_an_unknown_key_or_changes_later(kind: Any) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        kind(surprise=1)
    made = kind()
    with pytest.raises(ValidationError, match="Instance is frozen"):
        made.search = {}


def test_at_least_twenty_parameter_sets_on_five_folds_are_tried_unless_declared_otherwise() -> None:
    training = Training(families=(TreeFamily(),))
    assert (training.search.trials, training.search.folds) == (20, 5)
    assert training.families[0].method == "tpe"

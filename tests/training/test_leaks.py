"""Leaks that are planted are found by name, and honest features are not blamed."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.contracts.errors import VintageError
from components.contracts.modelling import Feature as Declared
from components.training import leaks
from components.training.columns import Feature
from components.training.leaks import MOST_ALONE, outcome, shared_groups, twins
from components.training.matrix import Data, check
from tests.making import data, inputs_of, train_spec, with_features

Values = NDArray[np.float64]
Label = NDArray[np.int64]
Make = Callable[[Label, np.random.Generator], Values]
ROWS = 4_000


def flipped(label: Label, rng: np.random.Generator, share: float) -> Values:
    """The label, wrong in a share of the rows."""
    return np.where(rng.random(len(label)) < share, 1 - label, label).astype(np.float64)


def income(rng: np.random.Generator) -> Values:
    return rng.lognormal(10, 0.6, ROWS)


def after_the_fact(label: Label, rng: np.random.Generator) -> Values:
    """Fees, reminders and days late, summed: few good clients ever have any."""
    late = rng.poisson(9, ROWS) + 3.0
    return np.where(label == 1, late, np.where(rng.random(ROWS) < 0.015, late, 0.0))


LEAKS: dict[str, tuple[int, Make]] = {
    "the label": (0, lambda y, _: y.astype(np.float64)),
    "the label turned about": (0, lambda y, _: 1.0 - y),
    "the label with noise": (0, lambda y, rng: y + rng.normal(0, 0.3, ROWS)),
    "the label shifted and scaled": (0, lambda y, rng: 5e6 + y * 1e-3 + rng.random(ROWS) * 1e-5),
    "the label times income": (0, lambda y, rng: y * income(rng)),
    "the label with 1 % flipped": (0, lambda y, rng: flipped(y, rng, 0.01)),
    "missing where bad": (0, lambda y, rng: np.where(y == 1, np.nan, income(rng))),
    "known only where bad": (0, lambda y, rng: np.where(y == 1, income(rng), np.nan)),
    "a sum of what came after": (0, after_the_fact),
    "a band between the good ones": (
        0,
        lambda y, rng: np.where(y == 1, 50, rng.choice([20, 80], ROWS)) + rng.normal(0, 5, ROWS),
    ),
    "a category of the bad": (
        3, lambda y, rng: np.where(y == 1, 1, rng.choice([0, 2], ROWS)) + 0.0,
    ),
    "many categories, half of them bad": (
        80, lambda y, rng: 2.0 * rng.integers(0, 40, ROWS) + y,
    ),
    "a category, missing where bad": (
        3, lambda y, rng: np.where(y == 1, np.nan, rng.integers(0, 3, ROWS)),
    ),
}  # fmt: skip

HONEST: dict[str, tuple[int, Make]] = {
    # Bad rows 1.81 deviations above the good ones: an AUC of 0.90.
    "a score of AUC 0.90": (0, lambda y, rng: rng.normal(size=ROWS) + 1.81 * y),
    "a score of AUC 0.95": (0, lambda y, rng: rng.normal(size=ROWS) - 2.33 * y),
    "noise": (0, lambda _, rng: rng.random(ROWS)),
    "a rare flag that is never wrong": (
        0, lambda y, rng: ((y == 1) & (rng.random(ROWS) < 0.1)) + 0.0,
    ),
    "the label with a tenth flipped": (0, lambda y, rng: flipped(y, rng, 0.1)),
    "missing more often where bad": (
        0, lambda y, rng: np.where(rng.random(ROWS) < 0.1 + 0.5 * y, np.nan, income(rng)),
    ),
    "a number of its own for each row": (0, lambda _, rng: rng.permutation(ROWS) + 0.0),
    "a category for every other row": (
        ROWS // 2, lambda _, rng: rng.integers(0, ROWS // 2, ROWS) + 0.0,
    ),
    "four rows a category": (ROWS // 4, lambda _, rng: rng.permutation(ROWS) // 4 + 0.0),
    "a strong category": (4, lambda y, rng: np.where(rng.random(ROWS) < 0.7, y, 2 + y * 0) + 0.0),
    "days late at the time": (
        0, lambda y, rng: rng.poisson(20, ROWS) * (rng.random(ROWS) < 0.05 + 0.6 * y) + 0.0,
    ),
    "almost always missing": (
        0, lambda y, rng: np.where(rng.random(ROWS) < 0.99, np.nan, y + 0.0),
    ),
}  # fmt: skip


def faulted(categories: int, make: Make, *, seed: int, bad: float) -> str:
    rng = np.random.default_rng(seed)
    label = (rng.random(ROWS) < bad).astype(np.int64)
    return outcome(Feature(0, "F", categories), make(label, rng), label)


@pytest.mark.parametrize("bad", [0.05, 0.3])
@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found_by_its_name(leak: str, bad: float) -> None:
    for seed in range(3):
        fault = faulted(*LEAKS[leak], seed=seed, bad=bad)
        assert fault.startswith("feature F: expected an AUC below 0.98 of it alone, found "), seed
        assert fault.endswith(": it knows the outcome")


@pytest.mark.parametrize("bad", [0.05, 0.3])
@pytest.mark.parametrize("feature", HONEST)
def test_an_honest_feature_is_not_blamed(feature: str, bad: float) -> None:
    for seed in range(3):
        assert faulted(*HONEST[feature], seed=seed, bad=bad) == "", seed


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 40]), st.floats(0, 1))
def test_the_order_of_the_rows_is_not_the_scale_and_chance_is_no_leak(
    seed: int, categories: int, missing: float
) -> None:
    rng = np.random.default_rng(seed)
    label = (rng.random(600) < 0.2).astype(np.int64)
    values = rng.integers(0, 40, 600).astype(np.float64)
    values[rng.random(600) < missing] = np.nan
    feature = Feature(0, "F", categories)
    found = leaks._alone(feature, values, label)
    assert 0.3 < found < 0.8
    if not categories:
        assert leaks._alone(feature, values * 1e-9 + 3, label) == found
    assert leaks._alone(feature, label + 0.0, label) >= MOST_ALONE


def test_a_leak_fails_the_run_beside_what_else_is_wrong_with_the_features() -> None:
    made = data(600)
    made.features[:, 0] = 7.0
    made.features[:, 3] = made.label + np.random.default_rng(1).normal(0, 0.2, 600)
    with pytest.raises(VintageError) as refused:
        check(made, train_spec())
    first, second = str(refused.value).splitlines()
    assert first.startswith("feature INCOME: expected values that differ, found 7")
    assert second.startswith("feature AMOUNT: expected an AUC below 0.98 of it alone, found 0.9")


def people(rng: np.random.Generator, persons: int, times: float) -> tuple[Values, Label]:
    """Rows of persons that each apply some times, alike in every input; and whose they are."""
    each = np.column_stack(
        [
            rng.normal(40, 10, persons),
            np.where(rng.random(persons) < 0.2, np.nan, rng.exponential(6, persons)),
            rng.integers(0, 3, persons),
            rng.lognormal(10, 0.5, persons).round(-3),
        ]
    )
    who = np.repeat(np.arange(persons), 1 + rng.poisson(times, persons))
    return each[who], who


def split(values: Values, place: NDArray[np.int64]) -> dict[str, Values]:
    """Sides by a number of each row: a fifth to test, a fifth to validate."""
    return {
        "train": values[place % 5 > 1], "validation": values[place % 5 == 1],
        "test": values[place % 5 == 0],
    }  # fmt: skip


def test_persons_on_both_sides_are_found_with_their_numbers() -> None:
    rng = np.random.default_rng(3)
    values, who = people(rng, 800, 2.0)
    on_one_side, anywhere = split(values, who), split(values, rng.permutation(len(values)))
    assert twins(on_one_side) == []
    faults = twins(anywhere)
    assert [fault.split(" rows to be")[0].rpartition(" ")[2] for fault in faults] == [
        "validation", "test",
    ]  # fmt: skip
    rows = f"(800 distinct profiles among {len(values):,} rows)"
    for fault, side in zip(faults, ("validation", "test"), strict=True):
        assert fault.startswith("identical profiles: expected at most ")
        assert f" of {len(anywhere[side]):,} {rows}; group the split by the columns of" in fault


@pytest.mark.parametrize("share", [0.3, 0.1])
def test_a_few_persons_on_both_sides_are_found_too(share: float) -> None:
    rng = np.random.default_rng(5)
    values, who = people(rng, 1_000, 2.0)
    leaking = rng.random(len(values)) < share
    place = np.where(leaking, rng.integers(0, 1000, len(values)), who)
    assert len(twins(split(values, place))) == 2


CHANCE: dict[str, Callable[[np.random.Generator, int], Values]] = {
    "numbers of many digits": lambda rng, n: rng.normal(size=(n, 4)),
    "three flags": lambda rng, n: rng.integers(0, 2, (n, 3)) + 0.0,
    "bands": lambda rng, n: rng.integers(0, 5, (n, 6)) + 0.0,
    "bands, often missing": lambda rng, n: np.where(
        rng.random((n, 6)) < 0.3, np.nan, rng.integers(0, 6, (n, 6))
    ),
    "bands that go together": lambda rng, n: (
        np.clip(rng.integers(0, 6, (n, 1)) + rng.integers(-1, 2, (n, 7)), 0, 6) + 0.0
    ),
    "clients without a history": lambda rng, n: np.where(
        rng.random((n, 1)) < 0.4, 0.0, rng.normal(size=(n, 8))
    ),
}


@pytest.mark.parametrize("how", CHANCE)
@pytest.mark.parametrize("rows", [1_000, 30_000])
def test_rows_that_are_alike_by_chance_are_nobody_twice(how: str, rows: int) -> None:
    rng = np.random.default_rng(7)
    assert twins(split(CHANCE[how](rng, rows), np.arange(rows))) == []


def test_profiles_are_looked_at_where_groups_are_kept_on_one_side_alone() -> None:
    made = data(600)
    rng = np.random.default_rng(1)
    for side in ("validation", "test"):
        rows = np.flatnonzero(made.rows(side))
        taken = rng.choice(np.flatnonzero(made.rows("train")), len(rows))
        for values in (made.inputs, made.features):
            values[rows] = values[taken]
    grouped = replace(made, groups=np.arange(600))
    spec = train_spec()
    check(grouped, spec.model_copy(update={"groups": "folds"}))
    with pytest.raises(VintageError, match=r"^identical profiles: .*validation rows(.|\n)*test"):
        check(grouped, spec.model_copy(update={"groups": "sides"}))


def test_features_that_say_one_column_again_and_again_make_nobody_a_twin() -> None:
    rng = np.random.default_rng(7)
    inputs = inputs_of(2_000, 7)
    inputs[:, 1], inputs[:, 3] = rng.integers(0, 2, 2_000), rng.integers(1, 41, 2_000) * 100
    texts = ("AMOUNT * 1", "AMOUNT / 12", "AMOUNT * AMOUNT", "AMOUNT * (VISITS == 1)")
    features = (
        Declared(name=f"F{number}", title=text, expression=text)
        for number, text in enumerate(texts)
    )
    spec = train_spec(features=tuple(features)).model_copy(update={"groups": "sides"})
    made = with_features(inputs[:, [1, 3]], rng.integers(0, 2, 2_000), spec)
    check(replace(made, groups=np.arange(2_000)), spec)


SIDES = {"train": [1, 2, 2], "validation": [3, 4], "test": [5, 1, 1, 4]}


def test_a_group_on_two_sides_is_counted_once() -> None:
    sides = {side: np.array(groups) for side, groups in SIDES.items()}
    assert shared_groups(sides) == [
        "group: expected each on one side of train, validation, test, found 2 on several"
    ]
    del sides["test"]
    assert shared_groups(sides) == []


@pytest.mark.parametrize(
    ("groups", "other", "faulty"),
    [
        ("folds", "test", False),
        ("folds", "validation", True),
        ("sides", "test", True),
        ("sides", "validation", True),
    ],
)
def test_groups_are_on_one_side_of_what_the_split_promises(
    groups: str, other: str, faulty: bool
) -> None:
    made: Data = replace(data(300), groups=np.arange(300))
    assert made.groups is not None
    made.groups[np.flatnonzero(made.rows(other))[0]] = made.groups[made.rows("train")][0]
    spec = train_spec().model_copy(update={"groups": groups})
    if not faulty:
        check(made, spec)
        return
    with pytest.raises(
        VintageError, match=r"^group: expected each on one side of train, .*found 1"
    ):
        check(made, spec)

"""Bins: where their edges lie, which way their weights go, and what a weight is."""

from collections.abc import Callable, Sequence
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.training.bins import NumberBins, Weights, bin_category, bin_number

NAN = float("nan")
Values = NDArray[np.float64]
Label = NDArray[np.int64]


def rows_of(found: NumberBins, values: Values) -> list[int]:
    """How many rows each bin holds, special codes and missing values left out."""
    own = np.isnan(values) | np.isin(values, [code for code, _ in found.special])
    place = np.searchsorted(found.edges, values[~own], side="left")
    return np.bincount(place, minlength=len(found.edges) + 1).tolist()


def labels(*groups: tuple[int, int]) -> Label:
    """For each group its bad rows, then its good ones."""
    parts = [part for bad, good in groups for part in (np.ones(bad), np.zeros(good))]
    return np.concatenate(parts).astype(np.int64)


def weigher(label: Label) -> Callable[[int, int], float]:
    """The weight of a bin with so many bad and good rows, among these."""
    return lambda bad, good: float(Weights(label).of(bad, good))


@st.composite
def tables(draw: st.DrawFn) -> tuple[Values, Label]:
    """Values with ties, gaps and codes; the label rises, falls, waves or does not care."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, kinds = draw(st.integers(1, 400)), draw(st.integers(1, 60))
    # Steps far below what float32 tells apart, and far above.
    step = draw(st.sampled_from([1e-12, 1e-8, 1.0, 1e6]))
    values = 1.0 + step * rng.integers(-kinds, kinds + 1, rows).astype(np.float64)
    turn = draw(st.sampled_from([-8.0, -1.0, 0.0, 1.0, 8.0]))
    place = np.argsort(np.argsort(values)) / rows - 0.5
    if draw(st.booleans()):
        place = np.sin(9 * place)
    label = (rng.random(rows) < 1 / (1 + np.exp(-turn * place))).astype(np.int64)
    values[rng.random(rows) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = np.nan
    return values, label


@settings(deadline=None, max_examples=150)
@given(tables(), st.sampled_from([-1, 0, 1]), st.integers(2, 12), st.integers(1, 40), st.booleans())
def test_bins_keep_every_promise_on_any_rows(
    table: tuple[Values, Label], monotone: int, most: int, least: int, special: bool
) -> None:
    values, label = table
    codes = tuple(np.unique(values[~np.isnan(values)])[:1].tolist()) if special else ()
    found = bin_number(
        values, label, most_bins=most, least_rows=least, monotone=monotone, special=codes
    )
    rows = rows_of(found, values)
    assert len(found.woe) == len(found.edges) + 1 == len(rows) <= most
    assert len(rows) == 1 or min(rows) >= least
    assert set(found.edges) <= set(values.tolist())
    assert list(found.edges) == sorted(set(found.edges))
    assert (np.diff(found.woe) * monotone >= 0).all()
    assert np.isfinite([*found.woe, found.missing, *(woe for _, woe in found.special)]).all()
    assert tuple(code for code, _ in found.special) == codes


@pytest.mark.parametrize(
    ("monotone", "rises", "bins"), [(1, True, 4), (-1, False, 4), (1, False, 1), (-1, True, 1)]
)
def test_a_trend_against_the_declared_direction_leaves_one_bin(
    monotone: int, rises: bool, bins: int
) -> None:
    values = np.repeat(np.arange(4.0), 100)
    label = labels(*((share, 100 - share) for share in (10, 30, 50, 80)))
    found = bin_number(
        values if rises else 3 - values, label, most_bins=8, least_rows=20, monotone=monotone
    )
    assert len(found.woe) == bins
    assert len(set(found.woe)) == bins


def test_bins_whose_weights_go_the_wrong_way_become_one() -> None:
    # Rates rise: 5 in 30, 29 in 30, 1 in 1. But one row says less than thirty do.
    values = np.repeat([0.0, 1.0, 2.0], [30, 30, 1])
    label = labels((5, 25), (29, 1), (1, 0))
    free = bin_number(values, label, most_bins=8, least_rows=1)
    assert free.edges == (0.0, 1.0)
    assert free.woe[0] < free.woe[2] < free.woe[1]
    bound = bin_number(values, label, most_bins=8, least_rows=1, monotone=1)
    assert bound.edges == (0.0,)


def test_edges_lie_where_the_bad_rate_changes() -> None:
    values = np.arange(400.0)
    label = np.where((values > 99) & (values <= 299), np.arange(400) % 2, 0)
    found = bin_number(values, label, most_bins=3, least_rows=20)
    assert found.edges == pytest.approx((99, 299), abs=1)
    assert found.woe[1] > 0 > max(found.woe[0], found.woe[2])


def test_an_edge_tells_neighbours_apart_as_far_as_float32_does() -> None:
    low = 16_777_216.0  # from here on float32 knows even numbers only
    values = np.repeat([low, low + 2, low + 2.5, low + 4], 50)
    label = labels((5, 45), (5, 45), (40, 10), (40, 10))
    found = bin_number(values, label, most_bins=8, least_rows=20)
    # The two in the middle are one float32; whichever bin they are in, they are in it together.
    assert set(found.edges) <= {low, low + 2.5}
    assert sum(rows_of(found, values)) == 200
    apart = bin_number(values - low, label, most_bins=2, least_rows=20)
    assert apart.edges == (2.0,)


def test_missing_and_special_codes_have_bins_of_their_own() -> None:
    values = np.repeat([NAN, -1.0, -2.0, 5.0, 6.0], 50)
    label = labels((40, 10), (10, 40), (25, 25), (5, 45), (20, 30))
    found = bin_number(values, label, most_bins=8, least_rows=20, special=(-1.0, -2.0, -9.0))
    weight = weigher(label)
    assert found.edges == (5.0,)
    assert found.woe == pytest.approx((weight(5, 45), weight(20, 30)))
    assert dict(found.special) == pytest.approx(
        {-1.0: weight(10, 40), -2.0: weight(25, 25), -9.0: 0.0}
    )
    assert found.missing == pytest.approx(weight(40, 10))


def test_a_special_code_has_a_bin_however_few_its_rows() -> None:
    values = np.array([-1.0, *np.arange(100.0)])
    label = np.array([1, *(np.arange(100) > 70).astype(int)])
    found = bin_number(values, label, most_bins=4, least_rows=20, special=(-1.0,))
    assert found.special[0][1] > 0
    assert min(rows_of(found, values)) >= 20
    assert sum(rows_of(found, values)) == 100


@pytest.mark.parametrize(
    ("values", "label"),
    [
        (np.full(100, 3.0), np.arange(100) % 2),
        (np.full(100, NAN), np.arange(100) % 2),
        (np.empty(0), np.empty(0)),
        (np.arange(100.0), np.zeros(100)),
        (np.arange(100.0), np.ones(100)),
        (np.arange(39.0), np.arange(39) > 20),  # too few for two bins of twenty
        (np.array([5.0, *[NAN] * 99]), np.arange(100) % 2),
    ],
    ids=["constant", "missing", "empty", "all good", "all bad", "few", "one known"],
)
@pytest.mark.parametrize("monotone", [-1, 0, 1])
def test_a_column_that_tells_nothing_has_one_bin(
    values: Values, label: Values, monotone: int
) -> None:
    found = bin_number(
        values, label.astype(np.int64), most_bins=8, least_rows=20, monotone=monotone
    )
    assert (found.edges, len(found.woe)) == ((), 1)
    assert np.isfinite([*found.woe, found.missing]).all()


def test_what_was_never_seen_weighs_nothing() -> None:
    values, label = np.arange(100.0), np.arange(100) % 2
    found = bin_number(values, label, most_bins=4, least_rows=20, special=(-7.0,))
    assert (found.missing, found.special) == (0.0, ((-7.0, 0.0),))
    categories = bin_category(np.zeros(100), label, 2, least_rows=20)
    assert categories.woe[1] == categories.missing == 0.0


def test_a_category_is_a_bin_and_those_with_few_rows_share_one() -> None:
    codes = np.repeat([0.0, 1.0, 2.0, 3.0, NAN], [50, 60, 5, 6, 40])
    label = labels((25, 25), (10, 50), (4, 1), (1, 5), (30, 10))
    found = bin_category(codes, label, 5, least_rows=20)
    weight = weigher(label)
    assert found.woe == pytest.approx((weight(25, 25), weight(10, 50), *[weight(5, 6)] * 3))
    assert found.missing == pytest.approx(weight(30, 10))


@pytest.mark.parametrize(("least", "alone"), [(5, True), (6, False)])
def test_a_category_is_few_below_the_declared_rows(least: int, alone: bool) -> None:
    codes = np.repeat([0.0, 1.0, 2.0], [5, 3, 92])
    found = bin_category(codes, np.arange(100) % 2, 3, least_rows=least)
    assert (found.woe[0] != found.woe[1]) is alone


@pytest.mark.parametrize(
    ("groups", "information"),
    [
        # shares of bad: 3/4 and 1/4; of good: 7/16 and 9/16
        (((3000, 7000), (1000, 9000)), (3 / 4 - 7 / 16) * log(12 / 7) + 5 / 16 * log(9 / 4)),
        # shares of bad: 1/2, 1/4, 1/4; of good: 1/5, 2/5, 2/5
        (
            ((2000, 2000), (1000, 4000), (1000, 4000)),
            3 / 10 * log(5 / 2) + 2 * (-3 / 20) * log(5 / 8),
        ),
        (((500, 4500), (1000, 9000)), 0.0),
    ],
)
def test_the_information_value_is_what_a_hand_reckons(
    groups: Sequence[tuple[int, int]], information: float
) -> None:
    bad, good = (np.array(side, dtype=np.float64) for side in zip(*groups, strict=True))
    found = Weights(labels(*groups)).value(bad, good)
    assert found == pytest.approx(information, abs=1e-3)


def test_a_weight_is_the_logarithm_of_the_shares_with_half_a_row_added() -> None:
    label = labels((30, 70), (10, 90))
    weight = Weights(label)
    # In all 40 bad and 160 good: half a good row, and an eighth of a bad one.
    assert float(weight.of(30, 70)) == pytest.approx(log((30.125 / 70.5) / (40 / 160)))
    assert float(weight.of(0, 0)) == 0.0
    assert np.isfinite(weight.of(np.array([0.0, 9.0]), np.array([9.0, 0.0]))).all()
    assert weight.of_rows(label[:100]) == pytest.approx(float(weight.of(30, 70)))

"""The drift reference: frozen bins, and how far a population moved from them."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.scoring.reference import Bins, Reference, freeze, psi

NAN = float("nan")


def test_a_number_is_cut_at_its_tenths_and_missing_has_a_bin_of_its_own() -> None:
    values = np.array([*range(1, 101), *[NAN] * 25], dtype=np.float64)[:, None]
    bins = freeze(["A"], [0], values, np.linspace(0, 1, 125)).features["A"]
    assert bins.edges == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert bins.expected == pytest.approx((*[0.08] * 10, 0.2))


def test_a_category_has_a_bin_a_value() -> None:
    values = np.array([0, 0, 2, NAN])[:, None]
    bins = freeze(["G"], [3], values, np.linspace(0, 1, 4)).features["G"]
    assert bins.expected == (0.5, 0, 0.25, 0.25)
    assert bins.shares(np.array([1.0, 1.0])).tolist() == [0, 1, 0, 0]


def test_a_column_of_few_values_has_few_bins() -> None:
    bins = freeze(["A"], [0], np.array([[0.0]] * 95 + [[1.0]] * 5), np.zeros(100)).features["A"]
    assert bins.edges == (0.0,)
    assert bins.expected == (0.95, 0.05, 0.0)


def test_a_column_with_nothing_known_has_its_missing_bin() -> None:
    bins = freeze(["A"], [0], np.full((5, 1), NAN), np.zeros(5)).features["A"]
    assert bins == Bins((), (0.0, 1.0))


@given(
    st.lists(st.one_of(st.just(NAN), st.floats(-1e6, 1e6)), min_size=1),
    st.lists(st.one_of(st.just(NAN), st.floats(-1e9, 1e9)), min_size=1),
)
def test_shares_add_up_to_one_and_psi_is_never_negative(
    before: list[float], after: list[float]
) -> None:
    rows = np.array(before)[:, None]
    bins = freeze(["A"], [0], rows, np.zeros(len(before))).features["A"]
    found = bins.shares(np.array(after))
    assert sum(bins.expected) == pytest.approx(1)
    assert found.sum() == pytest.approx(1)
    assert psi(bins.expected, found) >= 0
    assert psi(bins.expected, bins.shares(np.array(before))) == 0


@pytest.mark.parametrize(
    ("expected", "found", "value"),
    [
        ([0.5, 0.5], [0.5, 0.5], 0.0),
        ([0.5, 0.5], [0.25, 0.75], -0.25 * math.log(0.5) + 0.25 * math.log(1.5)),
        ([1.0, 0.0], [0.6, 0.4], -0.4 * math.log(0.6) + 0.3999 * math.log(4000)),
    ],
)
def test_psi_is_as_it_is_worked_out_by_hand(
    expected: list[float], found: list[float], value: float
) -> None:
    assert psi(expected, found) == pytest.approx(value)


def test_percentiles_rise_from_the_least_to_the_greatest_pd() -> None:
    reference = freeze([], [], np.zeros((1000, 0)), np.linspace(0.1, 0.9, 1000))
    assert len(reference.percentiles) == 101
    assert reference.percentiles[0], reference.percentiles[-1] == (0.1, 0.9)
    assert list(reference.percentiles) == sorted(reference.percentiles)


def test_a_reference_comes_back_from_its_text(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=(200, 2))
    made = freeze(["A", "B"], [0, 0], values, values[:, 0] ** 2)
    (tmp_path / "reference.json").write_text(made.to_json())
    assert Reference.read(tmp_path / "reference.json") == made

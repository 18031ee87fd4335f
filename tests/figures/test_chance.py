"""What chance alone gives, and what is said of figures that are no more than that."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.results import Moved
from components.evaluation.exploration import slices_of
from components.evaluation.words import FEW_BAD, FEW_GOOD, iv_word
from components.figures.chance import (
    bands,
    dealt_shares,
    iv_by_chance,
    ks_by_chance,
    moved_to,
    psi_by_chance,
    share_by_chance,
)
from components.figures.psi import FEW_ROWS, NO_MORE, psi_word
from components.scoring.reference import bins_of


def _words(seed: int, rows: int, bad: int, tells: float) -> str:
    """What is said of a normal feature that is so much higher in the bad rows."""
    rng = np.random.default_rng(seed)
    label = np.arange(rows) < bad
    values = rng.normal(size=rows) + tells * label
    bins, iv = slices_of(bins_of(values), (), values, label.astype(np.int64))
    return iv_word(iv, iv_by_chance([own.rows for own in bins], bad), bad, rows - bad)


@pytest.mark.parametrize("bad", [2, 12, 30])
def test_noise_with_few_bad_rows_is_neither_suspicious_nor_strong(bad: int) -> None:
    said = [_words(seed, 3_000, bad, 0) for seed in range(200)]
    assert not {"suspicious", "strong"} & set(said)
    # One in 1,000 is above chance; of 200, 4 or more come once in 10,000 times.
    assert sum(word != FEW_BAD for word in said) <= 3


@pytest.mark.parametrize("seed", range(4))
def test_a_planted_feature_that_knows_the_outcome_is_suspicious(seed: int) -> None:
    assert _words(seed, 3_000, 300, 1.5) == "suspicious"
    assert _words(seed, 3_000, 300, 0) in {NO_MORE, "weak"}
    assert _words(seed, 60_000, 6_000, 0) == "useless"


def test_chance_is_what_the_formula_says_where_every_bin_is_full() -> None:
    rows = [3_000] * 10
    found = iv_by_chance(rows, 6_000)
    # Chi-squared with 9 degrees of freedom stays below 27.88 as often.
    assert found == pytest.approx(27.88 * (1 / 6_000 + 1 / 24_000), rel=0.1)
    tenths = np.full(10, 0.1)
    moved = psi_by_chance(tenths, 20_000, tenths, 5_000)
    assert moved == pytest.approx(27.88 * (1 / 20_000 + 1 / 5_000), rel=0.1)
    assert iv_by_chance(rows, 6_000) == found


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12), st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_chance_is_finite_for_any_rows_and_none_for_those_of_one_class(
    rows: list[int], bad: int
) -> None:
    bad = min(bad, sum(rows))
    found = iv_by_chance(rows, bad)
    assert (found is None) == (bad in (0, sum(rows)))
    if found is not None:
        assert 0 <= found < math.inf


def _moved(rng: np.random.Generator, rows: int, by: float) -> str:
    """What is said of so many rows that moved so far from 2,000 others."""
    before, after = rng.normal(size=2_000), rng.normal(loc=by, size=rows)
    bins = bins_of(before)
    return psi_word(moved_to("A", bins, len(before), after))


@pytest.mark.parametrize("rows", [10, 30, 100, 1_000])
def test_rows_that_have_not_moved_are_not_called_so(rows: int) -> None:
    rng = np.random.default_rng(5)
    said = [_moved(rng, rows, 0) for _ in range(300)]
    assert sum(word in {"moderate", "significant"} for word in said) <= 3
    assert rows > 30 or said.count(FEW_ROWS) >= 297


def test_rows_that_have_moved_are_significant_where_there_are_enough() -> None:
    rng = np.random.default_rng(6)
    assert {_moved(rng, 200, 0.8) for _ in range(30)} == {"significant"}


@pytest.mark.parametrize(
    ("iv", "chance", "word"),
    [
        (0.0, 0, "useless"), (0.0199, 0, "useless"), (0.02, 0, "weak"), (0.1, 0, "medium"),
        (0.3, 0, "strong"), (0.5, 0, "suspicious"), (0.01, 0.0199, "useless"),
        (0.015, 0.01, "useless"), (0.05, 0.06, NO_MORE), (0.07, 0.06, "weak"),
        (0.1, 0.1, NO_MORE), (0.3, 0.3, FEW_BAD), (1.5, 1.6, FEW_BAD), (0.9, 0.5, "strong"),
        (1.1, 0.5, "suspicious"),
    ],
)  # fmt: skip
def test_an_information_value_has_the_usual_word_for_what_is_above_chance(
    iv: float, chance: float, word: str
) -> None:
    assert iv_word(iv, chance, 30, 300) == word


def test_the_class_that_is_rare_is_named() -> None:
    assert iv_word(0.7, 1.0, 30, 300) == FEW_BAD
    assert iv_word(0.7, 1.0, 300, 30) == FEW_GOOD
    assert iv_word(0.0, None, 0, 300) == FEW_BAD
    assert iv_word(0.0, None, 300, 0) == FEW_GOOD


@pytest.mark.parametrize(
    ("moved", "chance", "word"),
    [
        (0.0, 0, "stable"), (0.0999, 0, "stable"), (0.1, 0, "moderate"), (0.25, 0, "significant"),
        (0.2, 0.2, NO_MORE), (0.2, 0.19, "moderate"), (0.3, 0.31, FEW_ROWS),
        (0.01, 0.31, FEW_ROWS), (0.4, 0.31, "significant"),
    ],
)  # fmt: skip
def test_a_psi_has_the_usual_word_where_it_is_above_chance(
    moved: float, chance: float, word: str
) -> None:
    assert psi_word(Moved(name="A", psi=moved, by_chance=chance)) == word


def test_a_report_of_more_figures_needs_more_of_each() -> None:
    tenths = np.full(10, 0.1)
    psis = []
    for seed in range(40):
        before, after = dealt_shares(tenths, 10_000, tenths, 500, seed)
        psis.append(((after - before) * np.log(after / before)).sum(axis=1))
    one, many = bands(psis[:1], 0.002)[0], bands(psis, 0.002)
    # Chi-squared with 9 degrees of freedom: above 26.06 in 1 of 500, above 35.1 in 1 of 20,000.
    scale = 1 / 10_000 + 1 / 500
    assert one == pytest.approx(26.06 * scale, rel=0.15)
    assert np.median(many) == pytest.approx(35.1 * scale, rel=0.15)


def test_bands_of_nothing_are_none_and_of_what_cannot_move_are_zero() -> None:
    assert bands([], 0.002) == []
    assert bands([np.zeros(2_000)], 0.002) == [0.0]
    # What moves in 1 deal of 100 has a band all the same.
    assert bands([(np.arange(2_000) % 100 == 0).astype(float)], 0.002) == [1.0]


@pytest.mark.parametrize(("rows", "later", "true"), [(10_000, 500, 0.2), (1_200, 100, 0.01)])
def test_a_share_stays_in_its_band_where_nothing_moved(rows: int, later: int, true: float) -> None:
    rng = np.random.default_rng(4)
    out = 0
    for _ in range(500):
        share = float(rng.binomial(rows, true)) / rows
        low, high = share_by_chance(share, rows, later)
        assert low <= share <= high
        out += not low <= rng.binomial(later, true) / later <= high
    # 2 in 1,000 are meant: of 500, 6 or more come once in 1,000 times.
    assert out <= 5


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_few_rows_do_not_know_that_a_share_is_all_or_nothing(share: float) -> None:
    few, many = share_by_chance(share, 50, 1_000), share_by_chance(share, 1_000_000, 1_000)
    assert few[1] - few[0] > 0.01 > many[1] - many[0]


def test_a_distance_by_chance_holds_for_rows_of_one_kind() -> None:
    rng = np.random.default_rng(3)
    far = 0
    for _ in range(2_000):
        before, after = np.sort(rng.random(1_000)), np.sort(rng.random(300))
        apart = np.searchsorted(before, after) / 1_000 - np.arange(1, 301) / 300
        far += bool(np.abs(apart).max() > ks_by_chance(1_000, 300))
    # One in 1,000 is meant: of 2,000, 8 or more come once in 1,000 times.
    assert far <= 7

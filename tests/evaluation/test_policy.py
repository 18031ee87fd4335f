"""The cut-off: found where the optimum is known, and never above the approval limit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.contracts.policy import (
    ApprovalLimit,
    Cutoff,
    Economics,
    FixedCutoff,
    Policy,
    ProfitCutoff,
)
from components.evaluation.policy import break_even, choose, earned, profit, share_below

LOAN = Economics(lgd=0.6, margin=0.1, ead=1_000)
EVEN = tuple(np.linspace(0, 1, 101).tolist())  # as many rows at every PD
economies = st.builds(
    Economics,
    lgd=st.floats(0, 1),
    margin=st.floats(0.001, 2),
    ead=st.floats(1, 1e6),
    cost=st.floats(0, 1e5),
)


def percentiles(pd: NDArray[np.float64]) -> tuple[float, ...]:
    """As a bundle's reference holds them."""
    return tuple(np.quantile(pd, np.linspace(0, 1, 101)).tolist())


def policy(cutoff: Cutoff, economics: Economics | None = LOAN) -> Policy:
    """A policy of version 7."""
    return Policy(version=7, cutoff=cutoff, economics=economics)


@pytest.mark.parametrize(
    ("economics", "expected"),
    [
        (LOAN, 1 / 7),
        (Economics(lgd=1, margin=0.25, ead=10), 0.2),
        (Economics(lgd=0, margin=0.1, ead=10), 1.0),
        (Economics(lgd=0.6, margin=0.1, ead=1_000, cost=30), 0.1),
        (Economics(lgd=0.6, margin=0.1, ead=1_000, cost=100), 0.0),
        (Economics(lgd=0.6, margin=0.1, ead=1_000, cost=500), 0.0),
    ],
)
def test_the_break_even_is_what_the_hand_works_out(economics: Economics, expected: float) -> None:
    assert break_even(economics) == pytest.approx(expected)
    assert choose(policy(ProfitCutoff(), economics), EVEN).approve_below == break_even(economics)


@given(economies)
def test_no_other_cut_off_has_a_higher_expected_profit(economics: Economics) -> None:
    pd = np.linspace(0.0005, 0.9995, 1000)
    each = ((1 - pd) * economics.margin - pd * economics.lgd) * economics.ead - economics.cost
    best = max(each[pd < cutoff].sum() for cutoff in np.linspace(0, 1, 1001))
    found = each[pd < break_even(economics)].sum()
    assert found == pytest.approx(best, rel=1e-9, abs=economics.ead * 1e-9)


def test_on_a_simulated_case_the_realised_optimum_is_where_theory_has_it() -> None:
    # PDs are right: each row goes bad with its own probability. The optimum is 1 in 7.
    rng = np.random.default_rng(11)
    pd = rng.beta(1.2, 6, 400_000)
    label = (rng.random(len(pd)) < pd).astype(np.int64)
    cutoff = choose(policy(ProfitCutoff()), percentiles(pd))
    found = profit(LOAN, label, pd, cutoff.approve_below)
    assert cutoff.approve_below == pytest.approx(1 / 7)
    assert found.best[0] == pytest.approx(1 / 7, abs=0.02)
    assert found.best[1] * 0.995 <= found.chosen[1] <= found.best[1]
    assert cutoff.profit == pytest.approx(found.chosen[1], rel=0.02)
    assert cutoff.approval_share == pytest.approx((pd < 1 / 7).mean(), abs=0.005)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 100).map(lambda percent: percent / 100),
    st.integers(101, 2_000),
    st.sampled_from([1, 2, 12]),
    st.integers(0, 9),
)
def test_the_approval_limit_is_never_exceeded(
    share: float, rows: int, digits: int, seed: int
) -> None:
    pd = np.round(np.random.default_rng(seed).beta(1, 4, rows), digits)  # with ties, and without
    found = choose(policy(ApprovalLimit(share=share)), percentiles(pd))
    # The percentiles may lie between two rows, so one row is within their precision.
    assert (pd < found.approve_below).sum() <= share * rows + 1
    assert found.approval_share <= share + 1e-9


@pytest.mark.parametrize(
    ("share", "expected"), [(0.3, 0.3), (0.01, 0.01), (0.29, 0.29), (0.57, 0.57), (1, 1.0)]
)
def test_an_approval_limit_is_met_by_the_percentile_below_it(share: float, expected: float) -> None:
    found = choose(policy(ApprovalLimit(share=share)), EVEN)
    assert found.approve_below == pytest.approx(expected)
    assert found.approval_share == pytest.approx(expected)


@pytest.mark.parametrize(
    ("cutoff", "share"),
    [(-0.1, 0.0), (0.0, 0.0), (0.1, 0.25), (0.15, 0.375), (0.2, 0.5), (0.3, 0.75), (0.9, 1.0)],
)
def test_the_share_below_a_cut_off_is_read_between_the_percentiles(
    cutoff: float, share: float
) -> None:
    assert share_below(cutoff, (0.0, 0.1, 0.2, 0.3, 0.4)) == pytest.approx(share)
    assert share_below(0.2, (0.1, 0.2, 0.2, 0.2, 0.4)) == pytest.approx(0.25)


def test_a_fixed_cut_off_is_kept_and_its_document_says_what_it_does() -> None:
    found = choose(policy(FixedCutoff(approve_below=0.2), economics=None), EVEN)
    assert (found.version, found.rule, found.approve_below) == (7, "as declared", 0.2)
    assert found.approval_share == pytest.approx(0.2)
    assert found.profit is None


@pytest.mark.parametrize(
    ("cutoff", "words"),
    [
        (ProfitCutoff(), "expected profit above 0: an account of 1,000 earns 0.1 of it, loses "
         "0.6 of it when bad, costs 0"),
        (ApprovalLimit(share=0.45), "at most 0.45 of the applicants, those with the lowest "
         "PDs by the bundle to be released"),
    ],
)  # fmt: skip
def test_the_document_says_in_words_how_the_cut_off_was_chosen(cutoff: Cutoff, words: str) -> None:
    assert choose(policy(cutoff), EVEN).rule == words


def test_the_expected_profit_is_the_integral_over_the_approved() -> None:
    # Of evenly spread PDs: 100 - 700 PD for each, up to 0.2.
    found = choose(policy(FixedCutoff(approve_below=0.2)), EVEN)
    assert found.profit == pytest.approx(100 * 0.2 - 700 * 0.2**2 / 2)


@settings(deadline=None, max_examples=40)
@given(economies, st.integers(1, 60), st.integers(0, 9), st.floats(0, 1), st.sampled_from([1, 12]))
def test_the_curve_is_the_profit_at_each_cut_off(
    economics: Economics, rows: int, seed: int, cutoff: float, digits: int
) -> None:
    rng = np.random.default_rng(seed)
    pd, label = np.round(rng.random(rows), digits), rng.integers(0, 2, rows)
    found = profit(economics, label, pd, cutoff)
    near = pytest.approx
    scale = economics.ead * 3 + economics.cost
    for at, value in (*found.curve, found.chosen, found.best):
        assert value == near(earned(economics, label, pd, at).mean(), abs=scale * 1e-12)
    tried = [earned(economics, label, pd, at).mean() for at in (*np.unique(pd), 1.0)]
    assert found.best[1] == near(max(tried), abs=scale * 1e-12)
    assert [at for at, _ in found.curve] == sorted(at for at, _ in found.curve)

"""Calibration: a planted distortion is found, and PDs stay probabilities in the margin's order."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.contracts.families import LogisticFamily, ScorecardFamily, XGBoostFamily
from components.scoring.model import Calibration
from components.scoring.spec import Isotonic, Platt
from components.training import calibrate
from tests.making import EVERY

Values = NDArray[np.float64]
Label = NDArray[np.int64]


def sigmoid(odds: Values) -> Values:
    """Log odds as probabilities."""
    return np.asarray(1 / (1 + np.exp(-odds)))


def drawn(pd: Values, seed: int) -> Label:
    """Labels as often bad as the probabilities say."""
    return (np.random.default_rng(seed).random(len(pd)) < pd).astype(np.int64)


def ece(pd: Values, label: Label) -> float:
    """Expected calibration error over tenths of the rows."""
    tenths = np.array_split(np.argsort(pd, kind="stable"), 10)
    return sum(abs(pd[t].mean() - label[t].mean()) * len(t) for t in tenths) / len(pd)


def margins(rows: int, seed: int) -> Values:
    """Log odds of a model."""
    return np.random.default_rng(seed).normal(0, 1.5, rows)


def stairs(margin: Values) -> Values:
    """The truth of a model whose PDs go up in three steps: no straight line fits them."""
    return np.asarray(np.select([margin < -0.5, margin < 0.8], [0.05, 0.3], 0.4))


def line(margin: Values) -> Values:
    """The truth of a model that is too sure of itself, and too dark."""
    return sigmoid(0.5 * margin - 1)


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
@pytest.mark.parametrize("truth", [line, lambda margin: sigmoid(3 * margin + 2), stairs])
def test_a_planted_distortion_is_mended_on_rows_that_were_not_fitted_on(
    kind: str, truth: Any
) -> None:
    margin, fresh = margins(6000, 1), margins(6000, 2)
    spec = calibrate.fit(kind, margin, drawn(truth(margin), 3))
    label = drawn(truth(fresh), 4)
    before, after = ece(sigmoid(fresh), label), ece(Calibration(spec)(fresh), label)
    assert before > 0.1
    assert after < before / 3


@pytest.mark.parametrize(
    ("slope", "intercept"), [(1.0, 0.0), (0.5, -1.0), (3.0, 2.0), (0.05, -3.0)]
)
def test_platt_finds_the_line_that_the_odds_were_bent_by(slope: float, intercept: float) -> None:
    margin = margins(40_000, 5)
    found = calibrate.fit("platt", margin, drawn(sigmoid(slope * margin + intercept), 6))
    assert isinstance(found, Platt)
    assert (found.slope, found.intercept) == pytest.approx((slope, intercept), abs=0.1)


def test_isotonic_finds_the_steps() -> None:
    margin = margins(40_000, 7)
    found = Calibration(calibrate.fit("isotonic", margin, drawn(stairs(margin), 8)))
    assert found(np.array([-1.5, 0.1, 2.0])) == pytest.approx([0.05, 0.3, 0.4], abs=0.03)


@pytest.mark.parametrize(("truth", "kind"), [(line, "platt"), (stairs, "isotonic")])
def test_the_kind_with_the_lower_log_loss_on_the_judged_rows_is_chosen(
    truth: Any, kind: str
) -> None:
    fitted, judged = margins(5000, 9), margins(5000, 10)
    rows = drawn(truth(fitted), 11), judged, drawn(truth(judged), 12)
    assert calibrate.choose(XGBoostFamily(), fitted, *rows) == kind


def test_it_is_the_judged_rows_that_choose() -> None:
    fitted, judged = margins(5000, 13), margins(5000, 14)
    label = drawn(stairs(fitted), 15)
    chosen = {
        truth.__name__: calibrate.choose(
            XGBoostFamily(), fitted, label, judged, drawn(truth(judged), 16)
        )
        for truth in (stairs, as_platt_says(fitted, label))
    }
    assert chosen == {"stairs": "isotonic", "told": "platt"}


def as_platt_says(margin: Values, label: Label) -> Any:
    """The truth by which the straight line through these rows is right."""
    spec = calibrate.fit("platt", margin, label)

    def told(fresh: Values) -> Values:
        return Calibration(spec)(fresh)

    return told


@pytest.mark.parametrize("family", EVERY, ids=lambda family: family.kind)
def test_only_a_scorecard_is_calibrated_by_a_line_whatever_the_rows(family: Any) -> None:
    fitted, judged = margins(5000, 9), margins(5000, 10)
    rows = drawn(stairs(fitted), 11), judged, drawn(stairs(judged), 12)
    expected = "platt" if isinstance(family, ScorecardFamily) else "isotonic"
    assert calibrate.choose(family, fitted, *rows) == expected


@pytest.mark.parametrize(("rows", "kind"), [(999, "platt"), (1000, "isotonic")])
def test_too_few_rows_are_calibrated_by_a_line(rows: int, kind: str) -> None:
    margin = np.linspace(-2, 2, 5000)
    few = margin[:: 5000 // rows][:rows]
    label = (few > 0.5).astype(np.int64)
    label[::10] ^= 1
    judged = (margin > 0.5).astype(np.int64)
    judged[::10] ^= 1
    assert calibrate.choose(LogisticFamily(), few, label, margin, judged) == kind


@settings(deadline=None, max_examples=80)
@given(
    kind=st.sampled_from(["platt", "isotonic"]),
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(2, 300),
    ties=st.sampled_from([1, 3, 30, 10**6]),
    turn=st.sampled_from([-1.0, 0.0, 0.5, 2.0]),
)
def test_pds_are_probabilities_and_never_fall_in_the_margin(
    kind: str, seed: int, rows: int, ties: int, turn: float
) -> None:
    rng = np.random.default_rng(seed)
    margin = np.round(rng.normal(0, 2, rows) * ties) / ties
    label = drawn(sigmoid(turn * margin), seed)
    label[:2] = 0, 1
    spec = calibrate.fit(kind, margin, label)
    beside = [np.nextafter(margin, 99), np.nextafter(margin, -99)]
    probe = np.sort(np.concatenate([margin, *beside, np.linspace(-12, 12, 500)]))
    pd = Calibration(spec)(probe)
    assert (np.diff(pd) >= 0).all()
    seen = Calibration(spec)(margin)
    assert ((seen > 0) & (seen < 1)).all()


def test_a_line_between_two_steps_ends_where_the_next_begins() -> None:
    # Found by the law above: one bit over the step that the line leads to.
    rng = np.random.default_rng(260)
    margin = np.round(rng.normal(0, 2, 259))
    label = drawn(sigmoid(2 * margin), 260)
    label[:2] = 0, 1
    found = Calibration(calibrate.fit("isotonic", margin, label))
    steps = np.unique(margin)
    assert (found(np.nextafter(steps, -99)) <= found(steps)).all()


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_margins_that_tell_the_classes_apart_without_a_fault_leave_some_doubt(kind: str) -> None:
    margin = np.concatenate([np.linspace(-3, -1, 300), np.linspace(1, 3, 200)])
    label = (margin > 0).astype(np.int64)
    pd = Calibration(calibrate.fit(kind, margin, label))(margin)
    assert 1e-6 < pd[label == 0].max() < 0.05
    assert 0.95 < pd[label == 1].min() < 1 - 1e-6


def test_a_model_worse_than_chance_keeps_its_order_and_says_the_base_rate() -> None:
    margin = margins(2000, 17)
    label = drawn(sigmoid(-2 * margin - 1), 18)
    found = Calibration(calibrate.fit("platt", margin, label))(np.sort(margin))
    assert found == pytest.approx(label.mean(), abs=1e-4)
    assert (np.diff(found) >= 0).all()


def test_one_margin_for_all_rows_is_calibrated_to_the_base_rate() -> None:
    margin, label = np.full(2000, 0.7), (np.arange(2000) % 4 == 0).astype(np.int64)
    for kind in ("platt", "isotonic"):
        found = Calibration(calibrate.fit(kind, margin, label))(np.array([-3.0, 0.7, 3.0]))
        assert found[1] == pytest.approx(0.25, abs=1e-3)
        assert (np.diff(found) >= 0).all()


def test_no_row_is_called_certain_by_rows_that_are_finite_in_number() -> None:
    margin = np.arange(1000.0)
    found = calibrate.fit("isotonic", margin, (margin > 500).astype(np.int64))
    assert isinstance(found, Isotonic)
    assert (found.pds[0], found.pds[-1]) == (0.0005, 0.9995)

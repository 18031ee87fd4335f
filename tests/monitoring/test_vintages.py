"""Vintages over time: curves that only rise, AUCs against training."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.contracts.results import Interval
from components.contracts.vintages import Curve, Measure, Trained
from components.figures.bootstrap import auc_interval
from components.monitoring.performance import Days, Flags, vintage
from components.monitoring.vintages import against_training, curves, trained_auc
from tests.monitoring.test_performance import STRICT, decided, drawn

#: Decided in January or February; known when.
ROWS = [
    ("2024-01-31", True, "2024-02-01"),
    ("2024-01-01", True, "2024-04-30"),
    ("2024-01-15", False, "2024-04-30"),
    ("2024-01-15", True, "NaT"),
    ("2024-02-10", True, "2024-02-09"),
    ("2024-02-10", True, "2024-05-01"),
]


def days(texts: list[str]) -> Days:
    """Days, some of which may not be known."""
    return np.array(texts, dtype="datetime64[D]")


def of_rows(as_of: str) -> tuple[Curve, ...]:
    """The curves of the rows above."""
    at, bad, known = zip(*ROWS, strict=True)
    return curves(days(list(at)), np.array(bad), days(list(known)), as_of)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2023-12", []),
        ("2024-01", [("2024-01", 4, (0,))]),
        ("2024-02", [("2024-01", 4, (0, 1)), ("2024-02", 2, (1,))]),
        ("2024-04", [("2024-01", 4, (0, 1, 1, 2)), ("2024-02", 2, (1, 1, 1))]),
        ("2024-05", [("2024-01", 4, (0, 1, 1, 2, 2)), ("2024-02", 2, (1, 1, 1, 2))]),
    ],
)
def test_a_curve_counts_the_bad_rows_by_months_since_their_decision(
    as_of: str, expected: list[tuple[str, int, tuple[int, ...]]]
) -> None:
    assert [(c.month, c.rows, c.bad) for c in of_rows(as_of)] == expected


@st.composite
def outcomes(draw: st.DrawFn) -> tuple[Days, Flags, Days]:
    """Decisions over some months, and what came of them when."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(0, 60))
    decided_on = np.datetime64("2024-01-01") + rng.integers(0, 200, rows)
    known = decided_on + rng.integers(-1, 300, rows)
    known[rng.random(rows) < 0.3] = np.datetime64("NaT")
    return decided_on, rng.random(rows) < 0.6, known


@settings(deadline=None, max_examples=80)
@given(outcomes(), st.integers(0, 7))
def test_a_curve_only_rises_and_a_later_report_only_makes_it_longer(
    rows: tuple[Days, Flags, Days], more: int
) -> None:
    early, late = curves(*rows, "2024-05"), curves(*rows, f"2024-{5 + more:02d}")
    later = {curve.month: curve for curve in late}
    assert sum(curve.rows for curve in early) == (rows[0] < np.datetime64("2024-06-01")).sum()
    for curve in early:
        assert list(curve.bad) == sorted(curve.bad)
        assert 0 <= curve.bad[-1] <= curve.rows
        whole = later[curve.month]
        assert (whole.rows, whole.bad[: len(curve.bad)]) == (curve.rows, curve.bad)
        assert len(whole.bad) == len(curve.bad) + more
    known = rows[1] & (rows[2] < np.datetime64("2024-06-01"))
    assert sum(curve.bad[-1] for curve in early) == known.sum()


def trained(cutoff: float = 0.35, rows: int = 1_500) -> Trained:
    """The AUC of so many rows with right PDs."""
    return trained_auc(*drawn(rows, 77), cutoff, STRICT)


def worse(rows: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows whose PDs say less than those of the training: half of them are another row's."""
    label, pd = drawn(rows, seed)
    mixed = pd.copy()
    mixed[::2] = np.random.default_rng(seed).permutation(pd[::2])
    return label, mixed


def test_a_vintage_as_good_as_its_training_is_seldom_called_lower_and_a_worse_one_is() -> None:
    before, judged = {"one": trained()}, vintage(decided(*drawn(600)), "2024-12", STRICT)
    verdicts: dict[str, list[str]] = {"same": [], "worse": []}
    for seed in range(60):
        for name, made in (("same", drawn), ("worse", worse)):
            auc = Measure(rows=600, found=auc_interval(*made(600, seed), seed))
            found = judged.model_copy(update={"figures": {"auc": auc}})
            verdicts[name].append(against_training([found], before)[0].verdict)
    # 1 in 100 expected; 4 or more of 60 come 3 times in 1,000.
    assert verdicts["same"].count("lower") <= 3
    assert verdicts["worse"].count("lower") >= 57


def test_vintages_stand_beside_their_releases_training_in_the_order_of_time() -> None:
    label, pd = drawn(600, 3)
    judged = [
        vintage(decided(label, pd, month=month, release=release), "2024-12", STRICT)
        for month, release in (("2024-03", "two"), ("2024-02", "one"), ("2024-09", "one"))
    ]
    first, second, third = against_training(judged, {"one": trained()})
    assert [p.month for p in (first, second, third)] == ["2024-02", "2024-03", "2024-09"]
    assert first.verdict == "not lower"
    assert first.trained == trained().auc
    assert "not lower than training's by more than noise: 0." in first.why
    assert (second.verdict, second.why) == ("none", "the training of its release is not known")
    assert second.auc.found is not None
    assert (third.verdict, third.why) == ("none", "not yet: mature from 2025-03 on")


def test_outcomes_of_approved_rows_are_held_against_the_approved_rows_of_the_training() -> None:
    label, pd = drawn(12_000, 8)
    only = vintage(decided(np.where(pd < 0.35, label, -1), pd), "2024-12", STRICT)
    before = trained(rows=12_000)
    assert before.auc_approved is not None
    (found,) = against_training([only], {"one": before})
    assert (found.trained, found.verdict) == (before.auc_approved, "not lower")
    # Against all rows of the training it would look worse than it is.
    naive = only.model_copy(update={"selected": False})
    assert against_training([naive], {"one": before})[0].verdict == "lower"
    few = trained(cutoff=0.001)
    assert few.auc_approved is None
    (told,) = against_training([only], {"one": few})
    assert (told.verdict, told.trained) == ("none", None)
    assert told.why.startswith("outcomes are of approved rows only")


def test_a_loss_beyond_noise_is_told_with_its_figures() -> None:
    label, pd = drawn(600, 3)
    found = vintage(decided(label, pd), "2024-12", STRICT)
    auc = found.figures["auc"].found
    assert auc is not None
    exact = Interval(value=0.99, low=0.99, high=0.99)
    (told,) = against_training([found], {"one": Trained(auc=exact, auc_approved=None)})
    room = 2.3263 * (auc.high - auc.low) / (2 * 1.96)
    assert told.verdict == "lower"
    assert told.why == (
        f"lower than training's by more than noise: {auc.value:.3f} against 0.990, "
        f"noise is up to {room:.3f}"
    )

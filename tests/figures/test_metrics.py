"""The figures, against values worked out by hand and the laws that they keep."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest

from components.figures.metrics import (
    _some_rows,
    calibration_bins,
    calibration_error,
    confusion,
    curves,
    importance,
    lift_table,
    ranking_metrics,
    threshold_metrics,
)
from tests.evaluation.rows import Rows, scored

LABEL = np.array([0, 0, 1, 1])
PD = np.array([0.1, 0.4, 0.35, 0.8])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auc", 0.75),
        ("gini", 0.5),
        ("ks", 0.5),
        ("pr_auc", 0.5 * 1 + 0.5 * 2 / 3),
        ("brier", (0.1**2 + 0.4**2 + 0.65**2 + 0.2**2) / 4),
        ("log_loss", -(math.log(0.9) + math.log(0.6) + math.log(0.35) + math.log(0.8)) / 4),
        ("ece", (0.1 + 0.4 + 0.65 + 0.2) / 4),
    ],
)
def test_a_ranking_figure_is_what_the_hand_works_out(name: str, value: float) -> None:
    assert ranking_metrics(LABEL, PD)[name] == pytest.approx(value)


@pytest.mark.parametrize(
    ("cutoff", "accuracy", "precision", "recall", "f1", "counts"),
    [
        (0.4, 0.5, 0.5, 0.5, 0.5, ((1, 1), (1, 1))),
        (0.35, 0.75, 2 / 3, 1.0, 0.8, ((1, 1), (0, 2))),
        (0.5, 0.75, 1.0, 0.5, 2 / 3, ((2, 0), (1, 1))),
        (0.0, 0.5, 0.5, 1.0, 2 / 3, ((0, 2), (0, 2))),
        (0.9, 0.5, 0.0, 0.0, 0.0, ((2, 0), (2, 0))),
    ],
)
def test_a_pd_at_the_cut_off_is_called_bad(
    cutoff: float,
    accuracy: float,
    precision: float,
    recall: float,
    f1: float,
    counts: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    expected = {"accuracy": accuracy, "precision": precision, "recall": recall, "f1": f1}
    assert threshold_metrics(LABEL, PD, cutoff) == pytest.approx(expected)
    assert confusion(LABEL, PD, cutoff) == counts


@settings(deadline=None, max_examples=40)
@given(scored(), st.floats(0, 1))
def test_the_figures_keep_their_laws(rows: Rows, cutoff: float) -> None:
    label, pd = rows
    found = ranking_metrics(label, pd)
    assert found["gini"] == pytest.approx(2 * found["auc"] - 1)
    # AUC is the share of pairs in the right order, a tie counting half.
    gaps = np.sign(pd[label == 1][:, None] - pd[label == 0][None, :])
    assert found["auc"] == pytest.approx(float((gaps + 1).mean() / 2))
    # KS is the largest distance between the two classes' distributions.
    steps = [(pd[label == 0] < c).mean() - (pd[label == 1] < c).mean() for c in np.unique(pd)]
    assert found["ks"] == pytest.approx(max(0.0, *steps))
    assert all(0 <= found[name] <= 1 for name in ("auc", "ks", "pr_auc", "brier", "ece"))

    (kept, refused), (missed, caught) = confusion(label, pd, cutoff)
    assert (kept + refused, missed + caught) == ((label == 0).sum(), (label == 1).sum())
    at = threshold_metrics(label, pd, cutoff)
    assert at["accuracy"] == pytest.approx((kept + caught) / len(label))
    assert at["recall"] == pytest.approx(caught / (missed + caught))


def test_a_perfect_calibration_has_no_error() -> None:
    label = np.concatenate([np.arange(20) < bad for bad in range(10)]).astype(np.int64)
    pd = np.repeat(np.arange(10) / 20, 20)
    bins = calibration_bins(label, pd)
    assert [group.predicted for group in bins] == pytest.approx(np.arange(10) / 20)
    assert calibration_error(bins) == pytest.approx(0, abs=1e-12)
    assert calibration_error(calibration_bins(label, pd + 0.1)) == pytest.approx(0.1)


@pytest.mark.parametrize("rows", [1, 4, 10, 11, 99])
def test_the_calibration_groups_hold_every_row_in_the_order_of_the_pd(rows: int) -> None:
    rng = np.random.default_rng(rows)
    bins = calibration_bins(rng.integers(0, 2, rows), rng.random(rows))
    assert sum(group.rows for group in bins) == rows
    assert len(bins) == min(rows, 10)
    assert all(low.predicted <= high.predicted for low, high in pairwise(bins))


@pytest.mark.parametrize(("bad", "rows"), [(0, 30), (3, 30), (15, 30), (30, 30), (1, 1)])
def test_a_calibration_group_has_the_interval_of_wilson(bad: int, rows: int) -> None:
    (group, *_) = calibration_bins(np.tile(np.arange(rows) < bad, 10).astype(np.int64),
                                   np.repeat(np.arange(10) / 10, rows))  # fmt: skip
    expected = binomtest(bad, rows).proportion_ci(method="wilson")
    assert (group.low, group.high) == pytest.approx((expected.low, expected.high))


def test_the_lift_table_is_what_the_hand_works_out() -> None:
    label = np.repeat([0, 1], [12, 8])
    pd = np.repeat(np.arange(10) / 10, 2)
    found = lift_table(label, pd)
    assert [tenth.bad for tenth in found] == [2, 2, 2, 2, 0, 0, 0, 0, 0, 0]
    assert [tenth.lift for tenth in found[:5]] == pytest.approx([2.5, 2.5, 2.5, 2.5, 0.0])
    assert [tenth.captured for tenth in found[:5]] == [0.25, 0.5, 0.75, 1.0, 1.0]


@settings(deadline=None, max_examples=30)
@given(scored())
def test_the_lift_table_holds_every_row_and_every_bad_one(rows: Rows) -> None:
    label, pd = rows
    found = lift_table(label, pd)
    assert sum(tenth.rows for tenth in found) == len(label)
    assert sum(tenth.bad for tenth in found) == label.sum()
    assert found[-1].captured == 1.0
    assert all(before.captured <= after.captured for before, after in pairwise(found))
    mean = sum(tenth.lift * tenth.rows for tenth in found) / len(label)
    assert mean == pytest.approx(1.0)


def test_the_planted_input_is_the_important_one() -> None:
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(800, 4))
    label = (inputs[:, 2] > 0).astype(np.int64)
    places = {"A": (0,), "B": (1,), "PLANTED": (2,), "TWO": (2, 3)}

    def score(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1 / (1 + np.exp(-rows[:, 2]))

    found = importance(score, inputs, label, places, 1)
    lost = dict(found)
    assert found[0][0] in {"PLANTED", "TWO"}
    assert lost["A"] == lost["B"] == 0.0
    assert lost["PLANTED"] == pytest.approx(0.5, abs=0.1)
    assert lost["TWO"] == pytest.approx(0.5, abs=0.1)
    assert [value for _, value in found] == sorted(lost.values(), reverse=True)
    assert importance(score, inputs, label, places, 1) == found


@pytest.mark.parametrize(
    ("good", "bad", "taken"),
    [
        (10_000, 30, 30), (10_000, 250, 200), (6_000, 4_000, 800), (30, 10_000, 1_970),
        (100, 9_000, 1_900), (900, 100, 100), (1_000, 1_000, 1_000),
    ],
)  # fmt: skip
def test_importance_is_measured_on_enough_rows_of_the_rarer_class(
    good: int, bad: int, taken: int
) -> None:
    label = np.repeat([0, 1], [good, bad])
    some = _some_rows(label, np.random.default_rng(1))
    assert len(set(some.tolist())) == len(some) == min(2_000, good + bad)
    assert label[some].sum() == taken


def test_rows_of_one_class_have_no_importance() -> None:
    inputs, label = np.zeros((50, 1)), np.zeros(50, dtype=np.int64)
    assert importance(lambda rows: rows[:, 0], inputs, label, {"A": (0,)}, 1) == ()


def test_the_curves_count_every_row_once() -> None:
    rng = np.random.default_rng(2)
    label = rng.integers(0, 2, 3000)
    pd = np.concatenate([rng.random(2998), [0.0, 1.0]])
    drawn = curves(
        label, pd, importances=(("A", 0.1),), target={"test": (3000, int(label.sum()))}, profit=None
    )
    assert sum(drawn.scores_good) == (label == 0).sum()
    assert sum(drawn.scores_bad) == (label == 1).sum()
    assert len(drawn.score_edges) == len(drawn.scores_good) + 1
    assert (drawn.roc[0], drawn.roc[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert len(drawn.roc) <= 200
    assert list(drawn.roc) == sorted(drawn.roc)

"""Segments, and fairness worked out by hand."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from components.contracts.results import Fairness
from components.evaluation.groups import (
    fairness,
    segments,
    worst,
)

NAN = math.nan


def test_a_segment_has_its_own_figures_and_no_auc_where_one_class_is_missing() -> None:
    rng = np.random.default_rng(1)
    groups = np.array(["x", "y", "z"])[np.arange(300) % 3]
    label = np.where(groups == "z", 0, rng.integers(0, 2, 300))
    pd = rng.random(300)
    found = segments("REGION", groups, label, pd, 1)
    assert [(s.column, s.value, s.rows) for s in found] == [("REGION", v, 100) for v in "xyz"]
    for segment in found:
        own = groups == segment.value
        assert segment.bad == label[own].sum()
        assert (segment.bad_rate, segment.mean_pd) == (label[own].mean(), pd[own].mean())
        assert segment.gap == pytest.approx(segment.mean_pd - segment.bad_rate)
        if segment.value == "z":
            assert segment.auc is None
        else:
            assert segment.auc is not None
            assert segment.auc.value == roc_auc_score(label[own], pd[own])
            assert segment.auc.low < segment.auc.value < segment.auc.high


Groups = dict[str, tuple[int, int, int, int]]


def rows_of(table: Groups) -> tuple[NDArray[np.str_], NDArray[np.int64], NDArray[np.float64]]:
    """Rows for: group -> good approved, good declined, bad approved, bad declined."""
    names, label, pd = [], [], []
    for name, counts in table.items():
        for rows, (bad, score) in zip(
            counts, [(0, 0.1), (0, 0.9), (1, 0.1), (1, 0.9)], strict=True
        ):
            names += [name] * rows
            label += [bad] * rows
            pd += [score] * rows
    return np.array(names), np.array(label), np.array(pd)


@pytest.mark.parametrize(
    ("table", "ratio", "gap"),
    [
        # 60 of 100 and 80 of 100 approved; 50 of 60 and 70 of 80 good ones.
        ({"a": (50, 10, 10, 30), "b": (70, 10, 10, 10)}, 60 / 80, 70 / 80 - 50 / 60),
        ({"a": (40, 0, 0, 10), "b": (40, 0, 0, 10)}, 1.0, 0.0),
        # As many of each group are approved, of the good ones of b fewer.
        ({"a": (40, 10, 10, 40), "b": (20, 30, 30, 20)}, 1.0, 0.8 - 0.4),
        ({"a": (0, 50, 0, 50), "b": (0, 50, 0, 50)}, NAN, NAN),
        ({"a": (0, 50, 0, 50), "b": (50, 0, 50, 0)}, 0.0, 1.0),
        # c has 29 rows: shown, in neither figure.
        ({"a": (50, 10, 10, 30), "b": (70, 10, 10, 10), "c": (0, 29, 0, 0)}, 0.75,
         70 / 80 - 50 / 60),
        # c has 40 rows, 29 of them good: it counts for the ratio alone.
        ({"a": (50, 10, 10, 30), "b": (70, 10, 10, 10), "c": (0, 29, 2, 9)}, (2 / 40) / 0.8,
         70 / 80 - 50 / 60),
        ({"a": (50, 10, 10, 30)}, NAN, NAN),
        ({"a": (10, 5, 5, 5), "b": (5, 5, 5, 10)}, NAN, NAN),
    ],
)  # fmt: skip
def test_fairness_is_what_the_hand_works_out(table: Groups, ratio: float, gap: float) -> None:
    found = fairness("SEX", *rows_of(table), 0.5)
    assert (found.approval_ratio, found.opportunity_gap) == pytest.approx((ratio, gap), nan_ok=True)
    assert [group.value for group in found.groups] == list(table)
    for group, (good, declined, bad, bad_declined) in zip(
        found.groups, table.values(), strict=True
    ):
        rows = good + declined + bad + bad_declined
        assert (group.rows, group.good) == (rows, good + declined)
        assert group.approved == pytest.approx((good + bad) / rows)
        assert group.good_approved == pytest.approx(good / (good + declined))
        assert group.bad_rate == pytest.approx((bad + bad_declined) / rows)
        assert (group.in_ratio, group.in_gap) == (rows >= 30, good + declined >= 30)


def test_a_group_without_good_rows_has_no_share_of_them() -> None:
    found = fairness("SEX", *rows_of({"a": (0, 0, 20, 20), "b": (40, 10, 0, 0)}), 0.5)
    assert found.groups[0].good_approved is None
    assert found.approval_ratio == 0.5 / 0.8
    assert math.isnan(found.opportunity_gap)


@pytest.mark.parametrize(
    ("figures", "ratio", "gap"),
    [
        ([], NAN, NAN),
        ([(0.9, 0.1)], 0.9, 0.1),
        ([(0.9, 0.2), (0.7, 0.1)], 0.7, 0.2),
        ([(0.9, 0.2), (NAN, 0.1)], NAN, 0.2),
        ([(NAN, 0.2), (0.9, NAN)], NAN, NAN),
    ],
)
def test_the_gate_sees_the_worst_column_and_no_figure_where_one_cannot_be_compared(
    figures: list[tuple[float, float]], ratio: float, gap: float
) -> None:
    found = [
        Fairness(column=f"C{n}", groups=(), approval_ratio=r, opportunity_gap=g)
        for n, (r, g) in enumerate(figures)
    ]
    expected = {"approval_ratio": ratio, "equal_opportunity": gap}
    assert worst(found) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(("good", "bad", "shown"), [(10, 10, True), (9, 50, False), (50, 9, False)])
def test_the_auc_of_a_segment_needs_ten_rows_of_either_class(
    good: int, bad: int, shown: bool
) -> None:
    label = np.repeat([0, 1], [good, bad])
    pd = np.random.default_rng(1).random(len(label))
    (found,) = segments("REGION", np.full(len(label), "x"), label, pd, 1)
    assert (found.auc is not None) == shown

"""A report of which nothing moved hardly ever alarms, however many features it has."""

import numpy as np
import pytest

from components.figures.chance import bands, dealt_shares, ks_by_chance
from components.monitoring.drift import LEVEL, drift
from tests.monitoring.rows import month_of, reference_of, rows_of

_REPORTS, _A_REFERENCE = 200, 20


@pytest.mark.parametrize("rows", [200, 2_000])
def test_reports_of_40_features_that_have_not_moved_do_not_alarm(rows: int) -> None:
    """5 of 200 are the limit. One in 500 is meant: of 200, 4 or more come once in 1,000 times at
    that rate, and 3 times in 4 at the limit's.
    """
    alarms = 0
    for report in range(_REPORTS):
        if report % _A_REFERENCE == 0:
            reference = reference_of(rows_of(10_000, seed=10_000 + report))
        alarms += bool(drift(reference, month_of(rows_of(rows, seed=report))).alarms)
    assert alarms <= 3


def test_a_report_of_more_figures_needs_more_of_each() -> None:
    tenths = np.full(10, 0.1)
    psis = []
    for seed in range(40):
        before, after = dealt_shares(tenths, 10_000, tenths, 500, seed)
        psis.append(((after - before) * np.log(after / before)).sum(axis=1))
    one, many = bands(psis[:1], LEVEL)[0], bands(psis, LEVEL)
    # Chi-squared with 9 degrees of freedom: above 26.06 in 1 of 500, above 35.1 in 1 of 20,000.
    scale = 1 / 10_000 + 1 / 500
    assert one == pytest.approx(26.06 * scale, rel=0.15)
    assert np.median(many) == pytest.approx(35.1 * scale, rel=0.15)


def test_bands_of_nothing_are_none_and_of_what_cannot_move_are_zero() -> None:
    assert bands([], LEVEL) == []
    before, after = dealt_shares(np.array([1.0, 0.0]), 100, np.array([1.0, 0.0]), 50)
    assert bands([(after - before).sum(axis=1)], LEVEL) == [0.0]


def test_a_distance_by_chance_holds_for_rows_of_one_kind() -> None:
    rng = np.random.default_rng(3)
    far = 0
    for _ in range(2_000):
        before, after = np.sort(rng.random(1_000)), np.sort(rng.random(300))
        apart = np.searchsorted(before, after) / 1_000 - np.arange(1, 301) / 300
        far += bool(np.abs(apart).max() > ks_by_chance(1_000, 300))
    # One in 1,000 is meant: of 2,000, 8 or more come once in 1,000 times.
    assert far <= 7

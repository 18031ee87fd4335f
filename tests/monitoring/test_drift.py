"""How far a month moved from what the bundle froze: known answers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.drift import ALL_MISSING, SCORE, VANISHED, Drift, Shift
from components.figures.psi import FEW_ROWS
from components.monitoring.drift import drift
from components.scoring.reference import Reference, freeze
from tests.monitoring.rows import CATEGORIES, NAMES, Rows, month_of, reference_of, rows_of


@pytest.fixture(scope="module")
def reference() -> Reference:
    return reference_of(rows_of(20_000, seed=1))


def _of(found: Drift, name: str) -> Shift:
    return next(one for one in found.features if one.name == name)


def _named(found: Drift) -> set[str]:
    return {alarm.name for alarm in found.alarms}


@pytest.mark.parametrize("rows", [200, 2_000, 20_000])
def test_a_month_like_the_reference_is_stable(reference: Reference, rows: int) -> None:
    found = drift(reference, month_of(rows_of(rows, seed=2)))
    assert found.alarms == ()
    assert found.rows == rows
    assert found.reference_rows == 20_000
    assert found.ks is not None
    assert found.ks.ks < found.ks.by_chance
    if rows > 200:
        assert {one.word for one in (found.score, *found.features)} == {"stable"}


@pytest.mark.parametrize("rows", [200, 2_000])
def test_a_shift_of_one_feature_alarms_and_names_it(reference: Reference, rows: int) -> None:
    later = rows_of(rows, seed=3)
    later.features[:, 7] += 0.8
    found = drift(reference, month_of(later))
    assert _named(found) == {"F07"}
    assert found.features[0].name == "F07"
    assert found.features[0].word == "significant"
    assert "PSI" in found.alarms[0].why


def test_two_in_five_missing_alarms(reference: Reference) -> None:
    later = rows_of(500, seed=4)
    later.features[:200, 9] = np.nan
    found = drift(reference, month_of(later))
    assert _named(found) == {"F09"}
    missing = _of(found, "F09").missing
    assert missing is not None
    assert (missing.count, missing.share, missing.expected) == (200, 0.4, 0.0)
    # Chance makes of the training's share what it makes of it, whatever the month has.
    assert missing.low == 0.0 and missing.high < 0.01
    same = _of(found, "F38").missing
    assert same is not None
    assert 0 < same.low <= same.share <= same.high


def test_an_outlier_hides_no_shift(reference: Reference) -> None:
    later = rows_of(500, seed=5)
    later.features[:, 7] += 0.8
    alone = _of(drift(reference, month_of(later)), "F07").psi
    later.features[0, 7] = 1e12
    found = drift(reference, month_of(later))
    assert _named(found) == {"F07"}
    assert _of(found, "F07").psi == pytest.approx(alone, abs=0.01)


def test_a_score_that_moved_is_named_and_its_distance_known(reference: Reference) -> None:
    later = rows_of(2_000, seed=6)
    moved = Rows(later.features, later.pd**0.5)
    found = drift(reference, month_of(moved))
    assert _named(found) == {SCORE}
    before, after = np.sort(rows_of(20_000, seed=1).pd), np.sort(moved.pd)
    every = np.concatenate([before, after])
    apart = np.abs(
        np.searchsorted(before, every, side="right") / len(before)
        - np.searchsorted(after, every, side="right") / len(after)
    ).max()
    assert found.ks is not None
    # The reference is known at its percentiles only.
    assert found.ks.ks == pytest.approx(apart, abs=0.011)
    assert found.ks.ks > found.ks.by_chance


def test_scores_of_few_values_are_no_distance_apart() -> None:
    before = rows_of(5_000, seed=1)
    few = Rows(before.features, np.where(before.pd < 0.3, 0.125, 0.5))
    found = drift(reference_of(few), month_of(few))
    assert found.ks is not None
    assert found.ks.ks <= 0.01
    assert found.score.psi == 0


def test_a_month_that_drifts_slowly_is_seen_by_the_fifth(reference: Reference) -> None:
    """A tenth of a standard deviation a month, too little to be seen beside the month before."""
    months = []
    for number in range(1, 9):
        later = rows_of(2_000, seed=100 + number)
        later.features[:, 12] += 0.1 * number
        months.append(drift(reference, month_of(later)))
    first = next(number for number, found in enumerate(months, 1) if found.alarms)
    assert 2 <= first <= 5
    assert all(_named(found) == {"F12"} for found in months[first - 1 :])


def test_a_month_without_rows_says_so_and_does_not_alarm(reference: Reference) -> None:
    found = drift(reference, month_of(rows_of(0, seed=1)))
    assert (found.rows, found.alarms, found.ks) == (0, (), None)
    assert (found.approval.share, found.unscored.share) == (None, None)
    assert {one.word for one in (found.score, *found.features)} == {FEW_ROWS}
    assert len(found.features) == len(NAMES)


@pytest.mark.parametrize("rows", [1, 5, 29])
def test_few_rows_say_so_and_do_not_alarm(reference: Reference, rows: int) -> None:
    later = rows_of(rows, seed=1)
    later.features[:, 3:5] = np.nan
    later.features[:, 7] += 5
    found = drift(reference, month_of(later))
    assert found.alarms == ()
    assert {one.word for one in (found.score, *found.features)} == {FEW_ROWS}
    assert found.approval.rows == rows


def test_a_feature_that_is_all_missing_alarms(reference: Reference) -> None:
    later = rows_of(200, seed=7)
    later.features[:, [2, 5]] = np.nan  # a number and a category
    found = drift(reference, month_of(later))
    assert _named(found) == {"F02", "F05"}
    assert {_of(found, name).word for name in ("F02", "F05")} == {ALL_MISSING}


def test_a_feature_that_was_never_there_is_stable_when_it_is_not_there() -> None:
    before, later = rows_of(2_000, seed=1), rows_of(200, seed=7)
    for rows in (before, later):
        rows.features[:, 2] = np.nan
    found = drift(reference_of(before), month_of(later))
    assert found.alarms == ()
    assert _of(found, "F02").psi == 0


@pytest.mark.parametrize("rows", [0, 1, 200])
def test_a_feature_that_vanished_alarms_whatever_the_rows(reference: Reference, rows: int) -> None:
    found = drift(reference, month_of(rows_of(rows, seed=8), without=("F03",)))
    assert _named(found) == {"F03"}
    assert (found.features[0].name, found.features[0].word) == ("F03", VANISHED)
    assert found.features[0].psi is None
    assert len(found.features) == len(NAMES)


def test_a_month_that_lost_every_feature_is_reported(reference: Reference) -> None:
    found = drift(reference, month_of(rows_of(200, seed=8), without=NAMES))
    assert _named(found) == set(NAMES)
    assert found.score.word != VANISHED


def test_unseen_categories_are_counted_and_alarm_where_they_are_many() -> None:
    before, later = rows_of(20_000, seed=1), rows_of(1_000, seed=9)
    before.features[before.features[:, 5] == 7, 5] = 0
    later.features[:3, 5] = 7  # declared, but nobody had it
    later.features[3:5, 5] = 8  # of no name
    later.features[5, 5] = math.inf
    later.features[6, 5] = 2.5
    reference = reference_of(before)
    found = drift(reference, month_of(later))
    told = {one.value: one.rows for one in _of(found, "F05").unseen}
    last = int((rows_of(1_000, seed=9).features[7:, 5] == 7).sum())
    assert told == {CATEGORIES["F05"][7]: 3 + last, "code 8": 2, "code 2.5": 1, "code inf": 1}
    assert found.alarms == ()
    later.features[:60, 5] = 9
    found = drift(reference, month_of(later))
    assert _named(found) == {"F05"}
    assert {one.value: one.rows for one in _of(found, "F05").unseen}["code 9"] == 60


def test_rows_without_a_score_are_counted_and_alarm_as_the_score(reference: Reference) -> None:
    later = rows_of(400, seed=10)
    later.pd[:100] = np.nan
    found = drift(reference, month_of(later))
    assert (found.unscored.count, found.unscored.share) == (100, 0.25)
    assert _named(found) == {SCORE}
    assert found.ks is not None
    assert found.ks.rows == 300
    later.pd[:] = np.nan
    found = drift(reference, month_of(later))
    assert (found.ks, found.score.word) == (None, ALL_MISSING)


def test_the_approval_rate_has_an_interval(reference: Reference) -> None:
    later = rows_of(400, seed=10)
    found = drift(reference, month_of(later)).approval
    approved = int((later.pd < 0.2).sum())
    assert (found.count, found.rows, found.share) == (approved, 400, approved / 400)
    assert found.low is not None
    assert found.high is not None
    assert found.low < approved / 400 < found.high


def test_a_result_survives_its_json(reference: Reference) -> None:
    found = drift(reference, month_of(rows_of(200, seed=8), without=("F03",)))
    assert Drift.model_validate_json(found.model_dump_json()) == found


def test_rows_over_many_chunks_count_as_a_plain_reckoning_does(reference: Reference) -> None:
    later = rows_of(40_000, seed=11)
    found = drift(reference, month_of(later))
    for name in ("F00", "F07", "F39"):
        bins, values = reference.features[name], later.features[:, NAMES.index(name)]
        total, expected = 0.0, bins.expected
        for place in range(len(bins.edges) + 1):
            low = bins.edges[place - 1] if place else -math.inf
            high = bins.edges[place] if place < len(bins.edges) else math.inf
            share = max(1e-4, float(((values > low) & (values <= high)).mean()))
            before = max(1e-4, expected[place])
            total += (share - before) * math.log(share / before)
        share, before = (max(1e-4, x) for x in (float(np.isnan(values).mean()), expected[-1]))
        total += (share - before) * math.log(share / before)
        assert _of(found, name).psi == pytest.approx(total, abs=1e-12)


_CELLS = st.one_of(st.floats(-5, 5), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e300]))


@given(
    before=st.lists(_CELLS, min_size=1, max_size=60),
    later=st.lists(_CELLS, min_size=1, max_size=60),
    times=st.integers(2, 5),
    seed=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_a_psi_is_never_negative_and_knows_no_order_and_no_size(
    before: list[float], later: list[float], times: int, seed: int
) -> None:
    def psi_of(past: list[float], values: list[float]) -> float:
        column = np.array(past)[:, None]
        pd = np.linspace(0.1, 0.9, len(past))
        known = freeze(["A"], [0], column, pd)
        rows = Rows(np.array(values)[:, None], np.full(len(values), 0.5))
        found = drift(known, month_of(rows, names=("A",))).features[0].psi
        assert found is not None
        return found

    psi = psi_of(before, later)
    assert psi >= 0
    assert psi_of(before, list(np.random.default_rng(seed).permutation(later))) == psi
    assert psi_of(before * times, later * times) == pytest.approx(psi, abs=1e-9)
    assert psi_of(before, before) == 0

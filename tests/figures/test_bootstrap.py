"""The bootstrap: a draw counted over sorted rows is a draw of the rows themselves."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from components.figures import bootstrap
from components.figures.bootstrap import (
    Ranked,
    _Bands,
    auc_interval,
    draws,
    draws_together,
    ece_by_noise,
    intervals,
    ranks,
)
from components.figures.metrics import ranking_metrics
from tests.evaluation.rows import Rows, scored


def drawn_rows(rows: Rows, good: NDArray[np.int64], bad: NDArray[np.int64]) -> Rows:
    """The rows of a draw, written out."""
    label, pd = rows
    times = np.empty(len(label), dtype=np.int64)
    times[label == 0], times[label == 1] = good, bad
    return np.repeat(label, times), np.repeat(pd, times)


@settings(deadline=None, max_examples=25)
@given(scored(), st.integers(0, 9))
def test_an_auc_of_a_draw_is_that_of_the_rows_written_out(rows: Rows, seed: int) -> None:
    for good, bad in draws(rows[0], 3, seed):
        expected = sk.roc_auc_score(*drawn_rows(rows, good, bad))
        assert Ranked(*rows).auc(good, bad) == pytest.approx(expected)


def written_out(rows: Rows, good: NDArray[np.int64], bad: NDArray[np.int64]) -> Rows:
    """The rows of a draw over bands of one PD each."""
    each = np.unique(rows[1])
    drawn = np.concatenate([np.repeat(each, good), np.repeat(each, bad)])
    return np.repeat([0, 1], [good.sum(), bad.sum()]), drawn


@settings(deadline=None, max_examples=15)
@given(scored(), st.integers(0, 9))
def test_a_figure_of_a_draw_over_bands_is_that_of_the_rows_written_out(
    rows: Rows, seed: int
) -> None:
    bands = _Bands(*rows)
    apart, together = bands.apart(seed), bands.together(seed)
    ranked, losses = ranks(*apart), bands.losses(*together)
    for number in range(3):
        expected = ranking_metrics(*written_out(rows, *(side[number] for side in apart)))
        assert {name: values[number] for name, values in ranked.items()} == pytest.approx(
            {name: expected[name] for name in ("auc", "gini", "ks")}
        )
        drawn = written_out(rows, *(side[number] for side in together))
        if len(np.unique(drawn[0])) == 1:
            assert losses["pr_auc"][number] == pytest.approx(drawn[0][0])
            continue
        expected = ranking_metrics(*drawn)
        assert {name: values[number] for name, values in losses.items()} == pytest.approx(
            {name: expected[name] for name in ("pr_auc", "brier", "log_loss")}
        )


@settings(deadline=None, max_examples=25)
@given(scored(), st.integers(0, 9))
def test_a_draw_over_bands_has_as_many_rows_as_there_are(rows: Rows, seed: int) -> None:
    bands, label = _Bands(*rows), rows[0]
    good, bad = bands.apart(seed)
    assert set(good.sum(axis=1)) == {(label == 0).sum()} == {bands.good.sum()}
    assert set(bad.sum(axis=1)) == {label.sum()} == {bands.bad.sum()}
    assert set(np.add(*bands.together(seed)).sum(axis=1)) == {len(label)}


@pytest.mark.parametrize("rows", [1_000, 3_000])
def test_bands_hold_every_row_once_and_no_tie_is_torn(rows: int) -> None:
    rng = np.random.default_rng(2)
    label, pd = rng.integers(0, 2, rows), np.round(rng.random(rows), 3)
    for most in (2_000, 100, 7):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bootstrap, "_BANDS", most)
            bands = _Bands(label, pd)
        counts = bands.good + bands.bad
        assert counts.sum() == rows
        assert len(counts) == min(most, len(np.unique(pd)))
        edges = np.cumsum(counts)[:-1]
        ordered = np.sort(pd)
        assert (ordered[edges - 1] < ordered[edges]).all()


def test_bands_of_many_pds_give_the_intervals_of_the_rows_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    label, pd = right_pds(np.random.default_rng(4), 6_000)
    figures = ranking_metrics(label, pd)
    monkeypatch.setattr(bootstrap, "_RESAMPLES", 4_000)
    few = intervals(label, pd, figures, 1)
    monkeypatch.setattr(bootstrap, "_BANDS", 6_000)
    whole = intervals(label, pd, figures, 2)
    for name, interval in whole.items():
        width = interval.high - interval.low
        assert few[name].low == pytest.approx(interval.low, abs=0.05 * width)
        assert few[name].high == pytest.approx(interval.high, abs=0.05 * width)


@given(st.integers(1, 60), st.integers(0, 9))
def test_rows_drawn_together_are_as_many_as_there_are(rows: int, seed: int) -> None:
    assert [counts.sum() for counts in draws_together(rows, 2, seed)] == [rows, rows]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_a_draw_has_as_many_rows_of_each_class_as_there_are(good: int, bad: int, seed: int) -> None:
    label = np.repeat([0, 1], [good, bad])
    for drawn in draws(label, 2, seed):
        assert (
            [counts.sum() for counts in drawn] == [len(counts) for counts in drawn] == [good, bad]
        )


def test_draws_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    label = np.repeat([0, 1], [50, 30])

    def first(seed: int) -> list[int]:
        ((good, bad),) = islice(draws(label, 1, seed), 1)
        return [*good.tolist(), *bad.tolist()]

    assert first(1) == first(1) != first(2)


@settings(deadline=None, max_examples=8)
@given(scored(), st.integers(0, 9))
def test_every_interval_is_around_its_figure_and_the_same_for_the_same_seed(
    rows: Rows, seed: int
) -> None:
    figures = ranking_metrics(*rows)
    found = intervals(*rows, figures, seed)
    assert set(figures) - set(found) == {"ece"}
    for name, interval in found.items():
        assert interval.low <= interval.value == figures[name] <= interval.high
    assert all(found[name].low >= 0 for name in ("auc", "ks", "brier", "log_loss"))
    assert all(found[name].high <= 1 for name in ("auc", "gini", "ks", "pr_auc", "brier"))
    assert intervals(*rows, figures, seed) == found
    assert found["auc"] == pytest.approx(auc_interval(*rows, seed))


def right_pds(rng: np.random.Generator, rows: int) -> Rows:
    """PDs that are right: each row goes bad with its own."""
    pd = rng.beta(1.2, 6, rows)
    return (rng.random(rows) < pd).astype(np.int64), pd


def test_intervals_hold_the_truth_about_as_often_as_they_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bootstrap, "_RESAMPLES", 200)
    rng = np.random.default_rng(5)
    truth = ranking_metrics(*right_pds(rng, 1_000_000))
    tries, held = 150, dict.fromkeys(("auc", "brier", "log_loss", "pr_auc"), 0)
    for seed in range(tries):
        rows = right_pds(rng, 500)
        found = intervals(*rows, ranking_metrics(*rows), seed)
        for name in held:
            held[name] += found[name].low <= truth[name] <= found[name].high
    assert {name: times for name, times in held.items() if not 0.9 <= times / tries <= 0.99} == {}


def test_pds_that_are_right_have_no_more_calibration_error_than_noise_gives() -> None:
    rng = np.random.default_rng(7)
    above = wrong = 0
    for seed in range(60):
        label, pd = right_pds(rng, 1_000)
        above += ranking_metrics(label, pd)["ece"] > ece_by_noise(pd, seed)
        wrong += ranking_metrics(label, pd / 2)["ece"] > ece_by_noise(pd / 2, seed)
    assert above <= 9  # 3 are expected
    assert wrong == 60
    assert ece_by_noise(pd, 1) == ece_by_noise(pd[::-1], 1) != ece_by_noise(pd, 2)
    # Four times the rows, half the noise.
    many = ece_by_noise(np.repeat(pd, 4), 1)
    assert many == pytest.approx(ece_by_noise(pd, 1) / 2, rel=0.15)


def test_a_perfect_ranking_leaves_the_auc_no_room() -> None:
    found = auc_interval(np.repeat([0, 1], 50), np.linspace(0, 1, 100), 1)
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_the_auc_interval_narrows_with_more_rows() -> None:
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, 4000)
    pd = rng.random(4000) * 0.8 + label * 0.2
    few, many = auc_interval(label[:200], pd[:200], 1), auc_interval(label, pd, 1)
    assert many.high - many.low < (few.high - few.low) / 2


def test_the_auc_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    # Scores of bad rows are one standard deviation higher: the AUC is 0.7602.
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        label = np.repeat([0, 1], [150, 100])
        found = auc_interval(label, rng.normal(size=250) + label, seed)
        held += found.low <= 0.7602 <= found.high
    assert 178 <= held <= 199


def test_auc_of_models_that_tie_is_equal_to_the_bit() -> None:
    rng = np.random.default_rng(1)
    label, pd = rng.integers(0, 2, 999), rng.random(999)
    same, other = Ranked(label, pd), Ranked(label, pd**3)  # the same order
    assert all(same.auc(*drawn) == other.auc(*drawn) for drawn in draws(label, 50, 1))
    assert Ranked(label, np.zeros(999)).auc(*next(draws(label, 1, 1))) == 0.5
    assert sk.roc_auc_score(label, pd) == pytest.approx(
        same.auc(*(np.ones((label == side).sum(), dtype=np.int64) for side in (0, 1)))
    )

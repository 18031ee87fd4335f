"""The challenge, by simulation: chance does not promote, a real gain does, a hidden loss blocks."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from components.contracts.policy import Challenge, Economics
from components.contracts.results import ChallengeDecision
from components.evaluation.challenge import Side, challenge

TRIES = 200
#: One in a hundred equal models may win.
RULE = Challenge(level=0.01, resamples=500)
FEW = Challenge(level=0.025, resamples=200)
LOAN = Economics(lgd=0.6, margin=0.1, ead=1_000)
CUTOFF = 0.3
NONE: Mapping[str, NDArray[np.str_]] = {}
Scores = NDArray[np.float64]


def simulate(
    seed: int, rows: int, auc: float, other: float, *, shared: float = 0.6
) -> tuple[NDArray[np.int64], Side, Side]:
    """Labels, a challenger and a champion whose scores have these AUCs, and much in common."""
    rng = np.random.default_rng(seed)
    label = (rng.random(rows) < 0.2).astype(np.int64)
    common = math.sqrt(shared) * rng.normal(size=rows)

    def side(wanted: float) -> Side:
        own = math.sqrt(1 - shared) * rng.normal(size=rows)
        # Two normal distributions so far apart have the AUC that is wanted.
        score = common + own + label * math.sqrt(2) * norm.ppf(wanted)
        return Side(1 / (1 + np.exp(1.9 - score)), CUTOFF)

    return label, side(auc), side(other)


def decide(
    label: NDArray[np.int64], challenger: Side, champion: Side, **changes: object
) -> ChallengeDecision:
    """The decision under the rule of these tests."""
    given: dict[str, object] = {"rule": FEW, "economics": LOAN, "seed": 1}
    segments = changes.pop("segments", NONE)
    return challenge(label, challenger, champion, segments, **{**given, **changes})  # type: ignore[arg-type]


def test_of_200_equal_models_at_most_five_win() -> None:
    won = sum(
        decide(*simulate(seed, 1_000, 0.75, 0.75), rule=RULE, seed=seed).won
        for seed in range(TRIES)
    )
    assert won <= 5


def test_of_200_models_with_a_gain_of_two_points_of_auc_at_least_190_win() -> None:
    # The more two models have in common, the fewer rows tell them apart.
    tries = (simulate(seed, 5_000, 0.77, 0.75, shared=0.9) for seed in range(TRIES))
    won = sum(decide(*made, seed=seed).won for seed, made in enumerate(tries))
    assert won >= 190


@pytest.mark.parametrize("same_order", [lambda pd: pd, lambda pd: pd**2 * 0.9 + pd * 0.05])
def test_a_model_that_ties_with_the_champion_does_not_win(same_order: object) -> None:
    label, champion, _ = simulate(3, 2_000, 0.75, 0.75)
    found = decide(label, replace(champion, pd=same_order(champion.pd)), champion, economics=None)  # type: ignore[operator]
    assert (found.auc.gain, found.auc.low, found.auc.high) == (0.0, 0.0, 0.0)
    assert not found.won
    assert found.why.startswith("the AUC is not better beyond chance: gain +0.0000")


def test_a_worse_model_does_not_win_however_many_rows_there_are() -> None:
    assert not decide(*simulate(3, 20_000, 0.75, 0.77)).won


def with_lost_segment(rows: int) -> tuple[NDArray[np.int64], Side, Side, NDArray[np.str_]]:
    """A challenger that is better by far, but for a segment where it knows nothing."""
    label, challenger, champion = simulate(5, rows, 0.82, 0.75)
    region = np.where(np.arange(rows) % 10 == 0, "south", "north")
    blind = np.random.default_rng(6).permutation(challenger.pd)
    pd = np.where(region == "south", blind, challenger.pd)
    return label, replace(challenger, pd=pd), champion, region


def test_a_segment_that_loses_blocks_a_model_that_gains_on_the_whole() -> None:
    label, challenger, champion, region = with_lost_segment(10_000)
    assert decide(label, challenger, champion).won
    found = decide(label, challenger, champion, segments={"REGION": region})
    assert not found.won
    assert found.auc.low > 0
    north, south = found.segments
    assert (north.value, north.judged, north.worse) == ("north", True, False)
    assert (south.value, south.judged, south.worse) == ("south", True, True)
    assert found.why == (
        f"the AUC is lower beyond chance where REGION is south ({south.gain:+.4f})"
    )


@pytest.mark.parametrize(("least_bad", "judged"), [(30, True), (5_000, False)])
def test_a_segment_with_few_bad_rows_is_shown_and_not_judged(least_bad: int, judged: bool) -> None:
    label, challenger, champion, region = with_lost_segment(10_000)
    rule = FEW.model_copy(update={"least_bad": least_bad})
    found = decide(label, challenger, champion, segments={"REGION": region}, rule=rule)
    _, south = found.segments
    assert (south.judged, south.worse, found.won) == (judged, judged, not judged)
    assert south.gain is not None
    assert south.gain < -0.1


def test_a_segment_needs_good_rows_too_and_one_of_one_class_has_no_auc() -> None:
    label, challenger, champion = simulate(5, 4_000, 0.82, 0.75)
    kind = np.where(label == 1, "bad", "some")
    kind[np.flatnonzero(label == 0)[:10]] = "bad"
    kind[np.flatnonzero(label == 0)[10:900]] = "good"
    found = {s.value: s for s in decide(label, challenger, champion, segments={"K": kind}).segments}
    assert not any(segment.judged for segment in found.values())
    assert found["good"].gain is None
    assert found["bad"].gain is not None


def test_the_level_is_shared_out_among_the_segments_that_are_judged() -> None:
    label, challenger, champion = simulate(5, 4_000, 0.82, 0.75)
    columns = {"A": np.arange(4_000) % 2, "B": np.arange(4_000) % 3}
    segments = {name: groups.astype(np.str_) for name, groups in columns.items()}
    assert decide(label, challenger, champion, segments=segments, rule=RULE).segment_level == 0.002
    assert decide(label, challenger, champion).segment_level == 0.025


def test_each_judged_segment_has_resamples_enough_that_no_few_decide() -> None:
    label, challenger, champion = simulate(5, 4_000, 0.82, 0.75)
    segments = {"A": (np.arange(4_000) % 8).astype(np.str_)}
    found = decide(label, challenger, champion, segments=segments, rule=RULE)
    assert sum(segment.judged for segment in found.segments) == 8
    assert (found.resamples, found.segment_resamples) == (500, 4_000)
    assert decide(label, challenger, champion, rule=RULE).segment_resamples == 500


def test_the_profit_gain_has_the_noise_of_the_bad_rate_too() -> None:
    # The challenger approves everybody, the champion nobody: the gain follows the bad rate, and
    # drawn within the classes it would have no noise at all.
    label = np.repeat([0, 1], [800, 200])
    pd = np.linspace(0, 0.9, 1_000)
    found = decide(label, Side(pd, 1.0), Side(pd, 0.0), rule=RULE).profit
    assert found is not None
    sd = 700 * math.sqrt(0.2 * 0.8 / 1_000)  # 100 earned, or 600 lost
    assert found.high - found.low == pytest.approx(2 * 2.326 * sd, rel=0.15)


def test_a_lower_profit_blocks_a_model_that_ranks_better() -> None:
    label, challenger, champion = simulate(5, 10_000, 0.82, 0.75)
    assert decide(label, challenger, champion).won
    # The same model, used badly: it approves nearly everybody.
    found = decide(label, replace(challenger, approve_below=0.9), champion)
    assert not found.won
    assert found.profit is not None
    assert found.profit.high < 0
    assert found.why.startswith("the profit per applicant is lower beyond chance: gain -")
    assert decide(label, replace(challenger, approve_below=0.9), champion, economics=None).won


def test_the_figures_are_those_of_the_rows_and_each_model_is_at_its_own_cut_off() -> None:
    label, challenger, champion = simulate(5, 3_000, 0.8, 0.75)
    challenger = replace(challenger, approve_below=0.2)
    found = decide(label, challenger, champion)
    assert (found.rows, found.bad, found.resamples) == (3_000, label.sum(), 200)
    assert found.auc.challenger == pytest.approx(roc_auc_score(label, challenger.pd))
    assert found.auc.champion == pytest.approx(roc_auc_score(label, champion.pd))
    assert found.auc.gain == found.auc.challenger - found.auc.champion
    assert found.profit is not None
    for side, value in (
        (challenger, found.profit.challenger),
        (champion, found.profit.champion),
    ):
        approved = label[side.pd < side.approve_below]
        assert value == pytest.approx(
            (100 * (approved == 0).sum() - 600 * (approved == 1).sum()) / 3_000
        )
    for gain in (found.auc, found.profit):
        assert gain.low < gain.gain < gain.high
        assert sum(gain.counts) == 200


def test_the_same_rows_and_seed_give_the_same_decision() -> None:
    label, challenger, champion, region = with_lost_segment(2_000)
    segments = {"REGION": region}
    first = decide(label, challenger, champion, segments=segments)
    assert decide(label, challenger, champion, segments=segments) == first
    assert ChallengeDecision.model_validate_json(first.model_dump_json()) == first
    assert decide(label, challenger, champion, segments=segments, seed=2) != first

"""The challenge: is a challenger better than the champion, on the same rows, beyond chance?

A paired bootstrap: in each resample both models are measured on the same drawn rows, so that what
is chance of the rows touches both. Good and bad rows are drawn apart for the AUC, together for the
profit, which depends on how many go bad. The challenger wins where its AUC is higher beyond chance,
and neither the profit nor the AUC of a segment is lower beyond chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.contracts.policy import Challenge, Economics, least_resamples
from components.contracts.results import ChallengeDecision, Gain, SegmentGain
from components.evaluation.policy import earned
from components.figures.bootstrap import Label, Ranked, Scores, draws, draws_together
from components.figures.groups import Groups, each_group

_HISTOGRAM = 30


@dataclass(frozen=True)
class Side:
    """One model on the frozen rows."""

    pd: Scores
    approve_below: float


def challenge(
    label: Label,
    challenger: Side,
    champion: Side,
    segments: Mapping[str, Groups],
    *,
    rule: Challenge,
    economics: Economics | None,
    seed: int,
) -> ChallengeDecision:
    """Whether the challenger wins, with every figure."""
    both = _Both(label, challenger.pd, champion.pd)
    drawn = [both.gain(good, bad) for good, bad in draws(label, rule.resamples, seed)]
    auc = _gain(*both.values(), np.array(drawn), rule.level)
    profit = _profit(label, challenger, champion, economics, rule, seed) if economics else None
    looked_at = [
        (name, value, own, _is_judged(label[own], rule))
        for name, groups in segments.items()
        for value, own in each_group(groups)
    ]
    # The more segments are judged, the likelier one of them is worse by chance alone.
    level = rule.level / max(1, sum(judged for *_, judged in looked_at))
    resamples = max(rule.resamples, least_resamples(level))
    found = tuple(
        _segment(
            name, value, label[own], challenger.pd[own], champion.pd[own],
            judged=judged, resamples=resamples, level=level, seed=[seed, number],
        )
        for number, (name, value, own, judged) in enumerate(looked_at, start=1)
    )  # fmt: skip
    lost = _losses(auc, profit, found)
    return ChallengeDecision(
        rows=len(label),
        bad=int(label.sum()),
        resamples=rule.resamples,
        level=rule.level,
        segment_level=level,
        segment_resamples=resamples,
        auc=auc,
        profit=profit,
        segments=found,
        won=not lost,
        why="; ".join(lost) if lost else _in_words(auc, profit, found),
    )


class _Both:
    """Both models' AUC on some rows."""

    def __init__(self, label: Label, challenger: Scores, champion: Scores) -> None:
        self._challenger, self._champion = Ranked(label, challenger), Ranked(label, champion)
        self._once = tuple(np.ones(int((label == side).sum()), dtype=np.int64) for side in (0, 1))

    def gain(self, good: NDArray[np.int64], bad: NDArray[np.int64]) -> float:
        return self._challenger.auc(good, bad) - self._champion.auc(good, bad)

    def values(self) -> tuple[float, float]:
        """The champion's and the challenger's AUC on the rows themselves."""
        good, bad = self._once
        return self._champion.auc(good, bad), self._challenger.auc(good, bad)


def _profit(
    label: Label, challenger: Side, champion: Side, economics: Economics, rule: Challenge, seed: int
) -> Gain:
    """Both models' profit per applicant."""
    own, other = (
        earned(economics, label, side.pd, side.approve_below) for side in (challenger, champion)
    )
    gain, rows = own - other, len(label)
    # Not a matrix product: its threads cost more than they bring, and round as many as run.
    drawn = [
        float((taken * gain).sum()) / rows for taken in draws_together(rows, rule.resamples, seed)
    ]
    return _gain(float(other.mean()), float(own.mean()), np.array(drawn), rule.level)


def _gain(champion: float, challenger: float, drawn: Scores, level: float) -> Gain:
    low, high = np.quantile(drawn, [level, 1 - level])
    counts, edges = np.histogram(drawn, _HISTOGRAM)
    return Gain(
        champion=champion,
        challenger=challenger,
        gain=challenger - champion,
        low=float(low),
        high=float(high),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
    )


def _is_judged(label: Label, rule: Challenge) -> bool:
    bad = int(label.sum())
    return min(bad, len(label) - bad) >= rule.least_bad


def _segment(
    column: str,
    value: str,
    label: Label,
    challenger: Scores,
    champion: Scores,
    *,
    judged: bool,
    resamples: int,
    level: float,
    seed: list[int],
) -> SegmentGain:
    gain: Gain | None = None
    if 0 < label.sum() < len(label):
        both = _Both(label, challenger, champion)
        drawn = [both.gain(good, bad) for good, bad in draws(label, resamples, seed)]
        gain = _gain(*both.values(), np.array(drawn), level)
    return SegmentGain(
        column=column,
        value=value,
        rows=len(label),
        bad=int(label.sum()),
        champion=gain.champion if gain else None,
        challenger=gain.challenger if gain else None,
        gain=gain.gain if gain else None,
        low=gain.low if gain else None,
        high=gain.high if gain else None,
        judged=judged,
        worse=judged and gain is not None and gain.high < 0,
    )


def _losses(auc: Gain, profit: Gain | None, segments: tuple[SegmentGain, ...]) -> list[str]:
    """Everything that keeps the challenger from winning."""
    lost = []
    if not auc.low > 0:
        lost.append(f"the AUC is not better beyond chance: {_span(auc, 4)}")
    if profit is not None and profit.high < 0:
        lost.append(f"the profit per applicant is lower beyond chance: {_span(profit, 2)}")
    worse = [f"{s.column} is {s.value} ({s.gain:+.4f})" for s in segments if s.worse]
    if worse:
        lost.append(f"the AUC is lower beyond chance where {', '.join(worse)}")
    return lost


def _in_words(auc: Gain, profit: Gain | None, segments: tuple[SegmentGain, ...]) -> str:
    parts = [f"the AUC is better beyond chance: {_span(auc, 4)}"]
    if profit is not None:
        parts.append(f"the profit per applicant is not lower: {_span(profit, 2)}")
    if judged := sum(segment.judged for segment in segments):
        parts.append(f"none of {judged} segments is worse")
    return "; ".join(parts)


def _span(gain: Gain, digits: int) -> str:
    return f"gain {gain.gain:+.{digits}f} ({gain.low:+.{digits}f} to {gain.high:+.{digits}f})"

"""Vintages over time: how they go bad, and how well they are ranked."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from components.contracts.results import Interval
from components.contracts.vintages import AgainstTraining, Curve, Trained, Vintage
from components.contracts.watching import WatchSpec
from components.figures.bootstrap import Label, Scores, auc_interval
from components.monitoring.performance import Days, Flags, known_by

_SIDE = 1.959963984540054  # of 95 % on two sides
#: Of 99 % on one side: a report has a vintage a month, and one false alarm in 8 years.
_NOISE = 2.3263478740408408


def curves(decided: Days, bad: Flags, known: Days, as_of: str) -> tuple[Curve, ...]:
    """How each vintage went bad up to a month.

    `decided` and `known` are days, the latter NaT where nothing came of a row yet. The rows are
    those that can go bad: what was never lent is not among them.
    """
    late = known_by(as_of, bad, known) == 1
    month, last = decided.astype("datetime64[M]"), np.datetime64(as_of, "M")
    # A clock that is a day off does not make an outcome come before its decision.
    after = np.maximum(0, (known[late].astype("datetime64[M]") - month[late]).astype(np.int64))
    found = []
    for first in np.unique(month[month <= last]):
        own = after[month[late] == first]
        open_months = int((last - first).astype(np.int64)) + 1
        found.append(
            Curve(
                month=str(first),
                rows=int((month == first).sum()),
                bad=tuple(np.bincount(own, minlength=open_months).cumsum().tolist()),
            )
        )
    return tuple(found)


def trained_auc(label: Label, pd: Scores, cutoff: float, spec: WatchSpec) -> Trained:
    """The AUC that a release is held against, from the rows that its training kept for the test.

    They have both classes: evaluation asks for that.
    """
    approved = pd < cutoff
    enough = np.bincount(label[approved], minlength=2).min() >= spec.least_of_class
    return Trained(
        auc=auc_interval(label, pd, spec.seed),
        auc_approved=auc_interval(label[approved], pd[approved], spec.seed) if enough else None,
    )


def against_training(
    vintages: Sequence[Vintage], trained: Mapping[str, Trained]
) -> tuple[AgainstTraining, ...]:
    """Whether each vintage's AUC is lower than that of its release's training by more than noise.

    A vintage whose outcomes are of approved rows only is held against the approved rows: without
    the worst applicants every model ranks less well.
    """
    return tuple(
        _against(one, trained.get(one.release))
        for one in sorted(vintages, key=lambda one: (one.month, one.release))
    )


def _against(vintage: Vintage, trained: Trained | None) -> AgainstTraining:
    auc = vintage.figures["auc"]
    before = None
    if trained is not None:
        before = trained.auc_approved if vintage.selected else trained.auc
    verdict: Literal["lower", "not lower", "none"] = "none"
    if auc.found is None:
        why = auc.why
    elif trained is None:
        why = "the training of its release is not known"
    elif before is None:
        why = "outcomes are of approved rows only, and training tested on too few of those"
    else:
        room = _NOISE * math.hypot(_error(before), _error(auc.found))
        verdict = "lower" if before.value - auc.found.value > room else "not lower"
        why = (
            f"{verdict} than training's by more than noise: {auc.found.value:.3f} against "
            f"{before.value:.3f}, noise is up to {room:.3f}"
        )
    return AgainstTraining(
        month=vintage.month,
        release=vintage.release,
        auc=auc,
        trained=before,
        verdict=verdict,
        why=why,
    )


def _error(interval: Interval) -> float:
    """The standard error that an interval tells of."""
    return (interval.high - interval.low) / (2 * _SIDE)

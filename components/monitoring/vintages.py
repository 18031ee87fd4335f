"""Vintages over time: how they go bad, how states follow each other, and how they are ranked."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import VintageError
from components.contracts.results import Interval
from components.contracts.vintages import AgainstTraining, Curve, RollRates, Trained, Vintage
from components.contracts.watching import WatchSpec
from components.figures.bootstrap import Label, Scores, auc_interval
from components.monitoring.performance import Days, Flags, known_by

#: Days past due, as lenders count them.
BUCKETS = ("0", "1 to 29", "30 to 59", "60 to 89", "90 and more")
_STEPS = (1, 30, 60, 90)
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


def bucket_of(days: NDArray[np.int64]) -> NDArray[np.str_]:
    """The bucket of each number of days past due."""
    return np.array(BUCKETS)[np.searchsorted(_STEPS, days, side="right")]


def roll_rates(
    entity: NDArray[np.str_],
    month: Days,
    state: NDArray[np.str_],
    states: Sequence[str],
    as_of: str,
) -> RollRates:
    """How often each state followed each, a month later, in the rows up to a month.

    There is one row an entity and month. Raises VintageError where there are two, or a state that
    is none of `states`.
    """
    month = month.astype("datetime64[M]")
    there = month <= np.datetime64(as_of, "M")
    entity, month, state = entity[there], month[there], state[there]
    order = {name: place for place, name in enumerate(states)}
    if unknown := sorted({*np.unique(state).tolist()} - {*order}):
        raise VintageError(f"roll rates: expected states of {list(states)}, found {unknown}")
    _, who = np.unique(entity, return_inverse=True)
    sort = np.lexsort((month, who))
    who, month = who[sort], month[sort]
    place = np.array([order[name] for name in state[sort].tolist()], dtype=np.int64)
    same, step = who[1:] == who[:-1], np.diff(month).astype(np.int64)
    if (same & (step == 0)).any():
        at = int(np.flatnonzero(same & (step == 0))[0])
        raise VintageError(
            f"roll rates: expected one row of {entity[sort][at]} in {month[at]}, found several"
        )
    stays = np.flatnonzero(same & (step == 1))
    size = len(states)
    pairs = np.bincount(place[stays] * size + place[stays + 1], minlength=size**2)
    # In the last month of all nobody has a next one.
    gone = month != month.max() if len(month) else np.zeros(0, dtype=np.bool_)
    gone[stays] = False
    return RollRates(
        states=tuple(states),
        counts=tuple(tuple(row) for row in pairs.reshape(size, size).tolist()),
        left=tuple(np.bincount(place[gone], minlength=size).tolist()),
    )


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

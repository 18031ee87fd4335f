"""Whether a training is due, and why."""

import numpy as np

from components.contracts.vintages import Retraining
from components.contracts.watching import FIRST, NOTHING, TRAIN, WATCH, WatchSpec


def retraining(
    spec: WatchSpec, *, as_of: str, trained: str | None, labelled: int, drift: bool
) -> Retraining:
    """Whether to train as of a month.

    `trained` is the month that the last training was as of, None while there is no champion;
    `labelled` how many months have mature labels; `drift` whether significant drift was found.
    """
    if labelled < spec.history_months:
        needed = f"expected {spec.history_months} months with mature labels, found {labelled}"
        return Retraining(due=False, reason="history", why=f"skipped: {needed}")
    if trained is None:
        return Retraining(due=True, reason="initial", why="no champion yet: initial training")
    passed = int((np.datetime64(as_of, "M") - np.datetime64(trained, "M")).astype(np.int64))
    before = f"{_months(passed)} before {as_of}" if passed >= 0 else f"after {as_of}"
    since = f"the last training was as of {trained}, {before}"
    if passed >= spec.retrain_after:
        every = f"one is due after {_months(spec.retrain_after)}"
        return Retraining(due=True, reason="months", why=f"due: {since}; {every}")
    # A training of this very month has seen what drifted.
    if drift and spec.retrain_on_drift and passed > 0:
        return Retraining(due=True, reason="drift", why=f"due: significant drift; {since}")
    then = np.datetime64(trained, "M") + spec.retrain_after
    beside = "; drift alone is no reason here" if drift and not spec.retrain_on_drift else ""
    return Retraining(
        due=False, reason="not due", why=f"not due: {since}; the next is due in {then}{beside}"
    )


def asked(found: Retraining, *, champion: bool) -> int:
    """What a month asks for: a training, and whom to watch with."""
    if found.due:
        return TRAIN if champion else FIRST
    return WATCH if champion else NOTHING


def _months(count: int) -> str:
    return f"{count} month{'' if count == 1 else 's'}"

"""How a scenario is watched: when a vintage is judged, and when a model is trained anew."""

from typing import assert_never

from pydantic import Field

from components.contracts.base import ColumnName, Contract, Slug
from components.contracts.outcomes import (
    GivenLabel,
    Label,
    MonthOnBookLabel,
    OutOfTimeSplit,
    ProxyLabel,
    Split,
    StatusLabel,
)

#: What a month asks for, as a number that a pipeline decides on: nothing (too little history and
#: no champion), to decide and watch with the champion, to train a challenger before that, to train
#: the first champion.
NOTHING, WATCH, TRAIN, FIRST = range(4)

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Monitoring(Contract):
    """A vintage is the decisions of one month."""

    #: Months after a vintage's own at whose end its outcomes are known; None: as the label says.
    mature_months: int | None = Field(default=None, ge=0)
    #: Months from a training to the next one.
    retrain_after: int = Field(default=3, ge=1)
    #: Whether significant drift is a reason to train before that.
    retrain_on_drift: bool = False
    #: Rows, and rows of either class, below which there is no figure.
    least_rows: int = Field(default=30, ge=2)
    least_of_class: int = Field(default=10, ge=1)


class WatchSpec(Contract):
    """The slice of the monitor task."""

    scenario: Slug
    title: str
    segments: tuple[ColumnName, ...]
    mature_months: int
    retrain_after: int
    retrain_on_drift: bool
    #: Months with mature labels that a training needs.
    history_months: int
    least_rows: int
    least_of_class: int
    seed: int


def months_until_known(label: Label) -> int:
    """Months after a decision's own at whose end its label is known, as far as the label says."""
    match label:
        case GivenLabel(mature_days=days):
            return _months_of(days)
        case MonthOnBookLabel(month=month):
            return month
        case ProxyLabel(start=start, days=days):
            return _months_of(start + days)
        case StatusLabel():
            return 0
    assert_never(label)


def _months_of(days: int) -> int:
    """How many months hold so many days, whichever month they begin with."""
    years, rest = divmod(max(0, days), sum(_DAYS))
    shortest = (min(sum((_DAYS * 2)[at : at + n]) for at in range(12)) for n in range(13))
    return 12 * years + next(n for n, found in enumerate(shortest) if found >= rest)


def months_needed(split: Split) -> int:
    """Months with mature labels that a training needs; without an out-of-time split none."""
    return split.needed() if isinstance(split, OutOfTimeSplit) else 0

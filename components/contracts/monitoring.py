"""What monitoring found in what it was given: counts, each with an example to look at."""

from typing import Annotated

from pydantic import Field, StringConstraints

from components.contracts.base import Contract, Slug
from components.contracts.drift import SIGNIFICANT, Drift, Evidence, Verdict
from components.contracts.vintages import AgainstTraining, Curve, RollRates, Vintage

#: A calendar month: `2024-08`.
Month = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{3}-(0[1-9]|1[0-2])$")]
Count = Annotated[int, Field(ge=0)]


class Example(Contract):
    """Where the first of its kind is, and what was found there."""

    file: str
    line: int
    found: str


class Trouble(Contract):
    """How often something was wrong."""

    count: Count = 0
    example: Example | None = None


class Gathered(Contract):
    """What became of the decision log when a month's decisions were taken from it.

    The month's neighbours are read too, and what is damaged tells no month: `unreadable`, `cut`
    and `damaged` are of all that was read, `clocks` too.
    """

    scenario: Slug
    month: Month
    #: Segments that were read, and the requests and decisions of the month in them.
    segments: Count
    requests: Count
    decisions: Count
    #: Segments without a header of this scenario and format: nothing in them can be read.
    unreadable: Trouble
    #: Segments whose last record was cut off: nobody was told what it says.
    cut: Trouble
    #: Records that say what no server answers.
    damaged: Trouble
    #: Records of requests that were read before; the first stands.
    twice: Trouble
    #: Records whose time is not that of their segment. Their month is that of their own time.
    clocks: Trouble


class Matched(Contract):
    """How decisions and outcomes fit together, as it was known at the end of a month."""

    as_of: Month
    #: Decisions up to the month's end: with an outcome that was known by then, and without.
    joined: Count
    waiting: Count
    #: Outcomes that were known by then, as delivered.
    outcomes: Count
    #: Of those, what was said before, with the same value.
    repeated: Count
    #: Decisions with both values, and one of them. What was known first stands.
    conflicting: Count
    conflict: str | None
    #: Decisions that have an outcome and do not exist, and one of them.
    strange: Count
    stranger: str | None
    #: Decisions whose outcome was known before they were made, by its day, and one of them: a
    #: clock or a day is wrong. It is used all the same.
    early: Count = 0
    earliest: str | None = None


class Watched(Contract):
    """A month's report: what was decided in it, and what is known at its end of all before."""

    scenario: Slug
    as_of: Month
    #: What became of the decision log, by month.
    gathered: tuple[Gathered, ...]
    matched: Matched
    #: Release -> its decisions of the month, against what it was made from.
    drift: dict[str, Drift]
    #: Release -> what Evidently says of the same rows.
    evidence: dict[str, Evidence]
    #: Release -> what either of the two raised.
    verdicts: dict[str, Verdict]
    #: Every month's decisions up to the report's, each release apart.
    vintages: tuple[Vintage, ...]
    #: Every vintage's AUC beside that of its release's training.
    against: tuple[AgainstTraining, ...]
    #: How the approved rows of each vintage went bad, month by month.
    curves: tuple[Curve, ...]
    #: How states of days past due followed each other; None where nobody delivers them.
    roll_rates: RollRates | None

    @property
    def alarmed(self) -> bool:
        return any(verdict.alarmed for verdict in self.verdicts.values())

    @property
    def moved_far(self) -> bool:
        """Whether anything that alarms moved significantly, not just beyond chance."""
        return any(
            shift.word == SIGNIFICANT and any(alarm.name == shift.name for alarm in found.alarms)
            for found in self.drift.values()
            for shift in (found.score, *found.features)
        )

"""What a month's rows look like beside those that the model was made from.

Every figure has its sample and what chance alone gives; a report as a whole alarms, or does not.
"""

from typing import Literal

from components.contracts.base import Contract

#: What the score is called among the features; a feature's name has no blank.
SCORE = "the score"
#: The word of a PSI that is a reason to train, where a scenario says so.
SIGNIFICANT = "significant"
#: Said of a feature in the place of a PSI's word.
VANISHED, ALL_MISSING = "vanished", "all missing"
#: Who raises an alarm: our PSI over frozen bins, or Evidently's own tests.
Watch = Literal["PSI", "Evidently"]


class Rate(Contract):
    """A share of rows, with its 95 % interval (Wilson's); None where there are no rows."""

    count: int
    rows: int
    share: float | None
    low: float | None
    high: float | None


class Missing(Contract):
    """The share of rows where a feature is missing: this month, and at training."""

    count: int
    share: float
    expected: float
    #: Between which chance alone stays, 998 times in 1,000.
    low: float
    high: float


class Unseen(Contract):
    """A category that no row had at training."""

    value: str
    rows: int


class Shift(Contract):
    """How far the score, or a feature, moved from its frozen bins.

    Figures are None of a feature that vanished, and of a month without rows.
    """

    name: str
    rows: int
    psi: float | None
    #: The most that chance gives in a report of so many features.
    by_chance: float | None
    #: stable, moderate, significant, or why it is none of them.
    word: str
    missing: Missing | None
    unseen: tuple[Unseen, ...] = ()


class Distance(Contract):
    """How far two distributions are apart at most, and what chance alone gives (999 in 1,000)."""

    rows: int
    ks: float
    by_chance: float


class Alarm(Contract):
    """What moved further than chance, and far enough to matter."""

    name: str
    why: str


class Drift(Contract):
    """One month against a bundle's reference."""

    rows: int
    reference_rows: int
    score: Shift
    #: Of the score against the reference's percentiles; None where no row has a score.
    ks: Distance | None
    approval: Rate
    #: Rows whose PD is no number.
    unscored: Rate
    #: Largest PSI first; what vanished leads.
    features: tuple[Shift, ...]
    alarms: tuple[Alarm, ...]


class Flag(Contract):
    """What Evidently says of one column."""

    name: str
    method: str
    score: float
    threshold: float
    drifted: bool


class Omitted(Contract):
    """What Evidently was not asked, and why."""

    name: str
    why: str


class Evidence(Contract):
    """Evidently on a sample of the same rows."""

    version: str
    seed: int
    #: Rows of each side that it saw, and that there were.
    reference: tuple[int, int]
    month: tuple[int, int]
    flags: tuple[Flag, ...]
    #: The columns that its page has; every column has a flag.
    shown: tuple[str, ...]
    omitted: tuple[Omitted, ...]


class Raised(Contract):
    """A name that either watch raised, by which of them, and why."""

    name: str
    by: tuple[Watch, ...]
    why: tuple[str, ...]


class Verdict(Contract):
    """The one verdict of a report: it alarms where either watch raised anything."""

    raised: tuple[Raised, ...]

    @property
    def alarmed(self) -> bool:
        return bool(self.raised)

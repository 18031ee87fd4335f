"""What monitoring finds of vintages: how models did, what is expected of them, what is due.

Months are texts, as in 2024-08.
"""

from typing import Literal

from pydantic import Field

from components.contracts.base import Contract
from components.contracts.results import Bin, Interval


class Measure(Contract):
    """A figure with its 95 % interval, or why there is none."""

    #: Rows that it is of.
    rows: int
    found: Interval | None = None
    why: str = ""


class Calibrated(Contract):
    """What was predicted and what came, in tenths of the rows by PD."""

    bins: tuple[Bin, ...]
    ece: float
    #: What the ECE of PDs that are right stays below 95 times in 100.
    noise: float

    @property
    def right(self) -> bool:
        """Whether noise alone explains the ECE."""
        return self.ece <= self.noise


class SegmentFigures(Contract):
    """The rows with an outcome that share a value of a column."""

    column: str
    value: str
    rows: int
    bad: int
    mean_pd: float
    bad_rate: Measure
    auc: Measure
    #: The other figures of a vintage, and those at the release's cut-off. Reports of before
    #: 2026-12 have none of them.
    others: dict[str, Measure] = Field(default_factory=dict)
    at_cutoff: dict[str, Measure] = Field(default_factory=dict)
    calibrated: Calibrated | None = None


class Estimate(Contract):
    """What is expected of rows whose outcomes are not known, as far as their PDs are right."""

    #: With a band that the true figure is in 95 times in 100.
    bad_rate: Measure
    auc: Measure
    ks: Measure
    #: What it stands on, in words.
    basis: str


class Vintage(Contract):
    """How the decisions of one release in one month did, as far as it was known in another."""

    month: str
    as_of: str
    release: str
    #: Its cut-off: a PD at or above it is called bad.
    cutoff: float
    decisions: int
    approved: int
    #: Decisions whose PD is no number; they are in no figure.
    unscored: int
    #: Decisions with a PD and an outcome, the bad and the declined ones among them.
    known: int
    bad: int
    known_declined: int
    #: Whether outcomes are of approved rows only, or nearly so: those are harder to rank.
    selected: bool
    #: From which month on it is mature, and whether it was.
    mature_from: str
    mature: bool
    #: AUC, Gini, KS and the other ranking metrics, and the losses.
    figures: dict[str, Measure]
    #: Cut-off, see `cutoff_key` -> accuracy, precision, recall and F1 at it.
    thresholds: dict[str, dict[str, Measure]]
    calibrated: Calibrated | None
    segments: tuple[SegmentFigures, ...]
    #: Of all rows with a PD.
    estimate: Estimate


class Trained(Contract):
    """The AUC of a release's model on the rows that its training kept for the test."""

    auc: Interval
    #: On those of them that the cut-off approves; None where they are too few.
    auc_approved: Interval | None


class AgainstTraining(Contract):
    """A vintage's AUC beside that of the training of its release."""

    month: str
    release: str
    auc: Measure
    #: None where the training is not known, or has nothing to compare with.
    trained: Interval | None
    verdict: Literal["lower", "not lower", "none"]
    #: The same in words.
    why: str


class Curve(Contract):
    """How many of a vintage's rows had gone bad, so many months after their decision."""

    month: str
    rows: int
    #: At the end of the vintage's own month, of the next one, and so on to the as-of; cumulative.
    bad: tuple[int, ...]


class RollRates(Contract):
    """From which state to which one entities went, from one month to the next."""

    states: tuple[str, ...]
    #: counts[a][b]: how many were in state a, and in state b a month later.
    counts: tuple[tuple[int, ...], ...]
    #: By state: how many had no row a month later, though the table goes on.
    left: tuple[int, ...]

    def shares(self) -> tuple[tuple[float | None, ...], ...]:
        """The counts as shares of all that were in a state and have a row a month later."""
        return tuple(
            tuple(count / sum(row) if sum(row) else None for count in row) for row in self.counts
        )


class Retraining(Contract):
    """Whether a training is due."""

    due: bool
    reason: Literal["initial", "months", "drift", "not due", "history"]
    why: str

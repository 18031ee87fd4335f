"""What a simulation of many months found, a line a month."""

from typing import Literal

from pydantic import Field

from components.contracts.base import Contract, Slug
from components.contracts.monitoring import Count, Month


class Lived(Contract):
    """What became of one month."""

    month: Month
    #: Months with mature labels at its end.
    labelled: Count
    #: Whether a training was due, and why, in a sentence.
    due: str
    outcome: Literal["skipped", "refused", "watched", "promoted"]
    #: Of the model that was trained, where one was: its family, its figures, what its gate refused.
    family: str = ""
    metrics: dict[str, float] = Field(default_factory=dict)
    refused: tuple[str, ...] = ()
    #: How the challenge went, in a sentence; empty where there was none.
    challenge: str = ""
    #: The champion at the month's end, and its number; none before the first.
    champion: str = ""
    number: Count = 0
    #: Rows of the month that were decided on, and outcomes that were taken in.
    decided: Count = 0
    outcomes: Count = 0
    #: Names that drifted, each with the watches that raised it.
    raised: tuple[str, ...] = ()
    #: Vintages whose AUC is lower than that of training.
    lower: tuple[Month, ...] = ()
    seconds: float


class Simulated(Contract):
    """`simulation.json`."""

    scenario: Slug
    title: str
    run: str
    first: Month
    last: Month
    #: Seconds until the first month: the tables that all of them look back at.
    preparing: float
    months: tuple[Lived, ...]

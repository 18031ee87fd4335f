"""What came of a row, and which rows are learned from, chosen by and judged on."""

from typing import Annotated, Literal

from pydantic import Field

from components.contracts.base import ColumnName, Contract, Slug


class GivenLabel(Contract):
    """The label stands in a column: 1 is bad, 0 is good, empty is not known yet."""

    kind: Literal["given"] = "given"
    column: ColumnName
    #: Days from a row's as-of on which its outcome is not known yet, whatever the column says.
    mature_days: int = Field(default=0, ge=0)

    def title(self) -> str:
        return self.column


class StatusLabel(Contract):
    """Bad where any row of a source has one of these codes; not known where there is no row."""

    kind: Literal["status"] = "status"
    source: Slug
    on: ColumnName
    column: ColumnName
    bad: tuple[str, ...] = Field(min_length=1)

    def title(self) -> str:
        return f"any {self.column} of {', '.join(self.bad)}"


class MonthOnBookLabel(Contract):
    """Bad where, at a month on book, at least so many days are past due.

    Days past due are the instalments that the overdue amount is worth, begun ones counted whole,
    times 30. Not known until the row of that month is there.
    """

    kind: Literal["month-on-book"] = "month-on-book"
    source: Slug
    on: ColumnName
    #: The column with the number of the instalment, and the one that counts.
    instalment: ColumnName
    month: int = Field(ge=1)
    due: ColumnName
    overdue: ColumnName
    days: int = Field(default=30, ge=1)

    def title(self) -> str:
        return f"{self.days} days past due at month {self.month} on book"


class ProxyLabel(Contract):
    """Where no outcome is known: the least engaged cluster by recency, frequency and monetary
    value, over the days from the as-of on. Clusters are learned on development rows.
    """

    kind: Literal["proxy"] = "proxy"
    source: Slug
    on: ColumnName
    amount: ColumnName
    #: Days from the as-of at which its window begins; below 0 it looks into the features' past.
    start: int = 0
    days: int = Field(default=30, ge=1)
    clusters: int = Field(default=3, ge=2, le=20)
    seed: int = 42

    def title(self) -> str:
        return f"least engaged of {self.clusters} clusters over {self.days} days"


#: A new kind of label is one class here, one case in `components/etl/labels.py`.
Label = Annotated[
    GivenLabel | StatusLabel | MonthOnBookLabel | ProxyLabel, Field(discriminator="kind")
]

_Side = Annotated[float, Field(ge=0.05, le=0.9)]


class StratifiedSplit(Contract):
    """Shares of rows by label, in an order set by a hash of the key: seeded, whatever the order
    of the rows. New rows may move others across a border.
    """

    kind: Literal["stratified"] = "stratified"
    test: _Side = 0.25
    #: Share of the development rows that selection is judged on.
    validation: _Side = 0.2
    seed: int = 42


class GroupedSplit(Contract):
    """Rows that are alike in these columns are on one side, set by a hash of their values."""

    kind: Literal["grouped"] = "grouped"
    by: tuple[ColumnName, ...] = Field(min_length=1)
    test: _Side = 0.25
    validation: _Side = 0.2
    seed: int = 42


class OutOfTimeSplit(Contract):
    """The last months with a mature label are the test; validation is a share of the entities of
    the months before. With fewer months than declared there is no training.
    """

    kind: Literal["out-of-time"] = "out-of-time"
    #: Months of the test, and the months that there must be before them.
    months: int = Field(default=2, ge=1)
    least_months: int = Field(default=12, ge=1)
    validation: _Side = 0.2
    seed: int = 42

    def needed(self) -> int:
        """Months with a mature label that there must be."""
        return self.months + self.least_months


#: A new kind of split is one class here, one case in `components/etl/splits.py`.
Split = Annotated[StratifiedSplit | GroupedSplit | OutOfTimeSplit, Field(discriminator="kind")]

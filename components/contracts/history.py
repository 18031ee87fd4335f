"""What is known of a row as of its date: from when, and what other tables said before it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.contracts.base import ColumnName, Contract, Slug
from components.contracts.sources import Column, Kind


class AsOfColumn(Contract):
    """Each row's own date: all that it is scored on was known before it."""

    kind: Literal["column"] = "column"
    column: ColumnName


class AsOfEnd(Contract):
    """One date for all rows: so many days before the end of the run's last day."""

    kind: Literal["end"] = "end"
    days: int = Field(ge=0)


AsOf = Annotated[AsOfColumn | AsOfEnd, Field(discriminator="kind")]


class Lookup(Contract):
    """The columns of a source's latest row at or before each row's as-of; without dates, of its
    only row. Where there is none they are missing.
    """

    source: Slug
    #: The key that both tables have.
    on: ColumnName


How = Literal[
    "count", "sum", "mean", "deviation", "minimum", "maximum", "last", "trend", "share",
    "distinct", "days-since",
]  # fmt: skip
#: Figures of rows rather than of a column's values.
_OF_ROWS = frozenset({"count", "days-since"})
#: Figures of any column; the others are of numbers.
OF_ANY = frozenset({"share", "distinct", "last"})


class Figure(Contract):
    """One number about a source's rows before the as-of: all of them, or those of the last days,
    or of the last calendar months before the month of the as-of.

    `deviation` is of the population; `trend` is the least squares' slope by month (by day, over
    days); `share` is that of rows whose column holds `value`; `days-since` the last row.
    """

    name: ColumnName
    how: How
    of: ColumnName | None = None
    value: str | None = None
    days: int | None = Field(default=None, ge=1)
    months: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.of is None) != (self.how in _OF_ROWS):
            expected = "no column" if self.how in _OF_ROWS else "a column"
            raise ValueError(f"figure {self.name}: expected {expected} for {self.how}")
        if (self.value is None) == (self.how == "share"):
            raise ValueError(f"figure {self.name}: a value is for share, and needed there")
        if self.days is not None and self.months is not None:
            raise ValueError(f"figure {self.name}: expected days or months, found both")
        return self

    def column(self, of: Column | None) -> Column:
        """The figure of a source's column, as a column of the gold table."""
        if of is not None and of.kind is Kind.CATEGORY and self.how == "last":
            return Column(name=self.name, kind=of.kind, values=of.values, max_missing=1.0)
        whole = self.how in {"count", "distinct"}
        bounded = self.how in {"count", "distinct", "deviation", "share", "days-since"}
        return Column(
            name=self.name,
            kind=Kind.INTEGER if whole else Kind.NUMBER,
            minimum=0 if bounded else None,
            maximum=1 if self.how == "share" else None,
            max_missing=0.0 if whole else 1.0,
        )


class History(Contract):
    """Figures about a source's rows strictly before each row's as-of."""

    source: Slug
    #: The key that both tables have: whose rows they are.
    on: ColumnName
    figures: tuple[Figure, ...] = Field(min_length=1)

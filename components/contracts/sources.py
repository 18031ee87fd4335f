"""What a source table must look like, and how it is cleaned."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from components.contracts.base import ColumnName, Contract, Share, Slug


class Kind(StrEnum):
    """What a column's text must parse as."""

    INTEGER = "integer"
    NUMBER = "number"
    CATEGORY = "category"
    KEY = "key"
    DATE = "date"
    MOMENT = "moment"  # a date and a time of day, UTC
    TEXT = "text"  # anything; no feature


#: What can be added up.
NUMERIC = frozenset({Kind.INTEGER, Kind.NUMBER})
#: What orders rows in time.
TEMPORAL = frozenset({Kind.DATE, Kind.MOMENT})


class Naming(StrEnum):
    """How the header of a file becomes column names."""

    AS_IS = "as-is"
    UPPER = "upper"  # upper case, spaces become underscores, dots go

    def column(self, header: str) -> str:
        """The column name of one header cell."""
        if self is Naming.UPPER:
            return header.strip().upper().replace(" ", "_").replace(".", "")
        return header.strip()


class Pattern(Contract):
    """The first group of a regular expression, wherever in the cell it matches."""

    kind: Literal["pattern"] = "pattern"
    pattern: str

    @model_validator(mode="after")
    def _has_a_group(self) -> Self:
        try:
            groups = re.compile(self.pattern).groups
        except re.error as error:
            raise ValueError(f"pattern {self.pattern!r}: {error}") from None
        if groups != 1:
            raise ValueError(f"pattern {self.pattern!r}: expected one group, found {groups}")
        return self


class CountOf(Contract):
    """How often a text stands in the cell; an empty cell holds it no time."""

    kind: Literal["count-of"] = "count-of"
    text: Annotated[str, Field(min_length=1)]


class YearsAndMonths(Contract):
    """`10 Years and 9 Months` as a number of months."""

    kind: Literal["years-and-months"] = "years-and-months"


class Part(Contract):
    """A part of a date or moment: hour 0 to 23, day 1 to 31, month 1 to 12, weekday 1 (Monday)
    to 7.
    """

    kind: Literal["part"] = "part"
    part: Literal["hour", "day", "month", "weekday"]


#: How a cell becomes the text that is parsed. A new one is a class here, a case in
#: `components/etl/cells.py`.
Reading = Annotated[Pattern | CountOf | YearsAndMonths | Part, Field(discriminator="kind")]


class Column(Contract):
    """One column: where its cells are, its type, and what of it the contract accepts.

    A cell is trimmed, stripped, replaced, read, and parsed, in this order.
    """

    name: ColumnName
    kind: Kind
    #: The file's column that it is made of, by its name after `naming`; none: its own.
    of: str | None = None
    #: Marks that are taken off both ends of a cell.
    strip: str = ""
    reading: Reading | None = None
    #: How dates and moments are written, the first that fits counts; none: as ISO 8601 has it.
    formats: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    #: The same for dates and moments.
    earliest: date | None = None
    latest: date | None = None
    #: The categories after `replace`; required for a category, empty otherwise.
    values: tuple[str, ...] = ()
    #: Undocumented codes and what they mean; `None` stands for missing. Every use is counted.
    replace: dict[str, str | None] = Field(default_factory=dict)
    #: Share of missing values above which the contract is broken.
    max_missing: Share = 0.0
    #: Share of values of the wrong type or out of range above which the contract is broken;
    #: up to it, those rows go to quarantine.
    max_bad: Share = 0.0
    #: What becomes of a bad value: its row goes to quarantine, or the value counts as missing.
    outside: Literal["quarantine", "missing"] = "quarantine"
    #: Personal: in bronze as landed, in no layer after it.
    private: bool = False
    #: Known only after the row's as-of: no feature may read it.
    after: bool = False

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.kind is Kind.CATEGORY) != bool(self.values):
            raise ValueError(
                f"column {self.name}: values are for kind category, and needed there; "
                f"found kind {self.kind} with {len(self.values)} values"
            )
        if len(set(self.values)) != len(self.values):
            raise ValueError(f"column {self.name}: a value is declared twice in {self.values}")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(
                f"column {self.name}: minimum {self.minimum:g} is above maximum {self.maximum:g}"
            )
        if (self.formats or self.earliest or self.latest) and self.kind not in TEMPORAL:
            raise ValueError(
                f"column {self.name}: formats, earliest and latest are for dates, found kind "
                f"{self.kind}"
            )
        if self.kind in TEMPORAL and (self.minimum is not None or self.maximum is not None):
            raise ValueError(f"column {self.name}: a date has earliest and latest, no minimum")
        if self.private and self.kind is Kind.KEY:
            raise ValueError(f"column {self.name}: a key is in every layer, it cannot be private")
        return self

    def cell(self) -> str:
        """The name, after `naming`, of the file's column that it is made of."""
        return self.of or self.name

    def nullable(self) -> bool:
        """Whether a clean row may lack it."""
        return self.max_missing > 0 or (self.outside == "missing" and self.max_bad > 0)

    def scoring_input(self) -> dict[str, Any]:
        """The column as the scoring format declares an input."""
        low, high = (self.minimum, self.maximum)
        if self.kind in TEMPORAL:
            low, high = (_day(self.earliest), _day(self.latest))
        lenient = self.outside == "missing" and self.nullable()
        return {
            "name": self.name,
            "kind": self.kind.value,
            "values": self.values,
            "nullable": self.nullable(),
            "minimum": low,
            "maximum": high,
            "outside": "missing" if lenient else "refused",
        }


def _day(day: date | None) -> float | None:
    """Days since 1970-01-01."""
    return None if day is None else float((day - date(1970, 1, 1)).days)


class Source(Contract):
    """One table of the lender, as it lands."""

    name: Slug
    grain: str
    #: Names under which it may lie in the data folder, the first that exists is read: a file of
    #: CSV or Parquet, or a folder of such files.
    files: tuple[str, ...] = Field(min_length=1)
    #: The table to read over JDBC instead, where `VINTAGE_SOURCES` names a database.
    table: str | None = None
    naming: Naming = Naming.AS_IS
    #: Column names (after `naming`) that are ours under another name.
    aliases: dict[str, ColumnName] = Field(default_factory=dict)
    key: tuple[ColumnName, ...] = Field(min_length=1)
    #: Share of lines without the header's columns above which the contract is broken; up to it,
    #: they go to quarantine.
    max_malformed: Share = 0.01
    #: Share of the keys that stand on rows which differ, above which the contract is broken; up
    #: to it, all rows of such keys go to quarantine.
    max_conflicts: Share = 0.0
    #: From when on a row is known. A run as of an earlier day does not see it.
    date: ColumnName | None = None
    #: There are rows of every month from the first on: to the as-of's, where there are later rows
    #: or the last is older than `freshness_days`; else to the last, it may have ended.
    monthly: bool = False
    #: Days before the run's as-of that the last row may be old.
    freshness_days: int | None = Field(default=None, ge=0)
    columns: tuple[Column, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _keys_are_columns(self) -> Self:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"source {self.name}: a column is declared twice in {names}")
        if ours := [name for name in names if name.startswith("_")]:
            raise ValueError(
                f"source {self.name}: expected column names that begin with a letter, found "
                f"{ours}: with _ begin those that are added"
            )
        if missing := [key for key in self.key if key not in names]:
            raise ValueError(f"source {self.name}: key {missing} is not among its columns {names}")
        if self.date is None and (self.monthly or self.freshness_days is not None):
            raise ValueError(f"source {self.name}: monthly and freshness need a date")
        dates = [column.name for column in self.columns if column.kind in TEMPORAL]
        if self.date is not None and self.date not in dates:
            raise ValueError(
                f"source {self.name}: expected date {self.date} to be a column of kind date or "
                f"moment, found {dates}"
            )
        return self

    def column(self, name: str) -> Column | None:
        """The declared column of a name."""
        return next((column for column in self.columns if column.name == name), None)

    def clean_columns(self) -> tuple[Column, ...]:
        """Those that are left after bronze."""
        return tuple(column for column in self.columns if not column.private)

    def column_of(self, header: str) -> str:
        """The declared name that one header cell stands for."""
        name = self.naming.column(header)
        return self.aliases.get(name, name)


class Merge(Contract):
    """What is scored: one row each, of the cleaned sources that hold its own columns."""

    table: Slug
    grain: str
    key: ColumnName
    #: Joined on the key; rows that find no partner go to quarantine. Empty: all sources.
    sources: tuple[Slug, ...] = ()
    #: Where one source has more rows than one a key: the columns that do not change with them.
    columns: tuple[ColumnName, ...] = ()
    #: Rows alike in everything but the key are one row met twice; the copies go to quarantine.
    drop_identical: bool = False
    #: Share of the keys that some source lacks above which the contract is broken; up to it, what
    #: there is of them goes to quarantine.
    max_unmatched: Share = 0.05

    @model_validator(mode="after")
    def _is_one_table(self) -> Self:
        if self.columns and len(self.sources) != 1:
            raise ValueError(
                f"merge {self.table}: columns are for one source, found {list(self.sources)}"
            )
        if self.columns and self.key not in self.columns:
            raise ValueError(
                f"merge {self.table}: expected its key {self.key} among the columns, found "
                f"{list(self.columns)}"
            )
        return self

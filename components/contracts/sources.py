"""What a source table must look like, and how it is cleaned."""

from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from components.contracts.base import ColumnName, Contract, Share, Slug


class Kind(StrEnum):
    """What a column's text must parse as."""

    INTEGER = "integer"
    NUMBER = "number"
    CATEGORY = "category"
    KEY = "key"


class Naming(StrEnum):
    """How the header of a file becomes column names."""

    AS_IS = "as-is"
    UPPER = "upper"  # upper case, spaces become underscores, dots go

    def column(self, header: str) -> str:
        """The column name of one header cell."""
        if self is Naming.UPPER:
            return header.strip().upper().replace(" ", "_").replace(".", "")
        return header.strip()


class Column(Contract):
    """One column: its type, and what of it the contract accepts."""

    name: ColumnName
    kind: Kind
    minimum: float | None = None
    maximum: float | None = None
    #: The categories after `replace`; required for a category, empty otherwise.
    values: tuple[str, ...] = ()
    #: Undocumented codes and what they mean; `None` stands for missing. Every use is counted.
    replace: dict[str, str | None] = Field(default_factory=dict)
    #: Share of missing values above which the contract is broken.
    max_missing: Share = 0.0
    #: Share of values of the wrong type or out of range above which the contract is broken;
    #: up to it, those rows go to quarantine.
    max_bad: Share = 0.0

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
        return self

    def scoring_input(self) -> dict[str, Any]:
        """The column as the scoring format declares an input."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "values": self.values,
            "nullable": self.max_missing > 0,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }


class Source(Contract):
    """One table of the lender, as it lands."""

    name: Slug
    grain: str
    #: Names under which the file may lie in the data folder; the first that exists is read.
    files: tuple[str, ...] = Field(min_length=1)
    naming: Naming = Naming.AS_IS
    #: Column names (after `naming`) that are ours under another name.
    aliases: dict[str, ColumnName] = Field(default_factory=dict)
    key: tuple[ColumnName, ...] = Field(min_length=1)
    #: Share of lines without the header's columns above which the contract is broken; up to it,
    #: they go to quarantine.
    max_malformed: Share = 0.01
    columns: tuple[Column, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _keys_are_columns(self) -> Self:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"source {self.name}: a column is declared twice in {names}")
        if missing := [key for key in self.key if key not in names]:
            raise ValueError(f"source {self.name}: key {missing} is not among its columns {names}")
        return self

    def column_of(self, header: str) -> str:
        """The declared name that one header cell stands for."""
        name = self.naming.column(header)
        return self.aliases.get(name, name)


class Merge(Contract):
    """How the cleaned sources become one silver table. Unmatched rows go to quarantine."""

    table: Slug
    grain: str
    key: ColumnName
    #: Rows alike in everything but the key are one row met twice; the copies go to quarantine.
    drop_identical: bool = False

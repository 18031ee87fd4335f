"""What a source table must look like: names, keys, categories."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from components.contracts.base import Contract
from components.contracts.sources import (
    Column,
    CountOf,
    Kind,
    Merge,
    Naming,
    Pattern,
    Source,
)


def source(*columns: Column, key: tuple[str, ...] = ("ID",)) -> Source:
    """A source of these columns."""
    return Source(name="people", grain="one row a person", files=("a.csv",), key=key,
                  columns=columns)  # fmt: skip


ID = Column(name="ID", kind=Kind.KEY)


def dated(**more: Any) -> Source:
    """A source of keys alone that says something of dates."""
    return Source(name="people", grain="", files=("a.csv",), key=("ID",), columns=(ID,), **more)


@pytest.mark.parametrize(
    ("column", "nullable"),
    [
        (Column(name="AGE", kind=Kind.INTEGER), False),
        (Column(name="AGE", kind=Kind.INTEGER, max_missing=0.1), True),
        (Column(name="AGE", kind=Kind.INTEGER, max_bad=0.1), False),
        (Column(name="AGE", kind=Kind.INTEGER, max_bad=0.1, outside="missing"), True),
    ],
)
def test_a_clean_value_may_lack_where_missing_or_bad_ones_are_let_through(
    column: Column, nullable: bool
) -> None:
    assert column.nullable() == nullable


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Column(name="SEX", kind=Kind.CATEGORY),
            "column SEX: values are for kind category, and needed there; "
            "found kind category with 0 values",
        ),
        (
            lambda: Column(name="AGE", kind=Kind.INTEGER, values=("1", "2")),
            "found kind integer with 2 values",
        ),
        (
            lambda: Column(name="SEX", kind=Kind.CATEGORY, values=("1", "1")),
            "column SEX: a value is declared twice in ('1', '1')",
        ),
        (
            lambda: Column(name="AGE", kind=Kind.INTEGER, minimum=9, maximum=1),
            "column AGE: minimum 9 is above maximum 1",
        ),
        (lambda: Column(name="AGE", kind=Kind.INTEGER, max_missing=1.5), "less than or equal to 1"),
        (lambda: Column(name="AGE", kind="age"), "Input should be 'integer'"),
        (lambda: source(ID, ID), "source people: a column is declared twice in ['ID', 'ID']"),
        (
            lambda: source(Column(name="AGE", kind=Kind.INTEGER), key=("ID", "AGE", "OTHER")),
            "source people: key ['ID', 'OTHER'] is not among its columns ['AGE']",
        ),
        (
            lambda: Column(name="AGE", kind=Kind.INTEGER, formats=("yyyy",)),
            "column AGE: formats, earliest and latest are for dates, found kind integer",
        ),
        (
            lambda: Column(name="AGE", kind=Kind.NUMBER, latest=date(2100, 1, 1)),
            "column AGE: formats, earliest and latest are for dates, found kind number",
        ),
        (lambda: Column(name="ID", kind=Kind.KEY, private=True), "column ID: a key is in every"),
        (lambda: Pattern(pattern="a(b"), "pattern 'a(b': missing ), unterminated subpattern"),
        (lambda: Pattern(pattern="ab"), "pattern 'ab': expected one group, found 0"),
        (lambda: CountOf(text=""), "at least 1 character"),
        (lambda: dated(monthly=True), "source people: monthly and freshness need a date"),
        (lambda: dated(freshness_days=3), "source people: monthly and freshness need a date"),
        (
            lambda: dated(date="ID"),
            "source people: expected date ID to be a column of kind date or moment, found []",
        ),
        (
            lambda: Merge(table="t", grain="", key="ID", columns=("ID",)),
            "merge t: columns are for one source, found []",
        ),
        (
            lambda: Merge(table="t", grain="", key="ID", sources=("a",), columns=("X",)),
            "merge t: expected its key ID among the columns, found ['X']",
        ),
        (source, "at least 1 item"),
        (lambda: source(ID, key=()), "at least 1 item"),
        (lambda: Merge(table="Big Table", grain="", key="ID"), "String should match pattern"),
        (lambda: Merge(table="t" * 41, grain="", key="ID"), "at most 40 characters"),
    ],
)
def test_a_wrong_source_is_refused_with_its_reason(
    make: Callable[[], Contract], message: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("naming", "header", "column"),
    [
        (Naming.AS_IS, " Age ", "Age"),
        (Naming.UPPER, " Age ", "AGE"),
        (Naming.UPPER, "default.payment.next.month", "DEFAULTPAYMENTNEXTMONTH"),
        (Naming.UPPER, "credit limit", "CREDIT_LIMIT"),
    ],
)
def test_a_header_becomes_a_column_name(naming: Naming, header: str, column: str) -> None:
    assert naming.column(header) == column


def test_a_source_knows_its_columns_under_other_names() -> None:
    told = Source(name="people", grain="", files=("a.csv",), naming=Naming.UPPER, key=("ID",),
                  aliases={"CLIENT": "ID"}, columns=(ID,))  # fmt: skip
    assert [told.column_of(h) for h in ("client", "Id", "other")] == ["ID", "ID", "OTHER"]


def test_a_column_says_how_scoring_takes_it() -> None:
    column = Column(name="AGE", kind=Kind.INTEGER, minimum=18, max_missing=0.1)
    assert column.scoring_input() == {
        "name": "AGE",
        "kind": "integer",
        "values": (),
        "nullable": True,
        "minimum": 18.0,
        "maximum": None,
        "outside": "refused",
    }
    assert not Column(name="AGE", kind=Kind.INTEGER).scoring_input()["nullable"]


def test_scoring_takes_a_date_s_range_as_days_since_1970() -> None:
    column = Column(name="D", kind=Kind.DATE, earliest=date(1969, 12, 31), latest=date(2100, 1, 1))
    found = column.scoring_input()
    assert (found["minimum"], found["maximum"]) == (-1.0, 47_482.0)
    bare = Column(name="D", kind=Kind.DATE).scoring_input()
    assert (bare["minimum"], bare["maximum"]) == (None, None)


@pytest.mark.parametrize(
    ("declared", "outside"),
    [
        ({"outside": "missing", "max_bad": 0.1}, "missing"),
        ({"outside": "missing", "max_missing": 0.1}, "missing"),
        ({"outside": "missing"}, "refused"),  # none may be missing
        ({"outside": "quarantine", "max_bad": 0.1, "max_missing": 0.1}, "refused"),
    ],
)
def test_scoring_takes_what_is_outside_for_missing_where_a_clean_row_may_lack_it(
    declared: dict[str, object], outside: str
) -> None:
    column = Column.model_validate({"name": "N", "kind": "number", **declared})
    assert column.scoring_input()["outside"] == outside

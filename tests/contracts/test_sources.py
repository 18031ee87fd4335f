"""What a source table must look like: names, keys, categories."""

import re
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from components.contracts.base import Contract
from components.contracts.sources import Column, Kind, Merge, Naming, Source


def source(*columns: Column, key: tuple[str, ...] = ("ID",)) -> Source:
    """A source of these columns."""
    return Source(name="people", grain="one row a person", files=("a.csv",), key=key,
                  columns=columns)  # fmt: skip


ID = Column(name="ID", kind=Kind.KEY)


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
        (lambda: Column(name="AGE", kind="date"), "Input should be 'integer'"),
        (lambda: source(ID, ID), "source people: a column is declared twice in ['ID', 'ID']"),
        (
            lambda: source(Column(name="AGE", kind=Kind.INTEGER), key=("ID", "AGE", "OTHER")),
            "source people: key ['ID', 'OTHER'] is not among its columns ['AGE']",
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
    }
    assert not Column(name="AGE", kind=Kind.INTEGER).scoring_input()["nullable"]

"""How a cell becomes a value: trimmed, stripped, replaced, read, parsed."""

from datetime import date, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.contracts.sources import (
    Column,
    CountOf,
    Kind,
    Part,
    Pattern,
    Source,
    YearsAndMonths,
)
from components.etl import cells

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MISSING, BAD = "missing", "bad"


def _values(spark: "SparkSession", column: Column, texts: list[str | None]) -> list[object]:
    """What becomes of cells: a value, MISSING or BAD."""
    source = Source(
        name="s", grain="one row", files=("s.csv",), key=("N",),
        columns=(Column(name="N", kind=Kind.KEY), column),
    )  # fmt: skip
    rows = [(str(n), text, None, n) for n, text in enumerate(texts)]
    schema = f"N string, `{column.cell()}` string, _malformed string, _place bigint"
    landed = spark.createDataFrame(rows, schema)
    valued = cells.with_values(cells.declared(landed, source), source.columns)
    found = valued.select(
        cells.cell("N").cast("int").alias("n"), cells.value(column).alias("value"),
        cells.is_missing(column).alias("missing"), cells.is_bad(column).alias("bad"),
    ).orderBy("n").collect()  # fmt: skip
    assert not any(row["bad"] and (row["missing"] or row["value"] is not None) for row in found)
    return [MISSING if row["missing"] else BAD if row["bad"] else row["value"] for row in found]


def _number(**changes: object) -> Column:
    return Column.model_validate({"name": "C", "kind": "number", **changes})


@pytest.mark.parametrize(
    ("column", "given", "found"),
    [
        (_number(), ["1", " 1.50 ", "+.5", "-2e3", "1.", "", "  ", None],
         [1.0, 1.5, 0.5, -2000.0, 1.0, MISSING, MISSING, MISSING]),
        (_number(), ["12d", "12F", "0x1p3", "NaN", "Infinity", "1e999", "1,000", "1_000", "e", "."],
         [BAD] * 10),
        (_number(kind="integer", minimum=0, maximum=9), ["3", "3.0", "3.5", "-1", "10", "9"],
         [3.0, 3.0, BAD, BAD, BAD, 9.0]),
        (_number(strip="_"), ["_7_", "__10000__", "_", "_______", "1_0", "7"],
         [7.0, 10000.0, MISSING, MISSING, BAD, 7.0]),
        (_number(strip="_$"), ["$_7 _", " _ 7"], [7.0, 7.0]),
        (_number(strip="_", replace={"NM": None, "none": "0"}), ["NM", "_NM_", "none", "5"],
         [MISSING, MISSING, 0.0, 5.0]),
        (_number(reading=CountOf(text="Loan")), ["A Loan, and B Loan", "", None, "x", "LoanLoan"],
         [2.0, 0.0, 0.0, 0.0, 2.0]),
        (_number(reading=CountOf(text="a.b")), ["a.b axb", "axb"], [1.0, 0.0]),
        (_number(reading=CountOf(text="x"), replace={"?": None}), ["?", "x"], [0.0, 1.0]),
        (_number(reading=YearsAndMonths()),
         ["10 Years and 9 Months", "1 year and 0 months", "0 Years and 1 Month", "10 Years", "NA",
          ""],
         [129.0, 12.0, 1.0, BAD, BAD, MISSING]),
        (_number(kind="category", values=("High", "Low"), reading=Pattern(pattern=r"^(\w+)_spent")),
         ["High_spent_Small", "Low_spent", "Mid_spent", "none", ""],
         ["High", "Low", BAD, BAD, MISSING]),
        (_number(reading=Pattern(pattern=r"_(\d*)$")), ["CUS_7", "CUS_", "CUS"], [7.0, BAD, BAD]),
        (_number(kind="integer", reading=Part(part="hour")),
         ["2018-11-15T02:18:49Z", "2018-11-15 23:00:00", "2018-11-15", "x", ""],
         [2.0, 23.0, 0.0, BAD, MISSING]),
        (_number(kind="integer", reading=Part(part="weekday")), ["2024-01-01", "2024-01-07"],
         [1.0, 7.0]),
        (_number(kind="integer", reading=Part(part="day")), ["2024-02-29"], [29.0]),
        (_number(kind="integer", reading=Part(part="month")), ["2024-02-29"], [2.0]),
        (_number(kind="key"), [" a b ", ""], ["a b", MISSING]),
        (_number(kind="text", strip='"'), ['"a"', '""'], ["a", MISSING]),
        (_number(of="Some, other cell"), ["4"], [4.0]),
    ],
)  # fmt: skip
def test_a_cell_becomes_a_value(
    spark: "SparkSession", column: Column, given: list[str | None], found: list[object]
) -> None:
    assert _values(spark, column, given) == found


@pytest.mark.parametrize(
    ("column", "given", "found"),
    [
        (_number(kind="date"), ["2024-02-29", "2023-02-29", "2024-2-9", "2024-01-01 00:00:00", ""],
         [date(2024, 2, 29), BAD, BAD, date(2024, 1, 1), MISSING]),
        (_number(kind="date", formats=("d/M/yyyy", "M/d/yyyy")),
         ["1/5/2023", "1/15/2023", "15/1/23"],
         [date(2023, 5, 1), date(2023, 1, 15), BAD]),
        (_number(kind="date", earliest=date(2020, 1, 1), latest=date(2020, 12, 31)),
         ["2019-12-31", "2020-01-01", "2020-12-31", "2021-01-01"],
         [BAD, date(2020, 1, 1), date(2020, 12, 31), BAD]),
        (_number(kind="date", earliest=date(2020, 1, 1)), ["2019-12-31", "9999-12-31"],
         [BAD, date(9999, 12, 31)]),
        (_number(kind="moment"),
         ["2018-11-15T02:18:49Z", "2018-11-15 02:18:49", "2018-11-15T02:18:49",
          "2018-11-15 02:18:49.5+00", "2018-11-15T04:18:49+02:00", "2018-11-15",
          "2018-11-15T25:00:00Z"],
         [datetime(2018, 11, 15, 2, 18, 49), datetime(2018, 11, 15, 2, 18, 49),
          datetime(2018, 11, 15, 2, 18, 49), datetime(2018, 11, 15, 2, 18, 49, 500_000),
          datetime(2018, 11, 15, 2, 18, 49), BAD, BAD]),
        (_number(kind="moment", formats=("dd.MM.yyyy HH:mm",)),
         ["15.11.2018 02:18", "2018-11-15 02:18:49"],
         [datetime(2018, 11, 15, 2, 18), BAD]),
    ],
)  # fmt: skip
def test_a_date_is_read_in_the_first_form_that_fits(
    spark: "SparkSession", column: Column, given: list[str | None], found: list[object]
) -> None:
    # The driver shows moments in its own zone; the tests' is UTC.
    assert _values(spark, column, given) == found


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(st.text(max_size=6), min_size=1, max_size=30), kind=st.sampled_from(Kind))
def test_whatever_stands_in_a_cell_it_is_a_value_missing_or_bad(
    spark: "SparkSession", texts: list[str], kind: Kind
) -> None:
    column = _number(kind=kind, values=("a",) if kind is Kind.CATEGORY else ())
    found = _values(spark, column, list(texts))
    assert len(found) == len(texts)
    assert all(value is not None for value in found)
    empty = [not text.strip(" ") for text in texts]
    assert [value == MISSING for value in found] == empty

"""How a cell becomes a value: trimmed, stripped, replaced, read, parsed."""

import json
import math
from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.contracts.errors import InstanceError
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
from components.scoring.instances import RowReader, from_columns
from components.scoring.spec import Input

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


#: Texts of a file that are JSON, too, or dates; out of range, at its ends and within.
_NUMBERS = ["-1", "-0.5", "0", "0.5", "18", "59.999", "60", "60.001", "61", "1e300", "-1e300"]
_DAYS = [
    "0001-01-01", "1899-12-31", "1900-01-01", "1969-12-31", "2024-02-29", "2100-01-01",
    "2100-01-02", "3021-09-18", "9999-12-31", "2000-01-01", "2000-12-31",
]  # fmt: skip
_RANGES: dict[str, list[dict[str, object]]] = {
    "number": [{}, {"minimum": 0}, {"maximum": 60}, {"minimum": 18, "maximum": 60}],
    "date": [
        {}, {"earliest": date(1900, 1, 1)}, {"latest": date(2100, 1, 1)},
        {"earliest": date(2000, 1, 1), "latest": date(2000, 12, 31)},
    ],
}  # fmt: skip
_RANGES["integer"] = _RANGES["number"]


def test_a_value_is_within_its_range_in_scoring_where_it_is_in_training(
    spark: "SparkSession",
) -> None:
    columns = [
        Column.model_validate(
            {
                "name": f"{kind}_{n}_{outside}",
                "kind": kind,
                "outside": outside,
                "max_bad": 1,
                **span,
            }
        )
        for kind, spans in _RANGES.items()
        for n, span in enumerate(spans)
        for outside in ("quarantine", "missing")
    ]
    own = {c.name: _DAYS if c.kind is Kind.DATE else _NUMBERS for c in columns}
    source = Source(
        name="s", grain="one row", files=("s.csv",), key=("N",),
        columns=(Column(name="N", kind=Kind.KEY), *columns),
    )  # fmt: skip
    rows = [(str(n), *(own[c.name][n] for c in columns), None, n) for n in range(len(_DAYS))]
    names = ", ".join(f"{c.name} string" for c in columns)
    landed = spark.createDataFrame(rows, f"N string, {names}, _malformed string, _place bigint")
    valued = cells.with_values(cells.declared(landed, source), source.columns)
    values = (cells.value(c).alias(c.name) for c in columns)
    found = valued.orderBy(cells.cell("N").cast("int")).select(*values).collect()
    for column in columns:
        declared = Input(**column.scoring_input())
        for row, text in zip(found, own[column.name], strict=True):
            trained = _as_a_cell(row[column.name], lenient=column.outside == "missing")
            given = text if column.kind is Kind.DATE else json.loads(text)
            typed = date.fromisoformat(text) if column.kind is Kind.DATE else given
            assert _scored(declared, [given]) == trained, (declared, text)
            assert _scored(declared, [given] * 9) == trained, (declared, text)
            assert _scored_column(declared, typed) == trained, (declared, text)


def _as_a_cell(value: object, *, lenient: bool) -> str:
    """What training makes of a cell: a number, missing, or nothing, as the row goes."""
    if value is None:
        return "missing" if lenient else "refused"
    return repr(float((value - date(1970, 1, 1)).days if isinstance(value, date) else value))  # type: ignore[arg-type]


def _scored(declared: Input, values: list[object]) -> str:
    # A second number: many of them are looked at together.
    reader = RowReader([declared, Input("OTHER", "number")])
    return _told(lambda: reader([{declared.name: v, "OTHER": 1.0} for v in values])[:, 0])


def _scored_column(declared: Input, value: object) -> str:
    return _told(lambda: from_columns([declared], {declared.name: [value]})[:, 0])


def _told(read: Callable[[], NDArray[np.float64]]) -> str:
    try:
        (cell,) = set(map(repr, read().tolist()))
    except InstanceError:
        return "refused"
    return "missing" if cell == repr(math.nan) else cell


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

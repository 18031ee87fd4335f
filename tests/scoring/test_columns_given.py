"""From typed columns to the input matrix: as the same rows are read, nothing guessed."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from components.contracts.errors import InstanceError, VintageError
from components.scoring.instances import RowReader, from_columns
from components.scoring.spec import Input
from tests.scoring.declared import (
    AGE,
    AMOUNT,
    ANY,
    BIRTHDAY,
    BORN,
    GRADE,
    INPUTS,
    JOB,
    MAYBE,
    RISK,
    SINCE,
    WORTH,
)


@pytest.mark.parametrize(
    ("declared", "values", "cell"),
    [
        (BORN, [date(1970, 2, 1)], 31.0),
        (BORN, np.array(["1970-02-01"], "M8[s]"), 31.0),
        (JOB, [date(3021, 9, 18), None], math.nan),
        (JOB, np.array(["3021-09-18", "NaT"], "M8[D]"), math.nan),
        (JOB, np.array(["10000-01-01"], "M8[D]"), math.nan),
        (AGE, [121, None], math.nan),
        (AGE, np.array([121, math.nan]), math.nan),
        (AGE, [30.5], math.nan),
        (AGE, [10**400], math.nan),
        (WORTH, np.array([-0.5]), math.nan),
        (WORTH, [-math.inf], math.nan),
        (RISK, ["high", None], math.nan),
        (RISK, np.array(["9"]), 1.0),
    ],
)
def test_a_value_that_fits_its_input_becomes_a_cell_in_columns_too(
    declared: Input, values: Sequence[object], cell: float
) -> None:
    found = from_columns([declared], {declared.name: values})
    assert found[0, 0] == pytest.approx(cell, abs=0, nan_ok=True)


def test_columns_that_lack_an_input_are_refused_by_its_name() -> None:
    known = r"columns: expected \['AMOUNT', 'WHOLE', 'SINCE'\], found "
    with pytest.raises(VintageError, match=known):
        from_columns(INPUTS, {"MAYBE": [1.0], "GRADE": ["1"], "ID": ["a"]})


def test_a_column_may_hold_missing_categories_but_no_unknown_ones() -> None:
    maybe = replace(GRADE, nullable=True)
    assert np.isnan(from_columns([maybe], {"GRADE": [None]})[0, 0])
    with pytest.raises(InstanceError, match="GRADE: expected one of 1, 2, high, found '9'"):
        from_columns([GRADE], {"GRADE": ["1", "9"]})


@pytest.mark.parametrize(
    ("declared", "value", "message"),
    [
        (Input("N", "number", minimum=0), -0.5, "a number of at least 0, found -0.5; 1 row like"),
        (Input("N", "number", maximum=1), 2.0, "a number of at most 1, found 2.0; 1 row like it"),
        (Input("N", "integer"), 1.5, "a whole number, found 1.5; 1 row like it"),
        (Input("N", "number"), None, "a number, found nothing; 1 row like it"),
        (GRADE, None, "one of 1, 2, high, found nothing; 1 row like it"),
        (BIRTHDAY, None, "a date such as 1990-05-31, found nothing; 1 row like it"),
        (
            BORN,
            date(1969, 12, 31),
            "from 1970-01-01 to 1970-02-01, found '1969-12-31'; 1 row like it",
        ),
        (
            BORN,
            date(1970, 2, 2),
            "from 1970-01-01 to 1970-02-01, found '1970-02-02'; 1 row like it",
        ),
        (replace(BORN, minimum=None), date(1970, 2, 2), "31, to 1970-02-01, found '1970-02-02'"),
        (replace(BORN, maximum=None), date(1969, 1, 1), "31, from 1970-01-01, found '1969-01-01'"),
        (JOB, "3021-09-18 ", "a date such as 1990-05-31, to 2100-01-01, found '3021-09-18 '"),
        (AGE, "121", "a whole number from 0 to 120, found '121'; 1 row like it"),
        (RISK, ["high"], "one of low, 9, found ['high']; 1 row like it"),
    ],
)
def test_a_column_is_held_to_what_is_declared_as_a_row_is(
    declared: Input, value: object, message: str
) -> None:
    with pytest.raises(InstanceError, match=re.escape(message)):
        from_columns([declared], {declared.name: [value]})
    with pytest.raises(InstanceError):
        RowReader([declared])([{declared.name: value}])


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([1.0, math.inf, -math.inf], "inf; 2 rows like it"),
        (np.array([1.0, -np.inf]), "-inf; 1 row like it"),
        (np.array([1.0, np.inf], dtype=np.float32), "inf; 1 row like it"),
        ([1, 10**400], "1" + "0" * 59 + "; 1 row like it"),
        (["2024-01-31", "2024-02-29", None], "'2024-01-31'; 2 rows like it"),
        ([1.0, "1.5"], "'1.5'; 1 row like it"),
        (np.array(["1.5"], dtype=object), "'1.5'; 1 row like it"),
        ([date(2024, 1, 31)], "datetime.date(2024, 1, 31); 1 row like it"),
        (np.array(["2024-01-31"], dtype="M8[ns]"), "2024-01-31"),
        ([True, 1.0], "True; 1 row like it"),
        (np.array([True, False]), "True"),
    ],
)
def test_a_column_of_numbers_holds_nothing_else(values: Sequence[object], found: str) -> None:
    with pytest.raises(InstanceError, match=r"^columns: ANY: expected a number, found ") as refused:
        from_columns([MAYBE, ANY], {"MAYBE": [0.0] * len(values), "ANY": values})
    assert found in str(refused.value)


@pytest.mark.parametrize(
    "values",
    [
        [1, 2.5, None, math.nan],
        np.array([1, 2.5, math.nan, math.nan]),
        np.array([1, 2.5, None, math.nan], dtype=object),
        np.array([1, 2.5, math.nan, math.nan], dtype=np.float32),
        [np.int64(1), np.float64(2.5), None, None],
    ],
)
def test_a_column_of_numbers_may_be_typed_in_any_way(values: Sequence[object]) -> None:
    found = from_columns([MAYBE], {"MAYBE": values})
    assert np.array_equal(found[:, 0], [1.0, 2.5, math.nan, math.nan], equal_nan=True)


DAYS = [date(1, 1, 1), date(1969, 12, 31), None, date(2024, 2, 29), date(9999, 12, 31)]
CELLS = [-719162.0, -1.0, math.nan, 19782.0, 2932896.0]


@pytest.mark.parametrize(
    "values",
    [
        DAYS,
        tuple(DAYS),
        np.array(DAYS, dtype=object),
        *(np.array(DAYS, dtype=f"M8[{unit}]") for unit in ("D", "h", "s", "ms", "us")),
        np.array(DAYS, dtype=">M8[D]"),
    ],
)
def test_a_column_of_dates_may_be_typed_in_any_way(values: Sequence[object]) -> None:
    assert np.array_equal(from_columns([SINCE], {"SINCE": values})[:, 0], CELLS, equal_nan=True)


def test_a_column_of_dates_may_be_as_pandas_holds_it() -> None:
    values = np.array(["1969-12-31", "NaT", "2024-02-29"], dtype="M8[ns]")
    found = from_columns([SINCE], {"SINCE": values})[:, 0]
    assert np.array_equal(found, [-1.0, math.nan, 19782.0], equal_nan=True)


@pytest.mark.parametrize("values", [[], np.array([], dtype="M8[D]")])
def test_a_column_of_no_dates_has_no_rows(values: Sequence[object]) -> None:
    assert from_columns([BIRTHDAY], {"BIRTHDAY": values}).shape == (0, 1)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([date(2024, 1, 31), "2024-01-31", "x"], "'2024-01-31'; 2 rows like it"),
        ([19782.0], "19782.0; 1 row like it"),
        (np.array([19782.0, 1.0]), "19782.0); 2 rows like it"),
        (np.array(["2024-01-31"]), "'2024-01-31'); 1 row like it"),
        ([datetime(2024, 1, 31, tzinfo=UTC)], "datetime.datetime(2024, 1, 31"),
        (np.array(["2024-01-31T12", "2024-01-31"], "M8[h]"), "'2024-01-31T12','h'); 1 row like"),
        (np.array(["2024-01-31T00:00:00.000000001"], "M8[ns]"), "00:00:00.000000001'"),
        (np.array(["2024-01", "NaT"], "M8[M]"), "'2024-01'); 1 row like it"),
        (np.array(["2024"], "M8[Y]"), "'2024'); 1 row like it"),
        (np.array(["0000-12-31"], "M8[D]"), "'0000-12-31'); 1 row like it"),
        (np.array(["10000-01-01"], "M8[D]"), "10000-01-01"),
        (np.array([2**63 - 1], "M8[D]"), "; 1 row like it"),
        (np.array([-(2**63) + 1], "M8[ns]"), "; 1 row like it"),
        (np.array(["NaT", "2024-01-31"], "M8[D]"), "nothing; 1 row like it"),
    ],
)
def test_a_column_of_dates_holds_nothing_else(values: Sequence[object], found: str) -> None:
    expected = "^columns: BIRTHDAY: expected a date such as 1990-05-31, found "
    with pytest.raises(InstanceError, match=expected) as refused:
        from_columns([BIRTHDAY], {"BIRTHDAY": values})
    assert found in str(refused.value)


def test_columns_tell_what_is_wrong_in_each_or_every_cell_by_its_row() -> None:
    columns: dict[str, Sequence[object]] = {
        "AMOUNT": np.array([1.0, -1.0, 101.0, math.nan]),
        "MAYBE": [math.nan, "x", None, 1],
        "WHOLE": np.array([1, 2, -3, 4]),
        "GRADE": ["1", ["2"], None, "high"],
        "SINCE": [None, date(2024, 1, 31), "2024-01-31", None],
    }
    with pytest.raises(InstanceError) as refused:
        from_columns(INPUTS, columns)
    assert refused.value.faults == (
        "AMOUNT: expected a number from 0 to 100, found -1.0; 2 rows like it",
        "AMOUNT: expected a number from 0 to 100, found nothing; 1 row like it",
        "MAYBE: expected a number, found 'x'; 1 row like it",
        "WHOLE: expected a whole number of at least -2, found -3; 1 row like it",
        "GRADE: expected one of 1, 2, high, found ['2']; 1 row like it",
        "GRADE: expected one of 1, 2, high, found nothing; 1 row like it",
        "SINCE: expected a date such as 1990-05-31, found '2024-01-31'; 1 row like it",
    )
    with pytest.raises(InstanceError) as refused:
        from_columns(INPUTS, columns, by_row=True)
    assert refused.value.faults == (
        "row 1: AMOUNT: expected a number from 0 to 100, found -1.0",
        "row 1: MAYBE: expected a number, found 'x'",
        "row 1: GRADE: expected one of 1, 2, high, found ['2']",
        "row 2: AMOUNT: expected a number from 0 to 100, found 101.0",
        "row 2: WHOLE: expected a whole number of at least -2, found -3",
        "row 2: GRADE: expected one of 1, 2, high, found nothing",
        "row 2: SINCE: expected a date such as 1990-05-31, found '2024-01-31'",
        "row 3: AMOUNT: expected a number from 0 to 100, found nothing",
    )


def test_no_more_faults_are_told_than_anybody_reads() -> None:
    columns = {"AMOUNT": np.full(5_000, -1.0), "ANY": [None] * 5_000}
    with pytest.raises(InstanceError) as refused:
        from_columns([AMOUNT, ANY], columns, by_row=True)
    assert len(refused.value.faults) == 1_000
    assert refused.value.faults[-1] == "row 499: ANY: expected a number, found nothing"

"""From what a caller gives to the input matrix: every fault at once, nothing guessed."""

import math
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.errors import InstanceError
from components.scoring.instances import RowReader, from_columns, shown
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
    LENIENT,
    MAYBE,
    RISK,
    SINCE,
    WHOLE,
    WORTH,
)


@pytest.mark.parametrize(
    ("declared", "given_value", "cell"),
    [
        (AMOUNT, 0, 0.0),
        (AMOUNT, 100.0, 100.0),
        (AMOUNT, -0.0, 0.0),
        (ANY, -1.5, -1.5),
        (ANY, 1e308, 1e308),
        (ANY, 10**300, 1e300),
        (ANY, np.float64(2.5), 2.5),
        (MAYBE, None, math.nan),
        (WHOLE, 3, 3.0),
        (WHOLE, 3.0, 3.0),
        (WHOLE, -2, -2.0),
        (GRADE, "1", 0.0),
        (GRADE, 2, 1.0),
        (GRADE, "high", 2.0),
        (BIRTHDAY, "1970-01-01", 0.0),
        (BIRTHDAY, "1970-03-01", 59.0),
        (BIRTHDAY, "1969-12-31", -1.0),
        (BIRTHDAY, "2024-02-29", 19782.0),
        (BIRTHDAY, "0001-01-01", -719162.0),
        (BIRTHDAY, "9999-12-31", 2932896.0),
        (BIRTHDAY, date(2024, 2, 29), 19782.0),
        (SINCE, None, math.nan),
        (BORN, "1970-01-01", 0.0),
        (BORN, "1970-02-01", 31.0),
        (JOB, "2100-01-01", 47_482.0),
        (JOB, "2100-01-02", math.nan),
        (JOB, "3021-09-18", math.nan),
        (JOB, "0001-01-01", -719162.0),
        (AGE, 120, 120.0),
        (AGE, 121, math.nan),
        (AGE, -500, math.nan),
        (AGE, 30.5, math.nan),
        (AGE, 10**400, math.nan),
        (WORTH, -0.5, math.nan),
        (WORTH, math.inf, math.nan),
        (RISK, "high", math.nan),
        (RISK, "", math.nan),
        (RISK, 9, 1.0),
        (RISK, 8, math.nan),
        (RISK, 10**400, math.nan),
    ],
)
def test_a_value_that_fits_its_input_becomes_a_cell(
    declared: Input, given_value: object, cell: float
) -> None:
    found = RowReader([declared])([{declared.name: given_value}])
    assert found.shape == (1, 1)
    assert found[0, 0] == pytest.approx(cell, abs=0, nan_ok=True)


@pytest.mark.parametrize(
    ("declared", "given_value", "found"),
    [
        (AMOUNT, -0.1, "-0.1"),
        (AMOUNT, 100.1, "100.1"),
        (AMOUNT, True, "True"),
        (AMOUNT, False, "False"),
        (AMOUNT, "5", "'5'"),
        (AMOUNT, [5], "[5]"),
        (AMOUNT, {"a": 1}, "{'a': 1}"),
        (AMOUNT, math.nan, "nan"),
        (AMOUNT, None, "null"),
        (ANY, math.inf, "inf"),
        (ANY, -math.inf, "-inf"),
        (ANY, 10**400, "1" + "0" * 59),
        (ANY, "x" * 500, "'" + "x" * 59),
        (MAYBE, math.nan, "nan"),
        (MAYBE, "", "''"),
        (WHOLE, 1.5, "1.5"),
        (WHOLE, -3, "-3"),
        (WHOLE, math.nan, "nan"),
        (WHOLE, math.inf, "inf"),
        (WHOLE, 10**400, "1" + "0" * 59),
        (GRADE, "3", "'3'"),
        (GRADE, 3, "3"),
        (GRADE, 1.0, "1.0"),
        (GRADE, True, "True"),
        (GRADE, "", "''"),
        (GRADE, " 1", "' 1'"),
        (GRADE, None, "null"),
        (GRADE, ["1"], "['1']"),
        (BIRTHDAY, None, "null"),
        (BIRTHDAY, "", "''"),
        (BIRTHDAY, "20240131", "'20240131'"),
        (BIRTHDAY, "2024-1-31", "'2024-1-31'"),
        (BIRTHDAY, "2024-W05-3", "'2024-W05-3'"),
        (BIRTHDAY, "2024-01-31 ", "'2024-01-31 '"),
        (BIRTHDAY, "2024-01-31T00:00:00", "'2024-01-31T00:00:00'"),
        (BIRTHDAY, "31.01.2024", "'31.01.2024'"),
        (BIRTHDAY, "2023-02-29", "'2023-02-29'"),
        (BIRTHDAY, "0000-01-01", "'0000-01-01'"),
        (BIRTHDAY, "10000-01-01", "'10000-01-01'"),
        (BIRTHDAY, "-001-01-01", "'-001-01-01'"),
        (BIRTHDAY, "\ud800024-01-31", "'\\ud800024-01-31'"),
        (BIRTHDAY, 19782, "19782"),
        (BIRTHDAY, 19782.0, "19782.0"),
        (BIRTHDAY, True, "True"),
        (BIRTHDAY, ["2024-01-31"], "['2024-01-31']"),
        (BIRTHDAY, datetime(2024, 1, 31, tzinfo=UTC), "datetime.datetime(2024, 1, 31, 0"),
        (SINCE, "", "''"),
        (BORN, "1969-12-31", "'1969-12-31'"),
        (BORN, "1970-02-02", "'1970-02-02'"),
        (JOB, "18.09.3021", "'18.09.3021'"),
        (JOB, 47_482, "47482"),
        (AGE, "30", "'30'"),
        (AGE, True, "True"),
        (AGE, math.nan, "nan"),
        (WORTH, [5], "[5]"),
        (RISK, 1.0, "1.0"),
        (RISK, True, "True"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_what_was_expected(
    declared: Input, given_value: object, found: str
) -> None:
    expected = {
        "AMOUNT": "a number from 0 to 100",
        "ANY": "a number",
        "MAYBE": "a number",
        "WHOLE": "a whole number of at least -2",
        "GRADE": "one of 1, 2, high",
        "BIRTHDAY": "a date such as 1990-05-31",
        "SINCE": "a date such as 1990-05-31",
        "BORN": "a date such as 1990-05-31, from 1970-01-01 to 1970-02-01",
        "JOB": "a date such as 1990-05-31, to 2100-01-01",
        "AGE": "a whole number from 0 to 120",
        "WORTH": "a number of at least 0",
        "RISK": "one of low, 9",
    }[declared.name]
    with pytest.raises(InstanceError) as refused:
        RowReader([declared])([{declared.name: given_value}])
    (fault,) = refused.value.faults
    # What is found is cut after sixty characters.
    assert fault.startswith(f"{declared.name}: expected {expected}, found {found}")
    assert len(fault) <= len(f"{declared.name}: expected {expected}, found ") + 60


@pytest.mark.parametrize("declared", [ANY, WHOLE, GRADE, BIRTHDAY])
def test_an_integer_too_long_to_print_is_a_fault_like_any_other(declared: Input) -> None:
    with pytest.raises(InstanceError, match=f"{declared.name}: expected"):
        RowReader([declared])([{declared.name: 10**5000}])


def test_every_fault_of_every_row_is_told_at_once() -> None:
    rows = [
        {"AMOUNT": 1, "WHOLE": 1, "GRADE": 1},
        {"AMOUNT": "1", "MAYBE": True, "WHOLE": None, "colour": "red", "SIZE": None},
        {},
    ]
    with pytest.raises(InstanceError) as refused:
        RowReader(INPUTS)(rows)
    assert refused.value.faults == (
        "row 1: colour: not an input",
        "row 1: SIZE: not an input",
        "row 1: AMOUNT: expected a number from 0 to 100, found '1'",
        "row 1: MAYBE: expected a number, found True",
        "row 1: WHOLE: expected a whole number of at least -2, found null",
        "row 1: GRADE: expected one of 1, 2, high, found nothing",
        "row 2: AMOUNT: expected a number from 0 to 100, found nothing",
        "row 2: WHOLE: expected a whole number of at least -2, found nothing",
        "row 2: GRADE: expected one of 1, 2, high, found nothing",
    )


def test_a_name_that_is_misspelt_is_found_among_many_rows() -> None:
    right = {"AMOUNT": 1.0, "MAYBE": 1.0, "WHOLE": 1, "GRADE": "1", "SINCE": None}
    wrong = {"SINSE" if name == "SINCE" else name: value for name, value in right.items()}
    with pytest.raises(InstanceError) as refused:
        RowReader(INPUTS)([right] * 8 + [wrong])
    assert refused.value.faults == ("row 8: SINSE: not an input",)


def test_the_faults_of_a_single_row_need_no_number() -> None:
    with pytest.raises(InstanceError, match=r"^instance: SIZE: not an input$"):
        RowReader([MAYBE])([{"SIZE": 1}])


def test_no_rows_are_a_matrix_without_rows() -> None:
    assert RowReader(INPUTS)([]).shape == (0, len(INPUTS))


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "AMOUNT": st.floats(0, 100),
            "MAYBE": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "WHOLE": st.integers(-2, 10**15),
            "GRADE": st.sampled_from(GRADE.values),
            "SINCE": st.none() | st.dates(),
            "JOB": st.none() | st.dates(),
            "AGE": st.none() | st.integers(-200, 300) | st.floats(-1, 121),
            "WORTH": st.none() | st.floats(allow_nan=False),
            "RISK": st.none() | st.sampled_from(["low", "9", "high", ""]),
        }
    ),
    min_size=1,
    max_size=20,
)
BOTH = (*INPUTS, *LENIENT)


@settings(deadline=None, max_examples=80)
@given(ROWS)
def test_columns_and_rows_of_the_same_values_are_the_same_matrix(
    rows: list[dict[str, object]],
) -> None:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    matrix = from_columns(BOTH, columns)
    assert np.array_equal(RowReader(BOTH)(rows), matrix, equal_nan=True)
    again = [
        {i.name: shown(i, cell) for i, cell in zip(BOTH, cells, strict=True)}
        for cells in matrix.tolist()
    ]
    strict = [{i.name: row[i.name] for i in INPUTS} for row in rows]
    assert [{i.name: row[i.name] for i in INPUTS} for row in again] == [
        {**row, "SINCE": row["SINCE"] and str(row["SINCE"])} for row in strict
    ]
    assert np.array_equal(RowReader(BOTH)(again), matrix, equal_nan=True)


_ODD = st.sampled_from([None, math.nan, math.inf, True, "5", 5, [5], 10**400, -0.5, 101.0])


@settings(deadline=None, max_examples=200)
@given(ROWS, st.data())
def test_many_rows_are_read_as_each_of_them_alone(
    rows: list[dict[str, object]], data: st.DataObject
) -> None:
    rows = (rows * 8)[: data.draw(st.integers(8, 24))]  # so many are looked at together
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(rows) - 1))
        name = data.draw(st.sampled_from([*(i.name for i in BOTH), "STRANGE"]))
        changed = {**rows[place], name: data.draw(_ODD)}
        if data.draw(st.booleans()):
            changed.pop(name)
        rows[place] = changed
    reader, cells, faults = RowReader(BOTH), list[object](), list[str]()
    for number, row in enumerate(rows):
        try:
            cells.append(reader([row])[0])
        except InstanceError as error:
            faults += [f"row {number}: {fault}" for fault in error.faults]
    if faults:
        with pytest.raises(InstanceError) as caught:
            reader(rows)
        assert list(caught.value.faults) == faults
    else:
        assert np.array_equal(reader(rows), np.array(cells), equal_nan=True)


@pytest.mark.parametrize(
    ("declared", "cell", "value"),
    [
        (ANY, 1.0, 1.0),
        (WHOLE, 3.0, 3),
        (GRADE, 2.0, "high"),
        (BIRTHDAY, 0.0, "1970-01-01"),
        (BIRTHDAY, -719162.0, "0001-01-01"),
        (SINCE, math.nan, None),
        (MAYBE, math.nan, None),
    ],
)
def test_a_cell_is_shown_as_a_caller_gives_it(declared: Input, cell: float, value: object) -> None:
    found = shown(declared, cell)
    assert (type(found), found) == (type(value), value)

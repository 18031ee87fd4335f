"""From what a caller gives to the input matrix: every fault at once, nothing guessed."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.errors import InstanceError, VintageError
from components.scoring.instances import RowReader, from_columns, shown
from components.scoring.spec import Input

AMOUNT = Input("AMOUNT", "number", minimum=0, maximum=100)
ANY = Input("ANY", "number")
MAYBE = Input("MAYBE", "number", nullable=True)
WHOLE = Input("WHOLE", "integer", minimum=-2)
GRADE = Input("GRADE", "category", values=("1", "2", "high"))
BIRTHDAY = Input("BIRTHDAY", "date")
SINCE = Input("SINCE", "date", nullable=True)
INPUTS = (AMOUNT, MAYBE, WHOLE, GRADE, SINCE)
BORN = Input("BORN", "date", minimum=0, maximum=31)
JOB = Input("JOB", "date", nullable=True, maximum=47_482, outside="missing")
AGE = Input("AGE", "integer", nullable=True, minimum=0, maximum=120, outside="missing")
WORTH = Input("WORTH", "number", nullable=True, minimum=0, outside="missing")
RISK = Input("RISK", "category", values=("low", "9"), nullable=True, outside="missing")
LENIENT = (JOB, AGE, WORTH, RISK)


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

"""From what a caller gives to the input matrix: every fault at once, nothing guessed."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.errors import InstanceError, VintageError
from components.scoring.instances import RowReader, from_columns
from components.scoring.spec import Input

AMOUNT = Input("AMOUNT", "number", minimum=0, maximum=100)
ANY = Input("ANY", "number")
MAYBE = Input("MAYBE", "number", nullable=True)
WHOLE = Input("WHOLE", "integer", minimum=-2)
GRADE = Input("GRADE", "category", values=("1", "2", "high"))
INPUTS = (AMOUNT, MAYBE, WHOLE, GRADE)


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
    }[declared.name]
    with pytest.raises(InstanceError) as refused:
        RowReader([declared])([{declared.name: given_value}])
    assert refused.value.faults == (f"{declared.name}: expected {expected}, found {found}",)


@pytest.mark.parametrize("declared", [ANY, WHOLE, GRADE])
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
        }
    ),
    min_size=1,
    max_size=20,
)


@settings(deadline=None, max_examples=80)
@given(ROWS)
def test_columns_and_rows_of_the_same_values_are_the_same_matrix(
    rows: list[dict[str, object]],
) -> None:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    assert np.array_equal(RowReader(INPUTS)(rows), from_columns(INPUTS, columns), equal_nan=True)


def test_columns_that_lack_an_input_are_refused_by_its_name() -> None:
    with pytest.raises(VintageError, match=r"columns: expected \['AMOUNT', 'WHOLE'\], found "):
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

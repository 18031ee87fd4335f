"""Row expressions: what each gives, what is missing, what is refused."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.contracts.errors import VintageError
from components.scoring.expressions import compile_expression
from components.scoring.instances import RowReader
from components.scoring.spec import Input

NAN = math.nan
CATEGORIES = {"CAR": ("N", "Y"), "HOME": ("rented", "owned", 'it\'s "odd"')}


@pytest.fixture(autouse=True)
def as_a_bundle_calls_it() -> Iterator[None]:
    """Overflows become missing; who evaluates a row's features has numpy keep quiet."""
    with np.errstate(all="ignore"):
        yield


def value(text: str, **columns: float) -> float:
    """What an expression gives for one row."""
    found = compile_expression(text, CATEGORIES)({n: np.array([v]) for n, v in columns.items()})
    return float(np.broadcast_to(found, (1,))[0])


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("A", {"A": 2}, 2),
        ("A + B * 2", {"A": 1, "B": 3}, 7),
        ("(A + B) * 2", {"A": 1, "B": 3}, 8),
        ("A - B - 1", {"A": 1, "B": 3}, -3),
        ("-A", {"A": 2}, -2),
        ("- -A", {"A": 2}, 2),
        ("A / B", {"A": 1, "B": 4}, 0.25),
        ("1.5", {}, 1.5),
        ("1e3 + 1_000", {}, 2000),
        ("A > B", {"A": 2, "B": 1}, 1),
        ("A > B", {"A": 1, "B": 1}, 0),
        ("A >= B", {"A": 1, "B": 1}, 1),
        ("A < B", {"A": 1, "B": 2}, 1),
        ("A <= B", {"A": 3, "B": 2}, 0),
        ("A == B", {"A": 2, "B": 2}, 1),
        ("A != B", {"A": 2, "B": 2}, 0),
        ("(A > 0) + (B > 0)", {"A": 1, "B": 1}, 2),
        ("minimum(A, B)", {"A": 2, "B": -1}, -1),
        ("maximum(A, B, 5, 3)", {"A": 2, "B": -1}, 5),
        ("missing(A)", {"A": 0}, 0),
        ("where(A, 1, 2)", {"A": 0}, 2),
        ("where(A > 1, A, -A)", {"A": 3}, 3),
        ("where(A, 1, 2)", {"A": -0.5}, 1),
        ('CAR == "Y"', {"CAR": 1}, 1),
        ('CAR == "Y"', {"CAR": 0}, 0),
        ("CAR != 'Y'", {"CAR": 0}, 1),
        ("CAR != 'Y'", {"CAR": 1}, 0),
        ('(CAR == "Y") * (HOME == "owned")', {"CAR": 1, "HOME": 1}, 1),
        ('(CAR == "Y") * (HOME == "owned")', {"CAR": 1, "HOME": 0}, 0),
        ("HOME == 'it\\'s \"odd\"'", {"HOME": 2}, 1),
        ('where(HOME == "rented", A, 0)', {"HOME": 0, "A": 5}, 5),
    ],
)
def test_an_expression_gives_the_value_that_its_text_says(
    text: str, columns: dict[str, float], expected: float
) -> None:
    assert value(text, **columns) == expected


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("A", {"A": NAN}, NAN),
        ("A + 1", {"A": NAN}, NAN),
        ("A * 0", {"A": NAN}, NAN),
        ("A > 1", {"A": NAN}, NAN),
        ("A == A", {"A": NAN}, NAN),
        ("A != 1", {"A": NAN}, NAN),
        ("minimum(A, 3)", {"A": NAN}, 3),
        ("maximum(3, A)", {"A": NAN}, 3),
        ("maximum(A, A)", {"A": NAN}, NAN),
        ("missing(A)", {"A": NAN}, 1),
        ("missing(A + B)", {"A": 1, "B": NAN}, 1),
        ("where(A, 1, 2)", {"A": NAN}, NAN),
        ("where(missing(A), 0, A)", {"A": NAN}, 0),
        ("where(1, 5, A)", {"A": NAN}, 5),
        ('CAR == "Y"', {"CAR": NAN}, NAN),
        ('CAR != "Y"', {"CAR": NAN}, NAN),
        ('missing(CAR == "Y")', {"CAR": NAN}, 1),
        ('missing(CAR == "Y")', {"CAR": 0}, 0),
        ('(CAR == "Y") * (HOME == "owned")', {"CAR": NAN, "HOME": 0}, NAN),
    ],
)
def test_missing_spreads_except_where_it_is_passed_over(
    text: str, columns: dict[str, float], expected: float
) -> None:
    assert value(text, **columns) == pytest.approx(expected, abs=0, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("A / 0", {"A": 1}, NAN),
        ("A / B", {"A": 0, "B": 0}, NAN),
        ("A / B", {"A": 1, "B": -0.0}, NAN),
        ("missing(A / 0)", {"A": 1}, 1),
        ("A / 0 > 1", {"A": 1}, NAN),
        ("A * A", {"A": 1e200}, NAN),
        ("A + A", {"A": 1.7e308}, NAN),
        ("A / B", {"A": 1e300, "B": 1e-300}, NAN),
        ("A * A - A * A", {"A": 1e200}, NAN),
        ("1e999", {}, NAN),
    ],
)
def test_what_is_no_finite_number_is_missing(
    text: str, columns: dict[str, float], expected: float
) -> None:
    assert value(text, **columns) == pytest.approx(expected, abs=0, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("missing(A * A)", 1),
        ("A * A > 1", NAN),
        ("1 / (A * A)", NAN),
        ("where(A * A, 1, 2)", NAN),
        ("minimum(A * A, 3)", 3),
        ("maximum(A * A, 3)", 3),
    ],
)
def test_an_overflow_inside_an_expression_is_missing_as_a_division_by_zero_is(
    text: str, expected: float
) -> None:
    assert value(text.replace("A * A", "A / 0"), A=1e200) == pytest.approx(expected, nan_ok=True)
    assert value(text, A=1e200) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "at_fault"),
    [
        ("A.real", "'A.real' is not allowed"),
        ("A[0]", "'A[0]' is not allowed"),
        ("abs(A)", "'abs(A)' is not allowed"),
        ("__import__('os')", "is not allowed"),
        ("A.sum()", "'A.sum()' is not allowed"),
        ("minimum(A, b=B)", "'minimum(A, b=B)' is not allowed"),
        ("minimum(*A, B)", "'*A' is not allowed"),
        ("A ** 2", "'A ** 2' is not allowed"),
        ("A // B", "'A // B' is not allowed"),
        ("A % B", "'A % B' is not allowed"),
        ("A @ B", "is not allowed"),
        ("A | B", "'A | B' is not allowed"),
        ("~A", "'~A' is not allowed"),
        ("+A", "'+A' is not allowed"),
        ("not A", "'not A' is not allowed"),
        ("A and B", "'A and B' is not allowed"),
        ("A > B > 1", "'A > B > 1' is not allowed"),
        ("A in B", "'A in B' is not allowed"),
        ("A is B", "'A is B' is not allowed"),
        ("'text'", "is not allowed"),
        ("b'text'", "is not allowed"),
        ("True", "'True' is not allowed"),
        ("None", "'None' is not allowed"),
        ("...", "is not allowed"),
        ("1j", "'1j' is not allowed"),
        ("lambda: 1", "'lambda: 1' is not allowed"),
        ("[A for A in B]", "is not allowed"),
        ("(A, B)", "'(A, B)' is not allowed"),
        ("A if B else 1", "'A if B else 1' is not allowed"),
        ("(A := 1)", "is not allowed"),
        ("1 + A.real", "'A.real' is not allowed"),
        ("f'{A}'", "is not allowed"),
        ("missing(A, B)", "missing takes 1 arguments, found 2"),
        ("where(A, B)", "where takes 3 arguments, found 2"),
        ("CAR", "CAR is a category: expected a comparison as CAR == 'N'"),
        ("CAR * 2", "CAR is a category: expected a comparison as CAR == 'N'"),
        ("CAR == 1", "CAR is a category: expected a comparison as CAR == 'N'"),
        ("CAR == HOME", "CAR is a category: expected a comparison as CAR == 'N'"),
        ("missing(CAR)", "CAR is a category: expected a comparison as CAR == 'N'"),
        ("CAR == 'y'", "expected CAR compared with one of N, Y, found 'y'"),
        ("CAR != ''", "expected CAR compared with one of N, Y, found ''"),
        ("A == 'Y'", "expected a category to compare with 'Y', found A"),
        ("CAR < 'Y'", "CAR is a category: expected a comparison as CAR == 'N'"),
        ("A < 'Y'", "\"'Y'\" is not allowed"),
        ("'Y' == CAR", "\"'Y'\" is not allowed"),
        ("A + 1 == 'Y'", "\"'Y'\" is not allowed"),
        ("maximum(A)", "maximum takes two or more arguments"),
        ("minimum()", "minimum takes two or more arguments"),
        ("A = 1", "invalid syntax"),
        ("import os", "invalid syntax"),
        ("A\0B", "null bytes"),
        ("", "invalid syntax"),
    ],
)
def test_what_is_no_arithmetic_of_a_row_is_refused_by_name(text: str, at_fault: str) -> None:
    with pytest.raises(VintageError) as refused:
        compile_expression(text, CATEGORIES)
    assert str(refused.value).startswith(f"expression {text!r}: ")
    assert at_fault in str(refused.value)


def test_a_number_too_large_for_a_float_is_refused() -> None:
    with pytest.raises(VintageError, match="expression"):
        compile_expression("A + 1" + "0" * 400, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(LOAN_DATE - BIRTHDAY) / 365.25", 12_419 / 365.25),
        ("LOAN_DATE - BIRTHDAY > 30 * 365.25", 1),
        ("LOAN_DATE - JOB_START", NAN),
        ("where(missing(JOB_START), 0, LOAN_DATE - JOB_START)", 0),
        ("BIRTHDAY > LOAN_DATE", 0),
    ],
)
def test_the_difference_of_two_dates_is_in_days(text: str, expected: float) -> None:
    inputs = [Input(n, "date", nullable=True) for n in ("BIRTHDAY", "LOAN_DATE", "JOB_START")]
    row = {"BIRTHDAY": "1990-05-31", "LOAN_DATE": "2024-05-31", "JOB_START": None}
    columns = dict(zip(row, RowReader(inputs)([row]).T, strict=True))
    found = float(compile_expression(text, {})(columns)[0])
    assert found == pytest.approx(expected, abs=0, nan_ok=True)


def _texts() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["A", "B", "C", "0", "2", "1.5", "1e308"])

    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operators = st.sampled_from(["+", "-", "*", "/", ">", "<=", "==", "!="])
        pairs = st.tuples(inner, operators, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        calls = st.tuples(st.sampled_from(["minimum", "maximum"]), inner, inner)
        return (
            pairs
            | calls.map(lambda t: f"{t[0]}({t[1]}, {t[2]})")
            | inner.map(lambda t: f"missing({t})")
            | inner.map(lambda t: f"-{t}")
            | st.tuples(inner, inner, inner).map(lambda t: f"where({t[0]}, {t[1]}, {t[2]})")
        )

    return st.recursive(leaves, grown, max_leaves=8)


CELLS = (
    st.just(NAN)
    | st.sampled_from([0.0, -0.0, 1.0])
    | st.floats(allow_nan=False, allow_infinity=False)
)


@settings(deadline=None, max_examples=150)
@given(
    text=_texts(),
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=40),
    start=st.integers(0, 39),
)
def test_the_value_of_a_row_never_depends_on_its_batch(
    text: str, rows: list[tuple[float, float, float]], start: int
) -> None:
    evaluate = compile_expression(text, {})

    def values(some: list[tuple[float, float, float]]) -> NDArray[np.float64]:
        columns = dict(zip("ABC", np.array(some, dtype=np.float64).T.copy(), strict=True))
        return np.broadcast_to(evaluate(columns), (len(some),)).copy()

    whole = values(rows)
    assert not np.isinf(whole).any()
    for number, row in enumerate(rows):
        assert np.array_equal(values([row]), whole[[number]], equal_nan=True)
    turned = rows[start % len(rows) :] + rows[: start % len(rows)]
    assert np.array_equal(values(turned), np.roll(whole, -(start % len(rows))), equal_nan=True)


def test_the_rank_of_a_category_is_its_place_among_the_declared_values() -> None:
    ranked = compile_expression("2 * rank(CAR)", {"CAR": ("none", "one", "two")})
    found = ranked({"CAR": np.array([0.0, 2.0, np.nan])})
    assert found[:2].tolist() == [0.0, 4.0]
    assert np.isnan(found[2])


def test_only_a_category_has_a_rank() -> None:
    with pytest.raises(VintageError, match="expected a category to rank, found AGE"):
        compile_expression("rank(AGE)", {})

"""From what a caller gives to the input matrix: one row a client, one column an input.

Numbers as they are, dates as days since 1970-01-01, categories as the position of their value;
missing is NaN.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import InstanceError, VintageError
from components.scoring.spec import Input

Matrix = NDArray[np.float64]
_MOST_FAULTS = 1_000
_LARGEST = sys.float_info.max
_NUMBERS = frozenset({int, float, np.int64, np.float64, type(None)})
_DATES = frozenset({date, type(None)})
_COARSE = frozenset({"Y", "M", "W"})  # units of numpy that no single day is meant by
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH


class RowReader:
    """Reads named rows of the declared inputs. Built once, then asked row after row."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._inputs = tuple(inputs)
        self._names = frozenset(i.name for i in inputs)
        # What a plain number needs; whatever is not plain, or no number, takes the longer way.
        self._fast = [
            (
                i.name,
                i.kind == "number",
                -_LARGEST if i.minimum is None else i.minimum,
                _LARGEST if i.maximum is None else i.maximum,
            )
            for i in inputs
        ]
        self._codes = [{value: code for code, value in enumerate(i.values)} for i in inputs]

    def __call__(self, rows: Sequence[Mapping[str, object]]) -> Matrix:
        """The matrix of the rows. Raises InstanceError with every fault of every row."""
        faults: list[str] = []
        cells: list[float] = []
        for number, row in enumerate(rows):
            before = len(faults)
            cells += self._row(row, faults)
            if len(rows) > 1:
                faults[before:] = [f"row {number}: {fault}" for fault in faults[before:]]
            if len(faults) >= _MOST_FAULTS:
                break  # nobody reads further, and a bad caller should not cost more than a good one
        if faults:
            raise InstanceError("instance", faults)
        return np.array(cells, dtype=np.float64).reshape(len(rows), len(self._inputs))

    def _row(self, row: Mapping[str, object], faults: list[str]) -> list[float]:
        cells: list[float] = []
        met, before = 0, len(faults)
        for position, (name, number, low, high) in enumerate(self._fast):
            value: Any = row.get(name)
            if value.__class__ is float and number and low <= value <= high:
                met += 1
                cells.append(value)
                continue
            if name in row:
                met += 1
            cells.append(self._cell(position, value, name in row, faults))
        if met < len(row):
            strange = [f"{name}: not an input" for name in row if name not in self._names]
            faults[before:before] = strange
        return cells

    def _cell(self, position: int, value: object, given: bool, faults: list[str]) -> float:
        declared = self._inputs[position]
        if value is None:
            if not declared.nullable:
                found = "null" if given else "nothing"
                faults.append(f"{declared.name}: expected {_expected(declared)}, found {found}")
            return math.nan
        cell = _read(declared, value, self._codes[position])
        if cell is None:
            faults.append(f"{declared.name}: expected {_expected(declared)}, found {_found(value)}")
            return math.nan
        return cell


def shown(declared: Input, cell: float) -> object:
    """A cell of the matrix as a caller gives it."""
    if math.isnan(cell):
        return None
    if declared.kind == "category":
        return declared.values[int(cell)]
    if declared.kind == "date":
        return date.fromordinal(int(cell) + _EPOCH).isoformat()
    return int(cell) if declared.kind == "integer" else cell


def _read(declared: Input, value: object, codes: Mapping[str, int]) -> float | None:
    if declared.kind == "category":
        return _code(value, codes)
    return _day(value) if declared.kind == "date" else _number(declared, value)


def _code(value: object, codes: Mapping[str, int]) -> float | None:
    # A code such as 2 is a category's name here, whichever way JSON wrote it.
    text = value if isinstance(value, str) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        text = str(value)
    return None if text is None else codes.get(text)


def _day(value: object) -> float | None:
    if type(value) is date:  # a moment is none, though Python counts it as one
        return float(value.toordinal() - _EPOCH)
    if not isinstance(value, str):
        return None
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return None
    # Python reads 20240131 and 2024-W05-3 too.
    return float(found.toordinal() - _EPOCH) if found.isoformat() == value else None


def _number(declared: Input, value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    if not math.isfinite(number) or (declared.kind == "integer" and number != int(number)):
        return None
    low, high = declared.minimum, declared.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        return None
    return number


def _found(value: object) -> str:
    try:
        return f"{value!r:.60}"
    except ValueError:  # Python prints no integer of more than 4300 digits
        return "a very long integer"


def _expected(declared: Input) -> str:
    if declared.kind == "category":
        return "one of " + ", ".join(declared.values)
    if declared.kind == "date":
        return "a date such as 1990-05-31"
    what = "a whole number" if declared.kind == "integer" else "a number"
    return what + bounds(declared.minimum, declared.maximum)


def bounds(low: float | None, high: float | None) -> str:
    """A range in words; empty where there is none."""
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    if low is not None:
        return f" of at least {low:g}"
    return "" if high is None else f" of at most {high:g}"


def from_columns(inputs: Sequence[Input], columns: Mapping[str, Sequence[object]]) -> Matrix:
    """The matrix of typed columns, such as Parquet holds them; None is missing."""
    if missing := [i.name for i in inputs if i.name not in columns]:
        raise VintageError(f"columns: expected {missing}, found {sorted(columns)}")
    rows = len(columns[inputs[0].name])
    matrix = np.empty((rows, len(inputs)), dtype=np.float64)
    for position, declared in enumerate(inputs):
        values = columns[declared.name]
        if declared.kind == "category":
            codes: dict[object, float] = {v: float(c) for c, v in enumerate(declared.values)}
            codes[None] = math.nan
            try:
                matrix[:, position] = [codes[value] for value in values]
            except KeyError as error:
                raise InstanceError(
                    "columns", [f"{declared.name}: expected {_expected(declared)}, found {error}"]
                ) from None
        else:
            read = _dates if declared.kind == "date" else _numbers
            matrix[:, position] = read(declared, values)
        missing_rows = int(np.isnan(matrix[:, position]).sum())
        if missing_rows and not declared.nullable:
            raise _refused(declared, [None] * missing_rows)
    return matrix


def _numbers(declared: Input, values: Sequence[object]) -> NDArray[np.float64]:
    """A column of numbers; NaN and None are missing. What is no number, or no finite one, is
    refused by the column's name: dates, and texts that look like numbers, are not guessed at.
    """
    typed = isinstance(values, np.ndarray) and values.dtype.kind in "iuf"
    strange = frozenset[type]() if typed else set(map(type, values)) - _NUMBERS
    if strange:
        raise _refused(declared, [value for value in values if type(value) in strange])
    try:
        found = np.asarray(values, dtype=np.float64)
    except OverflowError:  # an integer that no float holds
        found = np.array([np.inf])
    if (infinite := np.isinf(found)).any():
        known: list[Any] = [] if typed else [value for value in values if value is not None]
        wrong = [value for value in known if abs(value) > _LARGEST]
        raise _refused(declared, wrong or found[infinite].tolist())
    low = -_LARGEST if declared.minimum is None else declared.minimum
    high = _LARGEST if declared.maximum is None else declared.maximum
    outside = (found < low) | (found > high)
    if declared.kind == "integer":
        outside |= ~np.isnan(found) & (found != np.rint(found))
    if outside.any():
        raise _refused(declared, found[outside].tolist())
    return found


def _dates(declared: Input, values: Sequence[object]) -> NDArray[np.float64]:
    """A column of dates; NaT and None are missing. Anything else is refused by the column's name:
    texts, moments within a day, months, and days that Python's calendar does not have.
    """
    if not (isinstance(values, np.ndarray) and values.dtype.kind == "M"):
        if strange := set(map(type, values)) - _DATES:
            raise _refused(declared, [value for value in values if type(value) in strange])
        some: Sequence[Any] = values
        return np.array([math.nan if v is None else v.toordinal() - _EPOCH for v in some])
    days = values.astype("M8[D]")
    known, number = ~np.isnat(days), days.astype(np.int64)
    wrong = known & ((days != values) | (number < _FIRST) | (number > _LAST))
    if np.datetime_data(values.dtype)[0] in _COARSE:
        wrong = known
    if wrong.any():
        raise _refused(declared, list(values[wrong]))
    return np.where(known, number, np.nan)


def _refused(declared: Input, wrong: Sequence[object]) -> InstanceError:
    rows = "row" if len(wrong) == 1 else "rows"
    return InstanceError(
        "columns",
        [
            f"{declared.name}: expected {_expected(declared)}, found "
            f"{'nothing' if wrong[0] is None else _found(wrong[0])}; "
            f"{len(wrong):,} {rows} like it"
        ],
    )

"""From what a caller gives to the input matrix: one row a client, one column an input.

Numbers as they are, dates as days since 1970-01-01, categories as the position of their value;
missing is NaN.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import InstanceError, VintageError
from components.scoring.spec import Input

Matrix = NDArray[np.float64]
_Cells = NDArray[np.float64]
#: An input, its column (None where cells are missing that may not be), and the rows at fault.
_Wrong = tuple[Input, Sequence[object] | None, NDArray[np.intp]]
_MOST_FAULTS = 1_000
#: Rows from which on it pays to look at their numbers together.
_MANY = 8
_PLAIN = {float, type(None)}
_LARGEST = sys.float_info.max
_NUMBERS = frozenset({int, float, np.int64, np.float64, type(None)})
_COARSE = frozenset({"Y", "M", "W"})  # units of numpy that no single day is meant by
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH
#: The cell of a value that is outside, by what is declared: one that is refused is infinite.
_OUTSIDE = {"refused": math.inf, "missing": math.nan}


class RowReader:
    """Reads named rows of the declared inputs. Built once, then asked row after row."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._inputs = tuple(inputs)
        self._names = frozenset(i.name for i in inputs)
        # What a plain number needs; whatever is not plain, or no number, takes the longer way.
        self._fast = [(i.name, i.kind == "number", *_range(i)) for i in inputs]
        self._codes = [{value: code for code, value in enumerate(i.values)} for i in inputs]
        # The numbers of many rows are looked at together.
        self._numbers = [n for n, i in enumerate(inputs) if i.kind == "number"]
        self._others = [n for n, i in enumerate(inputs) if i.kind != "number"]
        self._low, self._high = (np.array([self._fast[n][at] for n in self._numbers])
                                 for at in (2, 3))  # fmt: skip
        numbers = [inputs[n] for n in self._numbers]
        self._nullable = np.array([i.nullable for i in numbers], dtype=np.bool_)
        self._lenient = np.array([i.outside == "missing" for i in numbers], dtype=np.bool_)
        names = [i.name for i in numbers]
        self._get = itemgetter(*names or ("",))

    def __call__(self, rows: Sequence[Mapping[str, object]]) -> Matrix:
        """The matrix of the rows. Raises InstanceError with every fault of every row."""
        together = self._together(rows) if len(rows) >= _MANY and len(self._numbers) > 1 else None
        if together is not None:
            return together
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

    def _together(self, rows: Sequence[Mapping[str, object]]) -> Matrix | None:
        """The matrix of many rows, in half the time; None where a row is not as it should be, or
        says it in another way: then row after row is read.
        """
        numbers = self._numbers_of(rows)
        if numbers is None or not self._others:
            return numbers
        matrix, faults = np.empty((len(rows), len(self._inputs))), list[str]()
        matrix[:, self._numbers] = numbers
        for position in self._others:
            name = self._inputs[position].name
            try:
                given = [row[name] for row in rows]
            except KeyError:  # as many members as inputs, and one of another name
                return None
            matrix[:, position] = [self._cell(position, one, True, faults) for one in given]
        return None if faults else matrix

    def _numbers_of(self, rows: Sequence[Mapping[str, object]]) -> Matrix | None:
        """The same of the numbers alone."""
        try:
            cells = list(chain.from_iterable(map(self._get, rows)))
        except KeyError:
            return None
        if set(map(len, rows)) != {len(self._inputs)} or set(map(type, cells)) - _PLAIN:
            return None
        numbers = np.array(cells, dtype=np.float64).reshape(len(rows), len(self._numbers))
        missing = np.isnan(numbers)
        within = (numbers >= self._low) & (numbers <= self._high)
        # A caller's own NaN is no way to say that nothing is there.
        said = not missing.any() or np.count_nonzero(missing) == cells.count(None)
        fine = within | (missing & self._nullable)
        if not fine.all():
            outside = ~within & ~missing & self._lenient
            numbers[outside], fine = math.nan, fine | outside
        return numbers if said and fine.all() else None

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
                faults.append(f"{declared.name}: expected {expected(declared)}, found {found}")
            return math.nan
        cell = _read(declared, value, self._codes[position])
        if math.isinf(cell):
            faults.append(f"{declared.name}: expected {expected(declared)}, found {_found(value)}")
        return cell


def shown(declared: Input, cell: float) -> object:
    """A cell of the matrix as a caller gives it."""
    if math.isnan(cell):
        return None
    if declared.kind == "category":
        return declared.values[int(cell)]
    if declared.kind == "date":
        return _written(cell)
    return int(cell) if declared.kind == "integer" else cell


def _read(declared: Input, value: object, codes: Mapping[str, int]) -> float:
    """The cell of a value; infinite where it is refused."""
    if declared.kind == "category":
        return _code(declared, value, codes)
    return _day(declared, value) if declared.kind == "date" else _number(declared, value)


def _range(declared: Input) -> tuple[float, float]:
    """The least and the largest cell of a number or a date."""
    least, largest = (_FIRST, _LAST) if declared.kind == "date" else (-_LARGEST, _LARGEST)
    low, high = declared.minimum, declared.maximum
    return least if low is None else low, largest if high is None else high


def _code(declared: Input, value: object, codes: Mapping[str, int]) -> float:
    outside = _OUTSIDE[declared.outside]
    if isinstance(value, int) and not isinstance(value, bool):
        # A code such as 2 is a category's name here, whichever way JSON wrote it.
        return codes.get(str(value), outside) if abs(value) < 10**18 else outside
    return codes.get(value, outside) if isinstance(value, str) else math.inf


def _day(declared: Input, value: object) -> float:
    found = as_date(value)
    if type(found) is not date:  # a moment is no date, though Python counts it as one
        return math.inf
    low, high = _range(declared)
    day = float(found.toordinal() - _EPOCH)
    return day if low <= day <= high else _OUTSIDE[declared.outside]


def as_date(value: object) -> object:
    """The date that a text says as 1990-05-31; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return value
    # Python reads 20240131 and 2024-W05-3 too.
    return found if found.isoformat() == value else value


def _number(declared: Input, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.inf
    number = _float(value)
    if math.isnan(number):  # a caller's own NaN is no way to say that nothing is there
        return math.inf
    low, high = _range(declared)
    if low <= number <= high and (declared.kind == "number" or number == int(number)):
        return number
    return _OUTSIDE[declared.outside]


def _found(value: object) -> str:
    try:
        return f"{value!r:.60}"
    except ValueError:  # Python prints no integer of more than 4300 digits
        return "a very long integer"


def expected(declared: Input) -> str:
    """What an input may be, in words."""
    if declared.kind == "category":
        return "one of " + ", ".join(declared.values)
    if declared.kind == "date":
        since, until = (
            "" if day is None else f" {word} {_written(day)}"
            for word, day in (("from", declared.minimum), ("to", declared.maximum))
        )
        return "a date such as 1990-05-31" + ("," if since or until else "") + since + until
    what = "a whole number" if declared.kind == "integer" else "a number"
    return what + bounds(declared.minimum, declared.maximum)


def _written(day: float) -> str:
    return date.fromordinal(int(day) + _EPOCH).isoformat()


def bounds(low: float | None, high: float | None) -> str:
    """A range in words; empty where there is none."""
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    if low is not None:
        return f" of at least {low:g}"
    return "" if high is None else f" of at most {high:g}"


def from_columns(
    inputs: Sequence[Input], columns: Mapping[str, Sequence[object]], *, by_row: bool = False
) -> Matrix:
    """The matrix of typed columns, such as Parquet holds them; None is missing. Raises
    InstanceError with what is wrong in each column, or `by_row` as the rows are read: every cell
    at fault, as far as anybody reads.
    """
    if missing := [i.name for i in inputs if i.name not in columns]:
        raise VintageError(f"columns: expected {missing}, found {sorted(columns)}")
    rows = len(columns[inputs[0].name])
    matrix = np.empty((rows, len(inputs)), dtype=np.float64)
    wrong: list[_Wrong] = []
    for position, declared in enumerate(inputs):
        values = columns[declared.name]
        cells = _READERS[declared.kind](declared, values)
        if not np.isfinite(cells).all():
            if (strange := np.isinf(cells)).any():
                wrong.append((declared, values, np.flatnonzero(strange)))
            if not declared.nullable and (lacking := np.isnan(cells)).any():
                wrong.append((declared, None, np.flatnonzero(lacking)))
        matrix[:, position] = cells
    if wrong:
        raise InstanceError("columns", _each_cell(wrong) if by_row else _each_column(wrong))
    return matrix


def _numbers(declared: Input, values: Sequence[object]) -> _Cells:
    """A column of numbers; NaN and None are missing. What is no number is infinite: dates, and
    texts that look like numbers, are not guessed at. What is no finite one is outside.
    """
    typed = isinstance(values, np.ndarray) and values.dtype.kind in "iuf"
    plain = typed or not set(map(type, values)) - _NUMBERS
    try:
        found = np.asarray(values if plain else list(map(_float, values)), dtype=np.float64)
    except OverflowError:  # an integer that no float holds
        found = np.array(list(map(_float, values)))
    low, high = _range(declared)
    outside = (found < low) | (found > high)
    if declared.kind == "integer":
        outside |= ~np.isnan(found) & (found != np.rint(found))
    if not outside.any():
        return found
    found = np.where(outside, _OUTSIDE[declared.outside], found)
    if not plain:
        found[[type(value) not in _NUMBERS for value in values]] = np.inf
    return found


def _float(value: Any) -> float:
    if value is None:
        return math.nan
    try:
        return float(value) if type(value) in _NUMBERS else math.inf
    except OverflowError:
        return math.inf


def _dates(declared: Input, values: Sequence[object]) -> _Cells:
    """A column of dates; NaT and None are missing. Anything else is infinite: texts, moments
    within a day, months. Days that Python's calendar does not have are outside.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        days = values.astype("M8[D]")
        known = ~np.isnat(days)
        coarse = np.datetime_data(values.dtype)[0] in _COARSE
        wrong = known if coarse else known & (days != values)
        found = np.where(wrong, np.inf, np.where(known, days.astype(np.int64), np.nan))
    else:
        found = np.array(list(map(_number_of_day, values)), dtype=np.float64)
    low, high = _range(declared)
    outside = np.isfinite(found) & ((found < low) | (found > high))
    return np.where(outside, _OUTSIDE[declared.outside], found) if outside.any() else found


def _number_of_day(value: object) -> float:
    if type(value) is date:
        return float(value.toordinal() - _EPOCH)
    return math.nan if value is None else math.inf


def _categories(declared: Input, values: Sequence[object]) -> _Cells:
    """A column of categories' names; None is missing. Any other name is outside."""
    codes: dict[object, float] = {v: float(c) for c, v in enumerate(declared.values)}
    codes[None] = math.nan
    try:
        found = [codes[value] for value in values]
    except (KeyError, TypeError):  # a list is nobody's key
        outside = _OUTSIDE[declared.outside]
        found = [
            codes.get(value, outside) if isinstance(value, str | None) else math.inf
            for value in values
        ]
    return np.array(found, dtype=np.float64)


#: Of each kind what reads a column; a value that is refused is infinite.
_READERS: Mapping[str, Callable[[Input, Sequence[object]], _Cells]] = {
    "number": _numbers,
    "integer": _numbers,
    "date": _dates,
    "category": _categories,
}


def _each_column(wrong: Sequence[_Wrong]) -> list[str]:
    return [
        f"{_fault(declared, values, int(rows[0]))}; "
        f"{len(rows):,} {'row' if len(rows) == 1 else 'rows'} like it"
        for declared, values, rows in wrong
    ]


def _each_cell(wrong: Sequence[_Wrong]) -> list[str]:
    # No more than anybody reads of each column, so that a bad caller does not cost more.
    cells = [(row, n) for n, (*_, rows) in enumerate(wrong) for row in rows[:_MOST_FAULTS].tolist()]
    return [f"row {row}: {_fault(*wrong[n][:2], row)}" for row, n in sorted(cells)[:_MOST_FAULTS]]


def _fault(declared: Input, values: Sequence[object] | None, row: int) -> str:
    found = "nothing"
    if values is not None:
        value: Any = values[row]
        if isinstance(value, np.number) and declared.kind in {"number", "integer"}:
            value = value.item()
        elif type(value) is date and declared.kind == "date":
            value = value.isoformat()  # as who asked wrote it
        found = _found(value)
    return f"{declared.name}: expected {expected(declared)}, found {found}"

"""From what a caller gives to the input matrix: one row a client, one column an input.

Numbers as they are, categories as the position of their value; missing is NaN.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import InstanceError, VintageError
from components.scoring.spec import Input

Matrix = NDArray[np.float64]
_MOST_FAULTS = 1_000


def from_rows(inputs: Sequence[Input], rows: Sequence[Mapping[str, object]]) -> Matrix:
    """The matrix of named rows. Raises InstanceError with every fault of every row."""
    codes = [{value: code for code, value in enumerate(i.values)} for i in inputs]
    known = {i.name for i in inputs}
    matrix = np.full((len(rows), len(inputs)), np.nan)
    faults: list[str] = []
    for number, row in enumerate(rows):
        if len(faults) >= _MOST_FAULTS:
            break  # nobody reads further, and a bad caller should not cost more than a good one
        where = f"row {number}: " if len(rows) > 1 else ""
        faults += [f"{where}{name}: not an input" for name in row if name not in known]
        for position, declared in enumerate(inputs):
            value = row.get(declared.name)
            if value is None:
                if not declared.nullable:
                    found = "null" if declared.name in row else "nothing"
                    faults.append(
                        f"{where}{declared.name}: expected {_expected(declared)}, found {found}"
                    )
                continue
            cell = _cell(declared, value, codes[position])
            if cell is None:
                faults.append(
                    f"{where}{declared.name}: expected {_expected(declared)}, found {_shown(value)}"
                )
            else:
                matrix[number, position] = cell
    if faults:
        raise InstanceError("instance", faults)
    return matrix


def _cell(declared: Input, value: object, codes: Mapping[str, int]) -> float | None:
    if declared.kind == "category":
        # A code such as 2 is a category's name here, whichever way JSON wrote it.
        text = value if isinstance(value, str) else None
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
            text = str(value)
        return None if text is None else codes.get(text)
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


def _shown(value: object) -> str:
    try:
        return f"{value!r:.60}"
    except ValueError:  # Python prints no integer of more than 4300 digits
        return "a very long integer"


def _expected(declared: Input) -> str:
    if declared.kind == "category":
        return "one of " + ", ".join(declared.values)
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
            matrix[:, position] = np.asarray(values, dtype=np.float64)
    return matrix

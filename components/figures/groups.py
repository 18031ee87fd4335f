"""Rows by the values of a column."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Groups = NDArray[np.str_]
_BANDS = 5
#: In brackets: a value may be called "missing".
MISSING = "(missing)"


def groups_of(values: Sequence[object]) -> Groups:
    """The group of each row: a category as it is, a number as the fifth of the rows it is in.

    Numbers with no more than five values are groups as they are.
    """
    first = next((v for v in values if not _is_missing(v)), "")
    if not isinstance(first, int | float | np.number):
        return np.array([MISSING if _is_missing(v) else str(v) for v in values])
    numbers = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    distinct = np.unique(numbers[~np.isnan(numbers)])
    if len(distinct) <= _BANDS:
        names = _texts(distinct)
        places = np.searchsorted(distinct, numbers)
    else:
        edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _BANDS + 1)))
        names = [f"{low} to {high}" for low, high in pairwise(_texts(edges))]
        places = np.searchsorted(edges, numbers, side="right") - 1
    named = np.array(names)[np.clip(places, 0, len(names) - 1)]
    return np.where(np.isnan(numbers), MISSING, named)


def _is_missing(value: object) -> bool:
    return value is None or value != value  # noqa: PLR0124 - neither NaN nor NaT equals itself


def _texts(numbers: NDArray[np.float64]) -> list[str]:
    """Whole numbers in full; others in six digits, or in all where six do not tell them apart."""
    values = [float(number) for number in numbers]
    for digits in (".6g", ""):
        found = [str(int(v)) if v.is_integer() else format(v, digits) for v in values]
        if len(set(found)) == len(found):
            break
    return found


def each_group(groups: Groups) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Every group and its rows: numbers and bands in the order of their size, then names."""
    for name in sorted(np.unique(groups).tolist(), key=_place):
        yield name, groups == name


def _place(name: str) -> tuple[float, str]:
    try:
        first = float(name.split(" ", maxsplit=1)[0])
    except ValueError:
        return np.inf, name
    return (np.inf if np.isnan(first) else first), name

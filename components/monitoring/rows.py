"""The decisions table: its columns, and how records of the decision log become its rows.

decision        string     its id, as the answer has it
at              timestamp  when it was asked for: ms, UTC
entity          string     null where it was not said
release         string     the release that answered
pd              double     null where it is no number
points          int32
approved        bool
reasons         list       codes; null where they were not asked for
other_release   string     the release that scored beside; null where none did, as the next
other_pd        double
in_NAME         double, string or date32: an input as a caller gives it; null where it is missing
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.contracts.errors import VintageError
from components.scoring.decisions import Column, Header, Record

#: How the name of an input's column begins.
INPUT = "in_"
_FIXED = (
    pa.field("decision", pa.string()),
    pa.field("at", pa.timestamp("ms", "UTC")),
    pa.field("entity", pa.string()),
    pa.field("release", pa.string()),
    pa.field("pd", pa.float64()),
    pa.field("points", pa.int32()),
    pa.field("approved", pa.bool_()),
    pa.field("reasons", pa.list_(pa.string())),
    pa.field("other_release", pa.string()),
    pa.field("other_pd", pa.float64()),
)
_TYPES: Mapping[str, pa.DataType] = {
    "number": pa.float64(),
    "integer": pa.float64(),
    "category": pa.string(),
    "date": pa.date32(),
}
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH
_POINTS = np.iinfo(np.int32)


def schema_of(inputs: Sequence[Column]) -> pa.Schema:
    """The columns of the table where releases have these inputs."""
    if strange := sorted({i.kind for i in inputs} - set(_TYPES)):
        raise VintageError(f"inputs: expected kinds {', '.join(_TYPES)}, found {strange}")
    if len({i.name for i in inputs}) < len(inputs):
        raise VintageError("inputs: expected a name for each, found one twice")
    return pa.schema([*_FIXED, *(pa.field(INPUT + i.name, _TYPES[i.kind]) for i in inputs)])


def rows_of(records: Sequence[Record], header: Header) -> pa.Table:
    """The rows of some records of a segment. Raises ValueError or TypeError where any of them
    says what no server answers.
    """
    counts = np.array([len(record.pd) for record in records])
    number = np.concatenate([np.arange(count) for count in counts])

    def each(values: Any, kind: pa.DataType | None = None) -> pa.Array:
        """A value a record, for each of its rows."""
        return pa.array(values, kind).take(pa.array(np.repeat(np.arange(len(records)), counts)))

    release, other_release, other = _releases(records, header, len(number))
    cells = np.concatenate([record.inputs for record in records])
    columns = [
        pc.binary_join_element_wise(
            each([record.id for record in records]), pa.array(number).cast(pa.string()), "-"
        ),
        each(np.array([record.at for record in records]).astype("M8[ms]")).cast(_FIXED[1].type),
        pa.array(_said([record.entities for record in records], counts), pa.string()),
        release,
        _probabilities(np.concatenate([record.pd for record in records])),
        _points(np.concatenate([record.points for record in records])),
        pa.array(np.concatenate([record.approved for record in records])),
        pa.array(_said([r.reasons for r in records], counts), _FIXED[7].type),
        other_release,
        other,
        *(_given(one, cells[:, place]) for place, one in enumerate(header.inputs)),
    ]
    return pa.table(columns, schema=schema_of(header.inputs))


def inputs_of(table: pa.Table) -> dict[str, NDArray[Any]]:
    """What was given of each row, by the input's name, as `Bundle.columns` takes it."""
    names = [name for name in table.column_names if name.startswith(INPUT)]
    return {name.removeprefix(INPUT): table[name].to_numpy() for name in names}


def _said(values: Sequence[Sequence[object] | None], counts: NDArray[np.int64]) -> list[object]:
    """A value a row; None for each row of a record that says none."""
    pairs = zip(values, counts.tolist(), strict=True)
    return [one for some, count in pairs for one in (some or (None,) * count)]


def _releases(
    records: Sequence[Record], header: Header, rows: int
) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Of each row the release that answered, the one that scored beside, and the latter's PD."""
    champion = header.champion.id
    if header.challenger is None:
        alone = pa.array([champion], pa.string()).take(pa.array(np.zeros(rows, np.int64)))
        return alone, pa.nulls(rows, pa.string()), pa.nulls(rows, pa.float64())
    both = pa.array([champion, header.challenger.id], pa.string())
    challenged = np.concatenate([record.challenged for record in records]).astype(np.int64)
    other = _probabilities(np.concatenate([record.other for record in records]))
    return both.take(pa.array(challenged)), both.take(pa.array(1 - challenged)), other


def _probabilities(found: NDArray[np.float64]) -> pa.Array:
    if ((found < 0.0) | (found > 1.0)).any():
        raise ValueError("a PD that is not from 0 to 1")
    return pa.array(found, from_pandas=True)


def _points(found: NDArray[np.int64]) -> pa.Array:
    if ((found < _POINTS.min) | (found > _POINTS.max)).any():
        raise ValueError("points beyond 32 bits")
    return pa.array(found.astype(np.int32))


def _given(column: Column, cells: NDArray[np.float64]) -> pa.Array:
    """A column of the matrix as a caller gives it: the way back from `from_columns`."""
    missing = np.isnan(cells)
    known = np.where(missing, 0.0, cells)
    kind = _TYPES[column.kind]
    if kind == pa.float64():
        _refuse(column, known, np.isinf(known))
        return pa.array(cells, kind, mask=missing)
    low, high = (_FIRST, _LAST) if kind == pa.date32() else (0, len(column.values) - 1)
    _refuse(column, known, ~missing & ((known != np.floor(known)) | (known < low) | (known > high)))
    whole = known.astype(np.int32)
    if kind == pa.date32():
        return pa.array(whole, mask=missing).cast(kind)
    return pa.array(column.values, kind).take(pa.array(whole, mask=missing))


def _refuse(column: Column, cells: NDArray[np.float64], wrong: NDArray[np.bool_]) -> None:
    if wrong.any():
        raise ValueError(f"{column.name}: no {column.kind} is {cells[wrong][0]}")

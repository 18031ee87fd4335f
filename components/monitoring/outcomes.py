"""What came of decisions, as a lender delivers it: strictly read, or not at all.

A file (CSV in UTF-8, or Parquet) has the columns decision (the id that the answer had), known (the
day on which it was known) and bad (0 or 1). What is read becomes one Parquet file with

decision  string
known     date32
bad       bool
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from components.contracts.errors import ContractError
from components.scoring.decisions import DECISION
from components.scoring.instances import as_date

SCHEMA = pa.schema(
    [
        pa.field("decision", pa.string()),
        pa.field("known", pa.date32()),
        pa.field("bad", pa.bool_()),
    ]
)
_EXPECTED = {
    "decision": "an id as the answer has it",
    "known": "a day such as 2024-08-31",
    "bad": "0 or 1",
}
#: Nobody reads further.
_MOST_FAULTS = 20
_BATCH = 1 << 17  # rows
_BLOCK = 1 << 23  # bytes


def read_outcomes(files: Sequence[Path], target: Path) -> int:
    """Write the outcomes of some files to one, whole or not at all; how many they are.

    Raises ContractError with every fault of every file, up to what anybody reads.
    """
    faults: list[str] = []
    rows = 0
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        written = Path(scratch) / "outcomes"
        with pq.ParquetWriter(written, SCHEMA) as writer:
            for file in files:
                for batch in _File(file).outcomes(faults):
                    rows += len(batch)
                    writer.write_batch(batch)
                if len(faults) > _MOST_FAULTS:
                    faults[_MOST_FAULTS:] = ["and more: the rest was not read"]
                    break
        if faults:
            raise ContractError("outcomes", faults)
        os.replace(written, target)
    return rows


class _File:
    """A file of outcomes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parquet = path.suffix == ".parquet"
        #: Lines of CSV with too few or too many cells; they are in no batch.
        self._uneven: list[pa_csv.InvalidRow] = []

    def outcomes(self, faults: list[str]) -> Iterator[pa.RecordBatch]:
        """Its outcomes, as long as nothing is wrong; what is wrong goes to `faults`."""
        found: list[str] = []
        try:
            with ExitStack() as stack:
                names, batches = self._open(stack)
                if sorted(names) != sorted(SCHEMA.names):
                    raise ValueError(f"expected columns {', '.join(SCHEMA.names)}, found {names}")
                first = 0
                for batch in batches:
                    read = [_READERS[name](batch[name]) for name in SCHEMA.names]
                    found += self._unread(batch, read, first)
                    if len(found) + len(self._uneven) > _MOST_FAULTS:
                        break
                    if not found and not self._uneven:
                        yield pa.RecordBatch.from_arrays(read, schema=SCHEMA)
                    first += len(batch)
        except (pa.ArrowException, OSError, ValueError) as error:
            kind = "a Parquet file" if self._parquet else "a CSV file in UTF-8"
            found.append(f"{self._path.name}: expected {kind} of outcomes: {error!s:.300}")
        for row in self._uneven:
            cells = f"expected {row.expected_columns} cells, found {row.actual_columns}"
            found.append(f"{self._path.name}, line {row.number}: {cells}")
        faults += found

    def _open(self, stack: ExitStack) -> tuple[list[str], Iterable[pa.RecordBatch]]:
        """The names of its columns, and its rows."""
        if self._parquet:
            table = stack.enter_context(pq.ParquetFile(self._path))
            return table.schema_arrow.names, table.iter_batches(_BATCH)

        def set_aside(row: pa_csv.InvalidRow) -> str:
            self._uneven.append(row)
            return "skip"

        lines = pa_csv.open_csv(
            self._path,
            # With more threads nobody knows the number of a line.
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK),
            parse_options=pa_csv.ParseOptions(
                ignore_empty_lines=False, invalid_row_handler=set_aside
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(SCHEMA.names, pa.binary()), strings_can_be_null=False
            ),
        )
        stack.enter_context(lines)
        return lines.schema.names, lines

    def _unread(self, batch: pa.RecordBatch, read: Sequence[pa.Array], first: int) -> Iterator[str]:
        """The cells that could not be read, in the order of the rows."""
        cells = [
            (row, name)
            for name, values in zip(SCHEMA.names, read, strict=True)
            if values.null_count
            for row in np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[
                : _MOST_FAULTS + 1
            ].tolist()
        ]
        for row, name in sorted(cells):
            value = batch[name][row].as_py()
            text = value.decode(errors="replace") if isinstance(value, bytes) else value
            shown = "nothing" if text in {None, ""} else f"{text!r:.60}"
            yield (
                f"{self._path.name}, {self._place(first + row)}, {name}: "
                f"expected {_EXPECTED[name]}, found {shown}"
            )

    def _place(self, row: int) -> str:
        if self._parquet:
            return f"row {row + 1}"
        line = row + 2  # after the header, from 1
        for one in self._uneven:
            line += one.number <= line
        return f"line {line}"


def _decisions(values: pa.Array) -> pa.Array:
    """The ids; null where a value is none."""
    if not pa.types.is_binary(values.type):
        values = values.cast(pa.string())
    fits = pc.match_substring_regex(values, f"^{DECISION}$")
    return pc.if_else(fits, values, None).cast(pa.string())


def _each(read: Callable[[Any], object], kind: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    """Reads a column of few different values; what `read` makes nothing of is null."""

    def column(values: pa.Array) -> pa.Array:
        coded = values.dictionary_encode()
        return pa.array(map(read, coded.dictionary.to_pylist()), kind).take(coded.indices)

    return column


def _day(value: object) -> date | None:
    if isinstance(value, bytes):
        value = as_date(value.decode(errors="replace"))
    if isinstance(value, datetime) and value.tzinfo is None and value.time() == time():
        return value.date()  # as pandas writes a date
    return value if type(value) is date else None


def _flag(value: object) -> bool | None:
    if isinstance(value, bytes):
        return {b"0": False, b"1": True}.get(value)
    return bool(value) if isinstance(value, int) and value in {0, 1} else None


_READERS: Mapping[str, Callable[[pa.Array], pa.Array]] = {
    "decision": _decisions,
    "known": _each(_day, pa.date32()),
    "bad": _each(_flag, pa.bool_()),
}

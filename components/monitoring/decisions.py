"""From segments of the decision log to the decisions of a month, as a table in Parquet.

A decision's month is that of its own time, in UTC. What is damaged is counted, with an example,
and costs nothing else. `rows.py` has the table's columns; a folder holds one file for each set of
inputs that the month's releases had.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.contracts.errors import VintageError
from components.contracts.monitoring import Example, Gathered, Trouble
from components.monitoring.rows import rows_of, schema_of
from components.scoring.decisions import FOLDER, Header, Record, Segment, parse_decision

#: How far a record's time may be from the opening of its segment, which is open for minutes.
_CLOCKS = np.timedelta64(1, "h")
#: Records that become rows together, and rows that are written together.
_RECORDS, _ROWS = 4096, 1 << 17
#: A request's id begins with its ms, in hexadecimal: so many digits tell a quarter of an hour.
_QUARTER = 7
#: Quarters that are kept in memory, and the bytes of an id.
_QUARTERS, _ID = 8, 15
#: A line's number, and its record.
_Line = tuple[int, Record]


def day_folders(scenario: str, month: str) -> list[str]:
    """Where in an object store the decisions of a month may lie.

    A segment lies in the folder of the day that it was opened on: maybe the day before, and maybe
    the day after, since a request is read before the segment that its record begins is opened.
    """
    first = np.datetime64(month, "M")
    days = np.arange(first.astype("M8[D]") - 1, (first + 1).astype("M8[D]") + 1)
    return [f"{FOLDER}/{scenario}/{day}" for day in days]


def gather(
    segments: Iterable[tuple[str, bytes]], folder: Path, *, scenario: str, month: str
) -> Gathered:
    """Write a month's decisions to a folder that is not there yet, whole or not at all.

    `segments` are names and contents, one in memory at a time; their order is that of the rows.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        done, seen = Path(scratch) / "done", Path(scratch) / "seen"
        done.mkdir()
        seen.mkdir()
        with ExitStack() as writers:
            files = _Files(done, writers)
            gathering = _Gathering(files, _Seen(seen), scenario, month)
            for name, data in segments:
                gathering.read(name, data)
            files.finish()
        done.rename(folder)
    return gathering.found()


class _Gathering:
    """A month's table while it is made."""

    def __init__(self, files: "_Files", seen: "_Seen", scenario: str, month: str) -> None:
        self._files, self._seen = files, seen
        self._scenario, self._month = scenario, month
        self._segments = self._requests = self._decisions = 0
        self._troubles = {
            name: Trouble() for name in ("unreadable", "cut", "damaged", "twice", "clocks")
        }

    def found(self) -> Gathered:
        """The counts so far."""
        return Gathered(
            scenario=self._scenario,
            month=self._month,
            segments=self._segments,
            requests=self._requests,
            decisions=self._decisions,
            **self._troubles,
        )

    def read(self, name: str, data: bytes) -> None:
        """Add what a segment has of the month."""
        self._segments += 1
        try:
            segment = Segment(name, data)
            schema_of(segment.header.inputs)
            if segment.header.scenario != self._scenario:
                raise VintageError(
                    f"expected decisions of {self._scenario}, "
                    f"found those of {segment.header.scenario!r:.60}"
                )
        except VintageError as error:
            self._trouble("unreadable", name, 1, str(error))
            return
        if segment.cut:
            begun = len(data) - data.rfind(b"\n") - 1
            self._trouble("cut", name, data.count(b"\n") + 1, f"{begun} bytes of a record")
        lines = segment.each()
        while some := list(islice(lines, _RECORDS)):
            mine = self._of_month(name, segment.header, some)
            for records, table in self._tables(name, segment.header, mine):
                self._add(name, records, table)

    def _of_month(
        self, name: str, header: Header, lines: Sequence[tuple[int, Record | VintageError]]
    ) -> list[_Line]:
        """The records that are whole, and of the month."""
        whole: list[_Line] = []
        for number, found in lines:
            try:
                if isinstance(found, VintageError):
                    raise found
                parse_decision(found.decision(0))
            except VintageError as error:
                self._trouble("damaged", name, number, str(error))
            else:
                whole.append((number, found))
        at = np.array([record.at for _, record in whole], "M8[ns]")
        for place in np.flatnonzero(np.abs(at - header.started) > _CLOCKS):
            opened = f"{at[place]}, in a segment that was opened {header.started}"
            self._trouble("clocks", name, whole[place][0], opened)
        months = at.astype("M8[M]")
        return [whole[place] for place in np.flatnonzero(months == np.datetime64(self._month, "M"))]

    def _tables(
        self, name: str, header: Header, lines: Sequence[_Line]
    ) -> Iterator[tuple[Sequence[_Line], pa.Table]]:
        """Records and their rows. What has none is found by halving."""
        if not lines:
            return
        try:
            yield lines, rows_of([record for _, record in lines], header)
        except (ValueError, TypeError) as error:
            if len(lines) == 1:
                self._trouble("damaged", name, lines[0][0], str(error))
                return
            half = len(lines) // 2
            yield from self._tables(name, header, lines[:half])
            yield from self._tables(name, header, lines[half:])

    def _add(self, name: str, lines: Sequence[_Line], table: pa.Table) -> None:
        """Keep the rows of those records that were not read before."""
        new = [self._seen.add(record.id) for _, record in lines]
        for place in np.flatnonzero(np.logical_not(new)).tolist():
            number, record = lines[place]
            self._trouble("twice", name, number, record.id)
        if not all(new):
            table = table.filter(np.repeat(new, [len(record.pd) for _, record in lines]))
        self._requests += sum(new)
        self._decisions += len(table)
        self._files.add(table)

    def _trouble(self, kind: str, file: str, line: int, found: str) -> None:
        known = self._troubles[kind]
        # The example has the place already.
        said = found.removeprefix(f"{file}, line {line}: ")
        example = known.example or Example(file=file, line=line, found=said)
        self._troubles[kind] = Trouble(count=known.count + 1, example=example)


class _Seen:
    """The requests that were read: the latest quarters of an hour in memory, the others on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._quarters: dict[str, set[bytes]] = {}

    def add(self, request: str) -> bool:
        """Whether it is new."""
        known, one = self._quarter(request), bytes.fromhex(request)
        if one in known:
            return False
        known.add(one)
        return True

    def _quarter(self, request: str) -> set[bytes]:
        name = request[:_QUARTER]
        if (known := self._quarters.get(name)) is not None:
            return known
        path = self._folder / name
        data = path.read_bytes() if path.exists() else b""
        found = {data[at : at + _ID] for at in range(0, len(data), _ID)}
        self._quarters[name] = found
        if len(self._quarters) > _QUARTERS:
            oldest = next(iter(self._quarters))
            (self._folder / oldest).write_bytes(b"".join(self._quarters.pop(oldest)))
        return found


class _Files:
    """The files of a table while they are written: one for each set of inputs."""

    def __init__(self, folder: Path, writers: ExitStack) -> None:
        self._folder, self._stack = folder, writers
        self._writers: dict[pa.Schema, pq.ParquetWriter] = {}
        self._waiting: dict[pa.Schema, list[pa.Table]] = {}

    def add(self, table: pa.Table) -> None:
        """Append rows to the file of their columns."""
        waiting = self._waiting.setdefault(table.schema, [])
        waiting.append(table)
        if sum(map(len, waiting)) >= _ROWS:
            self._write(table.schema)

    def finish(self) -> None:
        """Write what waits. A table without a row has its columns all the same."""
        if not self._waiting:
            self.add(schema_of(()).empty_table())
        for schema in self._waiting:
            self._write(schema)

    def _write(self, schema: pa.Schema) -> None:
        if (writer := self._writers.get(schema)) is None:
            path = self._folder / f"part-{len(self._writers)}.parquet"
            writer = self._stack.enter_context(pq.ParquetWriter(path, schema))
            self._writers[schema] = writer
        if self._waiting[schema]:
            table = pa.concat_tables(self._waiting[schema])
            writer.write_table(table)
            self._waiting[schema] = []

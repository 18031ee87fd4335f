"""The decision log: how it is written down, where it lies, and how it is read.

A *segment* is a file of JSON lines that only grows. Its first line, the header, says how to read
the rest; every further line is the record of one request. docs/decision-log.md lists the keys.
The scoring server writes it (`serving/records.py`); who reads it, reads it here.
"""

import json
import re
from binascii import a2b_base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from components.contracts.errors import VintageError
from components.scoring.instances import Matrix
from components.scoring.release import CutOff, Release

FORMAT = 1
#: The folder of segments: of an installation's home, and of its object store.
FOLDER = "decisions"
#: How the name of a segment that is still written to goes on.
OPEN = ".open"
_NAME = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.\d{6}Z-.+-\d+-\d+\.jsonl")
#: An id of a decision, as a pattern: its request, a dash, its row.
DECISION = "([0-9a-f]{12}[0-9a-f]{18})-(0|[1-9][0-9]{0,8})"
_END_OF_TIME = 253_402_300_800_000  # ms; a year has four digits
_DAY = np.timedelta64(1, "D")


def segment_name(started: int, host: str, process: int, number: int) -> str:
    """The name of a segment that a process opens; `started` is in ns since 1970."""
    at = str(np.datetime64(started // 1_000, "us")).replace("-", "").replace(":", "")
    return f"{at}Z-{host}-{process}-{number}.jsonl"


def is_segment(name: str) -> bool:
    """Whether a file is a segment that is written to no more, as far as its name says."""
    return _NAME.fullmatch(name) is not None


def shipped_name(scenario: str, segment: str) -> str:
    """Where a segment lies in an object store."""
    return f"{FOLDER}/{scenario}/{_started(segment).astype('datetime64[D]')}/{segment}"


def _started(segment: str) -> np.datetime64:
    if (found := _NAME.fullmatch(segment)) is None:
        raise VintageError(f"decision log: expected the name of a segment, found {segment!r:.120}")
    year, month, day, hour, minute, second = found.groups()
    return np.datetime64(f"{year}-{month}-{day}T{hour}:{minute}:{second}", "ms")


def parse_decision(text: str) -> tuple[str, int]:
    """The request and the row of a decision's id."""
    found = re.fullmatch(DECISION, text)
    if found is None or int(found[1][:12], 16) >= _END_OF_TIME:
        raise VintageError(
            f"decision {text!r:.80}: expected an id as an answer has it: 30 hexadecimal digits, "
            "a dash, the row's number"
        )
    return found[1], int(found[2])


def _asked(request: str) -> np.datetime64:
    return np.datetime64(int(request[:12], 16), "ms")


def folders_of(scenario: str, request: str) -> list[str]:
    """Where in an object store a request's record may lie: its day's folder, and the two beside."""
    day = _asked(request).astype("datetime64[D]")
    return [f"{FOLDER}/{scenario}/{day + by * _DAY}" for by in (0, -1, 1)]


def nearest_first(request: str, places: Sequence[str]) -> list[str]:
    """Places of segments: those that were opened at about the time of a request come first."""
    asked = _asked(request)
    named = [place for place in places if is_segment(place.rpartition("/")[2])]
    return sorted(named, key=lambda place: abs(_started(place.rpartition("/")[2]) - asked))


@dataclass(frozen=True)
class Column:
    """A column of the inputs, and what a number in it means."""

    name: str
    kind: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Header:
    """What is so for every record of a segment."""

    scenario: str
    champion: Release
    challenger: Release | None
    #: Of the entities, whom the challenger answers.
    share: float
    inputs: tuple[Column, ...]
    host: str
    started: np.datetime64


@dataclass(frozen=True, eq=False, slots=True)
class Record:
    """One request, and what was answered. Each array has one entry a row."""

    id: str
    at: np.datetime64  # UTC, in ns
    entities: tuple[str | None, ...] | None
    #: As scored, to the bit; NaN is missing. It cannot be written to.
    inputs: Matrix
    pd: NDArray[np.float64]
    points: NDArray[np.int64]
    approved: NDArray[np.bool_]
    #: The codes of each row's reasons; None where they were not asked for.
    reasons: tuple[tuple[str, ...], ...] | None
    #: True where the challenger answered; None where there is none.
    challenged: NDArray[np.bool_] | None
    #: The PDs of the release that did not answer; None where there is none.
    other: NDArray[np.float64] | None

    def decision(self, row: int) -> str:
        """The id of the decision on a row."""
        return f"{self.id}-{row}"


class Segment:
    """A segment's header, and its records one after the other."""

    def __init__(self, name: str, data: bytes) -> None:
        """`name` is for messages. Raises VintageError where the header is none."""
        self.name, self._data = name, data
        self._start = data.find(b"\n") + 1
        #: Whether the last line was cut off in its middle: nobody was told what it says.
        self.cut = not data.endswith(b"\n")
        with self._named(1, "the header of a segment"):
            if not self._start:
                raise ValueError("no whole line")
            self.header: Header = _header(json.loads(data[: self._start]))

    def __iter__(self) -> Iterator[Record]:
        """Every whole record; raises VintageError at one that is damaged."""
        for _, found in self.each():
            if isinstance(found, VintageError):
                raise found
            yield found

    def each(self) -> Iterator[tuple[int, Record | VintageError]]:
        """Every whole line's number and record; of a damaged one, the error that says so."""
        for number, line in self._lines():
            try:
                found: Record | VintageError = self._record(number, line)
            except VintageError as error:
                found = error
            yield number, found

    def find(self, request: str) -> Record | None:
        """The record of a request; no other is read."""
        start = f'{{"id":"{request}"'.encode()
        for number, line in self._lines():
            if line.startswith(start):
                return self._record(number, line)
        return None

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        start, number = self._start, 2
        while (end := self._data.find(b"\n", start)) >= 0:
            yield number, self._data[start:end]
            start, number = end + 1, number + 1

    def _record(self, number: int, line: bytes) -> Record:
        with self._named(number, "a record"):
            return _record(json.loads(line), self.header)

    @contextmanager
    def _named(self, number: int, expected: str) -> Iterator[None]:
        try:
            yield
        except (
            ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError,
        ) as error:  # fmt: skip
            raise VintageError(
                f"{self.name}, line {number}: expected {expected}, found otherwise: "
                f"{type(error).__name__} {error}"
            ) from None


def _header(raw: Mapping[str, Any]) -> Header:
    if raw["format"] != FORMAT:
        raise ValueError(f"format {raw['format']!r}, and not {FORMAT}")
    scenario, challenger = str(raw["scenario"]), raw["challenger"]
    return Header(
        scenario=scenario,
        champion=_release(scenario, raw["champion"]),
        challenger=None if challenger is None else _release(scenario, challenger),
        share=float(raw["share"]),
        inputs=tuple(Column(i["name"], i["kind"], tuple(i["values"])) for i in raw["inputs"]),
        host=str(raw["host"]),
        started=_time(raw["started"]),
    )


def _release(scenario: str, raw: Mapping[str, Any]) -> Release:
    found = Release(
        scenario, raw["family"], raw["bundle"], raw["snapshot"], CutOff(**raw["policy"])
    )
    if found.id != raw["id"]:
        raise ValueError(f"release {raw['id']!r:.14}, whose parts are those of {found.id[:12]}")
    return found


def _time(text: str) -> np.datetime64:
    if not text.endswith("Z"):
        raise ValueError(f"the time {text!r:.60}, which is not UTC")
    if np.isnat(found := np.datetime64(text[:-1], "ns")):
        raise ValueError(f"the time {text!r:.60}, which is none")
    return found


def _record(raw: Mapping[str, Any], header: Header) -> Record:
    rows, width = int(raw["rows"]), len(header.inputs)
    cells = np.frombuffer(a2b_base64(raw["inputs"], strict_mode=True), "<f8")
    if len(cells) != rows * width:
        raise ValueError(f"{len(cells)} inputs, and not {rows} rows of {width}")
    if header.challenger is None and (raw["challenged"], raw["other"]) != (None, None):
        raise ValueError("the PDs of two releases, where one alone was served")
    beside = header.challenger is not None
    entities = raw["entities"]
    reasons = raw["reasons"]
    return Record(
        id=str(raw["id"]),
        at=_time(raw["at"]),
        entities=None if entities is None else tuple(_checked(entities, rows, {str, type(None)})),
        inputs=cells.reshape(rows, width),
        pd=_array(raw["pd"], rows, float),
        points=_array(raw["points"], rows, int),
        approved=_array(raw["approved"], rows, bool),
        reasons=None if reasons is None else tuple(map(tuple, _checked(reasons, rows, {list}))),
        challenged=_array(raw["challenged"], rows, bool) if beside else None,
        other=_array(raw["other"], rows, float) if beside else None,
    )


def _array(values: Any, rows: int, kind: type) -> NDArray[Any]:
    """Values of one kind. A PD that is no number is null, as JSON has it."""
    types: set[type] = {float, type(None)} if kind is float else {kind}
    dtypes: dict[type, DTypeLike] = {float: np.float64, int: np.int64, bool: np.bool_}
    return np.array(_checked(values, rows, types), dtype=dtypes[kind])


def _checked(values: Any, rows: int, types: set[type]) -> list[Any]:
    if not isinstance(values, list) or len(values) != rows or not set(map(type, values)) <= types:
        names = " or ".join(sorted(one.__name__ for one in types))
        raise ValueError(f"not {rows} of {names}: {values!r:.60}")
    return values

"""The decision log: one record a request, in the file system's hands before the answer goes out.

Of each scenario one segment is open, which only grows (`components/scoring/decisions.py` has the
format). What `write` returned from outlives the process, however that ends; a thread sees to it
that it outlives the machine too, a second later at most. Segments that are large or old are closed,
to be shipped (`serving/shipping.py`).
"""

import fcntl
import itertools
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from components.scoring.decisions import OPEN, segment_name
from serving import records
from serving.models import Served
from serving.question import Answer, Question

#: Seconds between two looks for what processes that were killed left open.
_LOOK_S = 30.0
_count = itertools.count()
_log = logging.getLogger("serving")


class DecisionLog:
    """Appends to segments in a folder, which other processes may share.

    Segments are flushed to the disk and closed by a thread, between `with` and its end.
    """

    def __init__(
        self,
        folder: Path,
        *,
        most_bytes: int = 64_000_000,
        most_seconds: float = 300.0,
        sync_seconds: float = 1.0,
        most_waiting: int = 1_500_000_000,
    ) -> None:
        """`most_waiting` are the bytes that may wait to be shipped: more are refused, since a pod
        that fills its folder is evicted, and what waits is gone with it.
        """
        self._folder = folder
        self._most_bytes, self._most_seconds = most_bytes, most_seconds
        self._sync_seconds, self._most_waiting = sync_seconds, most_waiting
        #: Bytes of the folder that are not shipped yet, as of the last look.
        self.waiting_bytes = 0
        self._lock = threading.Lock()  # of the open segments, and of those that wait to be closed
        self._open: dict[str, _Segment] = {}
        self._full: list[_Segment] = []
        self._looked = -_LOOK_S
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tend, name="decision log", daemon=True)
        #: Requests that were written down.
        self.records = 0
        #: What went wrong last; nothing where all has gone well since.
        self.last_error = ""

    def write(self, questions: Sequence[Question], answers: Sequence[Answer]) -> None:
        """Write them down: one write for each scenario. When it returns, the end of this process
        does not lose them; raises OSError where they cannot be written.
        """
        if self.waiting_bytes > self._most_waiting:
            raise OSError(
                f"{self._folder}: expected at most {self._most_waiting:,} bytes that wait to be "
                f"shipped, found {self.waiting_bytes:,}"
            )
        lines: dict[Served, list[bytes]] = {}
        for question, answer in zip(questions, answers, strict=True):
            lines.setdefault(question.served, []).append(records.record(question, answer))
        with self._lock:
            for served, some in lines.items():
                self._segment(served).append(b"".join(some))
                self.records += len(some)

    def _segment(self, served: Served) -> "_Segment":
        """The open segment for what is served. The lock is held."""
        found = self._open.get(served.scenario)
        if found is not None and found.served is served and self._goes_on(found):
            return found
        self._retire(served.scenario)
        made = self._open[served.scenario] = _Segment(self._folder, served)
        return made

    def _goes_on(self, segment: "_Segment") -> bool:
        young = time.monotonic() - segment.since < self._most_seconds
        return segment.whole and segment.size < self._most_bytes and young

    def _retire(self, scenario: str) -> None:
        # Its closing waits for the disk, and who writes does not wait for that.
        if (old := self._open.pop(scenario, None)) is not None:
            self._full.append(old)

    def tend(self) -> None:
        """Flush to the disk what was written, and close what is full, old, or nobody's."""
        with self._lock:
            for scenario in [n for n, one in self._open.items() if not self._goes_on(one)]:
                self._retire(scenario)
            waiting, self._full = self._full, []
            growing = list(self._open.values())
        faults = [fault for one in growing if (fault := _fault_of(one.sync))]
        for one in waiting:
            if fault := _fault_of(one.close):
                faults.append(fault)
                with self._lock:
                    self._full.append(one)
        if time.monotonic() - self._looked >= _LOOK_S:
            self._looked = time.monotonic()
            if fault := _fault_of(self._close_left):
                faults.append(fault)
        self.waiting_bytes = sum(map(_size, self._folder.glob("*/*")))
        error = "; ".join(faults)
        if error and error != self.last_error:
            _log.error("decision log: %s", error)
        self.last_error = error

    def _close_left(self) -> None:
        for path in sorted(self._folder.glob(f"*/*{OPEN}")):
            _close_if_left(path)

    def _tend(self) -> None:
        while True:
            self.tend()
            if self._stop.wait(self._sync_seconds):
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close every segment."""
        self._stop.set()
        self._thread.join()
        with self._lock:
            for scenario in tuple(self._open):
                self._retire(scenario)
        self.tend()


class _Segment:
    """A segment that this process writes to; the lock on its file says so to others."""

    def __init__(self, folder: Path, served: Served) -> None:
        self.served = served
        self.since = time.monotonic()
        #: Bytes of whole records; and of those, how many outlive the machine.
        self.size = self._synced = 0
        #: Whether nothing but whole records is in it.
        self.whole = True
        host, started = socket.gethostname(), time.time_ns()
        self._header = records.header(served, host, started)
        self._path, self._file = _create(folder / served.scenario, host, started)

    def append(self, lines: bytes) -> None:
        """Write records, all or none of them; raises OSError where it is none."""
        data = lines if self.size else self._header + lines
        try:
            done = os.write(self._file, data)
            while done < len(data):
                done += os.write(self._file, memoryview(data)[done:])
        except OSError:
            self._cut()
            raise
        self.size += done

    def _cut(self) -> None:
        """Take away what is there of records that could not be written."""
        try:
            os.ftruncate(self._file, self.size)
        except OSError:
            self.whole = False  # the next records have another segment; this one ends in a half

    def sync(self) -> None:
        """Have the disk hold what was written so far."""
        size = self.size
        if size != self._synced:
            os.fsync(self._file)
            if not self._synced:
                _sync_folder(self._path.parent)
            self._synced = size

    def close(self) -> None:
        """Give it the name of a segment that grows no more."""
        self.sync()
        if self.size:
            _rename(self._path)
        else:
            self._path.unlink(missing_ok=True)
        os.close(self._file)


def _create(folder: Path, host: str, started: int) -> tuple[Path, int]:
    """A new file under the name of an open segment, and its lock."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        path = folder / (segment_name(started, host, os.getpid(), next(_count)) + OPEN)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND
        file = os.open(path, flags, 0o640)
        if is_locked(file) and path.exists():
            return path, file
        os.close(file)  # who looked for what was left open came between; there is another name


def is_locked(file: int) -> bool:
    """Lock an open file for this process; whether that could be, or another one has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _close_if_left(path: Path) -> None:
    """Close an open segment whose process is no more; one without a whole record is nothing."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return
    with stream:
        # Its process may have closed it, a moment ago.
        if not is_locked(stream.fileno()) or not path.exists():
            return
        stream.readline()
        if stream.readline().endswith(b"\n"):
            os.fsync(stream.fileno())
            _rename(path)
        else:
            path.unlink()


def _rename(path: Path) -> None:
    try:
        path.rename(path.with_name(path.name.removesuffix(OPEN)))
    except FileNotFoundError:
        _log.error("decision log: expected the segment %s, found none: it was taken away", path)
    else:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _fault_of(work: Callable[[], None]) -> str:
    """What went wrong, in words; nothing where all went well."""
    try:
        work()
    except OSError as error:
        return str(error)
    return ""


def _size(path: Path) -> int:
    """The bytes of a file that may be gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:  # shipped, or closed, a moment ago
        return 0

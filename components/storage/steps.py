"""The one mechanism for "already done": a task looks for its output first, then makes it.

Every task of a pipeline runs inside `task(...)`, which keeps its record under the run, holds it
to its time-out, and turns errors into one message. Inside, `reuse_or_make` is the only way to
an output: same key, same thing; otherwise it is made in a scratch folder and published whole.
"""

import faulthandler
import json
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from components.contracts.errors import (
    EnvironmentFaultError,
    VintageError,
    is_no_space,
    no_space,
)
from components.storage.keys import code_version, content_key
from components.storage.objects import Entry, Store, open_store
from components.storage.settings import Settings

_GRACE_S = 5.0
_RETRY_S = 60.0


class Artifact(Protocol):
    """What a step needs of a KFP artifact: a file, and metadata that KFP's UI shows."""

    path: str
    metadata: dict[str, object]


@dataclass
class Record:
    """What became of one task; a document of the run, written when it starts and when it ends."""

    stage: str
    scenario: str
    status: str = "running"  # running, done, failed
    reused: bool = False
    seconds: float = 0.0
    error: str = ""
    #: A failure that trying again cannot mend.
    final: bool = False
    ended: float = 0.0  # seconds since 1970
    #: How far it is, in words.
    progress: str = ""
    facts: dict[str, object] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def record_name(run: str, stage: str) -> str:
    """The document that holds the record of a task."""
    return f"runs/{run}/stages/{stage}.json"


@dataclass(frozen=True)
class Task:
    """One task at work."""

    settings: Settings
    store: Store
    run: str
    record: Record

    def reuse_or_make(
        self,
        prefix: str,
        *,
        spec: str,
        inputs: Mapping[str, str],
        rooms: tuple[str, ...],
        libraries: tuple[str, ...],
        make: Callable[[Path], Mapping[str, object]],
    ) -> Entry:
        """The entry for these inputs: found, or made by `make(folder)`, which returns facts."""
        code = code_version((*rooms, "contracts"), libraries)
        return self.find_or_make(f"{prefix}/{content_key(prefix, spec, inputs, code)}", make)

    def find_or_make(self, key: str, make: Callable[[Path], Mapping[str, object]]) -> Entry:
        """The entry under a key that says all that its content depends on."""
        if (entry := self.store.find(key)) is not None:
            return entry
        self.record.reused = False
        folder = self.store.scratch()
        try:
            facts = make(folder)
            return self.store.publish(key, folder, facts)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def progress(self, text: str) -> None:
        """How far the task is, for who looks at the run."""
        self.say(text)
        self.record.progress = text
        self.store.put(record_name(self.run, self.record.stage), self.record.to_json())

    def say(self, text: str) -> None:
        """A line for the log of the task."""
        sys.stdout.write(f"[{self.record.stage}] {text}\n")
        sys.stdout.flush()


def hand_over(entry: Entry, artifact: Artifact) -> None:
    """Fill a KFP output artifact with the reference to an entry; the data stays in the store."""
    path = Path(artifact.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(entry.to_json())
    artifact.metadata.update(uri=entry.uri, digest=entry.digest, key=entry.key)


def take(artifact: Artifact) -> Entry:
    """The entry that an upstream task handed over."""
    return Entry.from_json(Path(artifact.path).read_text())


class _Ledger:
    """Keeps the record of one task where its run is kept."""

    def __init__(self, record: Record, run: str) -> None:
        self.record = record
        self._document = record_name(run, record.stage)
        self._started = time.monotonic()
        self._store: Store | None = None

    def open(self, store: Store) -> None:
        """Begin the record; repeats the error of a first try that cannot get better."""
        self._store = store
        earlier = json.loads(store.get(self._document) or "{}")
        # A retry comes at once; who comes later may have mended what was wrong.
        if earlier.get("final") and time.time() - earlier["ended"] < _RETRY_S:
            sys.stderr.write(earlier["error"] + "\n")
            raise SystemExit(1)
        self._write()

    def close(self, status: str, error: str = "", *, final: bool = False) -> None:
        """End the record."""
        record = self.record
        record.status, record.error, record.final = status, error, final
        record.reused = record.reused and status == "done"
        record.seconds = round(time.monotonic() - self._started, 3)
        record.ended = time.time()
        self._write()

    def fail(self, message: str, *, final: bool = False) -> None:
        """End the record as failed, and say why."""
        sys.stderr.write(message + "\n")
        sys.stderr.flush()
        # On a full disk there is no room for the record either; standard error carries it.
        with suppress(EnvironmentFaultError):
            self.close("failed", message, final=final)

    def _write(self) -> None:
        if self._store is not None:  # it may be what could not be opened
            self._store.put(self._document, self.record.to_json())


@contextmanager
def _time_limit(ledger: _Ledger, minutes: float) -> Iterator[None]:
    """End the process after so many minutes, from a thread: nothing gentler ends C code."""

    def give_up() -> None:
        try:
            ledger.fail(f"{ledger.record.stage}: timed out after {minutes:g} minutes")
        finally:
            os._exit(1)

    watchdog = threading.Timer(minutes * 60, give_up)
    watchdog.daemon = True
    watchdog.start()
    # Code that never lets go of the interpreter would hold the watchdog's thread too.
    faulthandler.dump_traceback_later(minutes * 60 + _GRACE_S, exit=True, file=2)
    try:
        yield
    finally:
        watchdog.cancel()
        faulthandler.cancel_dump_traceback_later()


def installation() -> tuple[Settings, Store]:
    """The settings of this installation, and its object store."""
    settings = Settings.from_environment()
    return settings, open_store(settings.store, settings.home)


@contextmanager
def task(stage: str, *, scenario: str, run: str, timeout_minutes: float) -> Iterator[Task]:
    """Run one task: recorded, timed, held to its time-out; errors end it as one message."""
    record = Record(stage=stage, scenario=scenario, reused=True)
    ledger = _Ledger(record, run)
    with _time_limit(ledger, timeout_minutes):
        try:
            settings, store = installation()
            settings.home.mkdir(parents=True, exist_ok=True)
            ledger.open(store)
            yield Task(settings, store, run, record)
            ledger.close("done")
        except VintageError as error:
            ledger.fail(f"{stage}: {error}", final=not error.transient)
            raise SystemExit(1) from None
        except Exception as error:  # noqa: BLE001 - the border of a task: all is recorded here
            if is_no_space(error):
                settings = Settings.from_environment()
                free = shutil.disk_usage(settings.home).free
                ledger.fail(f"{stage}: {no_space(settings.store, free)}")
            else:
                sys.stderr.write(traceback.format_exc())
                ledger.fail(f"{stage}: unexpected {type(error).__name__}: {error}")
            raise SystemExit(1) from None

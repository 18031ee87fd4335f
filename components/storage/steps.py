"""The one mechanism for "already done": a task looks for its output first, then makes it.

Every task of a pipeline runs inside `task(...)`, which keeps its record under the run, holds it
to its time-out, and turns errors into one message. Inside, `reuse_or_make` is the only way to
an output: same key, same thing; otherwise it is made in a scratch folder and published whole.
"""

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
    facts: dict[str, object] = field(default_factory=dict)


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


def run_name(run: str, job: str) -> str:
    """The run's id: as given by who started it, else KFP's own job id."""
    return run or job


@contextmanager
def task(
    stage: str, *, scenario: str, run: str, timeout_minutes: float, reusable: bool = True
) -> Iterator[Task]:
    """Run one task: recorded, timed, held to its time-out; errors end it as one message."""
    settings = Settings.from_environment()
    settings.home.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    store = open_store(settings.store, settings.home)
    document = f"runs/{run}/stages/{stage}.json"
    record = Record(stage=stage, scenario=scenario, reused=reusable)

    def close(status: str, error: str = "", *, final: bool = False) -> None:
        record.status, record.error, record.final = status, error, final
        record.reused = record.reused and status == "done"
        record.seconds = round(time.monotonic() - started, 3)
        store.put(document, json.dumps(asdict(record), sort_keys=True))

    def fail(message: str, *, final: bool = False) -> None:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()
        # On a full disk there is no room for the record either; standard error carries it.
        with suppress(EnvironmentFaultError):
            close("failed", message, final=final)

    def give_up() -> None:
        try:
            fail(f"{stage}: timed out after {timeout_minutes:g} minutes")
        finally:
            # From a thread, while the main one may be deep in C code: nothing gentler ends it.
            os._exit(1)

    watchdog = threading.Timer(timeout_minutes * 60, give_up)
    watchdog.daemon = True
    watchdog.start()
    try:
        earlier = json.loads(store.get(document) or "{}")
        if earlier.get("final"):
            # A retry of what cannot get better: the same message, at once.
            sys.stderr.write(earlier["error"] + "\n")
            raise SystemExit(1)
        store.put(document, json.dumps(asdict(record), sort_keys=True))
        yield Task(settings, store, run, record)
        close("done")
    except VintageError as error:
        fail(f"{stage}: {error}", final=not error.transient)
        raise SystemExit(1) from None
    except Exception as error:  # noqa: BLE001 - the border of a task: everything is recorded here
        if is_no_space(error):
            fail(f"{stage}: {no_space(store.uri, shutil.disk_usage(settings.home).free)}")
        else:
            sys.stderr.write(traceback.format_exc())
            fail(f"{stage}: unexpected {type(error).__name__}: {error}")
        raise SystemExit(1) from None
    finally:
        watchdog.cancel()

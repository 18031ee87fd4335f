"""Takes closed segments of the decision log to the object store, and only then off this disk.

A segment has the same name there as here, so that one that was put and not yet removed when the
process was killed is put again over itself. With the store away segments wait on this disk.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from components.scoring.decisions import is_segment, shipped_name
from components.storage.objects import Store, open_store
from components.storage.settings import Settings
from serving.decision_log import is_locked

_LOCK = ".shipping"
_log = logging.getLogger("serving")


def installed_store() -> Store:
    """The store that the environment names; raises where it cannot be opened now."""
    settings = Settings.from_environment()
    return open_store(settings.store, settings.home)


class Shipper:
    """Ships from a folder, which other processes may share, between `with` and its end."""

    def __init__(
        self,
        folder: Path,
        connect: Callable[[], Store],
        *,
        look_seconds: float = 1.0,
        most_seconds: float = 60.0,
        stop_seconds: float = 10.0,
    ) -> None:
        """`connect` is asked for the store when there is something to ship, until it has one."""
        self._folder, self._connect = folder, connect
        self._store: Store | None = None
        self._look_seconds, self._most_seconds = look_seconds, most_seconds
        self._stop_seconds = stop_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="shipping", daemon=True)
        #: Segments that this process took to the store.
        self.shipped = 0
        #: Why the store was not reached; nothing where it was since.
        self.last_error = ""

    def _closed(self) -> list[Path]:
        return [path for path in self._folder.glob("*/*.jsonl") if is_segment(path.name)]

    def ship(self) -> bool:
        """Take every closed segment to the store, the oldest first; raises what the store raises.

        False where another process is at it.
        """
        waiting = self._closed()
        if not waiting:
            return True
        lock = os.open(self._folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o640)
        try:
            if not is_locked(lock):
                return False
            if self._store is None:
                self._store = self._connect()
            for path in sorted(waiting, key=lambda one: one.name):
                if path.exists():  # or another process shipped it
                    self._store.put_file(shipped_name(path.parent.name, path.name), path)
                    path.unlink()
                    self.shipped += 1
        finally:
            os.close(lock)
        return True

    def _work(self) -> None:
        pause = self._look_seconds
        while not self._stop.wait(pause):
            failed = not self._tried()
            pause = min(self._most_seconds, 2 * pause) if failed else self._look_seconds
        end = time.monotonic() + self._stop_seconds
        while not self._tried() and time.monotonic() + self._look_seconds < end:
            time.sleep(self._look_seconds)

    def _tried(self) -> bool:
        """Whether all that is closed is in the store."""
        try:
            done, error = self.ship(), ""
        except Exception as fault:  # noqa: BLE001 - whatever a store raises, segments wait here
            done, error = False, str(fault) or type(fault).__name__
        if error and error != self.last_error:
            _log.error("decision log: segments wait to be shipped: %s", error)
        self.last_error = error
        return done

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ship what is closed by now; what the store does not take in time stays on this disk."""
        self._stop.set()
        self._thread.join(self._stop_seconds)
        if left := self._closed():
            _log.error("decision log: %d segments are left in %s", len(left), self._folder)

"""The challengers that the store declares beside the champions, looked up by a thread of its own.

A store that is away or hangs, and keys that expired, hold up no answer, no start and no end of the
server: the champions serve, and beside them what was found last.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from components.storage import registry
from components.storage.objects import Store
from serving.models import Declared, Source

_log = logging.getLogger("serving")


@dataclass(frozen=True)
class _Found:
    """What was declared when the store was last asked, and what is wanting of it."""

    release: str = ""
    share: float = 0.0
    folder: Path | None = None  # of the release; none where it is not to be had
    fault: str = ""


class Challengers:
    """A source of what is to be served: champions that another one says, and their challengers.

    It looks between `with` and its end; a server that starts waits a moment for the first look.
    """

    def __init__(
        self,
        champions: Source,
        connect: Callable[[], Store],
        *,
        look_seconds: float,
        most_seconds: float = 60.0,
        first_seconds: float = 5.0,
    ) -> None:
        """Each champion comes with its id. `connect` is asked for the store until it has one."""
        self._champions, self._connect = champions, connect
        self._store: Store | None = None
        self._look_seconds, self._most_seconds = look_seconds, most_seconds
        self._first_seconds = first_seconds
        self._looked, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="challengers", daemon=True)
        #: By scenario. Its values are replaced, never changed.
        self._found: dict[str, _Found] = {}

    def __call__(self) -> Mapping[str, Declared]:
        """What is to be served; asks the champions' source, and not the store."""
        return {name: self._beside(name, one) for name, one in self._champions().items()}

    def _beside(self, name: str, champion: Declared) -> Declared:
        found = self._found.get(name, _Found())
        # While it is promoted, the pods that have it as their champion come before the last word.
        if found.folder is None or found.release == champion.champion_id:
            return replace(champion, fault=found.fault)
        return replace(
            champion,
            challenger=found.folder,
            challenger_id=found.release,
            share=found.share,
            fault=found.fault,
        )

    def look(self) -> bool:
        """Ask the store what is declared, and have it here. Returns whether all of it could be."""
        try:
            champions = self._champions()
        except Exception:  # noqa: BLE001 - who serves asks as well, and tells
            return False
        self._found = {name: self._found[name] for name in champions if name in self._found}
        for name, champion in champions.items():
            try:
                self._look_at(name, str(champion.champion_id))
            except Exception as error:  # noqa: BLE001 - whatever a store raises, champions answer
                fault = f"{name}: its challenger: {str(error) or type(error).__name__}"
                self._found[name] = replace(self._found.get(name, _Found()), fault=fault)
        return not any(found.fault for found in self._found.values())

    def _look_at(self, name: str, champion: str) -> None:
        if self._store is None:
            self._store = self._connect()
        release, share = registry.declared_shadow(self._store, name)
        last = self._found.get(name, _Found())
        folder = last.folder if last.release == release else None
        self._found[name] = _Found(release, share, folder, last.fault)
        if release and release != champion and folder is None:
            folder = self._store.local(registry.find_release(self._store, name, release))
        self._found[name] = _Found(release, share, folder)

    def _work(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            found, pause = self.look(), max(pause, self._look_seconds)
            self._looked.set()
            pause = self._look_seconds if found else min(self._most_seconds, 2 * pause)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._looked.wait(self._first_seconds):
            _log.error("the store did not say within %g s who is beside", self._first_seconds)
        return self

    def __exit__(self, *_: object) -> None:
        """It may hang in the store: nobody waits for it."""
        self._stop.set()

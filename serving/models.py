"""What is served: by scenario the champion's release, and perhaps a challenger's beside it."""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from components.contracts.errors import BundleError, VintageError
from components.scoring.scorer import Scorer

_HASHES = 1 << 64
_AGAIN_S = 60.0
_log = logging.getLogger("serving")


@dataclass(frozen=True)
class Declared:
    """What is to be served for a scenario: folders of releases, each with the id that it must have
    (None takes any).
    """

    champion: Path
    champion_id: str | None = None
    challenger: Path | None = None
    challenger_id: str | None = None
    #: The share of the entities whom the challenger answers; it scores all others for the record.
    share: float = 0.0
    #: Why the challenger is not the one that is wanted now.
    fault: str = ""


@dataclass(frozen=True, eq=False)
class Served:
    """What answers for a scenario now: verified, all of one moment."""

    scenario: str
    champion: Scorer
    challenger: Scorer | None = None
    share: float = 0.0

    def is_challenged(self, entity: str | None) -> bool:
        """Whether the challenger answers for an entity: the same one always, on every server."""
        if not self.share or entity is None:
            return False
        digest = hashlib.sha256(f"{self.scenario}\0{entity}".encode()).digest()
        return int.from_bytes(digest[:8]) < self.share * _HASHES

    def told(self) -> str:
        """Who answers, in words."""
        if self.challenger is None:
            return f"{self.scenario}: release {self.champion.id[:12]} answers alone"
        part = f"answers {self.share:.1%} of the entities" if self.share else "is only logged"
        return (
            f"{self.scenario}: release {self.champion.id[:12]} answers; "
            f"{self.challenger.id[:12]} beside it {part}"
        )


#: Says what is to be served, by any order; asked again and again.
Source = Callable[[], Mapping[str, Declared]]


class Models:
    """The served releases. They change whole and at once; a question keeps those it was read by."""

    def __init__(self, source: Source) -> None:
        """Raises where a champion does not verify."""
        self._source = source
        self._looked: dict[str, _Looked] = {}
        #: By scenario. Replaced, never changed.
        self.served: Mapping[str, Served] = {}
        #: By scenario why what is declared is not what is served.
        self.refused: Mapping[str, str] = {}
        faults = self.refresh()
        if lacking := [why for name, why in faults.items() if name not in self.served]:
            raise BundleError("; ".join(lacking))

    def refresh(self) -> Mapping[str, str]:
        """Serve what is declared now. Where that does not verify, what was served goes on.

        Returns by scenario why it was refused; loads in the caller's thread.
        """
        served, faults = dict[str, Served](), dict[str, str]()
        try:
            wanted = self._source()
        except Exception as error:
            if not self.served:
                raise
            self.refused = dict.fromkeys(self.served, f"what is to be served: {error}")
            return self.refused
        for name, declared in wanted.items():
            last, wish = self._looked.get(name), replace(declared, fault="")
            if last is None or last.declared != wish or last.is_due():
                last = self._looked[name] = _look(name, wish)
            found = last.served or self.served.get(name)
            if found is not None:
                served[name] = found
            if fault := last.fault or declared.fault:
                faults[name] = fault
        self.served, self.refused = served, faults
        return faults


@dataclass(frozen=True)
class _Looked:
    """What came of a declaration."""

    declared: Declared
    served: Served | None
    fault: str
    at: float

    def is_due(self) -> bool:
        """Whether to look again: a folder may be mended, or a store be back."""
        return bool(self.fault) and time.monotonic() - self.at > _AGAIN_S


def _look(name: str, declared: Declared) -> _Looked:
    served, fault = None, ""
    try:
        champion = _scorer(name, declared.champion, declared.champion_id)
        served = Served(name, champion)
        if declared.challenger is not None:
            # Whatever is wrong with the challenger, the champion answers.
            beside = _scorer(name, declared.challenger, declared.challenger_id)
            served = _beside(served, beside, declared.share)
    except VintageError as error:
        fault = str(error)
    except Exception as error:  # noqa: BLE001 - whatever a folder holds, what was served goes on
        _log.exception("%s: a release that cannot be read", name)
        fault = f"{name}: a release that cannot be read: {type(error).__name__} {error}"
    return _Looked(declared, served, fault, time.monotonic())


def _beside(served: Served, challenger: Scorer, share: float) -> Served:
    champion = served.champion
    if challenger.bundle.spec.inputs != champion.bundle.spec.inputs:
        raise BundleError(
            f"{served.scenario}: expected a challenger with the champion's inputs, found others: "
            f"release {challenger.id[:12]} beside {champion.id[:12]}"
        )
    if not 0.0 <= share <= 1.0:
        raise VintageError(
            f"{served.scenario}: expected a challenger's share from 0 to 1, found {share}"
        )
    return Served(served.scenario, champion, challenger, share)


def _scorer(name: str, folder: Path, identity: str | None) -> Scorer:
    scorer = Scorer(folder, identity)
    if scorer.release.scenario != name:
        raise BundleError(
            f"release {folder}: expected one of {name}, found one of {scorer.release.scenario}"
        )
    return scorer

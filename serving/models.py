"""What is served: by scenario the champion's release, and perhaps a challenger's beside it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.contracts.errors import BundleError, VintageError
from components.scoring.scorer import Scorer

_HASHES = 1 << 64


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


#: Says what is to be served, by any order; asked again and again.
Source = Callable[[], Mapping[str, Declared]]


class Models:
    """The served releases. They change whole and at once; a question keeps those it was read by."""

    def __init__(self, source: Source) -> None:
        """Raises where one of the releases does not verify."""
        self._source = source
        self._declared: dict[str, Declared] = {}
        #: By scenario. Replaced, never changed.
        self.served: Mapping[str, Served] = {}
        #: By scenario why what is declared is not what is served.
        self.refused: Mapping[str, str] = {}
        if faults := self.refresh():
            raise BundleError("; ".join(faults.values()))

    def refresh(self) -> Mapping[str, str]:
        """Serve what is declared now. Where that does not verify, what was served goes on.

        Returns by scenario why it was refused; loads in the caller's thread.
        """
        wanted = dict(self._source())
        served, faults = dict[str, Served](), dict[str, str]()
        for name, one in wanted.items():
            known = self.served.get(name)
            if known is not None and self._declared.get(name) == one:
                served[name] = known
                continue
            try:
                served[name] = load(name, one)
                self._declared[name] = one
            except VintageError as error:
                faults[name] = str(error)
                if known is not None:
                    served[name] = known
        self.served, self.refused = served, faults
        return faults


def load(name: str, declared: Declared) -> Served:
    """Load and verify the releases of a scenario; raises where one is not what it should be."""
    champion = _scorer(name, declared.champion, declared.champion_id)
    if declared.challenger is None:
        return Served(name, champion)
    challenger = _scorer(name, declared.challenger, declared.challenger_id)
    if challenger.bundle.spec.inputs != champion.bundle.spec.inputs:
        raise BundleError(
            f"{name}: expected a challenger with the champion's inputs, found others: "
            f"release {challenger.id[:12]} beside {champion.id[:12]}"
        )
    if not 0.0 <= declared.share <= 1.0:
        raise VintageError(
            f"{name}: expected a challenger's share from 0 to 1, found {declared.share}"
        )
    return Served(name, champion, challenger, declared.share)


def _scorer(name: str, folder: Path, identity: str | None) -> Scorer:
    scorer = Scorer(folder, identity)
    if scorer.release.scenario != name:
        raise BundleError(
            f"release {folder}: expected one of {name}, found one of {scorer.release.scenario}"
        )
    return scorer

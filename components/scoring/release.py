"""A release: one folder with all that serves a scenario, and its scorer.

release.json    what it is; its id is the hash of its three parts
bundle/         the decision bundle
snapshot.bin    the latest row per entity
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from components.contracts.errors import BundleError, VintageError
from components.scoring.bundle import Bundle
from components.scoring.snapshot import Snapshot

RELEASE = "release.json"
BUNDLE = "bundle"
SNAPSHOT = "snapshot.bin"
_FORMAT = 1


@dataclass(frozen=True)
class CutOff:
    """The cut-off: a PD below it is approved."""

    version: int
    approve_below: float


@dataclass(frozen=True)
class Release:
    """What is promoted, deployed and logged with every decision: three hashes and their meaning."""

    scenario: str
    family: str
    bundle: str
    snapshot: str
    policy: CutOff

    @property
    def id(self) -> str:
        """The hash of bundle, policy and snapshot."""
        parts = {"bundle": self.bundle, "policy": asdict(self.policy), "snapshot": self.snapshot}
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> str:
        text = {"format": _FORMAT, "id": self.id, **asdict(self)}
        return json.dumps(text, sort_keys=True, indent=1) + "\n"

    @staticmethod
    def read(folder: Path) -> "Release":
        """The release that a folder says it is. Raises BundleError where it says no such thing."""
        try:
            raw = json.loads((folder / RELEASE).read_text())
            version, identity = raw.pop("format"), raw.pop("id")
            if version != _FORMAT:
                raise BundleError(f"release {folder}: expected format {_FORMAT}, found {version!r}")
            release = Release(**{**raw, "policy": CutOff(**raw["policy"])})
        except OSError:
            raise BundleError(f"release {folder}: expected {RELEASE}, found none") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"release {folder}: {RELEASE} is no release: {error}") from None
        if release.id != identity:
            raise BundleError(
                f"release {folder}: expected id {str(identity)[:12]}, found {release.id[:12]}"
            )
        return release


@dataclass(frozen=True)
class Answer:
    """One row's score and what the policy makes of it."""

    pd: float
    decision: str
    release: str


class Scorer:
    """Scores rows and entities of one scenario. Built only from what verified."""

    def __init__(self, folder: Path, expected: str | None = None) -> None:
        """Verify a release's folder and load it; `expected` is the id that it must have."""
        self.release = Release.read(folder)
        self._id = self.release.id
        if expected is not None and self._id != expected:
            raise BundleError(
                f"release {folder}: expected id {expected[:12]}, found {self._id[:12]}"
            )
        self.bundle = Bundle.load(folder / BUNDLE, self.release.bundle)
        if self.bundle.spec.scenario != self.release.scenario:
            raise BundleError(
                f"release {self._id[:12]}: expected a bundle of {self.release.scenario}, "
                f"found one of {self.bundle.spec.scenario}"
            )
        self.bundle.check_golden()
        self.snapshot = Snapshot(folder / SNAPSHOT, self.release.snapshot)

    def score(self, rows: Sequence[Mapping[str, object]]) -> list[Answer]:
        """One answer a row; raises InstanceError with every fault."""
        if not rows:
            return []
        scored = self.bundle.score(self.bundle.rows(rows)).pd.tolist()
        below = self.release.policy.approve_below
        return [Answer(pd, "approve" if pd < below else "decline", self._id) for pd in scored]

    def entity(self, entity: str) -> Mapping[str, object]:
        """The inputs of an entity from the snapshot."""
        row = self.snapshot.row(entity)
        if row is None:
            raise VintageError(
                f"{self.release.scenario}: expected an id among the snapshot's "
                f"{len(self.snapshot):,} entities, found {entity!r}"
            )
        wanted = {i.name for i in self.bundle.spec.inputs}
        return {name: value for name, value in row.items() if name in wanted}

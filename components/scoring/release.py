"""A release at work: a verified bundle, its cut-off, and the snapshot to look entities up in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.contracts.errors import BundleError, VintageError
from components.scoring.bundle import Bundle
from components.scoring.snapshot import Snapshot

SNAPSHOT = "snapshot.bin"


@dataclass(frozen=True)
class Place:
    """Where a release lies on this machine, and what it must be."""

    release: str
    scenario: str
    bundle_folder: str
    bundle: str
    snapshot_folder: str
    snapshot: str
    approve_below: float


@dataclass(frozen=True)
class Answer:
    """One row's score and what the policy makes of it."""

    pd: float
    decision: str
    release: str


class Scorer:
    """Scores rows and entities of one scenario. Built only from what verified."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.bundle = Bundle.load(Path(place.bundle_folder), place.bundle)
        if self.bundle.spec.scenario != place.scenario:
            raise BundleError(
                f"release {place.release[:12]}: expected a bundle of {place.scenario}, "
                f"found one of {self.bundle.spec.scenario}"
            )
        self.bundle.check_golden()
        self.snapshot = Snapshot(Path(place.snapshot_folder) / SNAPSHOT, place.snapshot)

    def score(self, rows: Sequence[Mapping[str, object]]) -> list[Answer]:
        """One answer a row; raises InstanceError with every fault."""
        if not rows:
            return []
        scored = self.bundle.score(self.bundle.rows(rows)).pd.tolist()
        below, release = self.place.approve_below, self.place.release
        return [Answer(pd, "approve" if pd < below else "decline", release) for pd in scored]

    def entity(self, entity: str) -> Mapping[str, object]:
        """The inputs of an entity from the snapshot."""
        row = self.snapshot.row(entity)
        if row is None:
            raise VintageError(
                f"{self.place.scenario}: expected an id among the snapshot's "
                f"{len(self.snapshot):,} entities, found {entity!r}"
            )
        wanted = {i.name for i in self.bundle.spec.inputs}
        return {name: value for name, value in row.items() if name in wanted}

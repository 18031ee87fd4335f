"""The scorer of a release: verified when it is built, then asked for rows and entities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import BundleError, VintageError
from components.scoring.bundle import Bundle
from components.scoring.reasons import Reason
from components.scoring.release import BUNDLE, DECISIONS, SNAPSHOT, Release
from components.scoring.snapshot import Snapshot


@dataclass(frozen=True)
class Answer:
    """One row's score and what the policy makes of it."""

    pd: float
    points: int
    decision: str
    #: What hurt most, the worst first; None where it was not asked for.
    reasons: tuple[Reason, ...] | None
    release: str


class Scorer:
    """Scores rows and entities of one scenario. Built only from what verified."""

    def __init__(self, folder: Path, expected: str | None = None) -> None:
        """Verify a release's folder and load it; `expected` is the id that it must have."""
        self.release = Release.read(folder)
        self.id = self.release.id
        if expected is not None and self.id != expected:
            raise BundleError(
                f"release {folder}: expected id {expected[:12]}, found {self.id[:12]}"
            )
        self.bundle = Bundle.load(folder / BUNDLE, self.release.bundle)
        if self.bundle.spec.scenario != self.release.scenario:
            raise BundleError(
                f"release {self.id[:12]}: expected a bundle of {self.release.scenario}, "
                f"found one of {self.bundle.spec.scenario}"
            )
        self.bundle.verify()
        self.snapshot = Snapshot(folder / SNAPSHOT, self.release.snapshot)
        packed, wanted = self.snapshot.inputs, self.bundle.spec.inputs
        if lacking := [i.name for i in wanted if i not in packed]:
            raise BundleError(
                f"release {self.id[:12]}: expected a snapshot of the bundle's inputs, found none "
                f"of {', '.join(lacking)} as it declares them"
            )
        self._packed = np.array([packed.index(i) for i in wanted], dtype=np.intp)

    def score(self, rows: Sequence[Mapping[str, object]], *, reasons: bool = True) -> list[Answer]:
        """One answer a row; raises InstanceError with every fault."""
        if not rows:
            return []
        bundle = self.bundle
        features = bundle.features(bundle.rows(rows))
        pds = bundle.score_features(features).pd
        told: Sequence[tuple[Reason, ...] | None]
        told = bundle.reasons(features) if reasons else [None] * len(rows)
        approved = self.release.policy.approves(pds)
        columns = (pds.tolist(), bundle.points(pds).tolist(), approved.tolist(), told)
        return [
            Answer(pd, points, DECISIONS[approves], why, self.id)
            for pd, points, approves, why in zip(*columns, strict=True)
        ]

    def inputs_of(self, entity: str) -> NDArray[np.float64] | None:
        """The inputs of an entity as the bundle's matrix has them; None where unknown."""
        cells = self.snapshot.cells(entity)
        return None if cells is None else cells[self._packed]

    def entity(self, entity: str) -> Mapping[str, object]:
        """The inputs of an entity from the snapshot."""
        row = self.snapshot.row(entity)
        if row is None:
            example = self.snapshot.example()
            such = f" (such as {example})" if example else ""
            raise VintageError(
                f"{self.release.scenario}: expected an id among the snapshot's "
                f"{len(self.snapshot):,} entities{such}, found {entity!r}"
            )
        wanted = {i.name for i in self.bundle.spec.inputs}
        return {name: value for name, value in row.items() if name in wanted}

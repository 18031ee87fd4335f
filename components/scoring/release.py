"""A release: one folder with all that serves a scenario.

release.json    what it is; its id is the hash of its three parts
bundle/         the decision bundle
snapshot.bin    the latest row per entity
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import BundleError

RELEASE = "release.json"
BUNDLE = "bundle"
SNAPSHOT = "snapshot.bin"
#: What is decided of a row, by whether it is approved.
DECISIONS = ("decline", "approve")
_FORMAT = 1


@dataclass(frozen=True)
class CutOff:
    """The cut-off: a PD below it is approved."""

    version: int
    approve_below: float

    def approves(self, pd: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of these PDs are approved."""
        return pd < self.approve_below


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

"""A bundle: one content-addressed folder that says all of how a row is scored.

bundle.json   the format, and the sha256 of every other file; its own sha256 is the bundle's id
spec.json     inputs, row features, transform, model (see spec.py)
model.onnx    the trees, where the model is one
golden.json   rows and the PDs that they must score, to the bit
card.json     how it was made, for people
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import BundleError
from components.scoring.instances import Matrix, from_columns, from_rows
from components.scoring.model import Model, load_model
from components.scoring.spec import Spec
from components.scoring.transform import Transform

BUNDLE = "bundle.json"
SPEC = "spec.json"
MODEL = "model.onnx"
GOLDEN = "golden.json"
CARD = "card.json"
_FORMAT = 1  # of the manifest; the spec has a number of its own


@dataclass(frozen=True)
class Scores:
    """One entry a row: the log odds of bad, and the probability of it."""

    margin: NDArray[np.float64]
    pd: NDArray[np.float64]


class Bundle:
    """A bundle in memory, its hashes verified before anything was parsed."""

    def __init__(self, folder: Path, identity: str, spec: Spec, model: Model) -> None:
        self.folder = folder
        self.id = identity
        self.spec = spec
        self._transform = Transform(spec)
        self._model = model

    @staticmethod
    def load(folder: Path, expected: str | None = None) -> "Bundle":
        """Verify, then read. `expected` is the id that a release names."""
        identity = verify_hashes(folder, expected)
        spec = Spec.from_json((folder / SPEC).read_text())
        return Bundle(folder, identity, spec, load_model(spec.model, folder))

    def rows(self, rows: Sequence[Mapping[str, object]]) -> Matrix:
        """The input matrix of named rows; every fault in one InstanceError."""
        return from_rows(self.spec.inputs, rows)

    def columns(self, columns: Mapping[str, Sequence[object]]) -> Matrix:
        """The input matrix of typed columns."""
        return from_columns(self.spec.inputs, columns)

    def score(self, inputs: Matrix) -> Scores:
        """Score an input matrix. The same row scores the same, to the bit, in any batch."""
        with np.errstate(all="ignore"):
            margin = self._model.margin(self._transform(inputs))
            return Scores(margin, 1.0 / (1.0 + np.exp(-margin)))

    def check_golden(self) -> int:
        """Score the golden rows; raises BundleError on any difference. Returns how many."""
        rows, _ = self.golden()
        self.compare_golden(self.score(self.rows(rows)).pd.tolist())
        return len(rows)

    def golden(self) -> tuple[list[dict[str, object]], list[float]]:
        """Rows, and the PDs that they must score."""
        golden = json.loads((self.folder / GOLDEN).read_text())
        rows, recorded = golden["rows"], golden["pd"]
        if not rows or len(rows) != len(recorded):
            raise BundleError(
                f"bundle {self.id[:12]}: expected golden rows with a PD each, found "
                f"{len(rows)} rows and {len(recorded)} PDs"
            )
        return rows, recorded

    def compare_golden(self, scored: Sequence[float]) -> None:
        """Raise BundleError unless the golden rows scored as recorded, whoever scored them."""
        _, recorded = self.golden()
        if len(scored) != len(recorded):
            raise BundleError(
                f"bundle {self.id[:12]}: expected {len(recorded)} PDs of the golden rows, "
                f"found {len(scored)}"
            )
        pairs = zip(recorded, scored, strict=True)
        wrong = [(i, *pair) for i, pair in enumerate(pairs) if pair[0] != pair[1]]
        if wrong:
            number, expected, found = wrong[0]
            raise BundleError(
                f"bundle {self.id[:12]}: {len(wrong)} of {len(scored)} golden rows score "
                f"otherwise than recorded; row {number}: expected PD {expected}, found {found}"
            )


def write_manifest(folder: Path) -> str:
    """Close a bundle: write `bundle.json` over the files that are there. Returns the id."""
    files = {p.name: _sha256(p.read_bytes()) for p in sorted(folder.iterdir()) if p.name != BUNDLE}
    text = json.dumps({"format": _FORMAT, "files": files}, sort_keys=True, indent=1) + "\n"
    (folder / BUNDLE).write_text(text)
    return _sha256(text.encode())


def verify_hashes(folder: Path, expected: str | None = None) -> str:
    """The id of a bundle whose every file is what the manifest says; no parser sees a wrong one."""
    try:
        text = (folder / BUNDLE).read_bytes()
    except OSError:
        raise BundleError(f"bundle {folder}: expected a folder with {BUNDLE}, found none") from None
    identity = _sha256(text)
    if expected is not None and identity != expected:
        raise BundleError(f"bundle {folder}: expected id {expected[:12]}, found {identity[:12]}")
    try:
        manifest = json.loads(text)
        version, files = manifest["format"], dict[str, str](manifest["files"])
    except (ValueError, KeyError, TypeError):
        raise BundleError(f"bundle {folder}: {BUNDLE} is not a bundle's manifest") from None
    if version != _FORMAT:
        raise BundleError(f"bundle {folder}: expected format {_FORMAT}, found {version!r}")
    present = {p.name for p in folder.iterdir() if not p.name.startswith("_")} - {BUNDLE}
    if present != set(files):
        raise BundleError(f"bundle {folder}: expected {sorted(files)}, found {sorted(present)}")
    for name, digest in files.items():
        found = _sha256((folder / name).read_bytes())
        if found != digest:
            raise BundleError(
                f"bundle {folder}: {name}: expected sha256 {digest[:12]}, found {found[:12]}"
            )
    return identity


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""A bundle: one content-addressed folder that says all of how a row is scored.

bundle.json     the format, and the sha256 of every other file; its own sha256 is the bundle's id
spec.json       inputs, row features, columns, model, calibration, points, reasons (see spec.py)
model.onnx      the trees, where the model is one
golden.json     rows, and the PDs, points and reasons that they must score, to the bit
reference.json  what the development rows looked like (see reference.py)
scorecard.json  the table of points, where the model is a scorecard
card.json       how it was made, for people
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import BundleError
from components.scoring.instances import Matrix, RowReader, from_columns
from components.scoring.model import Calibration, Model, load_model
from components.scoring.portable import log
from components.scoring.reasons import Reason, Reasons, parts
from components.scoring.reference import Reference
from components.scoring.spec import Spec
from components.scoring.transform import Encoder, RowFeatures

BUNDLE = "bundle.json"
SPEC = "spec.json"
MODEL = "model.onnx"
GOLDEN = "golden.json"
CARD = "card.json"
REFERENCE = "reference.json"
SCORECARD = "scorecard.json"  # of a scorecard only
#: Nothing else may be in a bundle; none of it can run.
_FILES = frozenset({SPEC, MODEL, GOLDEN, REFERENCE, SCORECARD, CARD})
#: Certainty has no odds; points stay finite.
_LEAST_PD = 1e-9
_PERCENTILES = 101
_CHUNK = 4096  # rows
_FORMAT = 1  # of the manifest; the spec has a number of its own


@dataclass(frozen=True)
class Scores:
    """One entry a row: the log odds of bad before calibration, and the probability of it."""

    margin: NDArray[np.float64]
    pd: NDArray[np.float64]


@dataclass(frozen=True)
class Golden:
    """Rows, and how they must score."""

    rows: list[dict[str, object]]
    pd: list[float]
    points: list[int]
    #: The codes of each row's reasons.
    reasons: list[list[str]]


class Bundle:
    """A bundle in memory, its hashes verified before anything was parsed."""

    def __init__(self, folder: Path, identity: str, spec: Spec, model: Model) -> None:
        self.folder = folder
        self.id = identity
        self.spec = spec
        self.features = RowFeatures(spec.inputs, spec.features)
        self._read = RowReader(spec.inputs)
        self._encode = Encoder(spec.columns)
        self._model = model
        self._calibrate = Calibration(spec.calibration)
        self._reasons = Reasons(spec)
        scale = spec.points
        self._factor = scale.pdo / math.log(2.0)
        self._offset = scale.base_points - self._factor * math.log(scale.base_odds)

    @staticmethod
    def load(folder: Path, expected: str | None = None) -> "Bundle":
        """Verify, then read. `expected` is the id that a release names."""
        identity = verify_hashes(folder, expected)
        try:
            spec = Spec.from_json((folder / SPEC).read_text())
            return Bundle(folder, identity, spec, load_model(spec.model, folder))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise BundleError(
                f"bundle {folder}: {SPEC}: expected a bundle's specification, found otherwise: "
                f"{type(error).__name__} {error}"
            ) from None

    def rows(self, rows: Sequence[Mapping[str, object]]) -> Matrix:
        """The input matrix of named rows; every fault in one InstanceError."""
        return self._read(rows)

    def columns(self, columns: Mapping[str, Sequence[object]]) -> Matrix:
        """The input matrix of typed columns; what is wrong in each in one InstanceError."""
        return from_columns(self.spec.inputs, columns)

    def score(self, inputs: Matrix) -> Scores:
        """Score an input matrix. The same row scores the same, to the bit, in any batch."""
        return self.score_features(self.features(inputs))

    def score_features(self, features: Matrix) -> Scores:
        """Score rows of the declared features."""
        with np.errstate(all="ignore"):
            margin = self._margin(features)
            return Scores(margin, self._calibrate(margin))

    def _margin(self, features: Matrix) -> NDArray[np.float64]:
        if len(features) <= _CHUNK:
            return self._model.margin(self._encode(features))
        # In parts that stay in the cache; a row's score does not depend on its neighbours.
        starts = range(0, len(features), _CHUNK)
        return np.concatenate([self._margin(features[at : at + _CHUNK]) for at in starts])

    def points(self, pd: NDArray[np.float64]) -> NDArray[np.int64]:
        """PDs on the scorecard's scale: more points, better odds."""
        sure = np.minimum(np.maximum(pd, _LEAST_PD), 1.0 - _LEAST_PD)
        points = self._offset + self._factor * log((1.0 - sure) / sure)
        return np.rint(points).astype(np.int64)

    def explain(self, inputs: Matrix) -> Matrix:
        """What each feature adds to the margin against its reference: one column a feature."""
        return self.explain_features(self.features(inputs))

    def explain_features(self, features: Matrix) -> Matrix:
        """The same for rows of the declared features."""
        with np.errstate(all="ignore"):
            return parts(self._margin, features, self._reasons.reference)

    def reasons(self, features: Matrix) -> list[tuple[Reason, ...]]:
        """What hurt each row, in words, the worst first."""
        return self.reasons_of(self.explain_features(features), features)

    def reasons_of(self, found: Matrix, features: Matrix) -> list[tuple[Reason, ...]]:
        """The same from parts as `explain_features` finds them."""
        return [self._reasons.of(*pair) for pair in zip(found, features, strict=True)]

    def reference(self) -> Reference:
        """What the development rows looked like."""
        return Reference.read(self.folder / REFERENCE)

    def golden(self) -> Golden:
        """The golden rows, and how they must score."""
        try:
            golden = Golden(**json.loads((self.folder / GOLDEN).read_text()))
        except (ValueError, TypeError) as error:
            raise BundleError(f"bundle {self.id[:12]}: {GOLDEN}: {error}") from None
        sizes = {len(part) for part in vars(golden).values()}
        if len(sizes) != 1 or not golden.rows:
            raise BundleError(
                f"bundle {self.id[:12]}: expected golden rows with a PD, points and reasons each, "
                f"found {sorted(sizes)} of them"
            )
        return golden

    def answers_of(self, rows: list[dict[str, object]]) -> Golden:
        """How these rows score."""
        features = self.features(self.rows(rows))
        pd = self.score_features(features).pd
        codes = [[reason.code for reason in found] for found in self.reasons(features)]
        return Golden(rows, pd.tolist(), self.points(pd).tolist(), codes)

    def verify(self) -> int:
        """Check that all parts fit together and that the golden rows score as recorded.

        Returns the number of golden rows; raises BundleError.
        """
        names = [feature.name for feature in self.spec.features]
        try:
            known, card = self.reference(), json.loads((self.folder / CARD).read_text())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"bundle {self.id[:12]}: {error}") from None
        for part, found in (
            ("a reason a feature", len(self.spec.reasons) == len(names)),
            (f"{REFERENCE} of the features", sorted(known.features) == sorted(names)),
            (f"{REFERENCE} with 101 percentiles", len(known.percentiles) == _PERCENTILES),
            (f"{CARD} of {self.spec.scenario}", card.get("scenario") == self.spec.scenario),
        ):
            if not found:
                raise BundleError(f"bundle {self.id[:12]}: expected {part}, found otherwise")
        return self._check_golden()

    def _check_golden(self) -> int:
        golden = self.golden()
        scored = self.answers_of(golden.rows)
        self.compare_golden(golden, scored.pd)
        if scored != golden:
            raise BundleError(
                f"bundle {self.id[:12]}: the golden rows have other points or reasons than recorded"
            )
        return len(golden.rows)

    def compare_golden(self, golden: Golden, scored: Sequence[float]) -> None:
        """Raise BundleError unless the golden rows scored as recorded, whoever scored them."""
        if len(scored) != len(golden.pd):
            raise BundleError(
                f"bundle {self.id[:12]}: expected {len(golden.pd)} PDs of the golden rows, "
                f"found {len(scored)}"
            )
        pairs = zip(golden.pd, scored, strict=True)
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
    if strange := sorted(set(files) - _FILES):
        raise BundleError(
            f"bundle {folder}: expected only {', '.join(sorted(_FILES))}, found {strange}"
        )
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

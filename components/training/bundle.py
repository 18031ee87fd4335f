"""Write a bundle: the fitted family in the scoring format, with rows that prove it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import BundleError
from components.scoring.bundle import (
    CARD,
    GOLDEN,
    MODEL,
    REFERENCE,
    SCORECARD,
    SPEC,
    Bundle,
    write_manifest,
)
from components.scoring.instances import Matrix, shown
from components.scoring.reference import Reference
from components.scoring.spec import Input, Spec, TreesModel
from components.training import LIBRARIES

_GOLDEN_ROWS = 20
#: How far the bundle's margins may be from the library's own: float32 sums in another order.
TOLERANCE = 1e-4
#: And its probabilities, where the trees add up to those.
_APART = 1e-5


def write_bundle(
    folder: Path,
    *,
    spec: Spec,
    onnx: bytes,
    own_margin: NDArray[np.float64],
    rows: Matrix,
    reference: Reference,
    card: Mapping[str, object],
    scorecard: Mapping[str, object] | None,
) -> str:
    """Write the folder and return its id. `rows` are input rows that the model was fitted on,
    `own_margin` the log odds that its library gives them.

    Raises BundleError where the bundle does not score those rows as the library itself does.
    """
    folder.mkdir(parents=True)
    (folder / SPEC).write_text(spec.to_json())
    if onnx:
        (folder / MODEL).write_bytes(onnx)
    if scorecard is not None:
        _write(folder / SCORECARD, scorecard)
    (folder / REFERENCE).write_text(reference.to_json())
    environment = {name: version(name) for name in LIBRARIES}
    _write(
        folder / CARD,
        {"scenario": spec.scenario, "family": spec.family, **card, "environment": environment},
    )
    write_manifest(folder)

    scorer = Bundle.load(folder)
    margin = scorer.score(rows).margin
    far = np.abs(margin - own_margin) / np.maximum(1.0, np.abs(own_margin))
    if isinstance(spec.model, TreesModel) and spec.model.output == "probability":
        # Near 1, log odds of a float32 have no digits left: what was added up is compared there.
        apart = np.abs(1 / (1 + np.exp(-margin)) - 1 / (1 + np.exp(-own_margin)))
        far = np.where(apart <= _APART, 0.0, far)
    if not far.max() <= TOLERANCE:
        raise BundleError(
            f"bundle {spec.scenario} {spec.family}: expected log odds within {TOLERANCE:g} of the "
            f"library's own, found {far.max():g} away"
        )
    _write(folder / GOLDEN, asdict(scorer.answers_of(_golden_rows(spec.inputs, rows))))
    identity = write_manifest(folder)
    Bundle.load(folder, identity).verify()
    return identity


def _write(path: Path, document: Mapping[str, object]) -> None:
    path.write_text(json.dumps(document, sort_keys=True, indent=1, allow_nan=False) + "\n")


def _golden_rows(inputs: tuple[Input, ...], rows: Matrix) -> list[dict[str, object]]:
    """Rows spread over the table, those with the most missing values, and one with nothing."""
    spread = np.linspace(0, len(rows) - 1, num=min(_GOLDEN_ROWS, len(rows))).astype(int)
    holes: NDArray[np.int64] = np.isnan(rows).sum(axis=1)
    most = np.argsort(-holes, kind="stable")[:2]
    chosen = rows[sorted({*spread.tolist(), *most.tolist()})]
    nullable = np.array([i.nullable for i in inputs])
    bare = np.where(nullable, np.nan, rows[0])
    return [
        {i.name: shown(i, cell) for i, cell in zip(inputs, row.tolist(), strict=True)}
        for row in (*chosen, bare)
    ]

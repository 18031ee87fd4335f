"""Write a bundle: the fitted family in the scoring format, with rows that prove it."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import BundleError
from components.scoring.bundle import CARD, GOLDEN, MODEL, SPEC, Bundle, write_manifest
from components.scoring.instances import Matrix
from components.scoring.spec import Input, RowFeature, Spec
from components.training.families import TOLERANCE, Fitted

_GOLDEN_ROWS = 20
_LIBRARIES = ("numpy", "onnx", "onnxmltools", "onnxruntime", "scikit-learn", "xgboost-cpu")


def write_bundle(
    folder: Path,
    *,
    scenario: str,
    family: str,
    inputs: tuple[Input, ...],
    features: tuple[RowFeature, ...],
    fitted: Fitted,
    rows: Matrix,
    card: Mapping[str, object],
) -> str:
    """Write the folder and return its id. `rows` are the input rows that `fitted` was fitted on.

    Raises BundleError where the bundle does not score those rows as the library itself does.
    """
    folder.mkdir(parents=True)
    spec = Spec(scenario, family, inputs, features, fitted.numbers, fitted.indicators, fitted.model)
    (folder / SPEC).write_text(spec.to_json())
    if fitted.onnx:
        (folder / MODEL).write_bytes(fitted.onnx)
    environment = {name: version(name) for name in _LIBRARIES}
    full_card = {"scenario": scenario, "family": family, **card, "environment": environment}
    (folder / CARD).write_text(json.dumps(full_card, sort_keys=True, indent=1) + "\n")
    (folder / GOLDEN).write_text(json.dumps({"rows": [], "pd": []}))
    write_manifest(folder)

    scorer = Bundle.load(folder)
    far = float(np.abs(scorer.score(rows).pd - fitted.own_pd).max())
    if far > TOLERANCE:
        raise BundleError(
            f"bundle {scenario} {family}: expected PDs within {TOLERANCE:g} of the library's own, "
            f"found {far:g}"
        )
    golden = _golden_rows(inputs, rows)
    pds = scorer.score(scorer.rows(golden)).pd.tolist()
    text = json.dumps({"rows": golden, "pd": pds}, sort_keys=True, indent=1, allow_nan=False)
    (folder / GOLDEN).write_text(text + "\n")
    identity = write_manifest(folder)
    Bundle.load(folder, identity).check_golden()
    return identity


def _golden_rows(inputs: tuple[Input, ...], rows: Matrix) -> list[dict[str, object]]:
    """Rows spread over the table, and those with the most missing values among them."""
    spread = np.linspace(0, len(rows) - 1, num=min(_GOLDEN_ROWS, len(rows))).astype(int)
    holes: NDArray[np.int64] = np.isnan(rows).sum(axis=1)
    most = np.argsort(-holes, kind="stable")[:2]
    chosen = sorted({*spread.tolist(), *most.tolist()})
    return [
        {i.name: _plain(i, cell) for i, cell in zip(inputs, rows[n].tolist(), strict=True)}
        for n in chosen
    ]


def _plain(declared: Input, cell: float) -> object:
    if np.isnan(cell):
        return None
    if declared.kind == "category":
        return declared.values[int(cell)]
    return int(cell) if declared.kind == "integer" else cell

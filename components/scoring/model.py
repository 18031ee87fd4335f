"""The two kinds of model and of calibration, each scoring a row the same in any batch."""

from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from components.contracts.errors import BundleError
from components.scoring.instances import Matrix
from components.scoring.portable import exp, log
from components.scoring.spec import Isotonic, LinearModel, Platt, TreesModel

#: A forest may be certain; its log odds stay finite.
_LEAST = 1e-6
_LARGEST = 1e150


class Model(Protocol):
    """From the model's matrix to log odds, one a row."""

    def margin(self, matrix: Matrix) -> NDArray[np.float64]: ...


class Trees:
    """A tree ensemble on ONNX Runtime, one thread: with two, sums differ by the batch."""

    def __init__(self, path: Path, output: str) -> None:
        self._probability = output == "probability"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's own errors share no class
            raise BundleError(
                f"bundle {path.parent}: {path.name}: expected an ONNX model, found: "
                f"{str(error)[:200]}"
            ) from None
        self._input = self._session.get_inputs()[0].name

    def margin(self, matrix: Matrix) -> NDArray[np.float64]:
        (values,) = self._session.run(None, {self._input: matrix.astype(np.float32)})
        found = np.asarray(values, dtype=np.float64).reshape(-1)
        if not self._probability:
            return found
        sure = np.minimum(np.maximum(found, _LEAST), 1.0 - _LEAST)
        return log(sure / (1.0 - sure))


class Linear:
    """A weighted sum, column after column: a matrix product would sum in the batch's order."""

    def __init__(self, spec: LinearModel) -> None:
        self._intercept = spec.intercept
        self._weights = np.array(spec.weights, dtype=np.float64)

    def margin(self, matrix: Matrix) -> NDArray[np.float64]:
        # A margin of such a size is certainty anyway; two infinities could meet as no number.
        bounded = np.minimum(np.maximum(matrix, -_LARGEST), _LARGEST)
        # A running sum is sequential by definition; its last column is the total.
        return np.cumsum(bounded * self._weights, axis=1)[:, -1] + self._intercept


def load_model(spec: TreesModel | LinearModel, folder: Path) -> Model:
    """The model that a spec describes; its file's hash was verified before."""
    if isinstance(spec, TreesModel):
        if Path(spec.file).name != spec.file:
            raise BundleError(f"bundle {folder}: expected a model beside it, found {spec.file!r}")
        return Trees(folder / spec.file, spec.output)
    return Linear(spec)


class Calibration:
    """From log odds to the PD."""

    def __init__(self, spec: Platt | Isotonic) -> None:
        self._spec = spec
        if isinstance(spec, Isotonic):
            self._margins, self._pds = np.array(spec.margins), np.array(spec.pds)
            self._rise = np.append(np.diff(self._pds) / np.diff(self._margins), 0.0)
            self._next = np.append(self._pds[1:], self._pds[-1])

    def __call__(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        if isinstance(self._spec, Platt):
            odds = self._spec.slope * margin + self._spec.intercept
            return 1.0 / (1.0 + exp(-odds))
        inside = np.minimum(np.maximum(margin, self._margins[0]), self._margins[-1])
        place = np.searchsorted(self._margins, inside, side="right") - 1
        line = self._pds[place] + self._rise[place] * (inside - self._margins[place])
        # Its last bit may lie above the point where the next line begins.
        pd: NDArray[np.float64] = np.minimum(line, self._next[place])
        return pd

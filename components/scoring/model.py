"""The two kinds of model, each scoring a row the same in any batch."""

from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from components.scoring.instances import Matrix
from components.scoring.spec import LinearModel, TreesModel


class Model(Protocol):
    """From the model's matrix to log odds, one a row."""

    def margin(self, matrix: Matrix) -> NDArray[np.float64]: ...


class Trees:
    """A tree ensemble on ONNX Runtime, one thread: with two, sums differ by the batch."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def margin(self, matrix: Matrix) -> NDArray[np.float64]:
        (values,) = self._session.run(None, {self._input: matrix.astype(np.float32)})
        return np.asarray(values, dtype=np.float64).reshape(-1)


class Linear:
    """A weighted sum, column after column: a matrix product would sum in the batch's order."""

    def __init__(self, spec: LinearModel) -> None:
        self._intercept = spec.intercept
        self._weights = np.array(spec.weights, dtype=np.float64)

    def margin(self, matrix: Matrix) -> NDArray[np.float64]:
        # A running sum is sequential by definition; its last column is the total.
        return np.cumsum(matrix * self._weights, axis=1)[:, -1] + self._intercept


def load_model(spec: TreesModel | LinearModel, folder: Path) -> Model:
    """The model that a spec describes; its file's hash was verified before."""
    if isinstance(spec, TreesModel):
        return Trees(folder / spec.file)
    return Linear(spec)

"""Row features and the fitted transform: from the input matrix to the model's matrix.

Whole-matrix operations, each element by element: a row's values never depend on its batch.
"""

import numpy as np

from components.scoring.expressions import Evaluate, compile_expression
from components.scoring.instances import Matrix
from components.scoring.spec import RowFeature, Spec

_LARGEST = 1e150


class RowFeatures:
    """The declared features of a row, from its inputs."""

    def __init__(self, inputs: tuple[str, ...], features: tuple[RowFeature, ...]) -> None:
        self._inputs = inputs
        self._plain = [
            (position, inputs.index(feature.name))
            for position, feature in enumerate(features)
            if feature.expression is None
        ]
        self._computed: list[tuple[int, Evaluate]] = [
            (position, compile_expression(feature.expression))
            for position, feature in enumerate(features)
            if feature.expression is not None
        ]
        self._width = len(features)

    def __call__(self, inputs: Matrix) -> Matrix:
        """One column a feature, in the declared order."""
        features = np.empty((len(inputs), self._width), dtype=np.float64)
        if self._plain:
            targets, sources = (list(side) for side in zip(*self._plain, strict=True))
            features[:, targets] = inputs[:, sources]
        # Contiguous columns: numpy takes another path through strided memory.
        columns = dict(zip(self._inputs, np.ascontiguousarray(inputs.T), strict=True))
        for position, evaluate in self._computed:
            features[:, position] = evaluate(columns)
        return features


class Transform:
    """A spec's features, imputed, scaled and encoded."""

    def __init__(self, spec: Spec) -> None:
        self.features = RowFeatures(tuple(i.name for i in spec.inputs), spec.features)
        self._number = [column.feature for column in spec.numbers]
        # NaN as the fill leaves missing as missing.
        self._impute = np.array([np.nan if c.impute is None else c.impute for c in spec.numbers])
        self._center = np.array([column.center for column in spec.numbers])
        self._scale = np.array([column.scale for column in spec.numbers])
        self._indicator = [column.feature for column in spec.indicators]
        self._code = np.array([float(column.code) for column in spec.indicators])

    def __call__(self, inputs: Matrix) -> Matrix:
        """The model's matrix: number columns, then indicator columns."""
        features = self.features(inputs)
        numbers = features[:, self._number]
        numbers = np.where(np.isnan(numbers), self._impute, numbers)
        with np.errstate(over="ignore"):
            numbers = np.asarray((numbers - self._center) / self._scale)
        # A margin of such a size is certainty anyway; two infinities could meet as no number.
        numbers = np.clip(numbers, -_LARGEST, _LARGEST)
        if not self._indicator:
            return numbers
        indicators = (features[:, self._indicator] == self._code).astype(np.float64)
        return np.concatenate([numbers, indicators], axis=1)

"""Row features and the fitted transform: from the input matrix to the model's matrix.

Whole-matrix operations, each element by element: a row's values never depend on its batch.
"""

from collections.abc import Sequence

import numpy as np

from components.scoring.expressions import Evaluate, compile_expression
from components.scoring.instances import Matrix
from components.scoring.spec import BinnedColumn, Columns, Input, NumberColumn, RowFeature

_CHUNK = 2048  # rows


class RowFeatures:
    """The declared features of a row, from its inputs."""

    def __init__(self, inputs: Sequence[Input], features: tuple[RowFeature, ...]) -> None:
        names = [i.name for i in inputs]
        categories = {i.name: i.values for i in inputs if i.kind == "category"}
        plain = [
            (place, names.index(feature.name))
            for place, feature in enumerate(features)
            if feature.expression is None
        ]
        self._targets = np.array([target for target, _ in plain], dtype=np.intp)
        self._sources = np.array([source for _, source in plain], dtype=np.intp)
        self._computed: list[tuple[int, Evaluate]] = [
            (place, compile_expression(feature.expression, categories))
            for place, feature in enumerate(features)
            if feature.expression is not None
        ]
        self._names = names
        self._width = len(features)

    def __call__(self, inputs: Matrix) -> Matrix:
        """One column a feature, in the declared order."""
        if not self._computed:
            return inputs[:, self._sources]
        features = np.empty((len(inputs), self._width), dtype=np.float64)
        features[:, self._targets] = inputs[:, self._sources]
        # Contiguous columns: numpy takes another path through strided memory.
        columns = dict(zip(self._names, np.ascontiguousarray(inputs.T), strict=True))
        with np.errstate(all="ignore"):
            for position, evaluate in self._computed:
                features[:, position] = evaluate(columns)
        return features


class Encoder:
    """From features to the model's matrix: imputed, scaled, encoded, binned."""

    def __init__(self, columns: Columns) -> None:
        numbers = columns.numbers
        self._number = np.array([column.feature for column in numbers], dtype=np.intp)
        # NaN as the fill leaves missing as missing.
        self._impute = np.array([np.nan if c.impute is None else c.impute for c in numbers])
        self._center = np.array([column.center for column in numbers], dtype=np.float64)
        self._scale = np.array([column.scale for column in numbers], dtype=np.float64)
        self._as_they_are = all(c == NumberColumn(c.feature) for c in numbers)
        in_order = [column.feature for column in numbers] == list(range(len(numbers)))
        others = (columns.indicators, columns.coded, columns.binned)
        #: As many features as columns, each as it is: nothing to do.
        self._nothing = self._as_they_are and in_order and not any(others)
        indicators = columns.indicators
        self._indicator = np.array([column.feature for column in indicators], dtype=np.intp)
        self._code = np.array([float(column.code) for column in indicators], dtype=np.float64)
        self._coded = [
            (column.feature, np.array([*column.values, column.missing])) for column in columns.coded
        ]
        self._bins = _Bins(columns.binned) if columns.binned else None

    def __call__(self, features: Matrix) -> Matrix:
        """Number columns, then indicators, coded and binned ones."""
        if self._nothing and features.shape[1] == len(self._number):
            return features
        parts = []
        if len(self._number):
            numbers = features[:, self._number]
            if not self._as_they_are:
                numbers = np.where(np.isnan(numbers), self._impute, numbers)
                numbers = (numbers - self._center) / self._scale
            parts.append(numbers)
        if len(self._indicator):
            parts.append((features[:, self._indicator] == self._code).astype(np.float64))
        for position, values in self._coded:
            codes = features[:, position]
            place = np.where(np.isnan(codes), len(values) - 1, codes).astype(np.intp)
            parts.append(values[place][:, None])
        if self._bins is not None:
            parts.append(self._bins(features))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


class _Bins:
    """All binned columns at once: their edges in one table, padded with infinity."""

    def __init__(self, columns: tuple[BinnedColumn, ...]) -> None:
        self._feature = np.array([column.feature for column in columns], dtype=np.intp)
        most = max(len(column.edges) for column in columns)
        codes = max(len(column.special) for column in columns)
        self._edges = np.full((len(columns), most), np.inf)
        self._special = np.full((len(columns), codes), np.nan)  # NaN equals nothing
        # A column's values: its bins, then its special codes, then missing.
        self._values = np.zeros((len(columns), most + 1 + codes + 1))
        for row, column in enumerate(columns):
            self._edges[row, : len(column.edges)] = column.edges
            self._values[row, : len(column.values)] = column.values
            for place, (code, value) in enumerate(column.special):
                self._special[row, place] = code
                self._values[row, most + 1 + place] = value
            self._values[row, -1] = column.missing
        self._first_special = most + 1
        self._row = np.arange(len(columns))

    def __call__(self, features: Matrix) -> Matrix:
        binned = np.empty((len(features), len(self._feature)))
        for start in range(0, len(features), _CHUNK):  # the comparisons of a chunk fit the cache
            some = features[start : start + _CHUNK, self._feature]
            place = (some[:, :, None] > self._edges).sum(axis=2)
            for number in range(self._special.shape[1]):
                special = some == self._special[:, number]
                place = np.where(special, self._first_special + number, place)
            place = np.where(np.isnan(some), self._values.shape[1] - 1, place)
            binned[start : start + _CHUNK] = self._values[self._row, place]
        return binned

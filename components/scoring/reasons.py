"""Reasons: what of a row hurt its score, against a reference, in the scenario's own words.

A feature's part is the margin of the row less the margin of the same row with this feature at
its reference: what a client would gain who had the usual value there, and nothing else changed.
It holds for every family, and putting the top reason's feature right does improve the margin.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.scoring.instances import Matrix
from components.scoring.spec import Spec

#: Log odds below which a part is no reason.
LEAST = 1e-3
_CELLS = 2_000_000  # of the matrix of altered rows at a time
_WHOLE, _ROUND = 1e15, 1e4


@dataclass(frozen=True)
class Reason:
    """One reason of an answer."""

    code: str
    feature: str
    text: str


def parts(
    margin_of: Callable[[Matrix], NDArray[np.float64]], features: Matrix, reference: Matrix
) -> Matrix:
    """One row a client, one column a feature: log odds of bad that the feature adds.

    `reference` is one row; a feature that is at its reference adds nothing.
    """
    rows, width = features.shape
    found = np.zeros((rows, width))
    same = (features == reference) | (np.isnan(features) & np.isnan(reference))
    step = max(1, _CELLS // (width * (width + 1)))
    for start in range(0, rows, step):
        some = features[start : start + step]
        row, column = np.nonzero(~same[start : start + len(some)])
        altered = some[np.concatenate([np.arange(len(some)), row])]
        altered[len(some) + np.arange(len(row)), column] = reference[column]
        margin = margin_of(altered)
        found[start + row, column] = margin[row] - margin[len(some) :]
    return found


class Reasons:
    """Puts parts into the scenario's words."""

    def __init__(self, spec: Spec) -> None:
        self._most = spec.most_reasons
        self._names = [feature.name for feature in spec.features]
        self._texts = spec.reasons
        values = {i.name: i.values for i in spec.inputs if i.kind == "category"}
        self._values = [
            values.get(f.name, ()) if f.expression is None else () for f in spec.features
        ]
        self.reference = np.array(
            [np.nan if text.reference is None else text.reference for text in spec.reasons]
        )

    def of(self, part: NDArray[np.float64], features: NDArray[np.float64]) -> tuple[Reason, ...]:
        """The reasons of one row, the one that hurt most first; none where nothing hurt."""
        order = np.argsort(-part, kind="stable")[: self._most].tolist()
        return tuple(
            Reason(self._texts[n].code, self._names[n], self._sentence(n, float(features[n])))
            for n in order
            if part[n] >= LEAST and self._texts[n].code
        )

    def _sentence(self, number: int, value: float) -> str:
        text, reference = self._texts[number], float(self.reference[number])
        sentence = text.text
        if math.isnan(value):
            sentence = text.missing or sentence
        elif value < reference and not self._values[number]:
            sentence = text.below or sentence
        if "{" not in sentence:
            return sentence
        usual = sentence.replace("{reference}", self._shown(number, reference))
        return usual.replace("{value}", self._shown(number, value))

    def _shown(self, number: int, value: float) -> str:
        if math.isnan(value):
            return "not known"
        values = self._values[number]
        return values[int(value)] if values else shown(value)


def shown(value: float) -> str:
    """A number for people: at most four digits that count, no exponent where it can be helped."""
    if value == int(value) and abs(value) < _WHOLE:
        return f"{int(value):,}"
    return f"{value:,.0f}" if _ROUND <= abs(value) < _WHOLE else f"{value:.4g}"

"""What the development rows looked like: frozen bins of every feature and of the score.

Whoever asks later whether the population moved (evaluation, monitoring) counts over these bins:
tenths of the known values, or a category each, and one bin more for missing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.scoring.instances import Matrix

Values = NDArray[np.float64]
_TENTHS = np.arange(1, 10) / 10
#: Stands for an empty bin's share, so that a logarithm exists.
_LEAST_SHARE = 1e-4


@dataclass(frozen=True)
class Bins:
    """The bins of one feature: above one edge and at most the next; missing comes last.

    A category's edges lie between its codes.
    """

    edges: tuple[float, ...]
    expected: tuple[float, ...]

    def places(self, values: Values) -> NDArray[np.intp]:
        """The bin of each value."""
        found = np.searchsorted(np.array(self.edges), values, side="left")
        return np.where(np.isnan(values), len(self.edges) + 1, found)

    def shares(self, values: Values) -> Values:
        """The share of the values in each bin."""
        counts = np.bincount(self.places(values), minlength=len(self.edges) + 2)
        return counts / max(1, len(values))


@dataclass(frozen=True)
class Reference:
    """A bundle's `reference.json`."""

    rows: int
    features: Mapping[str, Bins]
    score: Bins
    #: 101 PDs, ascending: of rows that the model that scored them had not seen.
    percentiles: tuple[float, ...]

    def to_json(self) -> str:
        def plain(bins: Bins) -> dict[str, object]:
            return {"edges": bins.edges, "expected": bins.expected}

        text = {
            "rows": self.rows,
            "features": {name: plain(bins) for name, bins in self.features.items()},
            "score": plain(self.score),
            "percentiles": self.percentiles,
        }
        return json.dumps(text, sort_keys=True, indent=1, allow_nan=False) + "\n"

    @staticmethod
    def read(path: Path) -> "Reference":
        raw = json.loads(path.read_text())

        def bins(found: Mapping[str, Sequence[float]]) -> Bins:
            return Bins(tuple(found["edges"]), tuple(found["expected"]))

        return Reference(
            rows=raw["rows"],
            features={name: bins(found) for name, found in raw["features"].items()},
            score=bins(raw["score"]),
            percentiles=tuple(raw["percentiles"]),
        )


def freeze(
    names: Sequence[str], categories: Sequence[int], features: Matrix, unseen_pd: Values
) -> Reference:
    """The reference of these rows; `categories` is how many a feature has, 0 for a number.

    `unseen_pd` are PDs of the same rows by models that had not seen them.
    """
    return Reference(
        rows=len(features),
        features={
            name: bins_of(features[:, place], count)
            for place, (name, count) in enumerate(zip(names, categories, strict=True))
        },
        score=bins_of(unseen_pd, 0),
        percentiles=tuple(
            np.quantile(unseen_pd, np.arange(101) / 100, method="inverted_cdf").tolist()
        ),
    )


def bins_of(values: Values, categories: int = 0) -> Bins:
    """The bins of these values; `categories` is how many a feature has, 0 for a number."""
    known = values[~np.isnan(values)]
    if categories:
        edges = tuple(code + 0.5 for code in range(categories - 1))
    else:
        # Of an order statistic, not between two: a bin's border is a value that is there.
        tenths = np.quantile(known, _TENTHS, method="inverted_cdf") if len(known) else known
        edges = tuple(np.unique(tenths).tolist())
    empty = Bins(edges, ())
    return Bins(edges, tuple(empty.shares(values).tolist()))


def psi(expected: Sequence[float] | Values, found: Sequence[float] | Values) -> float:
    """Population stability index: 0 where the shares are equal, above 0.25 where they moved."""
    return float(moves(expected, found).sum())


def moves(expected: Sequence[float] | Values, found: Sequence[float] | Values) -> Values:
    """What each of the bins adds to the PSI."""
    before = np.maximum(np.asarray(expected, dtype=np.float64), _LEAST_SHARE)
    after = np.maximum(np.asarray(found, dtype=np.float64), _LEAST_SHARE)
    return np.asarray((after - before) * np.log(after / before))

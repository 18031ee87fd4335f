"""Rows of 40 features: counts, categories, numbers, some missing; and references of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.monitoring.drift import Month
from components.scoring.reference import Reference, freeze

Values = NDArray[np.float64]
NAMES = tuple(f"F{number:02d}" for number in range(40))
#: F05 and F06; the last of the values are rare.
CATEGORIES = {name: tuple("abcdefgh") for name in NAMES[5:7]}
_SHARES = (0.4, 0.3, 0.2, 0.05, 0.03, 0.015, 0.004, 0.001)


@dataclass(frozen=True)
class Rows:
    features: Values
    pd: Values


def rows_of(count: int, seed: int) -> Rows:
    """As many rows, none like another; from F20 on more and more are missing."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, len(NAMES)))
    features[:, :2] = np.rint(np.exp(features[:, :2]))
    features[:, 5:7] = rng.choice(len(_SHARES), (count, 2), p=_SHARES)
    missing = np.zeros(len(NAMES))
    missing[20:] = np.linspace(0, 0.3, len(NAMES) - 20)
    features[rng.random(features.shape) < missing] = np.nan
    return Rows(features, 1 / (1 + np.exp(2 - rng.normal(size=count))))


def reference_of(rows: Rows) -> Reference:
    codes = [len(CATEGORIES.get(name, ())) for name in NAMES]
    return freeze(NAMES, codes, rows.features, rows.pd)


def month_of(rows: Rows, *, names: Sequence[str] = NAMES, without: Collection[str] = ()) -> Month:
    """The rows as a month that approves PDs below a fifth."""
    kept = [place for place, name in enumerate(names) if name not in without]
    return Month(
        names=[names[place] for place in kept],
        features=rows.features[:, kept],
        pd=rows.pd,
        approved=rows.pd < 0.2,
        categories=CATEGORIES if names is NAMES else {},
    )

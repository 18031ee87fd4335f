"""How high an information value and a PSI are by chance alone, 999 times in 1,000 at most.

A page has dozens of features: 1 in 100 would be a false alarm on every other page.

Both are above 0 where there is nothing to find: of k bins by about (k - 1) * (1/n + 1/m), with n
and m rows on the two sides, and by far more where a bin holds only a few of them. So it is not
reckoned but tried: the same rows are dealt out to the two sides anew, at random.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.contracts.results import Moved
from components.scoring.evidence import told
from components.scoring.reference import Bins, moves, psi

Values = NDArray[np.float64]
_DEALS, _SEED = 2_000, 1
_MOST, _USUAL = 0.999, 0.95


def iv_by_chance(rows: Sequence[int], bad: int) -> float | None:
    """Of bins with so many rows, of which so many are bad; None for rows of one class."""
    good = sum(rows) - bad
    if not bad or not good:
        return None
    dealt = _deals(rows, bad)
    return _most(told(dealt, np.asarray(rows) - dealt, bad, good))


def moved_to(name: str, bins: Bins, rows: int, later: Values) -> Moved:
    """How far later values moved from the bins of so many rows."""
    shares = bins.shares(later)
    chance = psi_by_chance(np.array(bins.expected), rows, shares, len(later))
    return Moved(name=name, psi=psi(bins.expected, shares), by_chance=chance)


def psi_by_chance(before: Values, rows: int, after: Values, later: int) -> float:
    """Of bins with these shares of so many rows on each side."""
    return _most(moves(*dealt_shares(before, rows, after, later)))


def dealt_shares(
    before: Values, rows: int, after: Values, later: int, seed: int = _SEED
) -> tuple[Values, Values]:
    """What both sides would show had nothing moved: the shares of each bin, a line a deal."""
    counts = np.rint(before * rows) + np.rint(after * later)
    dealt = _deals(counts.astype(np.int64), later, seed)
    return (counts - dealt) / (counts.sum() - later), dealt / later


def bands(dealt: Sequence[Values], level: float) -> list[float]:
    """The most that chance gives each figure of a report, in all but this share of reports.

    One out of 40 figures is above its own band 40 times as often: so of every dealt report the
    figure is looked at that is furthest above what is usual for it. `dealt` has a line a figure.
    """
    # Usual is what 1 deal in 20 is above: 1 in 1,000 is 2 deals, which do not know it well enough.
    own = [float(np.quantile(one, _USUAL)) or float(one.max()) for one in dealt]
    furthest = np.ones(_DEALS)
    for one, band in zip(dealt, own, strict=True):
        if band:
            np.maximum(furthest, one / band, out=furthest)
    above = float(np.quantile(furthest, 1 - level))
    return [above * band for band in own]


def ks_by_chance(rows: int, later: int) -> float:
    """How far two distributions of so many rows are apart at most (Smirnov's limit)."""
    return math.sqrt(-math.log((1 - _MOST) / 2) / 2 * (1 / rows + 1 / later))


def share_by_chance(share: float, rows: int, later: int) -> tuple[float, float]:
    """Between which a share of later rows stays where it is the one that so many rows had.

    Nothing of the later rows is in it: dealt out with them, a share that moved far would widen
    its own band. That of 0 among few rows may be a little more.
    """
    rng = np.random.default_rng(_SEED)
    count = round(share * rows)
    true = rng.beta(count + 0.5, rows - count + 0.5, _DEALS)
    low, high = np.quantile(rng.binomial(later, true) / later, [1 - _MOST, _MOST])
    return min(share, float(low)), max(share, float(high))


def _deals(rows: Sequence[int] | NDArray[np.int64], some: int, seed: int = _SEED) -> Values:
    """How many rows of each bin are among so many that are drawn; a line a deal."""
    rng = np.random.default_rng(seed)
    found = rng.multivariate_hypergeometric(rows, some, size=_DEALS, method="marginals")
    return found.astype(np.float64)


def _most(parts: Values) -> float:
    return float(np.quantile(parts.sum(axis=1), _MOST))

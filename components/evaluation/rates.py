"""Rates of few and many rows: how sure they are, and what they weigh."""

import math

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]
_Z = 1.959963984540054  # of 95 %
#: Added to every count, as a scorecard does: a bin without a bad row is not infinitely good.
_PRIOR = 0.5


def wilson(bad: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a rate: sound where no row, or every row, is bad.

    Raises ZeroDivisionError for no rows.
    """
    observed = bad / rows
    middle = (observed + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    spread = math.sqrt(observed * (1 - observed) / rows + (_Z / (2 * rows)) ** 2)
    half = _Z * spread / (1 + _Z**2 / rows)
    return min(observed, max(0.0, middle - half)), max(observed, min(1.0, middle + half))


def weights(rows: Counts, bad: Counts) -> tuple[Counts, float]:
    """Each bin's weight of evidence, and the information value of all of them.

    A weight is ln(share of the bad rows in the bin / share of the good rows in it): above 0 where
    the bin is worse than the whole, 0 where it has no rows.
    """
    good = rows - bad
    all_bad, all_good = max(1.0, float(bad.sum())), max(1.0, float(good.sum()))
    odds = all_bad / all_good  # the prior is shared out as the classes are
    woe = np.log((bad + _PRIOR * odds) / (good + _PRIOR) / odds)
    return woe, float(((bad / all_bad - good / all_good) * woe).sum())

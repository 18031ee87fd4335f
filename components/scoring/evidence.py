"""Weight of evidence: how much more bad there is in a part of the rows than in all of them."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Counts = Values | float
#: Added to every count: a bin without a bad row is not infinitely good.
_PRIOR = 0.5


def weights(bad: Counts, good: Counts, all_bad: float, all_good: float) -> Values:
    """ln(share of the bad rows in a bin / share of the good rows in it), of bins with so many rows
    of each class: above 0 where a bin is worse than all the rows, 0 where it has none.
    """
    odds = all_bad / all_good  # the prior is shared out as the classes are
    return np.asarray(np.log((bad + _PRIOR * odds) / (good + _PRIOR) / odds))


def told(bad: Counts, good: Counts, all_bad: float, all_good: float) -> Values:
    """What each of the bins adds to the information value."""
    woe = weights(bad, good, all_bad, all_good)
    return np.asarray((bad / all_bad - good / all_good) * woe)


def information_value(bad: Values, good: Values, all_bad: float, all_good: float) -> float:
    """What all the bins tell of the classes."""
    return float(told(bad, good, all_bad, all_good).sum())

"""How sure a rate of few or many rows is."""

import math

_Z = 1.959963984540054  # of 95 %


def wilson(bad: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a rate: sound where no row, or every row, is bad.

    Raises ZeroDivisionError for no rows.
    """
    observed = bad / rows
    middle = (observed + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    spread = math.sqrt(observed * (1 - observed) / rows + (_Z / (2 * rows)) ** 2)
    half = _Z * spread / (1 + _Z**2 / rows)
    return min(observed, max(0.0, middle - half)), max(observed, min(1.0, middle + half))

"""Labels and PDs that Hypothesis makes up."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Rows = tuple[NDArray[np.int64], NDArray[np.float64]]


@st.composite
def scored(draw: st.DrawFn) -> Rows:
    """Labels of both classes and PDs, with ties."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(12, 120))
    label = np.concatenate([[0, 1], rng.integers(0, 2, rows - 2)])
    pd = np.clip(rng.random(rows) * 0.7 + label * draw(st.floats(0, 0.3)), 0, 1)
    return label, np.round(pd, draw(st.sampled_from([1, 2, 12])))

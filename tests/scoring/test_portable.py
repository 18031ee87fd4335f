"""exp and log: right to the last bits, and the same bits on every processor."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.scoring.portable import exp, log

ROOT = Path(__file__).parents[2]
BITS = """
import hashlib, numpy as np
from components.scoring.portable import exp, log
rng = np.random.default_rng(5)
found = exp(rng.uniform(-40, 40, 200_000)).tobytes() + log(rng.random(200_000)).tobytes()
print(hashlib.sha256(found).hexdigest())
"""


@given(st.floats(-700, 700))
def test_exp_is_right(value: float) -> None:
    assert exp(np.array([value]))[0] == pytest.approx(math.exp(value), rel=2e-15)


@given(st.floats(1e-300, 1e300))
def test_log_is_right(value: float) -> None:
    assert log(np.array([value]))[0] == pytest.approx(math.log(value), rel=2e-15, abs=2e-15)


@pytest.mark.parametrize(("value", "expected"), [(0.0, 1.0), (-0.0, 1.0)])
def test_exp_of_nothing_is_one(value: float, expected: float) -> None:
    assert exp(np.array([value]))[0] == expected


@pytest.mark.parametrize("value", [1e9, -1e9, math.inf, -math.inf])
def test_exp_stays_a_number_above_nothing(value: float) -> None:
    assert 0 < exp(np.array([value]))[0] < math.inf


@given(st.floats(-700, 699))
def test_exp_never_falls(value: float) -> None:
    assert exp(np.array([value]))[0] <= exp(np.array([value + 1e-12]))[0] * (1 + 1e-15)


def test_the_bits_are_those_of_any_other_processor() -> None:
    def bits(**environment: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own interpreter, our own text
            [sys.executable, "-W", "ignore", "-c", BITS], cwd=ROOT, check=True,
            capture_output=True, text=True, env={**os.environ, **environment},
        )  # fmt: skip
        return done.stdout

    # The families of instructions that numpy chooses its own exp and log by.
    assert bits() == bits(NPY_DISABLE_CPU_FEATURES="X86_V4 AVX512_ICL AVX512_SPR X86_V3")

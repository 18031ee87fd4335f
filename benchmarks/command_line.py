"""What a user waits for at the prompt: help, one score. Peers: the limits in seconds."""

import os
import subprocess
import sys
import tempfile
import time

from benchmarks._line import line

_ROUNDS = 9


def _median(*command: str) -> float:
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "pipelines.cli", *command], check=True, capture_output=True
        )
        times.append(time.perf_counter() - started)
    return sorted(times)[_ROUNDS // 2]


def main() -> None:
    line("vintage --help, s (peer: the limit)", ours=_median("--help"), peer=0.3, goal=1.0)
    with tempfile.TemporaryDirectory() as home:
        os.environ["VINTAGE_HOME"] = home
        subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "run", "card-default"],
            check=True, capture_output=True,
        )  # fmt: skip
        scored = _median("score", "card-default", "--id", "17")
    line("vintage score --id, s (peer: the limit)", ours=scored, peer=1.0, goal=1.0)


if __name__ == "__main__":
    main()

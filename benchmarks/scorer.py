"""What a score costs: one row from named values, a million rows, and the import.

Peers: the limits in microseconds and seconds, and ONNX Runtime alone on the same million rows.
Run on one pinned core: taskset -c 0 python -m benchmarks.scorer
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks._line import line
from benchmarks._model import NAMES, make, rows_of
from components.scoring.bundle import MODEL, Bundle

_ROUNDS = 9
_ONE = 400  # single rows a round
_MANY = 1_000_000


def _median(rounds: list[float]) -> float:
    return sorted(rounds)[len(rounds) // 2]


def _one_row_us(
    answer: Callable[[dict[str, object]], object], rows: list[dict[str, object]]
) -> float:
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        for row in rows:
            answer(row)
        times.append((time.perf_counter() - started) / len(rows) * 1e6)
    return _median(times)


def _million(bundle: Bundle) -> tuple[float, float]:
    values, _ = rows_of(_MANY, 2)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    raw = onnxruntime.InferenceSession(str(bundle.folder / MODEL), options)
    name = raw.get_inputs()[0].name
    ours, peer = [], []
    for _ in range(3):
        started = time.perf_counter()
        bundle.score(values)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        raw.run(None, {name: values.astype(np.float32)})
        peer.append(time.perf_counter() - started)
    return _median(ours), _median(peer)


def _import_s() -> float:
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import components.scoring.scorer"], check=True)
        empty = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        times.append(2 * empty - started - time.perf_counter())
    return _median(times)


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        made = make(Path(folder))
        bundle = made.bundle
        rows: list[dict[str, object]] = [
            {n: None if np.isnan(v) else v for n, v in zip(NAMES, row, strict=True)}
            for row in made.rows[:_ONE].tolist()
        ]

        def plain(row: dict[str, object]) -> float:
            return float(bundle.score(bundle.rows([row])).pd[0])

        def told(row: dict[str, object]) -> object:
            features = bundle.features(bundle.rows([row]))
            return float(bundle.score_features(features).pd[0]), bundle.reasons(features)

        line("one row, us (peer: the limit)", ours=_one_row_us(plain, rows), peer=60.0, goal=1.0)
        line(
            "one row with reasons, us (peer: the limit)",
            ours=_one_row_us(told, rows), peer=250.0, goal=1.0,
        )  # fmt: skip
        ours, peer = _million(bundle)
        line("1 million rows, s (peer: ONNX Runtime alone)", ours=ours, peer=peer, goal=1.2)
    line("import of the scorer, s (peer: the limit)", ours=_import_s(), peer=0.4, goal=1.0)


if __name__ == "__main__":
    main()

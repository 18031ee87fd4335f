"""A month of 1 million rows x 50 features against the model's reference, beside Evidently's PSI.

Each side in a process of its own, on one core; seconds are the processor's, as others use it too.
Peers: Evidently's drift preset with its PSI, which is what its users call, and its PSI alone
without a page. And the page that a report carries, against its limits.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._line import line
from components.contracts.drift import SCORE
from components.monitoring.drift import Month, drift
from components.monitoring.evidence import OUTCOME, evidently
from components.scoring.reference import Reference, freeze

_ROWS, _WIDTH, _ROUNDS = 1_000_000, 50, 5
_CUTOFF = 0.2
_NAMES = [f"F{number:02d}" for number in range(_WIDTH)]
Values = NDArray[np.float64]


def _rows(seed: int, moved: float, rows: int = _ROWS) -> tuple[Values, Values]:
    """Features, a twentieth of them missing, each further away than the last; and PDs."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, _WIDTH))
    values += moved * np.arange(_WIDTH) / _WIDTH
    for start in range(0, rows, 10_000):  # no second matrix, so that peaks are the watch's own
        part = values[start : start + 10_000]
        part[rng.integers(0, 20, part.shape) == 0] = np.nan
    return values, rng.random(rows) ** 2


def _month(features: Values, pd_: Values) -> Month:
    return Month(_NAMES, features, pd_, pd_ < _CUTOFF, {})


def _frozen(features: Values, pd_: Values) -> Reference:
    return freeze(_NAMES, [0] * _WIDTH, features, pd_)


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Of the processor, and of the clock."""
    used, started = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - used, time.perf_counter() - started


def _memory(name: str) -> float:
    """A line of /proc/self/status, in MB."""
    status = Path("/proc/self/status").read_text().split(name)[1]
    return int(status.split()[1]) / 1_024


def _measured(work: Callable[[], object]) -> dict[str, float]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak is from now on
    before = _memory("VmRSS")
    cpu, clock = _seconds(work)
    return {"cpu": cpu, "clock": clock, "mb": _memory("VmHWM") - before}


def _ours() -> dict[str, Any]:
    reference = _frozen(*_rows(1, 0))
    month = _month(*_rows(2, 1))
    first = _measured(lambda: drift(reference, month))
    rounds = sorted(_seconds(lambda: drift(reference, month)) for _ in range(_ROUNDS))
    first["cpu"], first["clock"] = rounds[_ROUNDS // 2]
    return first


def _evidently() -> dict[str, Any]:
    from evidently import DataDefinition, Dataset, Report
    from evidently.legacy.calculations.stattests.psi import _psi
    from evidently.legacy.core import ColumnType
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(numerical_columns=_NAMES)
    before, after = (
        pd.DataFrame(_rows(*which)[0], columns=_NAMES, copy=False) for which in ((1, 0), (2, 1))
    )

    def run() -> None:
        reference, month = (
            Dataset.from_pandas(frame, data_definition=definition) for frame in (before, after)
        )
        Report([DataDriftPreset(method="psi")]).run(month, reference)

    found: dict[str, Any] = _measured(run)

    def alone() -> None:
        for name in _NAMES:
            pair = before[name].dropna(), after[name].dropna()
            _psi(*pair, ColumnType.Numerical, 0.1)

    found["alone"] = _seconds(alone)[0]
    reference = _frozen(before.to_numpy(), _rows(1, 0)[1])
    ours = drift(reference, _month(after.to_numpy(), _rows(2, 1)[1]))
    found["apart"] = 0.0
    for one in ours.features:
        pair = _binned(before, after, reference, one.name)
        theirs = _psi(*pair, ColumnType.Categorical, 0.1)[0]
        found["apart"] = max(found["apart"], abs(theirs - (one.psi or 0.0)))
    return found


def _binned(
    before: pd.DataFrame, after: pd.DataFrame, reference: Reference, name: str
) -> tuple[pd.Series, pd.Series]:
    """Both columns as categories, which are the frozen bins, cut by pandas; missing is one."""
    edges = [-np.inf, *reference.features[name].edges, np.inf]
    return tuple(pd.cut(f[name], edges, labels=False).fillna(-1) for f in (before, after))


def _page() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    frames = []
    for which in ((1, 0), (2, 1)):
        features, pds = _rows(*which, rows=20_000)
        frame = pd.DataFrame(features, columns=_NAMES)
        frame[SCORE], frame[OUTCOME] = pds, (rng.random(len(pds)) < pds).astype(int)
        frames.append(frame)
    before, after = frames
    reference = _frozen(before[_NAMES].to_numpy(), before[SCORE].to_numpy())
    found = drift(reference, _month(after[_NAMES].to_numpy(), after[SCORE].to_numpy()))
    made: list[str] = []
    used = _seconds(lambda: made.append(evidently(before, after, {}, found).html or ""))
    return {"cpu": used[0], "clock": used[1], "mb": len(made[0].encode()) / 1e6}


_SIDES = {"ours": _ours, "evidently": _evidently, "page": _page}


def _in_a_process(side: str) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-W", "ignore", "-m", "benchmarks.drift", side],
        check=True, stdout=subprocess.PIPE,
        env={**os.environ, "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"drift: {side}: {found}", file=sys.stderr)
    return found


def main() -> None:
    if len(sys.argv) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(json.dumps(_SIDES[sys.argv[1]]()))
        return
    ours, peer, page = (_in_a_process(side) for side in _SIDES)
    what, preset = "drift of 1 million rows x 50", "(peer: Evidently's drift preset)"
    line(f"{what}, CPU s {preset}", ours=ours["cpu"], peer=peer["cpu"], goal=0.04)
    line(f"{what}, s {preset}", ours=ours["clock"], peer=peer["clock"], goal=None)
    line(
        f"{what}, CPU s (peer: Evidently's PSI alone)",
        ours=ours["cpu"], peer=peer["alone"], goal=None,
    )  # fmt: skip
    line(f"{what}, peak MB {preset}", ours=ours["mb"], peer=peer["mb"], goal=0.5)
    line(
        "PSI on the same bins, millionths from Evidently's formula (peer: the limit)",
        ours=peer["apart"] * 1e6, peer=1.0, goal=1.0,
    )  # fmt: skip
    of_page = "Evidently's page of 50 features and outcomes"
    line(f"{of_page}, CPU s with the import (peer: the limit)", ours=page["cpu"], peer=15, goal=1)
    line(f"{of_page}, MB (peer: the limit)", ours=page["mb"], peer=8, goal=1)


if __name__ == "__main__":
    main()

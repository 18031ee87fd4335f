"""Ten million decisions beside ten million outcomes, as of a month: time, and what memory it takes.

`python -m benchmarks.outcomes 10` takes the size in millions of rows. The peer is pandas, which
merges the same files. Each runs in a process of its own, on two cores; both must find the same.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks._line import line
from components.monitoring.outcomes import SCHEMA
from components.monitoring.rows import schema_of
from components.scoring.decisions import Column

_DEFAULT = 10  # million rows
_AS_OF, _LAST = "2025-06", "2025-06-30"
_FIRST_MS = 1_704_067_200_000  # 2024-01-01
_MONTH_MS = 2_629_800_000
_FILES = 12
_REGIONS = ("north", "south", "east", "west")
_MEMORY_GB, _LIMIT_GIB = 2.0, 4.0
_INPUTS = (Column("INCOME", "number", ()), Column("REGION", "category", _REGIONS))
#: Of the outcomes: those that are said again, some of them otherwise.
_AGAIN = 0.01


def _ids(at: NDArray[np.int64], rng: np.random.Generator) -> pa.Array:
    """Ids as a server gives them."""
    parts = rng.integers(0, 256, (len(at), 15), np.uint8)
    parts[:, :6] = at.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 2:]
    text = np.frombuffer(parts.tobytes().hex().encode(), "S30")
    return pc.binary_join_element_wise(pa.array(text).cast(pa.string()), "0", "-")


def _decisions(rows: int, month: int, rng: np.random.Generator) -> pa.Table:
    at = np.sort(_FIRST_MS + month * _MONTH_MS + rng.integers(0, _MONTH_MS, rows))
    pd = rng.beta(1.0, 9.0, rows)
    releases = pa.array([letter * 64 for letter in "ab"])
    nothing = [pa.nulls(rows, kind) for kind in (pa.list_(pa.string()), pa.string(), pa.float64())]
    return pa.table(
        [
            _ids(at, rng),
            pa.array(at.astype("M8[ms]")).cast(pa.timestamp("ms", "UTC")),
            pa.array(np.arange(rows)).cast(pa.string()),
            releases.take(pa.array((np.arange(rows) > rows // 2).astype(np.int8))),
            pa.array(pd),
            pa.array(np.rint(600 - 400 * pd).astype(np.int32)),
            pa.array(pd < 0.3),  # noqa: PLR2004 - some cut-off
            *nothing,
            pa.array(rng.gamma(2.0, 20.0, rows)),
            pa.array(_REGIONS).take(pa.array(rng.integers(0, len(_REGIONS), rows))),
        ],
        schema=schema_of(_INPUTS),
    )


def _outcomes(ids: pa.ChunkedArray, rng: np.random.Generator) -> pa.Table:
    """One an id in any order, and some again; a third is known too late."""
    rows = len(ids)
    again = int(rows * _AGAIN)
    order = np.concatenate([rng.permutation(rows)[: rows - again], rng.integers(0, rows, again)])
    days = np.datetime64("2024-09-01") + rng.integers(0, 450, rows)
    flags = pa.array(rng.random(rows) < 0.1)  # noqa: PLR2004 - a tenth is bad
    return pa.table([ids.take(pa.array(order)), pa.array(days), flags], schema=SCHEMA)


def make(folder: Path, millions: str) -> list[int]:
    """Write both tables."""
    rows = int(millions) * 1_000_000
    rng = np.random.default_rng(42)
    for month in range(_FILES):
        share = rows // _FILES + (month < rows % _FILES)
        pq.write_table(_decisions(share, month, rng), folder / f"decisions-{month}.parquet")
    ids = pq.read_table(sorted(folder.glob("decisions-*")), columns=["decision"])["decision"]
    pq.write_table(_outcomes(ids, rng), folder / "outcomes.parquet")
    return [rows]


def ours(folder: Path) -> list[int]:
    """As the monitoring does it."""
    from components.monitoring.join import arrays, joined

    with joined(
        sorted(folder.glob("decisions-*")), [folder / "outcomes.parquet"], as_of=_AS_OF,
        columns=["in_REGION"], scratch=folder, memory_gb=_MEMORY_GB, threads=2,
    ) as found:  # fmt: skip
        bad = arrays(found.rows)["bad"]
    assert isinstance(bad, np.ndarray)
    return [len(bad), int((bad >= 0).sum()), int((bad == 1).sum())]


def by_pandas(folder: Path) -> list[int]:
    """The same in memory."""
    import pandas as pd

    wanted = ["decision", "at", "pd", "approved", "release", "in_REGION"]
    parts = [pd.read_parquet(path, columns=wanted) for path in sorted(folder.glob("decisions-*"))]
    decisions = pd.concat(parts, ignore_index=True)
    for name in ("release", "in_REGION"):
        decisions[name] = decisions[name].astype("category")
    del parts
    outcomes = pd.read_parquet(folder / "outcomes.parquet")
    known = outcomes[outcomes["known"] <= np.datetime64(_LAST).item()]
    first = known.sort_values(["known", "bad"], ascending=[True, False])
    first = first.drop_duplicates("decision")
    merged = decisions.merge(first, on="decision", how="left").sort_values("decision")
    return [len(merged), int(merged["bad"].notna().sum()), int((merged["bad"] == True).sum())]  # noqa: E712


_JOBS: dict[str, Callable[..., list[int]]] = {"make": make, "ours": ours, "by_pandas": by_pandas}


def _measure(job: str, folder: Path, *more: str) -> tuple[float, float, list[int]]:
    """Seconds, GiB of memory and what was found, of one job in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.outcomes", "--job", job, str(folder), *more]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    seconds, peak, found = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak, found


def _job(name: str, folder: Path, *more: str) -> None:
    started = time.perf_counter()
    found = _JOBS[name](folder, *more)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps([seconds, peak, found]))


def main(millions: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with tempfile.TemporaryDirectory(prefix="outcomes-") as name:
        folder = Path(name)
        # In a process of its own: a process begins with the peak of the one that started it.
        _measure("make", folder, str(millions))
        seconds, peak, found = _measure("ours", folder)
        its_seconds, its_peak, its_found = _measure("by_pandas", folder)
    if found != its_found:
        raise RuntimeError(f"outcomes: expected what pandas finds, {its_found}, found {found}")
    what = f"outcomes, {millions} million beside as many decisions"
    line(f"{what}, GiB of memory (peer: the limit)", ours=peak, peer=_LIMIT_GIB, goal=1.0)
    line(f"{what}, GiB of memory (peer: pandas)", ours=peak, peer=its_peak, goal=None)
    line(f"{what}, s (peer: pandas)", ours=seconds, peer=its_seconds, goal=None)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        _job(sys.argv[2], Path(sys.argv[3]), *sys.argv[4:])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else _DEFAULT)

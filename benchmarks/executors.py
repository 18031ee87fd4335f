"""Spark with two executors beside Spark in the task's pod: repeat-loans' ETL, as pods of a cluster.

`python -m benchmarks.executors 5` takes millions of loans. It needs what `make e2e` needs, and an
installation on it (`make deploy`); without them it says so and measures nothing. Start-up is taken
off: what the same tasks take for a thousand loans.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import samples
from benchmarks._line import line

_SCENARIO, _FEW, _PODS = "repeat-loans", 1_000, 2
_TASKS = ("ingest", "features")
_HOUR_S = 3_600  # the scenario's own limit is for the rows that it has


def _there() -> bool:
    """Whether there is an installation to measure on."""
    words = ["kubectl", "-n", "vintage", "get", "statefulset/minio"]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0  # noqa: S603
    except FileNotFoundError:
        return False


def _seconds(compiled: Path, rows: int, executors: int, folder: Path) -> float:
    """What both tasks say that they took, on loans of their own in a store of their own."""
    from tests.e2e import kube
    from tests.e2e.backend import Backend

    name = f"loans-{rows}"
    if not (folder / name).exists():
        samples.write(_SCENARIO, folder / name, rows=rows, seed=42)
        with kube.stores() as reached:
            for path in (folder / name).iterdir():
                reached.client.fput_object(
                    bucket_name="vintage",
                    object_name=f"data/{name}/{path.name}",
                    file_path=str(path),
                )
    backend, taken, seconds = Backend(compiled), dict[str, object](), 0.0
    store = f"measured/{backend.job}"
    own = {"VINTAGE_EXECUTORS": str(executors), "VINTAGE_STORE": f"s3://vintage/{store}"}
    for task in _TASKS:
        component, values = backend.component(task)
        given: dict[str, object] = {"timeout_minutes": _HOUR_S / 60}
        if task == "ingest":
            given["data"] = f"s3://vintage/data/{name}/"
        ran = backend.pod(
            task, component, {**values, **given}, taken, environment=own, deadline_s=_HOUR_S
        )
        if not ran.succeeded:
            raise SystemExit(ran.log[-3000:])
        taken = {"silver": ran.artifacts["silver"]} if task == "ingest" else {}
        with kube.stores() as reached:
            record = reached.client.get_object(
                bucket_name="vintage",
                object_name=f"{store}/runs/{backend.job}/stages/{task}.json",
            )
            seconds += json.loads(record.read())["seconds"]
    return seconds


def main(millions: int) -> None:
    if not os.environ.get("KUBECONFIG") or not _there():
        sys.stderr.write("executors: not measured: there is no cluster with an installation\n")
        return
    from pipelines.scenarios import load
    from pipelines.submitting import compiled

    with tempfile.TemporaryDirectory(prefix="executors-") as text:
        folder = Path(text)
        pipeline = compiled(load(_SCENARIO), "training", folder).path
        sizes = (_FEW, millions * 1_000_000)
        found = {
            (count, rows): _seconds(pipeline, rows, count, folder)
            for rows in sizes
            for count in (0, _PODS)
        }
        print(found, file=sys.stderr)
        local, spread = (found[count, sizes[1]] - found[count, _FEW] for count in (0, _PODS))
    line(f"ETL of {millions} million loans with {_PODS} executors, s (peer: local Spark)",
         ours=spread, peer=local, goal=1.5)  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["5"]))

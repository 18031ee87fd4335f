"""Spark's executors: pods of their own, which make the tables that local Spark makes, and go."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

import samples
from components.storage.objects import published
from pipelines.scenarios import load
from pipelines.submitting import compiled as compiled_one
from tests.e2e import kube
from tests.e2e.backend import Backend, Ran
from tests.e2e.conftest import FIGURES
from tests.e2e.planting import installed
from tests.support import Walk

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCENARIO, ROWS = "repeat-loans", 20_000
DATA = f"s3://vintage/data/{SCENARIO}/"


@pytest.fixture(scope="module")
def loans(installation: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lender's loans: a folder here, and the same in MinIO."""
    del installation  # where they are put
    folder = tmp_path_factory.mktemp("loans")
    samples.write(SCENARIO, folder, rows=ROWS, seed=42)
    with kube.stores() as reached:
        for path in folder.iterdir():
            reached.client.fput_object(
                bucket_name="vintage",
                object_name=f"data/{SCENARIO}/{path.name}",
                file_path=str(path),
            )
    return folder


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline, compiled: two executors are in its declaration."""
    return compiled_one(load(SCENARIO), "training", tmp_path_factory.mktemp("ir")).path


def executors() -> list[str]:
    """The names of the executors' pods that work."""
    pods = kube.get("pods", "-l", "spark-role=executor")["items"]
    return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"]


def _task(backend: Backend, name: str, artifacts: dict[str, Any], **given: str) -> Ran:
    component, values = backend.component(name)
    return backend.pod(name, component, {**values, **given}, artifacts)


def _at_work(begin: Callable[[], Ran], then: Callable[[list[str]], object]) -> Future[Ran]:
    """Begin a task, and do something as soon as two executors work for it."""
    with ThreadPoolExecutor(1) as pool:
        ran = pool.submit(begin)
        kube.until("two executors", lambda: ran.done() or len(executors()) == 2, seconds=300)
        then(executors())
        wait([ran])
    return ran


def test_two_executors_make_what_spark_makes_alone_though_one_is_killed(
    loans: Path, training: Path, spark: "SparkSession", home: Path
) -> None:
    del spark, home  # of the run here
    walk = Walk(load(SCENARIO), loans, "alone")
    walk.ingest()
    walk.features()

    backend = Backend(training)
    started = time.monotonic()
    ingested = _task(backend, "ingest", {}, data=DATA)
    seconds = round(time.monotonic() - started, 1)
    FIGURES.append({"figure": "ingest with 2 executors", "rows": ROWS, "seconds": seconds})
    assert ingested.succeeded, ingested.log
    assert executors() == []
    silver = {"silver": ingested.artifacts["silver"]}

    def kill(names: list[str]) -> None:
        assert len(names) == 2
        kube.kubectl("-n", kube.NAMESPACE, "delete", "pod", names[0], "--grace-period=0", "--force")

    made = _at_work(lambda: _task(backend, "features", silver), kill).result()
    assert made.succeeded, made.log
    assert executors() == []
    for name, ran, table in (("silver", ingested, "loans"), ("gold", made, "final-dataset")):
        with installed(walk.home / name) as (store, _):
            entry = store.find(ran.artifacts[name]["metadata"]["key"])
            assert entry is not None
            there = store.local(entry) / table
        here = walk.home / "store" / str(walk.entry(name)["key"]) / table
        assert _cells(there) == _cells(here)


def _cells(folder: Path) -> list[str]:
    """Every row of a table, in an order that is its own."""
    return sorted(map(str, pq.read_table(folder).to_pylist()))


def test_a_driver_that_is_killed_takes_its_executors_along_and_publishes_nothing(
    loans: Path, training: Path, tmp_path: Path
) -> None:
    other = DATA.replace(SCENARIO, "other-loans")
    with kube.stores() as reached:
        reached.client.fput_object(
            bucket_name="vintage",
            object_name="data/other-loans/loans.csv",
            file_path=str(_fewer(loans, tmp_path)),
        )
    with installed(tmp_path / "home") as (store, _):
        before = published(store, f"{SCENARIO}/raw")
    backend = Backend(training)

    def kill(names: list[str]) -> None:
        assert len(names) == 2
        owner = kube.get("pod", names[0])["metadata"]["ownerReferences"][0]["name"]
        kube.kubectl("-n", kube.NAMESPACE, "delete", "pod", owner, "--grace-period=0", "--force")

    ran = _at_work(lambda: _task(backend, "ingest", {}, data=other), kill)
    assert ran.exception() is not None  # its pod is gone
    kube.until("no executor is left", lambda: executors() == [], seconds=120)
    with installed(tmp_path / "home") as (store, _):
        assert published(store, f"{SCENARIO}/raw") == before
    again = _task(Backend(training), "ingest", {}, data=other)
    assert again.succeeded, again.log


def _fewer(loans: Path, folder: Path) -> Path:
    """The file of loans without its last one."""
    (path,) = loans.iterdir()
    target = folder / path.name
    target.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    return target

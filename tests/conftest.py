"""What is slow to start is started once: Spark, a MinIO server, one deployed champion."""

import contextlib
import os
import secrets
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import samples
from pipelines.scenarios import load
from tests.support import Champion, MinioServer, Walk, free_port

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CHAMPION_ROWS = 3_000


@pytest.fixture(autouse=True)
def _no_settings_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests say themselves where things are kept."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "VINTAGE_")) and name != "VINTAGE_MINIO":
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty installation."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("VINTAGE_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:
    """The one Spark session of all tests; steps that ask for one get it too."""
    from components.etl import session

    with session.spark_session("tests", tmp_path_factory.mktemp("spark"), 0) as started:
        # Tables of a few rows: to plan and compile takes longer than to run.
        started.conf.set("spark.sql.shuffle.partitions", "2")
        started.conf.set("spark.sql.codegen.wholeStage", "false")

        @contextlib.contextmanager
        def shared(*_: Any) -> Iterator["SparkSession"]:
            try:
                yield started
            finally:
                started.catalog.clearCache()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(session, "spark_session", shared)
            yield started


@pytest.fixture(scope="session")
def trained_once(spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> Champion:
    """The whole pipeline on sample data. Not to be changed: `champion` is a copy."""
    del spark  # used by the steps
    folder = tmp_path_factory.mktemp("champion")
    planted = samples.write("card-default", folder / "data", rows=CHAMPION_ROWS, seed=42)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VINTAGE_HOME", str(folder / "home"))
        Walk(load("card-default"), folder / "data", "first").to_deployed()
    return Champion(folder / "home", folder / "data", planted)


@pytest.fixture
def champion(trained_once: Champion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Champion:
    """A copy of the trained installation, to do anything to."""
    shutil.copytree(trained_once.home, tmp_path / "home")
    shutil.copytree(trained_once.data, tmp_path / "data")
    monkeypatch.setenv("VINTAGE_HOME", str(tmp_path / "home"))
    return Champion(tmp_path / "home", tmp_path / "data", trained_once.planted)


@pytest.fixture(scope="session")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """A MinIO server of its own on a free port, with throwaway keys."""
    program = os.environ.get("VINTAGE_MINIO", "")
    if not program:
        pytest.skip("VINTAGE_MINIO names no MinIO server program")
    server = MinioServer(f"http://127.0.0.1:{free_port()}", "tester", secrets.token_hex(16))
    folder = tmp_path_factory.mktemp("minio")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - the program that the tester named
            [program, "server", str(folder / "data"), "--address", server.endpoint[7:]],
            env={
                "PATH": os.environ.get("PATH", ""),
                "HOME": str(folder),
                "MINIO_ROOT_USER": server.access,
                "MINIO_ROOT_PASSWORD": server.secret,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _await_health(server, process, folder / "log")
            yield server
        finally:
            process.terminate()
            process.wait(20)


def _await_health(server: MinioServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.endpoint}/minio/health/live", timeout=2):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the MinIO server did not come up:\n{log.read_text()[-2000:]}")


@pytest.fixture
def bucket(minio_server: MinioServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of a fresh bucket; the environment has its keys."""
    from minio import Minio

    monkeypatch.setenv("AWS_ENDPOINT_URL", minio_server.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", minio_server.access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", minio_server.secret)
    name = f"bucket-{secrets.token_hex(6)}"
    Minio(
        endpoint=minio_server.endpoint[7:],
        access_key=minio_server.access,
        secret_key=minio_server.secret,
        secure=False,
    ).make_bucket(bucket_name=name)
    return f"s3://{name}/some/prefix"

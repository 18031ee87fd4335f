"""What is slow to start is started once: Spark, servers, one deployed champion."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import samples
from components.contracts.errors import EnvironmentFaultError
from components.storage.settings import Settings
from pipelines.scenarios import load
from tests.support import (
    Champion,
    MinioServer,
    PostgresServer,
    Walk,
    free_port,
    run_tasks_here,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CHAMPION_ROWS = 3_000
#: What only who runs the tests can know: where programs and the public files lie.
_PLACES = ("VINTAGE_MINIO", "VINTAGE_POSTGRES", "VINTAGE_PROMETHEUS", "VINTAGE_REAL_DATA")


@pytest.fixture(autouse=True)
def _no_settings_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests say themselves where things are kept."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "VINTAGE_")) and name not in _PLACES:
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty installation."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("VINTAGE_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def empty_tracking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database without a run in it: to make one takes seconds, to copy it none."""
    from components.storage.tracking import Tracking

    folder = tmp_path_factory.mktemp("tracking")
    Tracking(Settings.from_environment({"VINTAGE_HOME": str(folder)}))
    return folder / "mlflow.db"


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:
    """The one Spark session of all tests; steps that ask for one get it too."""
    from components.etl import session

    with pytest.MonkeyPatch.context() as patch:
        # Tables of a few rows: to plan and compile takes longer than to run.
        patch.setattr(session, "_TASKS", (2, 2))
        with session.spark_session("tests", tmp_path_factory.mktemp("spark"), 0) as started:
            started.conf.set("spark.sql.codegen.wholeStage", "false")
            yield started


@pytest.fixture
def tasks_here(spark: "SparkSession", monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipelines' tasks run in this process, which has its libraries and its Java already."""
    del spark  # used by the steps
    run_tasks_here(monkeypatch)


@pytest.fixture(scope="session")
def jar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver of PostgreSQL for Spark, had once."""
    from components.etl import jars, jdbc

    try:
        folder = tmp_path_factory.mktemp("driver")
        (found,) = jars.have([jdbc.DRIVER], folder / "jars", folder)
    except EnvironmentFaultError as error:
        pytest.skip(str(error))
    return found


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
            _await_answer(f"{server.endpoint}/minio/health/live", process, folder / "log")
            yield server
        finally:
            process.terminate()
            process.wait(20)


def _await_answer(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the server of {url} did not come up:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """The folder with Prometheus' programs."""
    if not (programs := os.environ.get("VINTAGE_PROMETHEUS", "")):
        pytest.skip("VINTAGE_PROMETHEUS names no folder with Prometheus' programs")
    return Path(programs)


@pytest.fixture(scope="session")
def pushgateway(prometheus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Pushgateway of its own on a free port."""
    address = f"127.0.0.1:{free_port()}"
    file = tmp_path_factory.mktemp("pushgateway") / "log"
    with file.open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - the program that the tester named
            [prometheus / "prometheus-pushgateway", f"--web.listen-address={address}"],
            env={"PATH": os.environ.get("PATH", "")}, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            _await_answer(f"http://{address}/-/ready", process, file)
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(20)


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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of its own on a free port, with a throwaway password."""
    programs = os.environ.get("VINTAGE_POSTGRES", "")
    if not programs:
        pytest.skip("VINTAGE_POSTGRES names no folder with initdb and postgres")
    server = PostgresServer("127.0.0.1", free_port(), "tester", secrets.token_hex(16))
    # Not below pytest's folder, which nobody else may enter: the server refuses to be root.
    with tempfile.TemporaryDirectory(prefix="vintage-postgres-") as name:
        folder = Path(name)
        (folder / "password").write_text(server.password)
        drop = _somebody_else(folder) if os.geteuid() == 0 else {}
        common: dict[str, Any] = {"cwd": folder, "env": {"PATH": os.environ.get("PATH", "")}}
        subprocess.run(  # noqa: S603 - the program that the tester named
            [f"{programs}/initdb", "-D", folder / "data", "-U", server.user, "--pwfile",
             folder / "password", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
             "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, **common, **drop,
        )  # fmt: skip
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(  # noqa: S603 - as above
                [f"{programs}/postgres", "-D", folder / "data", "-p", str(server.port),
                 "-h", server.host, "-c", "unix_socket_directories=", "-c", "fsync=off"],
                stdout=log, stderr=subprocess.STDOUT, **common, **drop,
            )  # fmt: skip
            try:
                _await_connection(server, process, folder / "log")
                yield server
            finally:
                process.send_signal(signal.SIGINT)  # a mere SIGTERM waits for every client
                process.wait(20)


def _somebody_else(folder: Path) -> dict[str, Any]:
    """How to start a program as a user with few rights, whom a folder is given to."""
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _await_connection(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.connect().close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the PostgreSQL server did not come up:\n{log.read_text()[-2000:]}")


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The SQLAlchemy URL of a fresh database."""
    name = f"fresh_{secrets.token_hex(6)}"
    with postgres_server.connect() as connection:
        connection.execute(f"create database {name}")
    return postgres_server.url(postgres_server.user, postgres_server.password, name)

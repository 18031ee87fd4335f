"""One installation on the cluster of KUBECONFIG, from nothing to nothing; in the files' order."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import samples
from tests.e2e import kube, lending
from tests.e2e.backend import Backend
from tests.support import python, user_environment

ROOT = Path(__file__).parents[2]
ROWS = 5_000
DATA = "s3://vintage/data/card-default/"
PIPELINES = ("training", "challenge", "release")
FIGURES: list[dict[str, object]] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("VINTAGE_E2E") != "1":
        reason = "needs a cluster: make e2e"
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:
    """After a failure, what the cluster says of it."""
    report = yield
    if report.failed:
        report.sections.append(("the cluster", kube.dump()))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for figure in FIGURES:
        terminalreporter.write_line(json.dumps(figure))


def deploy(overlay: str, *, folder: Path = ROOT / "manifests") -> subprocess.CompletedProcess[str]:
    """What `make deploy` calls."""
    return subprocess.run(  # noqa: S603 - our own script
        [str(folder / "deploy"), overlay],
        env=dict(os.environ), capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lender's files."""
    folder = tmp_path_factory.mktemp("sample") / "data"
    samples.write("card-default", folder, rows=ROWS, seed=42)
    return folder


@pytest.fixture(scope="session")
def installation() -> None:
    """The kind overlay, deployed."""
    started = time.monotonic()
    done = deploy("kind")
    assert done.returncode == 0, done.stderr
    FIGURES.append({"figure": "make deploy", "seconds": round(time.monotonic() - started, 1)})


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The three pipelines as `vintage compile` writes them."""
    folder = tmp_path_factory.mktemp("compiled")
    done = python("-m", "pipelines.cli", "compile", "card-default", "--out", str(folder), cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return {kind: folder / f"card-default-{kind}.yaml" for kind in PIPELINES}


def run_all(compiled: dict[str, Path]) -> dict[str, Backend]:
    """The three pipelines run to their ends, one after the other."""
    ran = {}
    for kind, path in compiled.items():
        ran[kind] = Backend(path)
        state = ran[kind].run({"data": DATA})
        assert state == "SUCCEEDED", ran[kind].ran[-1].log
    return ran


def summary(backend: Backend) -> Any:
    """What a pipeline's last task left."""
    with kube.stores() as reached:
        text = reached.client.get_object(
            bucket_name="vintage", object_name=f"store/runs/{backend.job}/summary.json"
        ).read()
    return json.loads(text)


@pytest.fixture(scope="session")
def lent(installation: None, data: Path) -> None:
    """What the lender has on the cluster: transactions in MinIO, profiles in a database alone."""
    del installation  # where it is put
    assert lending.put("card-default", data / "transactions.csv") == DATA
    lending.lend(data / "profile.csv")


@pytest.fixture(scope="session")
def trained(lent: None, compiled: dict[str, Path]) -> dict[str, Backend]:
    """From the lender's file and the lender's table to a served champion."""
    del lent  # what it reads
    started = time.monotonic()
    ran = run_all(compiled)
    seconds = round(time.monotonic() - started, 1)
    FIGURES.append({"figure": "the three pipelines as pods", "rows": ROWS, "seconds": seconds})
    return ran


@pytest.fixture(scope="session")
def embedded(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a `vintage run` on this machine, on the same files."""
    home = tmp_path_factory.mktemp("embedded") / "home"
    done = python(
        "-m", "pipelines.cli", "run", "card-default", "--data", str(data),
        cwd=ROOT, environment=user_environment(VINTAGE_HOME=str(home)), timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return home

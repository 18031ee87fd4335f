"""What a client was told is found by its id and made again: from the store, or after a kill."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.scoring.release import Release
from components.storage.registry import release_key
from components.storage.steps import installation
from pipelines.cli import main
from tests.making import Models, plain_rows
from tests.serving.asking import PREDICT
from tests.serving.deciding import SCENARIO, closed, still_open
from tests.serving.running import ask
from tests.support import free_port, user_environment


@pytest.fixture
def port(models: Models, home: Path) -> int:
    """Where an installation with one deployed champion may listen."""
    assert home.is_dir()
    _, store = installation()
    folder = models.release("xgboost", store.scratch())
    identity = Release.read(folder).id
    store.publish(release_key(SCENARIO, identity), folder, {"release": identity})
    store.put(f"deployments/{SCENARIO}", identity)
    return free_port()


@contextmanager
def _serving(home: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """`vintage serve`, once it listens."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
        [sys.executable, "-m", "pipelines.cli", "serve", "--home", str(home)],
        cwd=Path(__file__).parents[2],
        env=user_environment(VINTAGE_SERVE_DRAIN_SECONDS="0", VINTAGE_SERVE_PORT=str(port)),
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(f"serving {SCENARIO} on ")
            yield process
        finally:
            process.kill()


def _decided(port: int, models: Models) -> list[str]:
    """The ids of ten decisions."""
    body = json.dumps({"instances": plain_rows(models.data.inputs[:10])}).encode()
    reply = ask(f"http://127.0.0.1:{port}", PREDICT, body)
    assert reply.status == 200
    return [row["decision_id"] for row in reply.json()["predictions"]]


def test_after_a_calm_end_a_decision_is_replayed_from_the_store(
    models: Models, home: Path, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with _serving(home, port) as process:
        ids = _decided(port, models)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert closed(home / "decisions") == still_open(home / "decisions") == []
    for one in ids:
        assert main(["replay", one]) == 0
        said = capsys.readouterr().out
        assert f"logged   in {home}/store/decisions/{SCENARIO}/" in said
        assert said.endswith("equal to the bit\n")


def test_after_a_kill_a_decision_is_replayed_from_what_was_left_open(
    models: Models, home: Path, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with _serving(home, port) as process:
        ids = _decided(port, models)
        process.kill()
    (path,) = still_open(home / "decisions")
    assert main(["replay", ids[-1]]) == 0
    assert f"logged   in {path}\n" in capsys.readouterr().out

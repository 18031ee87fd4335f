"""The server on a real port: it serves what verified, and says so where it cannot listen."""

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path

import pytest
import uvicorn

from components.contracts.errors import BundleError, EnvironmentFaultError
from components.scoring.release import Release
from components.scoring.scorer import Scorer
from serving import server
from tests.making import Models, plain_rows
from tests.serving.asking import as_json, ask

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, folder: Path, port: int) -> Iterator[None]:
    """The server in a thread, until it is told to stop."""
    made: list[uvicorn.Server] = []

    class Stoppable(uvicorn.Server):
        def __init__(self, config: uvicorn.Config) -> None:
            super().__init__(config)
            made.append(self)

    # `uvicorn.main` is the command there, not the module that starts servers.
    monkeypatch.setattr(import_module("uvicorn.main"), "Server", Stoppable)
    app = server.build({folder: None})
    thread = threading.Thread(
        target=server.listen, args=(app,), kwargs={"host": HOST, "port": port}
    )
    thread.start()
    try:
        until = time.monotonic() + 20
        while not (made and made[0].started):
            assert thread.is_alive()
            assert time.monotonic() < until
            time.sleep(0.01)
        yield
    finally:
        for one in made:
            one.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


def fetch(port: int, path: str, body: object = None) -> object:
    """The answer of the server; urllib raises where its status is not 200."""
    data = None if body is None else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{HOST}:{port}{path}", data, timeout=20) as answer:
        return json.load(answer)


def test_a_client_gets_the_scorer_s_answer_over_the_network(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, port = models.release("xgboost", tmp_path), free_port()
    rows = plain_rows(models.data.inputs[:5])
    with serving(monkeypatch, folder, port):
        assert fetch(port, "/") == {"status": "alive"}
        assert fetch(port, "/v1/models") == {"models": ["small-loans"]}
        found = fetch(port, "/v1/models/small-loans:predict", {"instances": rows})
    assert found == {"predictions": as_json(Scorer(folder).score(rows))}


@contextmanager
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with closing(socket.socket()) as holder:
        holder.bind((HOST, 0))
        holder.listen()
        yield int(holder.getsockname()[1])


def test_a_port_in_use_is_named() -> None:
    with (
        taken() as port,
        pytest.raises(EnvironmentFaultError, match=f"port {port} on 127.0.0.1: .* --port"),
    ):
        server.check_port(HOST, port)


@pytest.mark.parametrize(("host", "port"), [(HOST, 70_000), (HOST, -1), ("256.0.0.1", 8080)])
def test_a_port_that_cannot_be_is_named(host: str, port: int) -> None:
    with pytest.raises(EnvironmentFaultError, match=f"port {port} on {host}: expected to listen"):
        server.check_port(host, port)


def test_a_free_port_is_fine() -> None:
    server.check_port(HOST, free_port())


def test_a_release_that_does_not_verify_is_not_served(models: Models, tmp_path: Path) -> None:
    folder = models.release("logistic", tmp_path)
    (folder / "bundle" / "card.json").write_text("{}")
    with pytest.raises(BundleError, match=r"card\.json: expected sha256"):
        server.build({folder: None})


def test_each_folder_must_hold_the_release_that_it_is_said_to_hold(
    models: Models, tmp_path: Path
) -> None:
    folder = models.release("logistic", tmp_path)
    release = Release.read(folder).id
    assert ask(server.build({folder: release}), "GET", "/v1/models").json() == {
        "models": ["small-loans"]
    }
    with pytest.raises(BundleError, match=f"expected id {'0' * 12}, found {release[:12]}"):
        server.build({folder: "0" * 64})

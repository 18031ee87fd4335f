"""What the serving image starts, as a process: it listens to what verified, until it is told."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from components.contracts.errors import EnvironmentFaultError
from components.scoring.release import Release
from components.scoring.scorer import Scorer
from components.storage.objects import FolderStore
from components.storage.registry import note_shadow, release_key
from serving import __main__ as program
from tests.making import Models, plain_rows, score_otherwise
from tests.serving.asking import PREDICT, as_json, scored
from tests.serving.running import ask, ask_on, connected
from tests.support import free_port, python, until, user_environment

ROOT = Path(__file__).parents[2]
#: The image listens on every address; a test needs a free port of loopback.
_ON_LOOPBACK = """
import os, sys
from pathlib import Path
from serving.__main__ import main
release = os.environ.get("VINTAGE_RELEASE")
sys.exit(main(Path(sys.argv[1]), release, host="127.0.0.1"))
"""


@pytest.fixture
def folder(models: Models, tmp_path: Path) -> Path:
    """A release as a pod finds it."""
    return models.release("xgboost", tmp_path / "models")


@contextmanager
def _started(folder: Path, port: int, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The server as a process; it has ended when this is left."""
    own = {
        "VINTAGE_DECISIONS": str(folder.parent / "decisions"),
        "VINTAGE_SERVE_PORT": str(port),
        "VINTAGE_SERVE_DRAIN_SECONDS": "0.3",
        "VINTAGE_SERVE_RELOAD_SECONDS": "0.05",
    }
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _ON_LOOPBACK, str(folder)],
        cwd=ROOT,
        env=user_environment(**{**own, **environment}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=20)
            raise


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def _ask(port: int, path: str, rows: object = None) -> tuple[int, Any]:
    body = None if rows is None else orjson.dumps({"instances": rows})
    reply = ask(f"http://127.0.0.1:{port}", path, body)
    return reply.status, reply.json()


def test_a_pod_serves_the_release_in_its_folder(folder: Path, models: Models) -> None:
    port, rows = free_port(), plain_rows(models.data.inputs[:5])
    with _started(folder, port, VINTAGE_RELEASE=Release.read(folder).id):
        until(lambda: _listens(port))
        assert _ask(port, "/v1/models") == (200, {"models": ["small-loans"]})
        status, found = _ask(port, PREDICT, rows)
    assert status == 200
    assert scored(found["predictions"]) == as_json(Scorer(folder).score(rows))


def test_without_a_release_to_find_any_is_served(folder: Path) -> None:
    port = free_port()
    with _started(folder, port):
        until(lambda: _listens(port))
        assert _ask(port, "/v1/models/small-loans")[0] == 200


def _damaged(folder: Path) -> None:
    (folder / "bundle" / "card.json").write_text("{}")


def _another_golden_row(folder: Path) -> None:
    golden = folder / "bundle" / "golden.json"
    golden.write_text(golden.read_text().replace("0", "1", 1))


def _no_snapshot(folder: Path) -> None:
    (folder / "snapshot.bin").unlink()


def _nothing(folder: Path) -> None:
    shutil.rmtree(folder)


REFUSED: list[tuple[Callable[[Path], None], str]] = [
    (_damaged, "card.json: expected sha256 "),
    (_another_golden_row, "golden.json: expected sha256 "),
    (score_otherwise, "golden rows score otherwise than recorded; row 3: expected PD "),
    (_no_snapshot, "snapshot"),
    (_nothing, "expected release.json, found none"),
]


@pytest.mark.parametrize(("damage", "words"), REFUSED)
def test_a_release_that_does_not_verify_ends_the_process_with_a_message(
    damage: Callable[[Path], None], words: str, folder: Path
) -> None:
    damage(folder)
    done = python("-m", "serving", str(folder), cwd=ROOT)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("serving: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_another_release_than_the_one_to_find_ends_the_process_with_a_message(
    folder: Path,
) -> None:
    environment = user_environment(VINTAGE_RELEASE="0" * 64)
    done = python("-m", "serving", str(folder), cwd=ROOT, environment=environment)
    found = Release.read(folder).id[:12]
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"serving: release {folder}: expected id {'0' * 12}, found {found}\n"


@pytest.mark.parametrize(("damage", "words"), REFUSED)
def test_nothing_listens_before_all_of_it_verified(
    damage: Callable[[Path], None],
    words: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(folder)
    heard: list[object] = []
    monkeypatch.setattr("serving.server.listen_on", lambda *where, **_: heard.append(where))
    monkeypatch.setenv("VINTAGE_DECISIONS", str(folder.parent / "decisions"))
    assert program.main(folder, None) == 1
    assert heard == []
    assert words in capsys.readouterr().err


def test_a_pod_listens_where_kserve_looks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[object] = []

    def listen_on(host: str, port: int, *, shared: bool) -> None:
        heard.append((host, port, shared))
        raise EnvironmentFaultError("enough")

    monkeypatch.setattr("serving.server.listen_on", listen_on)
    monkeypatch.setenv("VINTAGE_DECISIONS", str(folder.parent / "decisions"))
    assert program.main(folder, None) == 1
    assert heard == [("0.0.0.0", 8080, False)]  # noqa: S104 - a pod is reached by its address


def test_a_port_in_use_ends_the_process_with_a_message(folder: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = int(holder.getsockname()[1])
        with _started(folder, port) as process:
            said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert said.startswith(f"serving: port {port} on 127.0.0.1: expected to listen there")


def test_a_setting_that_is_none_ends_the_process_with_a_message(folder: Path) -> None:
    environment = user_environment(VINTAGE_SERVE_WORKERS="many")
    done = python("-m", "serving", str(folder), cwd=ROOT, environment=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "serving: VINTAGE_SERVE_WORKERS: expected a whole number of at least 1, found 'many'\n"
    )


def test_a_pod_that_is_told_to_end_finishes_its_answer(folder: Path, models: Models) -> None:
    port, rows = free_port(), plain_rows(models.data.inputs[:3])
    body = json.dumps({"instances": rows}).encode()
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    with _started(folder, port, VINTAGE_SERVE_DRAIN_SECONDS="3") as process:
        until(lambda: _listens(port))
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(head.encode() + body[:10])
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            # As long as a balancer may send more, it is answered; but told to go elsewhere.
            until(lambda: _ask(port, "/v2/health/ready")[0] == 503)
            assert _ask(port, PREDICT, rows)[0] == 200
            until(lambda: not _listens(port))
            assert process.poll() is None
            client.sendall(body[10:])
            with client.makefile("rb") as answer:
                status, _, rest = answer.read().partition(b"\r\n")
        assert status == b"HTTP/1.1 200 OK"
        predictions = json.loads(rest.partition(b"\r\n\r\n")[2])
        assert scored(predictions["predictions"]) == as_json(Scorer(folder).score(rows))
        said = process.communicate(timeout=20)[0]
    assert process.returncode == 0
    assert "Traceback" not in said


def test_releases_change_under_load_and_no_request_is_lost(
    folder: Path, models: Models, tmp_path: Path
) -> None:
    other = models.release("logistic", tmp_path / "other")
    row = plain_rows(models.data.inputs[:1])
    scored = {Release.read(f).id: Scorer(f).score(row)[0].pd for f in (folder, other)}
    served, swaps, port = tmp_path / "served", 100, free_port()
    served.symlink_to(folder)
    asked: list[tuple[str, float]] = []
    faults: list[object] = []
    over = threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        body = json.dumps({"instances": row})
        while not over.is_set():
            connection.request("POST", PREDICT, body)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 200:
                (found,) = json.loads(text)["predictions"]
                asked.append((found["release"], found["pd"]))
            else:
                faults.append((answer.status, text))
        connection.close()

    with _started(served, port) as process:
        until(lambda: _listens(port))
        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        try:
            for number in range(swaps):
                fresh = tmp_path / f"next {number}"
                fresh.symlink_to((other, folder)[number % 2])
                fresh.rename(served)
                wanted = Release.read(served).id
                until(lambda wanted=wanted: bool(asked) and asked[-1][0] == wanted)  # type: ignore[misc]
        finally:
            over.set()
            for client in clients:
                client.join(20)
        assert process.poll() is None
    assert faults == []
    assert {(release, pd) for release, pd in asked} == set(scored.items())
    assert sum(a[0] != b[0] for a, b in pairwise(asked)) >= swaps


def test_a_pod_takes_the_challenger_that_its_store_declares_and_lets_it_go(
    folder: Path, models: Models, tmp_path: Path
) -> None:
    port, store = free_port(), FolderStore(tmp_path / "store")
    made = models.release("logistic", store.scratch())
    other = Release.read(made).id
    store.publish(release_key("small-loans", other), made, {"release": other})
    rows = plain_rows(models.data.inputs[:1])

    def beside() -> bool:
        told = f'release="{other}",role="challenger",scenario="small-loans"}} 1.0'
        return told in ask(f"http://127.0.0.1:{port}", "/metrics").body.decode()

    with _started(folder, port, VINTAGE_STORE=str(tmp_path / "store")) as process:
        until(lambda: _listens(port))
        assert not beside()
        note_shadow(store, "small-loans", other, 1.0)
        until(beside)
        question = {"instances": rows, "entities": ["anna"]}
        reply = ask(f"http://127.0.0.1:{port}", PREDICT, orjson.dumps(question))
        assert [one["release"] for one in reply.json()["predictions"]] == [other]
        note_shadow(store, "small-loans", "", 0.0)
        until(lambda: not beside())
        process.terminate()
        said = process.communicate(timeout=20)[0]
    own = Release.read(folder).id[:12]
    assert f"release {own} answers; {other[:12]} beside it answers 100.0% of the entities" in said
    assert said.rstrip().endswith(f"small-loans: release {own} answers alone")


@pytest.mark.parametrize("token", ["", "token-of-the-server"])
def test_nothing_that_a_client_sends_in_secret_is_written_down(folder: Path, token: str) -> None:
    port, secrets = free_port(), ["token-of-the-server", "token-of-nobody", "a-value-of-its-own"]
    own = {"authorization": f"Bearer {secrets[0]}", "x-api-key": secrets[2], "cookie": secrets[2]}
    body = orjson.dumps({"instances": ["3"]})
    with _started(folder, port, VINTAGE_SERVE_TOKEN=token) as process:
        until(lambda: _listens(port))
        url = f"http://127.0.0.1:{port}"
        seen = []
        for authorization in (own["authorization"], f"Bearer {secrets[1]}"):
            headers = {**own, "authorization": authorization}
            for path in (PREDICT, "/nowhere", "/v2/models/small-loans/infer"):
                with closing(connected(url)) as connection:
                    reply = ask_on(connection, path, body, headers)
                seen.append((reply.status, str(reply.headers).encode() + reply.body))
        seen.append((200, ask(url, "/metrics").body + ask(url, "/health").body))
        process.terminate()
        said = process.communicate(timeout=20)[0]
    refused = 401 if token else 200
    assert [status for status, _ in seen] == [200, 404, 400, refused, *(
        [401, 401] if token else [404, 400]
    ), 200]  # fmt: skip
    files = [file for file in (folder.parent / "decisions").rglob("*") if file.is_file()]
    assert b'"entities":["3"]' in b"".join(file.read_bytes() for file in files)
    assert "serving on" in said
    whole = said.encode() + b"".join([told for _, told in seen])
    whole += b"".join(file.read_bytes() for file in files)
    assert not [secret for secret in secrets if secret.encode() in whole]


def test_workers_share_a_port_and_one_that_dies_has_a_successor(
    folder: Path, models: Models
) -> None:
    port, rows = free_port(), plain_rows(models.data.inputs[:1])
    with _started(folder, port, VINTAGE_SERVE_WORKERS="2") as process:
        until(lambda: _listens(port))
        first = until(lambda: _workers(process.pid) if len(_workers(process.pid)) == 2 else [])
        for _ in range(40):
            assert _ask(port, PREDICT, rows)[0] == 200
        assert _counted(port) == 40
        os.kill(first[0], signal.SIGKILL)
        until(lambda: set(_workers(process.pid)) - set(first) and len(_workers(process.pid)) == 2)
        until(lambda: _ask(port, PREDICT, rows)[0] == 200)
    assert process.returncode == 0
    assert not _listens(port)


def test_workers_that_cannot_start_end_the_process(folder: Path) -> None:
    _damaged(folder)
    with _started(folder, free_port(), VINTAGE_SERVE_WORKERS="2") as process:
        said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert "card.json: expected sha256" in said


def _workers(parent: int) -> list[int]:
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in text.split()]


def _counted(port: int) -> float:
    """Rows that were decided on, whichever worker tells of it."""
    lines = ask(f"http://127.0.0.1:{port}", "/metrics").body.decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("vintage_decisions_"))

"""What the serving image starts, as a process: it listens to what verified, until it is told."""

import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.scoring.release import Release
from components.scoring.scorer import Scorer
from serving import __main__ as program
from tests.making import Models, plain_rows
from tests.serving.asking import as_json
from tests.support import free_port, python, user_environment

ROOT = Path(__file__).parents[2]
PREDICT = "/v1/models/small-loans:predict"
#: The image's port is one for all of its pods; a test needs a free one, on loopback.
_ON_LOOPBACK = """
import os, sys
from pathlib import Path
from serving import __main__ as program
here = {"host": "127.0.0.1", "port": int(sys.argv[2])}
check_port, listen = program.check_port, program.listen
program.check_port = lambda host, port: check_port(**here)
program.listen = lambda app, host, port: listen(app, **here)
sys.exit(program.main(Path(sys.argv[1]), os.environ.get("VINTAGE_RELEASE")))
"""


@pytest.fixture
def folder(models: Models, tmp_path: Path) -> Path:
    """A release as a pod finds it."""
    made = tmp_path / "models"
    made.mkdir()
    return models.release("xgboost", made)


@contextmanager
def _started(folder: Path, port: int, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The server as a process; it has ended when this is left."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _ON_LOOPBACK, str(folder), str(port)],
        cwd=ROOT,
        env=user_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _ask(port: int, path: str, rows: object = None) -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        body = None if rows is None else json.dumps({"instances": rows})
        connection.request("GET" if rows is None else "POST", path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_a_pod_serves_the_release_in_its_folder(folder: Path, models: Models) -> None:
    port, rows = free_port(), plain_rows(models.data.inputs[:5])
    with _started(folder, port, VINTAGE_RELEASE=Release.read(folder).id):
        _until(lambda: _listens(port))
        assert _ask(port, "/v1/models") == (200, {"models": ["small-loans"]})
        expected = {"predictions": as_json(Scorer(folder).score(rows))}
        assert _ask(port, PREDICT, rows) == (200, expected)


def test_without_a_release_to_find_any_is_served(folder: Path) -> None:
    port = free_port()
    with _started(folder, port):
        _until(lambda: _listens(port))
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
    monkeypatch.setattr(program, "check_port", lambda *where: heard.append(where))
    monkeypatch.setattr(program, "listen", lambda *_, **where: heard.append(where))
    assert program.main(folder, None) == 1
    assert heard == []
    assert words in capsys.readouterr().err


def test_a_pod_listens_where_kserve_looks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[object] = []
    monkeypatch.setattr(program, "check_port", lambda *where: heard.append(where))
    monkeypatch.setattr(program, "listen", lambda _, **where: heard.append(where))
    assert program.main(folder, None) == 0
    anywhere = "0.0.0.0"  # noqa: S104 - a pod is reached by its address
    assert heard == [(anywhere, 8080), {"host": anywhere, "port": 8080}]


def test_a_port_in_use_ends_the_process_with_a_message(folder: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = int(holder.getsockname()[1])
        with _started(folder, port) as process:
            said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert said.startswith(f"serving: port {port} on 127.0.0.1: expected to listen there")


def test_a_pod_that_is_told_to_end_finishes_its_answer(folder: Path, models: Models) -> None:
    port, rows = free_port(), plain_rows(models.data.inputs[:3])
    body = json.dumps({"instances": rows}).encode()
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    with _started(folder, port) as process:
        _until(lambda: _listens(port))
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(head.encode() + body[:10])
            # It says so once the application waits for the body: the request is at work.
            assert client.recv(1000).startswith(b"HTTP/1.1 100")
            process.send_signal(signal.SIGTERM)
            _until(lambda: not _listens(port))
            assert process.poll() is None
            client.sendall(body[10:])
            with client.makefile("rb") as answer:
                status, _, rest = answer.read().partition(b"\r\n")
        assert status == b"HTTP/1.1 200 OK"
        predictions = json.loads(rest.partition(b"\r\n\r\n")[2])["predictions"]
        assert predictions == as_json(Scorer(folder).score(rows))
        said = process.communicate(timeout=20)[0]
    assert process.returncode in (0, -signal.SIGTERM)
    assert "Traceback" not in said

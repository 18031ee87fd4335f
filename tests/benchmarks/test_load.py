"""The benchmarks themselves: they can be started, and the client counts what it was told."""

import asyncio
import importlib
import pkgutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import benchmarks
from benchmarks._load import NotHttpError, ask, get, load, post
from benchmarks._model import make
from benchmarks._releases import entity, entity_rows, release
from components.scoring.scorer import Scorer

BODY = b"x" * 70_000  # more than comes in one piece
_MODULES = [found.name for found in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")]


class Tiny:
    """A server that counts what it is asked, and fails at every n-th request."""

    def __init__(self, failing: int = 0, closing: int = 0, head: bytes = b"") -> None:
        self.asked = self.failed = self.closed = self.connections = 0
        self.port = 0
        self._failing, self._closing = failing, closing
        self._head = head or b"Content-Length: %d" % len(BODY)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while head := await _head(reader):
            length = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")]
            if length:
                await reader.readexactly(int(length[0].split(b":")[1]))
            self.asked += 1
            if self._closing and not self.asked % self._closing:
                self.closed += 1
                break
            fails = self._failing and not self.asked % self._failing
            self.failed += bool(fails)
            status = b"503 No" if fails else b"200 OK"
            writer.write(b"HTTP/1.1 %b\r\n%b\r\n\r\n%b" % (status, self._head, BODY))
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    @contextmanager
    def running(self) -> Iterator["Tiny"]:
        """In a thread of its own."""
        ready, loop = threading.Event(), asyncio.new_event_loop()
        stop = asyncio.Event()

        async def serve() -> None:
            async with await asyncio.start_server(self._answer, "127.0.0.1", 0) as server:
                self.port = server.sockets[0].getsockname()[1]
                ready.set()
                await stop.wait()
            for _ in range(100):
                if len(asyncio.all_tasks()) == 1:
                    break
                await asyncio.sleep(0.01)

        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            thread = threading.Thread(target=lambda: runner.run(serve()))
            thread.start()
            try:
                assert ready.wait(5)
                yield self
            finally:
                loop.call_soon_threadsafe(stop.set)
                thread.join()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


REQUESTS = [post("/any", b"{}"), get("/other")]


@pytest.mark.parametrize("name", _MODULES)
def test_a_module_of_the_benchmarks_can_be_imported(name: str) -> None:
    assert importlib.import_module(name).__doc__


def test_the_model_of_the_benchmarks_is_trained_released_and_like_its_booster(
    tmp_path: Path,
) -> None:
    from xgboost import DMatrix

    made = make(tmp_path / "model", rows=2_000, rounds=5)
    margin = made.booster.predict(DMatrix(made.rows), output_margin=True)
    assert np.abs(made.bundle.score(made.rows).margin - margin).max() < 1e-5
    scorer = Scorer(release(tmp_path / "release", made.bundle, "renamed", 100))
    (rows,) = entity_rows(100)
    cells = scorer.inputs_of(entity(99))
    assert scorer.release.scenario == scorer.bundle.spec.scenario == "renamed"
    assert cells is not None
    assert cells.tolist() == rows[99].tolist()


@pytest.mark.parametrize("connections", [1, 4])
def test_the_client_counts_every_answer_and_every_failure(connections: int) -> None:
    with Tiny(failing=5).running() as tiny:
        found = load(tiny.port, REQUESTS, connections, 0.3)
    assert tiny.connections == connections
    assert found.answers + found.errors == tiny.asked
    assert found.errors == tiny.failed > 0
    assert 0 < found.p50_ms <= found.p99_ms <= found.seconds * 1e3
    assert found.rate == found.answers / found.seconds


def test_an_answer_that_never_comes_is_a_failure() -> None:
    with Tiny(closing=7).running() as tiny:
        found = load(tiny.port, REQUESTS, 2, 0.3)
    assert tiny.closed == 2
    assert (found.errors, found.answers + found.errors) == (2, tiny.asked)


def test_an_answer_without_a_length_is_none() -> None:
    with Tiny(head=b"Transfer-Encoding: chunked").running() as tiny:
        with pytest.raises(NotHttpError, match="found none but 3 errors"):
            load(tiny.port, REQUESTS, 3, 0.2)
        with pytest.raises(NotHttpError, match="with a content-length, found"):
            ask(tiny.port, REQUESTS[0])


def test_one_question_is_answered_whole() -> None:
    with Tiny().running() as tiny:
        found = ask(tiny.port, REQUESTS[0])
    assert (found.status, found.body) == (200, BODY)
    assert found.headers == {"content-length": str(len(BODY))}

"""Clients that are slow, half gone or idle: others are answered, and the server forgets them."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import orjson
import pytest

from components.scoring.scorer import Scorer
from tests.serving.asking import PREDICT, ROW, as_json, scored
from tests.serving.listening import everything
from tests.serving.running import Server, ask, ask_on, connected, running
from tests.support import until

READ_S, WRITE_S, IDLE_S = 1.5, 1.5, 4.0
IDLE = 200
LEEWAY = 4_000_000
RIGHT = orjson.dumps({"instances": [ROW]})


def request(body: bytes) -> bytes:
    """A whole request."""
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


#: An answer of a megabyte, which takes longer than a client needs to go away.
LONG_BODY = orjson.dumps({"instances": ["1"] * 5_000, "reasons": False})
LONG = request(LONG_BODY)


@pytest.fixture(scope="module")
def server(release: Path) -> Iterator[Server]:
    """A server that waits for nobody for long."""
    limits = {
        "VINTAGE_SERVE_READ_SECONDS": f"{READ_S}",
        "VINTAGE_SERVE_WRITE_SECONDS": f"{WRITE_S}",
        "VINTAGE_SERVE_IDLE_SECONDS": f"{IDLE_S}",
    }
    with running(limits, small_loans=release) as made:
        at_rest = made.sockets
        for _ in range(3):  # what is made once has been made
            assert ask(made.url, PREDICT, LONG_BODY).status == 200
        until(lambda: made.sockets == at_rest)
        yield made


def client(server: Server) -> socket.socket:
    """A connection of one who misbehaves."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


@contextmanager
def others_are_answered(server: Server, scorer: Scorer) -> Iterator[None]:
    """Somebody asks all the while, on one connection, and has every answer and the right one."""
    over, statuses, found = threading.Event(), list[int](), list[object]()

    def ask_again_and_again() -> None:
        with closing(connected(server.url)) as connection:
            while not over.is_set():
                reply = ask_on(connection, PREDICT, RIGHT)
                statuses.append(reply.status)
                found.append(scored(reply.json()["predictions"]))

    thread = threading.Thread(target=ask_again_and_again)
    thread.start()
    try:
        until(lambda: statuses, 10)
        yield
        until(lambda: len(statuses) >= 20, 10)
    finally:
        over.set()
        thread.join(20)
    assert not thread.is_alive()
    assert set(statuses) == {200}
    expected = as_json(scorer.score([ROW]))
    assert all(one == expected for one in found)


def drips(server: Server) -> None:
    """A byte of a request now and then, for longer than a request may take."""
    with client(server) as slow:
        started = time.monotonic()
        for byte in request(RIGHT):
            slow.sendall(bytes([byte]))
            slow.settimeout(0.2)
            try:
                answer = slow.recv(65_536)
            except TimeoutError:
                assert time.monotonic() - started < READ_S + 3
                continue
            break
        assert time.monotonic() - started > READ_S
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in answer and b"predictions" not in answer


def says_half(server: Server) -> None:
    """Half a body, and no more to come."""
    with client(server) as half:
        half.sendall(request(RIGHT)[:-10])
        half.shutdown(socket.SHUT_WR)
        assert everything(half) == b""


def goes_away(server: Server) -> None:
    """A question whose answer nobody waits for."""
    for how in (b"\0\0\0\0\0\0\0\0", b"\1\0\0\0\0\0\0\0"):  # a goodbye, and none
        with client(server) as gone:
            gone.sendall(LONG)
            time.sleep(0.02)
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, how)


def never_reads(server: Server) -> None:
    """Many whole questions, and none of the answers is taken."""
    sockets = server.sockets
    with client(server) as deaf:
        until(lambda: server.sockets > sockets, 10)
        for _ in range(12):
            deaf.sendall(LONG)
        # Cut off for what it does not take, and not as one that is idle.
        until(lambda: server.sockets == sockets, IDLE_S - 0.2)


def is_idle(server: Server) -> None:
    """Two hundred connections on which nothing is asked; each is closed without a word."""
    with ExitStack() as stack:
        idle = [stack.enter_context(client(server)) for _ in range(IDLE)]
        for one in idle:
            assert one.recv(1) == b""


KINDS: tuple[Callable[[Server], None], ...] = (
    drips, says_half, goes_away, never_reads, is_idle,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_others_are_answered_beside_a_client_that(
    server: Server, scorer: Scorer, kind: Callable[[Server], None]
) -> None:
    sockets, memory = server.sockets, server.memory
    with others_are_answered(server, scorer):
        kind(server)
    until(lambda: server.sockets == sockets, 10)
    assert server.memory < memory + LEEWAY

"""Servers for what reaches out: one that answers as it is told to, and one that never ends."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from socketserver import BaseServer

import pytest

from components.storage import reach
from tests.support import free_port

__all__ = ["impatient"]

#: Addresses at which nobody answers as HTTP does.
NOWHERE = [
    pytest.param(f"http://127.0.0.1:{free_port()}/hook", id="nobody listens"),
    "http://no-such-host.invalid/hook",
    "not a url",
    "gopher://x/y",
    "http://127.0.0.1:port/hook",
    "http://127.0.0.1/with a space",
]


class Answering(HTTPServer):
    """Keeps what it was sent, and answers with one status after the other; the last one stays."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = statuses or (200,)
        self.got: list[tuple[str, str, str, bytes]] = []  # method, path, content type, body
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Answering

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = self.server
        told.got.append((self.command, self.path, self.headers["Content-Type"], body))
        self.send_response(told.statuses[min(len(told.got), len(told.statuses)) - 1])
        self.end_headers()

    do_POST = do_PUT = _answer

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def answering(*statuses: int) -> Iterator[Answering]:
    """A server that answers with these statuses."""
    with Answering(*statuses) as server, _serving(server):
        yield server


class _Garbage(BaseHTTPRequestHandler):
    def handle(self) -> None:
        self.request.recv(65_536)
        self.request.sendall(b"this is not HTTP\r\n\r\n")


@contextmanager
def garbage() -> Iterator[str]:
    """The address of a server that does not speak HTTP."""
    with HTTPServer(("127.0.0.1", 0), _Garbage) as server, _serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


class _Slow(BaseHTTPRequestHandler):
    server: "_Held"

    def handle(self) -> None:
        """Begins an answer, and sends a byte of it now and then until it is let go.

        After seconds it ends by itself, so that who waits for it fails and does not hang.
        """
        self.request.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(250):
            if self.server.released.wait(0.02):
                return
            self.request.sendall(b"x")


class _Held(ThreadingHTTPServer):
    released: threading.Event


@contextmanager
def slow() -> Iterator[tuple[str, threading.Event]]:
    """The address of a server whose answer does not come to an end, and what lets it go."""
    with _Held(("127.0.0.1", 0), _Slow) as server:
        server.released = threading.Event()
        with _serving(server):
            try:
                yield f"http://127.0.0.1:{server.server_port}", server.released
            finally:
                server.released.set()


@contextmanager
def _serving(server: BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tries come without a pause."""
    monkeypatch.setattr(reach, "_PAUSES_S", (0.0, 0.0))

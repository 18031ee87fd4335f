"""A server's connections in a thread of this process, and a client that writes bytes."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvloop

from serving.exchange import Reply, Request
from serving.http import Handler, Listener
from serving.settings import Limits


@dataclass
class Echo:
    """Answers with what it was asked; a path `/later` is answered when it is told to."""

    asked: list[Request] = field(default_factory=list)
    later: list[Callable[[Reply], None]] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)

    def refused(self, status: int) -> None:
        self.refusals.append(status)

    def handle(self, request: Request, answer: Callable[[Reply], None]) -> None:
        self.asked.append(request)
        if request.path == "/later":
            self.later.append(answer)
        else:
            answer(Reply(200, f"{request.method} {request.path} ".encode() + request.body))


@dataclass
class Running:
    """The server under test."""

    port: int
    listener: Listener
    loop: asyncio.AbstractEventLoop

    def do(self, what: Callable[[], object]) -> None:
        """Do something in the loop's thread, and wait for it."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (what(), done.set()))
        assert done.wait(10)

    @contextmanager
    def client(self) -> Iterator[socket.socket]:
        """A connection; what is read from it ends after a few seconds."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as made:
            yield made


@contextmanager
def listening(handler: Handler, limits: Limits | None = None) -> Iterator[Running]:
    """Listen on a free port of loopback until this is left."""
    made: list[Running] = []
    started = threading.Event()
    stop: list[Callable[[], None]] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        listener = Listener(handler, limits or Limits(), loop)
        server = await loop.create_server(listener.connection, "127.0.0.1", 0)
        ended = asyncio.Event()
        stop.append(lambda: loop.call_soon_threadsafe(ended.set))  # type: ignore[arg-type,return-value]
        made.append(Running(server.sockets[0].getsockname()[1], listener, loop))
        started.set()
        await ended.wait()
        server.close()
        listener.close_idle()
        for one in tuple(listener.connections):
            one.close()
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    try:
        assert started.wait(10)
        yield made[0]
    finally:
        stop[0]()
        thread.join(10)
    assert not thread.is_alive()


def everything(client: socket.socket) -> bytes:
    """What comes until the server closes."""
    parts = []
    while part := client.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def one_answer(client: socket.socket) -> bytes:
    """The next answer on a connection that stays."""
    text = b""
    while b"\r\n\r\n" not in text:
        part = client.recv(1)
        assert part, text
        text += part
    (length,) = [
        int(line.split(b":")[1])
        for line in text.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    while length:
        part = client.recv(length)
        assert part, text
        text, length = text + part, length - len(part)
    return text

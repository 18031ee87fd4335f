"""A client that asks as fast as it is answered: so many connections, one question on each.

Raw sockets on uvloop: what the client itself costs is in every figure, so it costs little.
"""

import asyncio
import socket
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import cast

import numpy as np
import uvloop

_HOST = "127.0.0.1"
#: Seconds that the last answers may take after the end.
_PATIENCE = 30.0
_PIECE = 1 << 20


class NotHttpError(Exception):
    """An answer of a kind that this client does not read."""


@dataclass(frozen=True)
class Answer:
    """What a server said. Names of headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Figures:
    """What a load came to; latencies are of the answers that were well, in milliseconds."""

    answers: int
    errors: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def post(path: str, body: bytes, kind: str = "application/json", **headers: object) -> bytes:
    """A request; `_` in a header's name stands for `-`."""
    named = {"Host": _HOST, "Content-Type": kind, "Content-Length": len(body), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode() + body


def get(path: str) -> bytes:
    """A request for what is at a path."""
    return f"GET {path} HTTP/1.1\r\nHost: {_HOST}\r\n\r\n".encode()


def ask(port: int, request: bytes) -> Answer:
    """One request on a connection of its own."""
    with socket.create_connection((_HOST, port), timeout=_PATIENCE) as sock:
        sock.sendall(request)
        found = bytearray()
        while not (whole := _whole(found)) or len(found) < whole:
            piece = sock.recv(_PIECE)
            if not piece:
                raise NotHttpError(f"expected an answer, found {bytes(found[:200])!r} and the end")
            found += piece
    head, _, body = bytes(found).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines)
    return Answer(int(first.split()[1]), {n.lower(): v.strip() for n, v in pairs}, body)


def load(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Figures:
    """Ask the requests in turn, each connection from another one on, for so long."""
    return uvloop.run(_load(port, requests, connections, seconds))


def _whole(found: bytearray) -> int:
    """The bytes of an answer by its head; 0 where the head is not yet there."""
    end = found.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = bytes(found[:end]).lower()
    place = head.find(b"\r\ncontent-length:")
    if not head.startswith(b"http/1.1 ") or place < 0:
        raise NotHttpError(f"expected HTTP/1.1 with a content-length, found {head[:300]!r}")
    return end + 4 + int(head[place + 17 :].split(b"\r\n", 1)[0])


@dataclass
class _Run:
    requests: Sequence[bytes]
    done: asyncio.Future[None]
    open: int
    until: float = 0.0
    last: float = 0.0
    errors: int = 0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))


class _Client(asyncio.Protocol):
    def __init__(self, run: _Run, first: int) -> None:
        self._run, self._next = run, first
        self._transport: asyncio.Transport
        self._found = bytearray()
        self._whole = 0
        self._sent = 0.0  # 0 where nothing is asked

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        request = self._run.requests[self._next % len(self._run.requests)]
        self._next += 1
        self._sent = perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._found += data
        try:
            self._whole = self._whole or _whole(self._found)
        except NotHttpError:
            self.end()
            return
        if not self._whole or len(self._found) < self._whole:
            return
        now = perf_counter()
        if self._found.startswith(b"200", 9):
            self._run.latencies.append(now - self._sent)
        else:
            self._run.errors += 1
        self._run.last, self._sent, self._whole = now, 0.0, 0
        self._found.clear()
        if now < self._run.until:
            self.ask()
        else:
            self._transport.close()

    def end(self) -> None:
        """Wait no longer."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._sent or perf_counter() < self._run.until:
            self._run.errors += 1
        self._run.open -= 1
        if not self._run.open and not self._run.done.done():
            self._run.done.set_result(None)


def _same(client: _Client) -> _Client:
    return client


def _end(clients: Sequence[_Client]) -> None:
    for client in clients:
        client.end()


async def _load(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Figures:
    loop = asyncio.get_running_loop()
    run = _Run(requests, loop.create_future(), connections)
    clients = [_Client(run, number * len(requests) // connections) for number in range(connections)]
    for client in clients:
        await loop.create_connection(partial(_same, client), _HOST, port)
    began = run.last = perf_counter()
    run.until = began + seconds
    for client in clients:
        client.ask()
    late = loop.call_later(seconds + _PATIENCE, _end, clients)
    await run.done
    late.cancel()
    if not run.latencies:
        raise NotHttpError(f"port {port}: expected answers, found none but {run.errors} errors")
    p50, p99 = np.quantile(np.array(run.latencies) * 1e3, [0.5, 0.99]).tolist()
    return Figures(len(run.latencies), run.errors, run.last - began, p50, p99)

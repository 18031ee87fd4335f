"""HTTP/1.1 on a socket: httptools parses, uvloop reads and writes, and nothing is between them.

A framework costs more than the score itself; see docs/decisions/0018.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol, cast
from urllib.parse import unquote_to_bytes

import httptools

from serving.exchange import ProblemError, Reply, Request
from serving.settings import Limits

#: Of the request line and the headers together.
_HEAD_BYTES = 65_536
#: Requests of one connection that wait behind another.
_PIPELINED = 16
#: Bytes that may be wrapped around a body, beside as many as the body has.
_WRAPPING = 1_000_000
#: Seconds for which a client that was told goodbye may still send.
_LINGER_S = 2.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: ".encode()
    for status in HTTPStatus
}


class Handler(Protocol):
    """Who answers."""

    def handle(self, request: Request, answer: Callable[[Reply], None]) -> None:
        """Answer now or later, from the loop's thread, once."""

    def refused(self, status: int) -> None:
        """A request was refused before it was whole."""


class Listener:
    """The connections of a server, and what they have in common."""

    def __init__(self, handler: Handler, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        self.handler, self.limits, self.loop = handler, limits, loop
        self.connections: set[Connection] = set()
        #: Bytes of bodies that are here: of requests in the middle, waiting, or being answered.
        self.held = 0
        #: Set while the server goes away: no answer promises that the connection stays.
        self.draining = False

    def connection(self) -> "Connection":
        """What asyncio asks for each client."""
        return Connection(self)

    def sweep(self) -> None:
        """Close the connections whose time is up; called every second or so."""
        now = self.loop.time()
        for one in tuple(self.connections):
            one.look_at_the_clock(now)

    @property
    def busy(self) -> int:
        """Connections with a request that is not yet answered whole, and taken."""
        return sum(one.is_busy for one in self.connections)

    def close_idle(self) -> None:
        """Close every connection on which nothing is asked."""
        for one in tuple(self.connections):
            if not one.is_busy:
                one.close()


class Connection(asyncio.Protocol):
    """One client: requests in, answers out, in their order."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._answering = self._handing = False
        self._closing = False  # nothing more is read; closes when the last answer is out
        self._reads = False  # in the middle of a request
        self._since = listener.loop.time()  # the last beginning or end of anything
        self._number = 0  # of the request that is read
        self._stuck: float | None = None  # since when the client does not take what it is sent
        self._forget()

    def _forget(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        #: Bytes of this request: of its names and values, of its head as it comes, of all of it.
        self._head = self._raw_head = self._raw = 0
        self._in_head = False

    # --- what the transport calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        own = self._listener.connections
        own.add(self)
        if len(own) > self._listener.limits.connections:
            self._refuse(ProblemError(503, "connections: as many as this server takes are open"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        self._closing = True
        self._let_go()
        self._listener.held -= sum(len(request.body) for request, _ in self._waiting)
        self._waiting.clear()
        self._listener.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        first = self._number + (not self._reads)  # the request that these bytes begin with
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # refused already
        except httptools.HttpParserError as error:
            self._refuse(ProblemError(400, f"request: expected HTTP/1.1, found otherwise: {error}"))
            return
        # What began in the middle of these bytes is counted from the next ones on.
        if self._reads and first == self._number:
            self._raw += len(data)
            self._raw_head += len(data) if self._in_head else 0
            self._check_head(self._raw_head)
            if self._raw > 2 * len(self._body) + _WRAPPING:
                self._refuse(ProblemError(400, "body: expected longer chunks, or no such trailers"))

    def eof_received(self) -> bool:
        # A client may have said all that it has to say, and still wait for the answer. Half a
        # request is none.
        self._closing, self._reads = True, False
        return self.is_busy

    def pause_writing(self) -> None:
        # Who takes no answers is asked for no more questions.
        self._stuck = self._listener.loop.time()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._stuck = None
        self._next()
        if self._stuck is None and len(self._waiting) <= _PIPELINED:
            self._transport.resume_reading()

    # --- what the parser calls ---

    def on_message_begin(self) -> None:
        self._forget()
        self._number += 1
        self._reads = self._in_head = True
        self._since = self._listener.loop.time()

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        if self._in_head:  # and no trailer, which may not change what was said
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def _count(self, size: int) -> None:
        self._head += size
        self._check_head(self._head)

    def _check_head(self, size: int) -> None:
        if size > _HEAD_BYTES:
            self._refuse(ProblemError(431, f"head: expected at most {_HEAD_BYTES:,} bytes"))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._parser.should_upgrade():
            self._refuse(
                ProblemError(400, "upgrade: expected plain HTTP/1.1, found a wish for more")
            )
            return
        length = self._headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._listener.limits.body_bytes:
            self._too_large()
        elif self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        if self._closing:
            return
        limits = self._listener.limits
        self._listener.held += len(body)
        self._body += body
        if len(self._body) > limits.body_bytes:
            self._too_large()
        elif self._listener.held > limits.held_bytes:
            self._refuse(ProblemError(503, "bodies: as many bytes as this server holds are here"))

    def _let_go(self) -> None:
        """Forget the body of a request that is not whole."""
        self._listener.held -= len(self._body)
        self._body = bytearray()

    def on_message_complete(self) -> None:
        self._reads = False
        if self._closing:
            return
        method = self._parser.get_method().decode()
        path, _, query = self._url.partition(b"?")
        whole, self._body = bytes(self._body), bytearray()
        if b"%" in path:
            path = unquote_to_bytes(path)
        request = Request(
            method, path.decode("utf-8", "replace"), query.decode("latin-1"), self._headers, whole
        )
        self._waiting.append((request, self._parser.should_keep_alive()))
        if len(self._waiting) > _PIPELINED:
            self._transport.pause_reading()
        self._next()

    # --- answers ---

    @property
    def is_busy(self) -> bool:
        """Whether a client waits for something, or has not taken all of it."""
        unsent = self._transport.get_write_buffer_size()
        return self._answering or self._reads or bool(self._waiting) or unsent > 0

    def close(self) -> None:
        """Say goodbye; what was written is still sent."""
        self._closing = True
        self._transport.close()

    def look_at_the_clock(self, now: float) -> None:
        """Close where the client is slower than it may be."""
        limits = self._listener.limits
        if self._stuck is not None and now - self._stuck > limits.write_seconds:
            self._transport.abort()
        elif self._answering:
            return
        elif self._closing and now - self._since > _LINGER_S:
            self._transport.abort()
        elif self._reads and now - self._since > limits.read_seconds:
            self._refuse(
                ProblemError(408, f"request: expected whole within {limits.read_seconds:g} s")
            )
        elif not self._reads and now - self._since > limits.idle_seconds:
            self.close()

    def _too_large(self) -> None:
        most = self._listener.limits.body_bytes
        self._refuse(ProblemError(413, f"body: expected at most {most:,} bytes"))

    def _refuse(self, problem: ProblemError) -> None:
        """Answer what cannot be read further, and close."""
        if self._closing:
            return
        self._closing, self._reads = True, False
        self._let_go()
        self._listener.handler.refused(problem.status)
        if not self._answering and not self._waiting:
            self._write(problem.reply(), bare=False, last=True)

    def _next(self) -> None:
        """Hand the waiting requests to the handler, one after the other."""
        if self._handing:
            return  # an answer that came at once: the loop below goes on
        self._handing = True
        while self._waiting and not self._answering and self._stuck is None:
            self._hand(*self._waiting.popleft())
            if len(self._waiting) == _PIPELINED and self._stuck is None:
                self._transport.resume_reading()
        self._handing = False

    def _hand(self, request: Request, keep: bool) -> None:
        self._answering = True

        def answer(reply: Reply) -> None:
            self._answering = False
            self._listener.held -= len(request.body)
            if self._transport.is_closing():
                return
            if not keep:
                self._listener.held -= sum(len(one.body) for one, _ in self._waiting)
                self._waiting.clear()
            leaves = not keep or self._closing or self._listener.draining
            last = leaves and not self._waiting
            self._write(reply, bare=request.method == "HEAD", last=last)
            self._next()

        self._listener.handler.handle(request, answer)

    def _write(self, reply: Reply, *, bare: bool, last: bool) -> None:
        """`bare` leaves the body out, as HEAD asks; after the `last` answer there is none."""
        more = b"".join(b"\r\n%b: %b" % pair for pair in reply.headers)
        self._transport.write(
            b"%b%b\r\ncontent-length: %d%b%b\r\n\r\n%b"
            % (
                _STATUS[reply.status],
                reply.kind,
                len(reply.body),
                more,
                b"\r\nconnection: close" if last else b"",
                b"" if bare else reply.body,
            )
        )
        self._since = self._listener.loop.time()
        if last:
            # Closed at once, what the client still sends would make the network forget the answer.
            self._closing = True
            self._transport.write_eof()

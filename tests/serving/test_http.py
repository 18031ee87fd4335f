"""HTTP as clients speak it, well and badly: every request has its answer, in its order."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from serving.exchange import Reply
from serving.settings import Limits
from tests.serving.listening import Echo, Running, everything, listening, one_answer
from tests.support import until

_LIMITS = Limits(body_bytes=1_000, read_seconds=0.2, idle_seconds=0.2, write_seconds=0.2)


@pytest.fixture
def echo() -> Echo:
    """Who answers."""
    return Echo()


@pytest.fixture
def running(echo: Echo) -> Iterator[Running]:
    """A server that echoes."""
    with listening(echo, _LIMITS) as made:
        yield made


def said(answer: bytes) -> tuple[int, bytes]:
    """An answer's status and body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", 200, b"GET /a "),
        (b"GET /a?b=c%20d HTTP/1.1\r\nHost: x\r\n\r\n", 200, b"GET /a "),
        (b"GET /a%2Fb%C3%A9 HTTP/1.1\r\nHost: x\r\n\r\n", 200, "GET /a/bé ".encode()),
        (b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", 200, b""),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200, b"POST /a abc"),
        (
            b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            200,
            b"POST /a abc",
        ),
    ],
)
def test_a_request_is_answered_in_one_piece_or_byte_by_byte(
    running: Running, request_: bytes, status: int, body: bytes
) -> None:
    with running.client() as client:
        client.sendall(request_)
        client.shutdown(socket.SHUT_WR)
        assert said(everything(client)) == (status, body)
    with running.client() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request_:
            client.sendall(bytes([byte]))
        client.shutdown(socket.SHUT_WR)
        assert said(everything(client)) == (status, body)


@pytest.mark.parametrize(
    ("request_", "status", "why"),
    [
        (b"this is no HTTP\r\n\r\n", 400, b"HTTP/1.1"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, b"HTTP/1.1"),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, b"HTTP/1.1"),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET /inner HTTP/1.1\r\n\r\n",
            400,
            b"HTTP/1.1",
        ),
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", 400, b"upgrade"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", 413, b"at most 1,000 bytes"),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"a" * 1_001,
            413,
            b"at most 1,000 bytes",
        ),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, 431, b"head"),
        (b"GET /" + b"a" * 70_000, 431, b"head"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 12_000, 431, b"head"),
    ],
)
def test_what_cannot_be_read_is_refused_and_the_connection_closed(
    running: Running, echo: Echo, request_: bytes, status: int, why: bytes
) -> None:
    with running.client() as client:
        client.sendall(request_)
        found = everything(client)
    assert said(found)[0] == status
    assert why in said(found)[1]
    assert b"application/problem+json" in found
    assert b"connection: close" in found
    assert not [request for request in echo.asked if request.path != "/"]


def test_a_connection_stays_for_the_next_request(running: Running) -> None:
    with running.client() as client:
        for path in (b"/1", b"/2", b"/3"):
            client.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            assert said(one_answer(client)) == (200, b"GET %b " % path)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /a HTTP/1.0\r\n\r\n",
        b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n",
    ],
)
def test_a_connection_closes_where_the_client_says_so(running: Running, request_: bytes) -> None:
    with running.client() as client:
        client.sendall(request_)
        found = everything(client)
    assert said(found) == (200, b"GET /a ")
    assert b"connection: close" in found


def test_requests_in_a_row_are_answered_in_their_order(running: Running, echo: Echo) -> None:
    with running.client() as client:
        client.sendall(b"GET /later HTTP/1.1\r\n\r\n" + b"GET /b HTTP/1.1\r\n\r\n" * 40)
        until(lambda: bool(echo.later))
        time.sleep(0.05)
        assert [request.path for request in echo.asked] == ["/later"]
        running.do(lambda: echo.later[0](Reply(200, b"first")))
        assert said(one_answer(client)) == (200, b"first")
        for _ in range(40):
            assert said(one_answer(client)) == (200, b"GET /b ")


def test_a_client_that_waits_for_the_word_to_go_on_gets_it(running: Running) -> None:
    with running.client() as client:
        client.sendall(b"POST /a HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"ab")
        assert said(one_answer(client)) == (200, b"POST /a ab")


def test_a_client_that_has_said_all_still_gets_a_late_answer(running: Running, echo: Echo) -> None:
    with running.client() as client:
        client.sendall(b"GET /later HTTP/1.1\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        until(lambda: bool(echo.later))
        running.do(lambda: echo.later[0](Reply(200, b"late")))
        assert said(everything(client)) == (200, b"late")


def test_a_client_that_went_away_is_missed_by_nobody(running: Running, echo: Echo) -> None:
    with running.client() as client:
        client.sendall(b"GET /later HTTP/1.1\r\n\r\n")
        until(lambda: bool(echo.later))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    until(lambda: not running.listener.connections)
    running.do(lambda: echo.later[0](Reply(200, b"nobody")))
    with running.client() as client:
        client.sendall(b"GET /next HTTP/1.1\r\n\r\n")
        assert said(one_answer(client)) == (200, b"GET /next ")


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (b"POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nab", 408),
        (b"GET /a HT", 408),
        (b"", None),
        (b"GET /a HTTP/1.1\r\n\r\n", 200),
    ],
)
def test_a_slow_or_silent_client_is_not_waited_for(
    running: Running, begun: bytes, status: int | None
) -> None:
    with running.client() as client:
        client.sendall(begun)
        time.sleep(0.4)
        running.do(running.listener.sweep)
        found = everything(client)
    assert (said(found)[0] if found else None) == status
    until(lambda: not running.listener.connections)


def test_an_answer_that_is_on_its_way_has_all_the_time(running: Running, echo: Echo) -> None:
    with running.client() as client:
        client.sendall(b"GET /later HTTP/1.1\r\n\r\n")
        time.sleep(0.4)
        running.do(running.listener.sweep)
        running.do(lambda: echo.later[0](Reply(200, b"late")))
        assert said(one_answer(client)) == (200, b"late")


def test_a_client_that_takes_no_answer_is_cut_off(running: Running, echo: Echo) -> None:
    with running.client() as client:
        client.sendall(b"GET /later HTTP/1.1\r\n\r\n")
        until(lambda: bool(echo.later))
        running.do(lambda: echo.later[0](Reply(200, bytes(50_000_000))))
        time.sleep(0.4)
        running.do(running.listener.sweep)
        until(lambda: not running.listener.connections)


def test_more_connections_than_the_server_takes_are_told_so(echo: Echo) -> None:
    with listening(echo, replace(_LIMITS, connections=1)) as running, running.client() as first:
        first.sendall(b"GET /1 HTTP/1.1\r\n\r\n")
        one_answer(first)
        with running.client() as second:
            assert said(everything(second))[0] == 503
        first.sendall(b"GET /2 HTTP/1.1\r\n\r\n")
        assert said(one_answer(first)) == (200, b"GET /2 ")


def test_who_takes_no_answers_is_asked_for_no_more_questions(echo: Echo) -> None:
    with (
        listening(echo, replace(_LIMITS, body_bytes=1_000_000)) as running,
        running.client() as client,
    ):
        body = b"a" * 500_000
        client.settimeout(1)
        with suppress(TimeoutError):
            for _ in range(400):
                client.sendall(b"POST /a HTTP/1.1\r\nContent-Length: 500000\r\n\r\n" + body)
        (one,) = running.listener.connections
        assert one._transport.get_write_buffer_size() < 5_000_000
        assert len(echo.asked) < 60


def test_many_pipelined_requests_are_no_large_head(running: Running) -> None:
    posts = b"POST /a HTTP/1.1\r\nContent-Length: 900\r\n\r\n" + b"a" * 900
    with running.client() as client:
        client.sendall(posts * 300 + b"GET /b HTTP/1.1\r\n")
        time.sleep(0.05)
        client.sendall(b"\r\n")
        client.shutdown(socket.SHUT_WR)
        assert everything(client).count(b"HTTP/1.1 200 OK") == 301


@pytest.mark.parametrize(
    "body",
    [
        b"1\r\na\r\n" * 400_000,
        b"0\r\n" + b"a: b\r\n" * 400_000,
        b"0\r\na: " + b"b" * 3_000_000,
    ],
    ids=["small chunks", "trailers", "a long trailer"],
)
def test_a_body_that_is_mostly_wrapping_is_refused(echo: Echo, body: bytes) -> None:
    with (
        listening(echo, replace(_LIMITS, body_bytes=10_000_000)) as running,
        running.client() as client,
    ):
        client.sendall(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        with suppress(ConnectionError):
            client.sendall(body)
        assert said(client.recv(65_536))[0] in {400, 431}
    assert not echo.asked


def test_bodies_that_are_not_whole_are_held_up_to_a_limit(echo: Echo) -> None:
    limits = replace(_LIMITS, body_bytes=1_000_000, held_bytes=1_500_000)
    head = b"POST /later HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"
    with listening(echo, limits) as running, running.client() as first, running.client() as other:
        first.sendall(head + b"a" * 999_999)
        until(lambda: running.listener.held == 999_999)
        other.sendall(head + b"a" * 600_000)
        assert said(everything(other))[0] == 503
        until(lambda: running.listener.held == 999_999)
        first.sendall(b"a")
        until(lambda: bool(echo.later))
        assert running.listener.held == 1_000_000
        running.do(lambda: echo.later[0](Reply(200, b"done")))
        assert said(one_answer(first)) == (200, b"done")
        assert running.listener.held == 0
    assert echo.refusals == [503]


def test_half_a_request_is_none(running: Running, echo: Echo) -> None:
    with running.client() as client:
        client.sendall(b"POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nab")
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b""
    assert not echo.asked


def test_who_sends_too_much_can_still_read_why_not(running: Running) -> None:
    with running.client() as client:
        client.sendall(b"POST /a HTTP/1.1\r\nContent-Length: 20000000\r\n\r\n")
        client.sendall(bytes(20_000_000))
        client.shutdown(socket.SHUT_WR)
        assert said(everything(client))[0] == 413


def test_thousands_of_requests_at_once_are_all_answered(running: Running, echo: Echo) -> None:
    with running.client() as client:
        client.sendall(b"GET /later HTTP/1.1\r\n\r\n" + b"GET / HTTP/1.1\r\n\r\n" * 3_000)
        until(lambda: bool(echo.later))
        running.do(lambda: echo.later[0](Reply(200, b"first")))
        client.shutdown(socket.SHUT_WR)
        assert everything(client).count(b"HTTP/1.1 200 OK") == 3_001


def test_a_server_that_goes_away_answers_and_says_so(running: Running) -> None:
    with running.client() as client:
        running.listener.draining = True
        client.sendall(b"GET /a HTTP/1.1\r\n\r\n")
        found = everything(client)
    assert said(found) == (200, b"GET /a ")
    assert b"connection: close" in found

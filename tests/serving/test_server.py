"""A server listens where it can, and says so where it cannot."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from components.contracts.errors import EnvironmentFaultError, VintageError
from serving.server import listen_on
from serving.settings import Limits
from tests.support import free_port

HOST = "127.0.0.1"


@contextmanager
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with closing(socket.socket()) as holder:
        holder.bind((HOST, 0))
        holder.listen()
        yield int(holder.getsockname()[1])


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_in_use_is_named(shared: bool) -> None:
    with (
        taken() as port,
        pytest.raises(EnvironmentFaultError, match=f"port {port} on 127.0.0.1: .* --port"),
    ):
        listen_on(HOST, port, shared=shared)


@pytest.mark.parametrize(("host", "port"), [(HOST, 70_000), (HOST, -1), ("256.0.0.1", 8080)])
def test_a_port_that_cannot_be_is_named(host: str, port: int) -> None:
    with pytest.raises(EnvironmentFaultError, match=f"port {port} on {host}: expected to listen"):
        listen_on(host, port)


def test_a_free_port_is_listened_on() -> None:
    port = free_port()
    with listen_on(HOST, port):
        socket.create_connection((HOST, port), timeout=5).close()


def test_workers_share_a_port() -> None:
    port = free_port()
    with listen_on(HOST, port, shared=True), listen_on(HOST, port, shared=True):
        socket.create_connection((HOST, port), timeout=5).close()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("PORT", "http", "VINTAGE_SERVE_PORT: expected a whole number of at least 1, found 'http'"),
        ("WORKERS", "0", "VINTAGE_SERVE_WORKERS: expected a whole number of at least 1, found '0'"),
        ("ROWS", "1.5", "VINTAGE_SERVE_ROWS: expected a whole number of at least 1, found '1.5'"),
        ("READ_SECONDS", "-1", "VINTAGE_SERVE_READ_SECONDS: expected seconds, at least 0, found"),
        ("IDLE_SECONDS", "nan", "VINTAGE_SERVE_IDLE_SECONDS: expected seconds, at least 0, found"),
        ("WORKER", "2", "expected one of .*VINTAGE_SERVE_WORKERS.*, found VINTAGE_SERVE_WORKER"),
    ],
)
def test_a_setting_that_is_none_is_named(name: str, text: str, message: str) -> None:
    with pytest.raises(VintageError, match=message):
        Limits.from_environment({f"VINTAGE_SERVE_{name}": text})


def test_settings_are_read_from_the_environment() -> None:
    found = Limits.from_environment(
        {
            "VINTAGE_SERVE_PORT": "9000",
            "VINTAGE_SERVE_WORKERS": "3",
            "VINTAGE_SERVE_READ_SECONDS": "0.5",
            "VINTAGE_SERVE_TOKEN": "2",
            "HOME": "/",
        }
    )
    assert found == Limits(port=9000, workers=3, read_seconds=0.5, token="2")  # noqa: S106 - a placeholder
    assert "token" not in repr(found)
    assert Limits.from_environment({}) == Limits()

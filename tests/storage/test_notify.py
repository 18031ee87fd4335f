"""Notifications reach a webhook, and never fail a run."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from components.storage.notify import notify
from tests.support import free_port


class _Webhook(HTTPServer):
    """A webhook that keeps what it was sent, and answers with `status`."""

    status = 200

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: _Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def webhook() -> Iterator[_Webhook]:
    with _Webhook() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _notify(webhook: str) -> None:
    notify(webhook, scenario="card-default", run="r1", event="refused", text="two\nlines: £")


def test_a_webhook_gets_one_json_document(webhook: _Webhook) -> None:
    _notify(webhook.url)
    body = {
        "scenario": "card-default", "run": "r1", "event": "refused", "text": "two\nlines: £",
    }  # fmt: skip
    assert webhook.got == [("application/json", body)]


def test_without_a_webhook_the_log_has_the_event(capsys: pytest.CaptureFixture[str]) -> None:
    _notify("")
    assert "refused card-default r1: two" in capsys.readouterr().out


@pytest.mark.parametrize("status", [404, 500])
def test_a_webhook_that_answers_with_an_error_fails_nothing(
    webhook: _Webhook, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    webhook.status = status
    _notify(webhook.url)
    assert f"could not be reached: HTTP Error {status}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"http://127.0.0.1:{free_port()}/hook", id="nobody listens"),
        "http://no-such-host.invalid/hook",
        "not a url",
        "gopher://x/y",
        "http://127.0.0.1:port/hook",
        "http://127.0.0.1/with a space",
    ],
)
def test_a_webhook_that_cannot_be_reached_fails_nothing(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _notify(url)
    assert "webhook could not be reached" in capsys.readouterr().out


class _Garbage(BaseHTTPRequestHandler):
    def handle(self) -> None:
        self.request.recv(65_536)
        self.request.sendall(b"this is not HTTP\r\n\r\n")


def test_a_webhook_that_does_not_speak_http_fails_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with HTTPServer(("127.0.0.1", 0), _Garbage) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        _notify(f"http://127.0.0.1:{server.server_port}/hook")
        thread.join()
    assert "webhook could not be reached" in capsys.readouterr().out

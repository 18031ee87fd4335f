"""A bucket that cannot be used says so, in words and within seconds."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.storage.objects import open_store
from tests.support import free_port

QUICK_S = 15


def _message(uri: str, home: Path) -> str:
    """What opening a store says; it must say it soon."""
    started = time.monotonic()
    with pytest.raises(VintageError) as caught:
        open_store(uri, home)
    assert time.monotonic() - started < QUICK_S
    message = str(caught.value)
    assert "Traceback" not in message
    return message


@pytest.mark.minio
def test_a_bucket_that_is_not_there_is_named(bucket: str, home: Path) -> None:
    del bucket
    message = _message("s3://no-such-bucket/prefix", home)
    assert message == (
        "object store s3://no-such-bucket/prefix: expected bucket no-such-bucket, found none"
    )


@pytest.mark.minio
@pytest.mark.parametrize("name", ["X", "a", "under_score/..", "with space", ""])
def test_a_bucket_name_that_cannot_be_is_named(bucket: str, home: Path, name: str) -> None:
    del bucket
    assert f"s3://{name}" in _message(f"s3://{name}/prefix", home)


@pytest.mark.minio
@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_keys_are_called_wrong_and_not_shown(
    bucket: str, home: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "swordfish")
    message = _message(bucket, home)
    assert bucket in message
    assert "AccessDenied" in message or "Key" in message or "Signature" in message
    assert "swordfish" not in message


@pytest.mark.minio
@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_key_that_is_not_set_is_named(
    bucket: str, home: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(missing)
    assert missing in _message(bucket, home)


def test_without_an_endpoint_the_variable_is_named(home: Path) -> None:
    assert "expected AWS_ENDPOINT_URL" in _message("s3://bucket/prefix", home)


@pytest.mark.parametrize(
    "endpoint",
    [
        "127.0.0.1:9000",
        "minio",
        "http://",
        "ftp://127.0.0.1:9000",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:9000/with/path",
        "http://user:password@127.0.0.1:9000",
        "http://[::1",
        "http://two words:9000",
    ],
)
def test_a_malformed_endpoint_is_shown_with_what_was_expected(
    home: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    message = _message("s3://bucket/prefix", home)
    assert "AWS_ENDPOINT_URL" in message or "cannot be reached" in message


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "password")
    return monkeypatch


def test_a_bucket_in_hadoops_word_is_called_by_its_own(
    home: Path, keys: pytest.MonkeyPatch
) -> None:
    keys.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert "object store s3://bucket/prefix: " in _message("s3a://bucket/prefix/", home)


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_an_endpoint_where_nobody_listens_is_said_to_be_out_of_reach(
    home: Path, keys: pytest.MonkeyPatch, host: str
) -> None:
    keys.setenv("AWS_ENDPOINT_URL", f"http://{host}:{free_port()}")
    message = _message("s3://bucket/prefix", home)
    assert message.startswith("object store s3://bucket/prefix: cannot be reached")


class _Stranger(BaseHTTPRequestHandler):
    """A server that answers, but is no object store."""

    def _answer(self) -> None:
        status = int(self.server.status)  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "5")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"hello")

    do_GET = do_HEAD = do_PUT = do_POST = _answer

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture(params=[200, 301, 403, 404, 500, 501, 503])
def stranger(request: pytest.FixtureRequest) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Stranger) as server:
        server.status = request.param  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_endpoint_that_is_no_object_store_ends_in_words(
    home: Path, keys: pytest.MonkeyPatch, stranger: str
) -> None:
    keys.setenv("AWS_ENDPOINT_URL", stranger)
    started = time.monotonic()
    with pytest.raises(VintageError, match="object store s3://bucket/prefix: "):
        open_store("s3://bucket/prefix", home).find("some/key")
    assert time.monotonic() - started < QUICK_S


@pytest.mark.minio
def test_a_store_that_goes_away_is_an_environment_fault_that_may_pass(
    bucket: str, home: Path
) -> None:
    store = open_store(bucket, home)
    store.client._base_url._url = store.client._base_url._url._replace(  # type: ignore[attr-defined]
        netloc=f"127.0.0.1:{free_port()}"
    )
    for act in (
        lambda: store.find("s/k"),
        lambda: store.put("a", "b"),
        lambda: store.names("a"),
        lambda: store.fetch(f"{bucket}/x"),
    ):
        with pytest.raises(EnvironmentFaultError, match=f"object store {bucket}.*: ") as caught:
            act()
        assert caught.value.transient


@pytest.mark.minio
def test_a_damaged_download_is_refused(bucket: str, home: Path) -> None:
    store = open_store(bucket, home)
    folder = store.scratch()
    (folder / "a.txt").write_text("one")
    made = store.publish("s/k", folder, {})
    store.put(made.uri.removeprefix(f"{bucket}/") + "a.txt", "two")
    with pytest.raises(VintageError, match=r"expected content [0-9a-f]{12}, found [0-9a-f]{12}"):
        store.local(made)
    store.client.remove_object(
        bucket_name=urlsplit(bucket).netloc,
        object_name=urlsplit(made.uri).path.lstrip("/") + "a.txt",
    )
    with pytest.raises(EnvironmentFaultError, match="NoSuchKey"):
        store.local(made)
    # Who tries again and again does not fill the disk.
    assert list((home / "cache" / "work").iterdir()) == []

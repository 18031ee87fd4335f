"""The bootstrap where something is missing, wrong or away: it says what, and ends."""

from dataclasses import replace

import pytest

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.storage import bootstrap
from tests.storage.installing import Owner, Users, say_minio, say_postgres, url_of
from tests.support import MinioServer, PostgresServer, free_port


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(bootstrap, "_PAUSE_S", 0.0)


NOWHERE = MinioServer("http://127.0.0.1:1", "root", "swordfish")


@pytest.mark.minio
@pytest.mark.parametrize(
    "missing",
    [
        "VINTAGE_STORE", "AWS_ENDPOINT_URL", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD",
        "STORE_KEY", "STORE_SECRET", "SERVING_KEY", "SERVING_SECRET", "MLFLOW_KEY",
        "MLFLOW_SECRET", "VINTAGE_DATABASE", "MLFLOW_DATABASE", "POSTGRES_USER",
        "POSTGRES_PASSWORD",
    ],
)  # fmt: skip
def test_a_setting_that_is_missing_is_named(
    missing: str,
    minio_server: MinioServer,
    users: Users,
    owners: tuple[Owner, Owner],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_minio(minio_server, users, monkeypatch)
    say_postgres(PostgresServer("127.0.0.1", 1, "root", "swordfish"), owners, monkeypatch)
    if missing == "MLFLOW_DATABASE":  # asked for once the other database is made
        monkeypatch.setattr(bootstrap, "_make_database", lambda _: None)
    if "DATABASE" in missing or "POSTGRES" in missing:  # the buckets are made by then
        monkeypatch.setattr(bootstrap, "_make_buckets", lambda *_: None)
    if missing.startswith("VINTAGE"):
        monkeypatch.setenv(missing, "")  # as a ConfigMap's key without a value
    else:
        monkeypatch.delenv(missing)
    assert bootstrap.main() == 1
    assert capsys.readouterr().err == f"bootstrap: expected {missing} to be set, found nothing\n"


@pytest.mark.parametrize("store", ["/some/folder", "folder", "s3:///prefix"])
def test_a_store_that_is_no_bucket_is_told(
    store: str,
    users: Users,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_minio(NOWHERE, users, monkeypatch)
    monkeypatch.setenv("VINTAGE_STORE", store)
    assert bootstrap.main() == 1
    assert capsys.readouterr().err == (
        f"bootstrap: expected s3://BUCKET/PREFIX as VINTAGE_STORE, found {store}\n"
    )


@pytest.mark.parametrize(
    "endpoint", ["minio:9000", "http://", "http://127.0.0.1:port", "ftp://127.0.0.1:9000"]
)
def test_an_endpoint_that_cannot_be_is_told(
    endpoint: str,
    users: Users,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_minio(replace(NOWHERE, endpoint=endpoint), users, monkeypatch)
    assert bootstrap.main() == 1
    error = capsys.readouterr().err
    assert error.startswith("bootstrap: ")
    assert "AWS_ENDPOINT_URL" in error


@pytest.mark.minio
def test_a_bucket_name_that_cannot_be_is_told(
    minio_server: MinioServer,
    users: Users,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_minio(minio_server, replace(users, bucket="ab"), monkeypatch)
    assert bootstrap.main() == 1
    assert capsys.readouterr().err.startswith("bootstrap: bucket ab: ")


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "sqlite:////home/vintage.db",
        "postgresql+psycopg://host/database",
        "postgresql+psycopg://user@host/database",
        "postgresql+psycopg://user:swordfish@host",
    ],
)
def test_a_database_without_user_password_or_name_is_told(url: str) -> None:
    with pytest.raises(VintageError) as caught:
        bootstrap._make_database(url)
    assert str(caught.value) == ("expected postgresql+psycopg://USER:PASSWORD@HOST/DATABASE as URL")
    assert not caught.value.transient


def test_a_server_out_of_reach_is_named_once_patience_ends(
    users: Users, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    say_minio(replace(NOWHERE, endpoint=f"http://127.0.0.1:{port}"), users, monkeypatch)
    monkeypatch.setattr(bootstrap, "_PATIENCE_S", 0.2)
    monkeypatch.setattr(bootstrap, "_PAUSE_S", 0.05)
    assert bootstrap.main() == 1
    *waited, last = capsys.readouterr().err.splitlines()
    assert waited
    assert all(
        line.startswith(f"bootstrap: waiting for MinIO: MinIO at 127.0.0.1:{port}: ")
        for line in waited
    )
    assert last.startswith(f"bootstrap: MinIO at 127.0.0.1:{port}: ")
    assert "refused" in last
    assert "swordfish" not in last


def test_a_database_server_out_of_reach_is_named(
    owners: tuple[Owner, Owner], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = PostgresServer("127.0.0.1", free_port(), "root", "swordfish")
    say_postgres(server, owners, monkeypatch)
    with pytest.raises(EnvironmentFaultError, match=r"^PostgreSQL at 127\.0\.0\.1: .*refused"):
        bootstrap._make_database(url_of(server, owners[0]))


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_a_server_that_comes_up_late_is_waited_for(
    failures: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "_PATIENCE_S", 60.0)
    left = [EnvironmentFaultError("starting up")] * failures

    def make() -> None:
        if left:
            raise left.pop()

    bootstrap._patiently("MinIO", make)
    said = capsys.readouterr()
    assert said.err == "bootstrap: waiting for MinIO: starting up\n" * failures
    assert said.out == "bootstrap: MinIO has what is needed\n"

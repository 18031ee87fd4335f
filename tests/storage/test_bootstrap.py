"""An installation's own MinIO and PostgreSQL, made ready: on real servers, once and again."""

import io
import secrets
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import psycopg
import pytest
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import S3Error

from components.contracts.errors import EnvironmentFaultError
from components.storage import bootstrap
from components.storage.database import Database
from tests.storage.installing import Owner, Users, say_minio, say_postgres, url_of
from tests.support import MinioServer, PostgresServer


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(bootstrap, "_PAUSE_S", 0.0)


@pytest.fixture
def made(
    minio_server: MinioServer, users: Users, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Make what MinIO must hold; done once already."""
    say_minio(minio_server, users, monkeypatch)

    def make() -> None:
        bootstrap._make_buckets(users.bucket, "store/decisions/*")

    make()
    return make


def _client(server: MinioServer, key: str, secret: str) -> Minio:
    return Minio(endpoint=server.endpoint[7:], access_key=key, secret_key=secret, secure=False)


def _write(client: Minio, bucket: str) -> None:
    client.put_object(bucket_name=bucket, object_name="a/b", data=BytesIO(b"x"), length=1)


def _read(client: Minio, bucket: str) -> None:
    with client.get_object(bucket_name=bucket, object_name="a/b") as answer:
        assert answer.read() == b"x"


def _list(client: Minio, bucket: str) -> None:
    assert "a/b" in {o.object_name for o in client.list_objects(bucket, recursive=True)}


def _remove(client: Minio, bucket: str) -> None:
    client.remove_object(bucket_name=bucket, object_name="a/b")


def _make(client: Minio, _: str) -> None:
    client.make_bucket(bucket_name="another-bucket")


ACTS = {"read": _read, "list": _list, "write": _write, "remove": _remove, "make another": _make}


def _allowed(client: Minio, bucket: str) -> set[str]:
    """Which acts a client may do in a bucket."""
    found = set()
    for name, act in ACTS.items():
        try:
            act(client, bucket)
            found.add(name)
        except S3Error as error:
            assert error.code == "AccessDenied", error
    return found


EVERYTHING = {"read", "list", "write", "remove"}


@pytest.mark.minio
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    ("user", "in_store", "in_mlflow"),
    [
        ("STORE", EVERYTHING, set()),
        ("SERVING", {"read", "list"}, set()),
        ("MLFLOW", set(), EVERYTHING),
    ],
)
@pytest.mark.usefixtures("made")
def test_each_user_may_do_what_it_needs_and_no_more(
    user: str,
    in_store: set[str],
    in_mlflow: set[str],
    times: int,
    minio_server: MinioServer,
    users: Users,
    made: Callable[[], None],
) -> None:
    for _ in range(times - 1):
        made()
    root = _client(minio_server, minio_server.access, minio_server.secret)
    mine = _client(minio_server, users.key(user), users.secrets[user])
    for bucket, expected in ((users.bucket, in_store), ("mlflow", in_mlflow)):
        _write(root, bucket)
        assert _allowed(mine, bucket) == expected


@pytest.mark.minio
@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("store/decisions/card-default/2026-11-22/a.jsonl", True),
        ("decisions/a.jsonl", False),
        ("store/deployments/card-default", False),
        ("store/card-default/releases/a/release.json", False),
    ],
)
@pytest.mark.usefixtures("made")
def test_a_server_writes_decisions_and_nothing_else(
    minio_server: MinioServer, users: Users, name: str, may: bool
) -> None:
    mine = _client(minio_server, users.key("SERVING"), users.secrets["SERVING"])
    try:
        mine.put_object(bucket_name=users.bucket, object_name=name, data=io.BytesIO(b"a"), length=1)
        done = True
    except S3Error as error:
        assert error.code == "AccessDenied", error
        done = False
    assert done == may
    with pytest.raises(S3Error, match="AccessDenied"):
        mine.remove_object(bucket_name=users.bucket, object_name=name)


@pytest.mark.minio
def test_what_the_buckets_hold_stays(
    minio_server: MinioServer, users: Users, made: Callable[[], None]
) -> None:
    mine = _client(minio_server, users.key("STORE"), users.secrets["STORE"])
    _write(mine, users.bucket)
    made()
    _read(mine, users.bucket)


@pytest.mark.minio
def test_a_user_s_new_secret_holds_and_its_old_one_no_more(
    minio_server: MinioServer,
    users: Users,
    made: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, new = users.key("STORE"), secrets.token_hex(16)
    monkeypatch.setenv("STORE_SECRET", new)
    made()
    _write(_client(minio_server, key, new), users.bucket)
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        _write(_client(minio_server, key, users.secrets["STORE"]), users.bucket)


@pytest.mark.minio
def test_rights_that_somebody_added_are_taken_back(
    minio_server: MinioServer, users: Users, made: Callable[[], None]
) -> None:
    key = users.key("SERVING")
    admin = MinioAdmin(
        endpoint=minio_server.endpoint[7:],
        credentials=StaticProvider(minio_server.access, minio_server.secret),
        secure=False,
    )
    admin.policy_set(policy_name="readwrite", user=key)
    mine = _client(minio_server, key, users.secrets["SERVING"])
    _write(mine, users.bucket)
    made()
    assert _allowed(mine, users.bucket) == {"read", "list"}


@pytest.mark.minio
@pytest.mark.usefixtures("made")
def test_a_wrong_root_password_is_told_and_not_shown(
    users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIO_ROOT_PASSWORD", "swordfish")
    with pytest.raises(EnvironmentFaultError, match=r"^MinIO at 127\.0\.0\.1:\d+: ") as caught:
        bootstrap._make_buckets(users.bucket, "store/decisions/*")
    assert "swordfish" not in str(caught.value)


@pytest.mark.postgres
@pytest.mark.parametrize("times", [1, 2])
def test_each_database_has_an_owner_who_alone_can_use_it(
    times: int,
    postgres_server: PostgresServer,
    owners: tuple[Owner, Owner],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    say_postgres(postgres_server, owners, monkeypatch)
    for _ in range(times):
        for owner in owners:
            bootstrap._make_database(url_of(postgres_server, owner))
    for mine, other in (owners, owners[::-1]):
        Database(url_of(postgres_server, mine)).promote(
            "s", "r", after=0, run="r", who="w", why="w", figures={}
        )
        stranger = replace(postgres_server, user=other.name, password=other.password)
        with (
            stranger.connect(mine.name) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("select * from promotions")


@pytest.mark.postgres
def test_what_a_database_holds_stays_and_its_owner_s_new_password_holds(
    postgres_server: PostgresServer,
    owners: tuple[Owner, Owner],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    say_postgres(postgres_server, owners, monkeypatch)
    old, new = owners[0], Owner(owners[0].name, "another")
    bootstrap._make_database(url_of(postgres_server, old))
    Database(url_of(postgres_server, old)).promote(
        "s", "kept", after=0, run="r", who="w", why="w", figures={}
    )
    bootstrap._make_database(url_of(postgres_server, new))
    champion = Database(url_of(postgres_server, new)).champion("s")
    assert champion is not None
    assert champion.release == "kept"
    with pytest.raises(EnvironmentFaultError, match="password authentication failed"):
        Database(url_of(postgres_server, old))


@pytest.mark.postgres
def test_a_wrong_superuser_is_told_and_not_shown(
    postgres_server: PostgresServer,
    owners: tuple[Owner, Owner],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    say_postgres(postgres_server, owners, monkeypatch)
    monkeypatch.setenv("POSTGRES_PASSWORD", "swordfish")
    expected = r"^PostgreSQL at 127\.0\.0\.1: .*password authentication failed"
    with pytest.raises(EnvironmentFaultError, match=expected) as caught:
        bootstrap._make_database(url_of(postgres_server, owners[0]))
    assert "swordfish" not in str(caught.value)


@pytest.mark.minio
@pytest.mark.postgres
def test_the_program_makes_all_of_it_and_says_so(
    minio_server: MinioServer,
    postgres_server: PostgresServer,
    users: Users,
    owners: tuple[Owner, Owner],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_minio(minio_server, users, monkeypatch)
    say_postgres(postgres_server, owners, monkeypatch)
    for _ in range(2):
        assert bootstrap.main() == 0
        said = capsys.readouterr()
        assert said.out.splitlines() == [
            "bootstrap: MinIO has what is needed",
            "bootstrap: PostgreSQL has what is needed",
            "bootstrap: PostgreSQL has what is needed",
        ]
        assert said.err == ""
    assert Database(url_of(postgres_server, owners[0])).champion("s") is None
    mine = _client(minio_server, users.key("STORE"), users.secrets["STORE"])
    assert mine.bucket_exists(bucket_name=users.bucket)

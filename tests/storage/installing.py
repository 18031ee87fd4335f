"""What an installation's MinIO and PostgreSQL are to hold, and how their bootstrap is told."""

import secrets
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from tests.support import MinioServer, PostgresServer


@dataclass(frozen=True)
class Owner:
    """A database with its owner, both of this name."""

    name: str
    password: str


@dataclass(frozen=True)
class Users:
    """Who is to be made: a bucket, a key and a secret for each user of it."""

    bucket: str
    secrets: dict[str, str]  # of STORE, SERVING, MLFLOW

    def key(self, user: str) -> str:
        return f"{user.lower()}-{self.bucket}"


@pytest.fixture
def users() -> Users:
    made = {user: secrets.token_hex(16) for user in ("STORE", "SERVING", "MLFLOW")}
    return Users(f"vintage-{secrets.token_hex(4)}", made)


@pytest.fixture
def owners() -> tuple[Owner, Owner]:
    """Two databases to be made; the password of one needs quoting wherever it goes."""
    mark = secrets.token_hex(4)
    return Owner(f"vintage_{mark}", 'it\'s "a" p@ss/w:rd%?'), Owner(f"Mlflow-{mark}", "simple")


def say_minio(server: MinioServer, users: Users, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("VINTAGE_STORE", f"s3://{users.bucket}/some/prefix")
    patch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    patch.setenv("MINIO_ROOT_USER", server.access)
    patch.setenv("MINIO_ROOT_PASSWORD", server.secret)
    for user, secret in users.secrets.items():
        patch.setenv(f"{user}_KEY", users.key(user))
        patch.setenv(f"{user}_SECRET", secret)


def say_postgres(
    server: PostgresServer, owners: tuple[Owner, Owner], patch: pytest.MonkeyPatch
) -> None:
    patch.setenv("POSTGRES_USER", server.user)
    patch.setenv("POSTGRES_PASSWORD", server.password)
    for variable, owner in zip(("VINTAGE_DATABASE", "MLFLOW_DATABASE"), owners, strict=True):
        patch.setenv(variable, url_of(server, owner))


def url_of(server: PostgresServer, owner: Owner) -> str:
    return server.url(owner.name, quote(owner.password, safe=""), owner.name)

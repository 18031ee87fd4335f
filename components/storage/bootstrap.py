"""Make what an installation's own MinIO and PostgreSQL must hold, at each start of MLflow's pod.

    python -m components.storage.bootstrap

The buckets, one user of MinIO for each that reads or writes them, one database with an owner of
its own for the promotions and one for MLflow. What is there already is left, but for passwords
and rights: those become what the environment says.
"""

import os
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from components.contracts.errors import EnvironmentFaultError, VintageError

_PATIENCE_S = 120.0
_PAUSE_S = 2.0
MLFLOW_BUCKET = "mlflow"
_READ = ("s3:GetBucketLocation", "s3:ListBucket", "s3:GetObject")
_WRITE = (
    *_READ, "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts", "s3:ListBucketMultipartUploads",
)  # fmt: skip


def main() -> int:
    try:
        store = urlsplit(text := _setting("VINTAGE_STORE"))
        if not store.netloc:
            raise VintageError(f"expected s3://BUCKET/PREFIX as VINTAGE_STORE, found {text}")
        decisions = "/".join(part for part in (store.path.strip("/"), "decisions/*") if part)
        _patiently("MinIO", lambda: _make_buckets(store.netloc, decisions))
        for url in ("VINTAGE_DATABASE", "MLFLOW_DATABASE"):
            _patiently("PostgreSQL", lambda url=url: _make_database(_setting(url)))  # type: ignore[misc]
    except VintageError as error:
        sys.stderr.write(f"bootstrap: {error}\n")
        return 1
    return 0


def _setting(name: str) -> str:
    if not (value := os.environ.get(name)):
        raise VintageError(f"expected {name} to be set, found nothing")
    return value


def _patiently(what: str, make: Callable[[], None]) -> None:
    """Try until the server answers; it may have been applied a moment ago."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            make()
        except EnvironmentFaultError as error:
            if time.monotonic() > until:
                raise
            sys.stderr.write(f"bootstrap: waiting for {what}: {error}\n")
            time.sleep(_PAUSE_S)
        else:
            sys.stdout.write(f"bootstrap: {what} has what is needed\n")
            return


def _make_buckets(bucket: str, decisions: str) -> None:
    import urllib3
    from minio import Minio, MinioAdmin
    from minio.credentials.providers import StaticProvider
    from minio.error import MinioAdminException, MinioException

    endpoint = _setting("AWS_ENDPOINT_URL")
    key, secret = _setting("MINIO_ROOT_USER"), _setting("MINIO_ROOT_PASSWORD")
    http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=30), retries=False)
    try:
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("no http or https address")
        secure = parts.scheme == "https"
        client = Minio(
            endpoint=parts.netloc, access_key=key, secret_key=secret, secure=secure,
            http_client=http,
        )  # fmt: skip
        admin = MinioAdmin(
            endpoint=parts.netloc, credentials=StaticProvider(key, secret), secure=secure,
            http_client=http,
        )  # fmt: skip
    except ValueError as error:
        raise VintageError(
            f"expected AWS_ENDPOINT_URL as http(s)://host:port, found {endpoint!r}: {error}"
        ) from None
    try:
        for name in (bucket, MLFLOW_BUCKET):
            if not client.bucket_exists(bucket_name=name):
                client.make_bucket(bucket_name=name)
        for user, statements in (
            ("STORE", [_may(_WRITE, bucket, "*")]),
            # A server adds to the decision log, and cannot change what it serves.
            ("SERVING", [_may(_READ, bucket, "*"), _may(("s3:PutObject",), bucket, decisions)]),
            ("MLFLOW", [_may(_WRITE, MLFLOW_BUCKET, "*")]),
        ):
            access = _setting(f"{user}_KEY")
            policy = {"Version": "2012-10-17", "Statement": statements}
            admin.user_add(access_key=access, secret_key=_setting(f"{user}_SECRET"))
            admin.policy_add(policy_name=access, policy=policy)
            admin.policy_set(policy_name=access, user=access)
    except (MinioException, MinioAdminException, urllib3.exceptions.HTTPError) as error:
        raise EnvironmentFaultError(f"MinIO at {parts.netloc}: {error}") from error
    except ValueError as error:  # the client's word on a bucket's name
        raise VintageError(f"bucket {bucket}: {error}") from None


def _may(actions: tuple[str, ...], bucket: str, names: str) -> dict[str, object]:
    """A policy's statement: these actions, on the bucket and on objects of these names."""
    where = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/{names}"]
    return {"Effect": "Allow", "Action": list(actions), "Resource": where}


def _make_database(url: str) -> None:
    """A database and its owner, as an SQLAlchemy URL names them."""
    import psycopg
    from psycopg import sql
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        wanted = make_url(url)
    except ArgumentError:
        wanted = None
    if wanted is None or not (wanted.username and wanted.password and wanted.database):
        raise VintageError("expected postgresql+psycopg://USER:PASSWORD@HOST/DATABASE as URL")
    role, name = sql.Identifier(wanted.username), sql.Identifier(wanted.database)
    try:
        with psycopg.connect(
            host=wanted.host, port=wanted.port or 5432, dbname="postgres", autocommit=True,
            user=_setting("POSTGRES_USER"), password=_setting("POSTGRES_PASSWORD"),
            connect_timeout=5,
        ) as connection:  # fmt: skip
            known = connection.execute(
                "select from pg_roles where rolname = %s", [wanted.username]
            ).fetchone()
            verb = sql.SQL("create" if known is None else "alter")
            connection.execute(
                sql.SQL("{} role {} login password {}").format(verb, role, wanted.password)
            )
            known = connection.execute(
                "select from pg_database where datname = %s", [wanted.database]
            ).fetchone()
            if known is None:
                # A server set up in the C locale would make it plain bytes.
                text = "create database {} owner {} encoding 'UTF8' template template0"
                connection.execute(sql.SQL(text).format(name, role))
    except psycopg.Error as error:
        said = str(error).splitlines()[0]
        raise EnvironmentFaultError(f"PostgreSQL at {wanted.host}: {said}") from error


if __name__ == "__main__":
    sys.exit(main())

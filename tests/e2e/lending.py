"""What a lender has: files in MinIO; a table of profiles in PostgreSQL, and the key to it."""

import secrets
from pathlib import Path

from tests.e2e import kube
from tests.support import PostgresServer

DATABASE, READER = "lender", "profile_reader"
SECRET = "vintage-sources"  # noqa: S105 - its name
_COLUMNS = (
    '"CUSTOMER_ID" int primary key, "SEX" int, "EDUCATION" int, "MARRIAGE" int, "AGE" int, '
    '"LIMIT_BAL" numeric'
)


def put(scenario: str, *files: Path) -> str:
    """Put a lender's files where tasks find them; where that is."""
    with kube.stores() as reached:
        for file in files:
            reached.client.fput_object(
                bucket_name="vintage",
                object_name=f"data/{scenario}/{file.name}",
                file_path=str(file),
            )
    return f"s3://vintage/data/{scenario}/"


def lend(profile: Path) -> None:
    """Put a file's rows into a database that one user may read, and tell tasks who that is."""
    admin, password = kube.secret("postgres"), secrets.token_urlsafe(24)
    with kube.forwarded("svc/postgres", 5432) as port:
        server = PostgresServer(
            "127.0.0.1", port, admin["POSTGRES_USER"], admin["POSTGRES_PASSWORD"]
        )
        with server.connect() as connection:
            connection.execute(f"create role {READER} login password '{password}'")
            connection.execute(f"create database {DATABASE}")
        with server.connect(DATABASE) as connection:
            connection.execute(f"create table profile ({_COLUMNS})")
            with connection.cursor().copy("copy profile from stdin (format csv, header)") as rows:
                rows.write(profile.read_bytes())
            connection.execute(f"grant select on profile to {READER}")
    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET},
            "stringData": {
                "VINTAGE_SOURCES": f"jdbc:postgresql://postgres.vintage:5432/{DATABASE}",
                "VINTAGE_SOURCES_USER": READER,
                "VINTAGE_SOURCES_PASSWORD": password,
            },
        }
    )

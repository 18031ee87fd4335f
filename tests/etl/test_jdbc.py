"""Sources that are tables of a database: read whole, reused, and refused by name."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.contracts.errors import VintageError
from components.contracts.scenario import IngestSpec
from components.etl import jars, jdbc, step
from tests.etl.small import DEEDS, MERGE, PEOPLE, lines, write
from tests.support import Paper, PostgresServer, fingerprint

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Ingest = Callable[[str], dict[str, object]]
TABLED = PEOPLE.model_copy(update={"table": "lender.people"})
SPEC = IngestSpec(scenario="small", sources=(TABLED, DEEDS), merge=MERGE, kept=())


@pytest.fixture
def people(
    spark: "SparkSession", postgres_server: PostgresServer, postgres_url: str, home: Path,
    jar: Path, monkeypatch: pytest.MonkeyPatch,
) -> str:  # fmt: skip
    """A database with the table of people; the environment names it. Its name is returned."""
    del spark
    name = postgres_url.rpartition("/")[2]
    with postgres_server.connect(name) as connection:
        connection.execute("create schema lender")
        connection.execute(
            'create table lender.people ("Id" int, city text, "Age" numeric, income float8, '
            '"Joined" timestamptz default now())'
        )
        rows = [line.replace('"Oslo, N"', "Rome").split(",") for line in lines()[0]]
        for row in reversed(rows):
            connection.execute(
                "insert into lender.people values (%s, %s, %s, %s)", [c or None for c in row]
            )
    (home / "jars").mkdir()
    (home / "jars" / jar.name).write_bytes(jar.read_bytes())
    for variable, value in {
        "": f"jdbc:postgresql://{postgres_server.host}:{postgres_server.port}/{name}",
        "_USER": postgres_server.user,
        "_PASSWORD": postgres_server.password,
    }.items():
        monkeypatch.setenv(f"VINTAGE_SOURCES{variable}", value)
    return name


@pytest.fixture
def ingest(home: Path, tmp_path: Path) -> Ingest:
    """Ingest with the deeds as a file; the record of the step."""
    data = write(tmp_path / "data", None, lines()[1])

    def go(run: str) -> dict[str, object]:
        papers = {name: Paper(str(tmp_path / run / name)) for name in ("bronze", "silver")}
        step.ingest(
            spec=SPEC.model_dump_json(), data=str(data), as_of="", run=run, timeout_minutes=5,
            **papers,
        )  # fmt: skip
        record = home / "store" / "runs" / run / "stages" / "ingest.json"
        found: dict[str, object] = json.loads(record.read_text())
        return found | {"bronze": json.loads(Path(papers["bronze"].path).read_text())}

    return go


@pytest.mark.postgres
def test_a_table_is_a_source_as_a_file_is_and_the_same_rows_are_reused(
    ingest: Ingest, people: str, postgres_server: PostgresServer
) -> None:
    first = ingest("first")
    assert first["facts"]["rows"] == 60  # type: ignore[index]
    assert not first["reused"]
    landed = pq.read_table(Path(first["bronze"]["uri"]) / "people")  # type: ignore[index]
    assert landed.column_names[:4] == ["Id", "city", "Age", "income"]
    assert landed.slice(0, 1).to_pylist()[0]["income"] == "10.5"
    with postgres_server.connect(people) as connection:  # the same rows in another order
        connection.execute("create table other as select * from lender.people order by city, 1")
        connection.execute("truncate lender.people")
        connection.execute("insert into lender.people select * from other")
    assert ingest("second")["reused"]
    with postgres_server.connect(people) as connection:
        connection.execute('update lender.people set income = 11 where "Id" = 7')
    third = ingest("third")
    assert not third["reused"]
    assert not list((Path(third["bronze"]["uri"]).parents[2] / ".work").glob("*"))  # type: ignore[index]


@pytest.mark.postgres
@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("variable", "value", "found", "final"),
    [
        ("", "jdbc:postgresql://127.0.0.1:1/x", "Connection to 127.0.0.1:1 refused", False),
        ("", "jdbc:postgresql://127.0.0.1:1/x?password=hush",
         "VINTAGE_SOURCES: expected a URL without user and password", True),
        # The driver repeats a URL that it cannot read.
        ("", "jdbc:postgresql://reader:hush@db/x",
         "VINTAGE_SOURCES: expected a URL without user and password", True),
        ("", "jdbc:postgresql://nowhere.invalid/x",
         "The connection attempt failed. (java.net.UnknownHostException: nowhere.invalid)", False),
        ("_PASSWORD", "hush", "password authentication failed", True),
        ("_USER", "nobody", "password authentication failed", True),
        ("", "hush", "VINTAGE_SOURCES: expected jdbc:postgresql://host/database", True),
    ],
)  # fmt: skip
def test_a_database_that_lets_nobody_in_is_named_without_secrets(
    ingest: Ingest, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    variable: str, value: str, found: str, final: bool,
) -> None:  # fmt: skip
    monkeypatch.setenv(f"VINTAGE_SOURCES{variable}", value)
    with pytest.raises(SystemExit):
        ingest("r")
    record = json.loads((home / "store/runs/r/stages/ingest.json").read_text())
    assert found in record["error"]
    assert record["final"] is final
    said = capsys.readouterr()
    assert "hush" not in record["error"] + said.out + said.err
    assert not (home / "store" / "small").exists()
    assert not list((home / "store" / ".work").glob("*"))


@pytest.mark.postgres
def test_a_table_that_is_not_there_is_named(
    ingest: Ingest, people: str, home: Path, postgres_server: PostgresServer
) -> None:
    with postgres_server.connect(people) as connection:
        connection.execute("drop table lender.people")
    with pytest.raises(SystemExit):
        ingest("r")
    record = json.loads((home / "store/runs/r/stages/ingest.json").read_text())
    assert record["error"].startswith("ingest: source people: expected table lender.people of ")
    assert 'relation "lender.people" does not exist' in record["error"]
    assert record["final"]


def test_a_driver_with_another_hash_is_not_run(tmp_path: Path) -> None:
    jar = tmp_path / "jars" / jdbc.DRIVER.file
    jar.parent.mkdir()
    jar.write_bytes(b"other")
    with pytest.raises(VintageError) as caught:
        jars.have([jdbc.DRIVER], tmp_path / "jars", tmp_path)
    assert str(caught.value) == (
        f"jar {jar}: expected sha256 {jdbc.DRIVER.sha256[:12]}, found "
        f"{hashlib.sha256(b'other').hexdigest()[:12]}; nothing of it was run"
    )


def test_a_driver_that_is_there_is_used_with_nobody_asked(jar: Path, tmp_path: Path) -> None:
    assert jars.have([jdbc.DRIVER], jar.parent, tmp_path / "workshop") == [jar]
    assert not (tmp_path / "workshop").exists()


def test_equal_rows_are_equal_bytes_however_they_were_encoded(tmp_path: Path) -> None:
    rows = pa.table({"id": ["1", "2", None], "age": ["30", "30", "41"]})
    ways = {"spark": {"use_dictionary": True}, "other": {"use_dictionary": False}}
    for name, words in ways.items():
        (tmp_path / name).mkdir()
        pq.write_table(rows, tmp_path / name / "part-00000.parquet", **words)
    before = [fingerprint(tmp_path / name) for name in ways]
    for name in ways:
        jdbc.settle(tmp_path / name)
    after = [fingerprint(tmp_path / name) for name in ways]
    assert before[0] != before[1]
    assert after[0] == after[1]
    assert pq.read_table(tmp_path / "other").equals(rows)

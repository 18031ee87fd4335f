"""The steps of ETL on small files: what they refuse, what they keep, and what they hand over."""

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pyarrow.parquet as pq
import pytest

from components.contracts.scenario import IngestSpec, Scenario
from components.contracts.sources import Column, Kind, Merge, Source
from components.etl import step
from components.scoring.snapshot import Snapshot
from components.storage.objects import Entry
from tests.etl.small import DEEDS_HEAD, PEOPLE_HEAD, SMALL, lines, write
from tests.support import Paper, Walk

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _session(spark: "SparkSession", home: Path) -> None:
    """Every step here has Spark and a home."""
    del spark, home


@pytest.fixture(scope="module")
def walked_once(
    spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory
) -> tuple[Walk, Path]:
    """A run over the clean files, with its data folder; both are only added to."""
    del spark
    folder = tmp_path_factory.mktemp("walked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VINTAGE_HOME", str(folder))
        walk = Walk(SMALL, write(folder / "data", *lines()), "first")
        walk.ingest()
        walk.features()
    return walk, folder / "data"


@pytest.fixture
def walked(walked_once: tuple[Walk, Path], monkeypatch: pytest.MonkeyPatch) -> Walk:
    monkeypatch.setenv("VINTAGE_HOME", str(walked_once[0].home))
    return walked_once[0]


def _refused(walk: Walk, capsys: Capture, stage: str = "ingest") -> str:
    """What a step says that refuses its input; it must leave nothing but the record."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        getattr(walk, stage)()
    assert caught.value.code == 1
    record = walk.record(stage)
    assert record["status"] == "failed"
    assert record["final"]
    error = str(record["error"])
    assert capsys.readouterr().err.rstrip("\n").endswith(error)
    assert not list((walk.home / "store" / ".work").glob("*"))
    return error


def _folder(walk: Walk, name: str) -> Path:
    return Path(str(walk.entry(name)["uri"]))


def _without_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> NoReturn:
        pytest.fail("Spark was started")

    monkeypatch.setattr("components.etl.session.spark_session", start)


@pytest.mark.parametrize(
    ("people", "deeds", "failures"),
    [
        (
            "id;city;age;income\n1;Rome;30;1\n",
            "id,late\n1,2\n",
            [
                "people: expected commas between the cells of people.csv, found semicolons: "
                "id;city;age;income",
                "deeds.DEFAULTPAYMENTNEXTMONTH: expected a column of deeds.csv, found columns id, "
                "late",
            ],
        ),
        (
            "",
            "id,late,default.payment.next.month\n",
            [
                "people: expected a header in the first line of people.csv, found an empty file",
                "deeds: expected at least one row in deeds.csv, found 0 rows",
            ],
        ),
    ],
    ids=["headers", "empty"],
)
def test_what_is_wrong_with_any_of_the_files_is_listed_at_once_before_spark_starts(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch,
    people: str, deeds: str, failures: list[str],
) -> None:  # fmt: skip
    data = write(tmp_path / "data", None, None)
    (data / "people.csv").write_text(people)
    (data / "deeds.csv").write_text(deeds)
    _without_spark(monkeypatch)
    walk = Walk(SMALL, data, "r")
    assert _refused(walk, capsys).splitlines() == [
        f"ingest: data {data}: 2 contract failures", *(f"  - {failure}" for failure in failures)
    ]  # fmt: skip
    assert not (walk.home / "store" / "small").exists()


def test_an_as_of_where_no_source_has_dates_is_refused_before_spark_starts(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_spark(monkeypatch)
    error = _refused(Walk(SMALL, write(tmp_path / "data", *lines()), "r", as_of="2024-03"), capsys)
    assert error == ("ingest: as-of 2024-03-31: expected a scenario with dated sources, found none")


def test_failures_of_the_rows_of_all_sources_are_listed_at_once_and_bronze_stays(
    tmp_path: Path, capsys: Capture
) -> None:
    people = ["1,Paris,7,1", "1,Paris,8,2"]
    walk = Walk(SMALL, write(tmp_path / "data", people, ["1,x,0"]), "r")
    assert _refused(walk, capsys).splitlines() == [
        f"ingest: data {tmp_path / 'data'}: 4 contract failures",
        "  - people.ID in people.csv: expected a key that names one row, found 1 key with rows "
        "that differ, such as '1'",
        '  - people.CITY in people.csv: expected one of Rome, Oslo, N, the "Hague" in every row, '
        "found 2 other, such as 'Paris'",
        "  - people.AGE in people.csv: expected a whole number from 18 to 110 in all but 34.0% of "
        "rows, found 2 other, such as '7'",
        "  - deeds.LATE in deeds.csv: expected a whole number in all but 50.0% of rows, "
        "found 1 other, such as 'x'",
    ]
    assert [place.name for place in (walk.home / "store" / "small").iterdir()] == ["raw"]


def test_a_missing_file_does_not_hide_what_is_wrong_with_the_other(
    tmp_path: Path, capsys: Capture
) -> None:
    data = write(tmp_path / "data", None, None)
    (data / "deeds.csv").write_text("")
    error = _refused(Walk(SMALL, data, "r"), capsys)
    assert "people: expected a file people.csv or whole.csv" in error
    assert "deeds: expected a header in the first line of deeds.csv, found an empty file" in error
    assert "2 contract failures" in error


@pytest.mark.parametrize(
    ("place", "found"), [("nowhere", "found nothing"), ("people.csv", "found a file")]
)
def test_a_data_folder_that_is_none_is_named(
    tmp_path: Path, capsys: Capture, place: str, found: str
) -> None:
    (tmp_path / "people.csv").write_text("")
    error = _refused(Walk(SMALL, tmp_path / place, "r"), capsys)
    assert error == (
        f"ingest: data {tmp_path / place}: expected a folder with the source files, {found}"
    )


def _dirty() -> tuple[list[str], list[str]]:
    people, deeds = lines()
    people[0] = "1,Roma,30,7"
    people += ["61,Rome,200,1", "62", people[4], "63,Rome,33,33"]
    deeds += ["64,1,0", "65,x,0", deeds[1], deeds[2]]
    people += [f"66,{people[9].split(',', 1)[1]}"]
    deeds += [f"66,{deeds[9].split(',', 1)[1]}"]
    return people, deeds


def test_every_row_that_came_in_is_kept_or_in_quarantine(tmp_path: Path) -> None:
    walk = Walk(SMALL, write(tmp_path / "data", *_dirty()), "r")
    walk.ingest()
    facts = walk.record("ingest")["facts"]
    assert isinstance(facts, dict)
    assert facts["rows"] == 60
    counted = ("table", "landed", "kept", "quarantined", "later")
    assert [tuple(x[name] for name in counted) for x in facts["layers"]] == [
        ("people", 65, 62, 3, 0),
        ("deeds", 65, 62, 3, 0),
        ("everyone", 63, 60, 3, 0),
    ]
    assert _quarantine(walk) == [
        ["deeds", "LATE: not integer or out of range", 1],
        ["deeds", "repeated row", 2],
        ["everyone", "identical", 1], ["everyone", "no row in deeds", 1],
        ["everyone", "no row in people", 1],
        ["people", "AGE: not integer or out of range", 1],
        ["people", "malformed line", 1], ["people", "repeated row", 1],
    ]  # fmt: skip
    table = pq.read_table(_folder(walk, "silver") / "quarantine").to_pylist()
    assert len(table) == sum(int(str(line[2])) for line in _quarantine(walk))
    assert {row["reason"] for row in table if row["key"] == "66"} == {"identical to 10"}
    silver = walk.entry("silver")["facts"]
    assert isinstance(silver, dict)
    assert silver["cleaning"] == [
        {"table": "people", "column": "CITY", "what": "replaced 'Roma' by 'Rome'", "rows": 1}
    ]
    assert (silver["as_of"], silver["months"]) == ("", {})


def _quarantine(walk: Walk) -> list[list[object]]:
    facts = walk.entry("silver")["facts"]
    assert isinstance(facts, dict)
    return [list(line) for line in facts["quarantine"]]


def test_counts_add_up_over_three_sources_too(tmp_path: Path) -> None:
    calls = Source(
        name="calls",
        grain="one row a person",
        files=("calls.csv",),
        key=("ID",),
        columns=(Column(name="ID", kind=Kind.KEY), Column(name="CALLS", kind=Kind.INTEGER)),
    )
    scenario = Scenario.model_validate(
        SMALL.model_dump() | {"sources": [s.model_dump() for s in (*SMALL.sources, calls)]}
    )
    people, deeds = lines(20)
    data = write(tmp_path / "data", people[:18], deeds[2:])
    kept = "".join(f"{n},{n}\n" for n in range(5, 23))
    (data / "calls.csv").write_text(f"ID,CALLS\n{kept}")
    walk = Walk(scenario, data, "r")
    walk.ingest()
    facts = walk.record("ingest")["facts"]
    assert isinstance(facts, dict)
    assert facts["rows"] == 14  # 5 to 18 are in all three
    last = facts["layers"][-1]
    assert (last["landed"], last["kept"], last["quarantined"]) == (22, 14, 8)


def test_one_file_can_hold_both_sources(tmp_path: Path) -> None:
    people, deeds = lines()
    whole = [f"{p},{d.split(',', 1)[1]}" for p, d in zip(people, deeds, strict=True)]
    head = f"{PEOPLE_HEAD},{DEEDS_HEAD.split(',', 1)[1]}"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "whole.csv").write_text("\n".join([head, *whole]))
    walk = Walk(SMALL, tmp_path / "data", "r")
    walk.ingest()
    facts = walk.record("ingest")["facts"]
    assert isinstance(facts, dict)
    assert facts["rows"] == 60


def test_gold_has_declared_names_sides_and_the_snapshot_its_rows(walked: Walk) -> None:
    gold = pq.read_table(_folder(walked, "gold") / "final-dataset")
    assert gold.column_names == [
        "ID",
        "CITY",
        "INCOME",
        "LATE",
        "AGE",
        "_label",
        "_known",
        "_split",
    ]
    silver = pq.read_table(_folder(walked, "silver") / "everyone")
    assert set(silver.column_names) == {
        "ID", "CITY", "AGE", "INCOME", "LATE", "DEFAULTPAYMENTNEXTMONTH",
    }  # fmt: skip
    rows = gold.to_pylist()
    assert len(rows) == 60
    assert {row["ID"] for row in rows if row["_split"] == "score"} == {
        str(n) for n in range(55, 61)
    }
    assert all((row["_label"] is None) == (row["_split"] == "score") for row in rows)
    facts = walked.entry("snapshot")["facts"]
    assert isinstance(facts, dict)
    snapshot = Snapshot(_folder(walked, "snapshot") / "snapshot.bin", str(facts["sha256"]))
    assert len(snapshot) == len(rows) == facts["rows"]
    for row in rows:
        assert snapshot.row(row["ID"]) == {n: row[n] for n in ("CITY", "INCOME", "LATE")}
    assert snapshot.row("61") is None


def test_gold_is_the_same_to_the_byte_when_it_is_made_again_from_lines_in_another_order(
    tmp_path: Path, walked: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VINTAGE_HOME", str(tmp_path / "home"))
    people, deeds = lines()
    again = Walk(SMALL, write(tmp_path / "data", people[::-1], deeds[::-1]), "r")
    again.ingest()
    again.features()
    for name in ("gold", "snapshot"):
        assert again.entry(name)["digest"] == walked.entry(name)["digest"]


def test_rows_of_one_class_are_made_all_the_same_for_an_exploration_to_show(
    tmp_path: Path,
) -> None:
    people, deeds = lines()
    data = write(tmp_path / "data", people, [f"{d.rsplit(',', 1)[0]},0" for d in deeds])
    walk = Walk(SMALL, data, "r")
    walk.ingest()
    walk.features()
    assert {found["bad"] for found in walk.entry("gold")["facts"]["splits"].values()} == {0}


def test_the_bytes_of_a_file_count_not_its_name_size_or_time(tmp_path: Path, walked: Walk) -> None:
    data = tmp_path / "data"
    shutil.copytree(walked.data, data)
    file = data / "people.csv"
    before = file.stat()
    people, _ = lines()
    people[0] = people[0].replace(",21,", ",22,")
    write(data, people, None)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    runs = [Walk(SMALL, data, run) for run in ("second", "third")]
    for walk in runs:
        walk.ingest()
    assert [walk.record("ingest")["reused"] for walk in runs] == [False, True]
    assert runs[0].entry("silver")["key"] != walked.entry("silver")["key"]
    assert runs[1].entry("silver") == runs[0].entry("silver")


def test_a_file_that_no_source_declares_does_not_count(tmp_path: Path, walked: Walk) -> None:
    data = tmp_path / "data"
    shutil.copytree(walked.data, data)
    (data / "notes.txt").write_text("more")
    (data / "more").mkdir()
    again = Walk(SMALL, data, "again")
    again.ingest()
    assert again.record("ingest")["reused"]


def test_the_contract_that_held_is_published_with_silver(walked: Walk) -> None:
    checks = json.loads((_folder(walked, "silver") / "contract.json").read_text())
    assert {check["source"] for check in checks} == {"people", "deeds"}
    assert all(check["ok"] for check in checks)
    landed = pq.read_table(_folder(walked, "bronze") / "people").to_pylist()
    assert len(landed) == 60
    assert landed[0]["_file"] == "people.csv"
    assert landed[0]["Id"] == "1"


LOANS = Source(
    name="loans",
    grain="one row a loan",
    files=("loans.csv",),
    key=("LOAN",),
    columns=(
        Column(name="LOAN", kind=Kind.KEY), Column(name="ID", kind=Kind.KEY),
        Column(name="START", kind=Kind.DATE),
    ),
    date="START",
)  # fmt: skip
VISITS = Source(
    name="visits",
    grain="one row a visit",
    files=("visits",),
    key=("ID", "AT"),
    columns=(
        Column(name="ID", kind=Kind.KEY), Column(name="AT", kind=Kind.MOMENT, max_bad=0.5),
        Column(name="SPENT", kind=Kind.NUMBER),
    ),
    date="AT",
)  # fmt: skip
DATED = IngestSpec(
    scenario="dated",
    sources=(LOANS, VISITS),
    merge=Merge(table="loans", grain="one row a loan", key="LOAN", sources=("loans",)),
    kept=("visits",),
)


def _ingest_dated(folder: Path, run: str, as_of: str) -> Entry:
    papers = {name: Paper(str(folder / run / name)) for name in ("bronze", "silver")}
    step.ingest(
        spec=DATED.model_dump_json(), data=str(folder / "data"), as_of=as_of, run=run,
        timeout_minutes=5, **papers,
    )  # fmt: skip
    return Entry.from_json(Path(papers["silver"].path).read_text())


def test_a_run_as_of_an_earlier_month_gives_what_it_gave_whatever_came_later(
    tmp_path: Path, capsys: Capture
) -> None:
    data = tmp_path / "data"
    (data / "visits").mkdir(parents=True)
    (data / "loans.csv").write_text("LOAN,ID,START\na,1,2024-01-05\nb,2,2024-01-31\n")
    (data / "visits" / "1.csv").write_text("ID,AT,SPENT\n1,2024-01-02T10:00:00Z,5\n")
    first = _ingest_dated(tmp_path, "first", "")
    assert first.facts["as_of"] == "2024-01-31"
    with (data / "loans.csv").open("a") as stream:
        stream.write("a,9,2024-02-01\nc,3,2024-02-02\n")
    (data / "visits" / "2.csv").write_text("ID,AT,SPENT\n1,2024-02-02 10:00:00,x\n2,?,1\n")
    with pytest.raises(SystemExit):
        _ingest_dated(tmp_path, "second", "")
    assert "loans.LOAN in loans.csv: expected a key that names one row" in capsys.readouterr().err
    (data / "visits" / "2.csv").write_text("ID,AT,SPENT\n1,2024-02-02 10:00:00,x\n")
    again = _ingest_dated(tmp_path, "again", "2024-01")
    assert {n: s for n, s in again.files.items() if "loans/" in n or "visits/" in n} == {
        n: s for n, s in first.files.items() if "loans/" in n or "visits/" in n
    }
    assert again.facts["months"] == {"visits": {"2024-01": 1}}
    counted, layers = ("table", "landed", "kept", "quarantined", "later"), again.facts["layers"]
    assert isinstance(layers, list)
    assert [tuple(line[name] for name in counted) for line in layers] == [
        ("loans", 4, 2, 0, 2), ("visits", 2, 1, 0, 1),
    ]  # fmt: skip
    with pytest.raises(SystemExit):
        _ingest_dated(tmp_path, "late", "2024-03")
    assert "ingest: as-of 2024-03-31: expected data of that month" in capsys.readouterr().err

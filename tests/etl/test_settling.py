"""What came of rows that were decided on: by their decisions' ids, and nothing twice."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.etl.batch import decision_id
from components.etl.histories import AS_OF
from components.etl.labels import KNOWN, LABEL
from components.etl.settling import KINDS, settle
from tests.etl.dated import MONTHLY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SPEC = MONTHLY.gold()
_DAY = "2024-04-20"
_STARTS = {
    "a": date(2024, 2, 5), "b": date(2024, 2, 29), "c": date(2024, 3, 1), "d": date(2024, 1, 9),
}  # fmt: skip
#: Loan, day, due and overdue of one instalment after another.
_DUES = [
    ("a", date(2024, 2, 20), 100.0, 0.0),
    ("a", date(2024, 3, 10), 100.0, 0.0),
    ("a", date(2024, 3, 25), 100.0, 150.0),  # the last of its month
    ("a", date(2024, 5, 10), 100.0, 300.0),  # after the day
    ("b", date(2024, 4, 20), 0.0, 5.0),  # nothing is due any more
    ("c", date(2024, 4, 1), 100.0, 0.0),
    ("d", date(2024, 4, 1), 100.0, 100.0),  # nobody decided on it
]


def _id(loan: str) -> str:
    at = datetime.combine(_STARTS[loan], datetime.min.time(), UTC)
    return decision_id("monthly", loan, int(at.timestamp() * 1000))


@pytest.fixture
def gold(spark: "SparkSession") -> "DataFrame":
    known = date(2024, 4, 15)
    labels = {"a": (1, known), "b": (0, known), "c": (None, None), "d": (1, known)}
    rows = [(loan, f"p-{loan}", start, *labels[loan]) for loan, start in _STARTS.items()]
    schema = f"LOAN string, ID string, {AS_OF} date, {LABEL} int, {KNOWN} date"
    return spark.createDataFrame(rows, schema).repartition(3)


def _dues(folder: Path) -> Path:
    """The tables of silver."""
    loan, day, due, overdue = zip(*_DUES, strict=True)
    numbers = [float(n) for n in range(len(_DUES))]
    table = {"LOAN": loan, "DAY": day, "NUMBER": numbers, "DUE": due, "OVERDUE": overdue}
    (folder / "dues").mkdir(parents=True)
    pq.write_table(pa.table(table), folder / "dues" / "part.parquet")
    return folder


def _decided(folder: Path, *loans: str) -> Path:
    folder.mkdir()
    pq.write_table(pa.table({"decision": [_id(loan) for loan in loans]}), folder / "part.parquet")
    return folder


def _read(folder: Path, kind: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(folder / kind / f"{kind}.parquet").to_pylist()
    return rows


def _settled(
    gold: "DataFrame", tmp_path: Path, name: str, said: Sequence[str] = ()
) -> tuple[Path, dict[str, int]]:
    """What is new after what some folders say."""
    found = settle(
        gold, tmp_path / "silver", SPEC, _DAY,
        decisions=[tmp_path / "february", tmp_path / "march"],
        said={kind: [tmp_path / one / kind for one in said] for kind in KINDS},
        target=tmp_path / name,
    )  # fmt: skip
    return tmp_path / name, found


def test_what_is_known_of_decisions_is_told_once(gold: "DataFrame", tmp_path: Path) -> None:
    _dues(tmp_path / "silver")
    _decided(tmp_path / "february", "a", "b")
    _decided(tmp_path / "march", "c")
    first, found = _settled(gold, tmp_path, "first")
    assert found == {"outcomes": 2, "standings": 4}
    known = date(2024, 4, 15)
    assert _read(first, "outcomes") == [
        {"decision": _id("a"), "known": known, "bad": True},
        {"decision": _id("b"), "known": known, "bad": False},
    ]
    standings = [("a", 2, 0), ("a", 3, 60), ("b", 4, 30), ("c", 4, 0)]
    assert _read(first, "standings") == [
        {"decision": _id(loan), "month": date(2024, month, 1), "days": days}
        for loan, month, days in standings
    ]
    types = [pa.string(), pa.date32(), pa.bool_(), pa.string(), pa.date32(), pa.int64()]
    schemas = [pq.read_schema(first / kind / f"{kind}.parquet") for kind in KINDS]
    assert [field.type for schema in schemas for field in schema] == types
    _, found = _settled(gold, tmp_path, "second", ["first"])
    assert found == {"outcomes": 0, "standings": 0}


def test_only_the_same_value_is_not_told_again(gold: "DataFrame", tmp_path: Path) -> None:
    _dues(tmp_path / "silver")
    _decided(tmp_path / "february", "a", "b")
    _decided(tmp_path / "march")
    # Somebody delivered both, earlier: of a another value, of b the same one.
    said = {"decision": [_id("a"), _id("b")], "known": [date(2024, 3, 1)] * 2, "bad": [False] * 2}
    (tmp_path / "said" / "outcomes").mkdir(parents=True)
    pq.write_table(pa.table(said), tmp_path / "said" / "outcomes" / "outcomes.parquet")
    (tmp_path / "said" / "standings").mkdir()
    days = {"decision": [_id("a")], "month": [date(2024, 3, 1)], "days": [0]}
    pq.write_table(pa.table(days), tmp_path / "said" / "standings" / "standings.parquet")
    folder, found = _settled(gold, tmp_path, "now", ["said"])
    assert [(row["decision"], row["bad"]) for row in _read(folder, "outcomes")] == [
        (_id("a"), True)
    ]
    assert found["standings"] == 3
    assert {"decision": _id("a"), "month": date(2024, 3, 1), "days": 60} in _read(
        folder, "standings"
    )

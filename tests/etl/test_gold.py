"""The gold table as a whole: the rows, their as-of, what is refused."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from components.contracts.errors import VintageError
from components.contracts.history import AsOfColumn, AsOfEnd, Figure, History
from components.etl.gold import count, gold_table, laid_out, latest_keys, write
from components.etl.histories import AS_OF
from components.etl.packing import pack_latest
from components.etl.session import write_table
from components.scoring.snapshot import Snapshot
from tests.etl.small import SMALL

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CALLS = History(source="calls", on="ID", figures=(Figure(name="calls", how="count"),))
DATED = SMALL.gold().model_copy(
    update={
        "inputs": (SMALL.gold().inputs[1], CALLS.figures[0].column(None)),
        "carried": (),
        "histories": (CALLS,),
        "dates": {"calls": "day"},
        "as_of": AsOfColumn(column="seen"),
        "entity": "WHO",
    }
)
_DAY = datetime.date(2024, 3, 31)


def _tables(spark: "SparkSession", parts: int) -> dict[str, "DataFrame"]:
    """Sixty people, each with a row at the end of two months, and calls of all but one."""
    people = [
        (f"{n}", f"w{n // 2}", float(n), float(n % 3 == 0), _DAY - datetime.timedelta(31 * (n % 2)))
        for n in range(120)
    ]
    calls = [(f"{n}", _DAY - datetime.timedelta(k)) for n in range(1, 120) for k in range(n % 4)]
    return {
        "everyone": spark.createDataFrame(
            people, "ID string, WHO string, INCOME double, "
            "DEFAULTPAYMENTNEXTMONTH double, seen date",
        ).repartition(parts),
        "calls": spark.createDataFrame(calls, "ID string, day date").repartition(parts),
    }  # fmt: skip


@pytest.mark.parametrize("files", [1, 3])
def test_equal_rows_are_laid_out_by_month_in_equal_bytes(
    spark: "SparkSession", tmp_path: Path, files: int
) -> None:
    written = []
    for parts in (1, 5):
        made = gold_table(_tables(spark, parts), DATED, "2024-03-31")
        frame, by = laid_out(made.table, DATED, files)
        write_table(frame, tmp_path / str(parts), by=by)
        folder = tmp_path / str(parts)
        written.append(
            {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.parquet")}
        )
    assert written[0] == written[1]
    assert {name.split("/")[0] for name in written[0]} == {
        "snapshot_month=2024-02", "snapshot_month=2024-03",
    }  # fmt: skip
    for name in written[0]:
        keys = pq.ParquetFile(tmp_path / "1" / name).read(["ID"])["ID"].to_pylist()
        assert keys == sorted(keys)
    whole = pq.read_table(tmp_path / "1", columns=["ID", AS_OF, "calls"]).to_pylist()
    assert len(whole) == 120
    assert {row["calls"] for row in whole if row["ID"] == "3"} == {0.0}  # as of February
    assert {row["calls"] for row in whole if row["ID"] == "2"} == {1.0}  # not that of the day


def test_the_snapshot_has_the_latest_row_of_each_entity(
    spark: "SparkSession", tmp_path: Path
) -> None:
    made = gold_table(_tables(spark, 2), DATED, "2024-03-31")
    rows = latest_keys(made.table, DATED).collect()
    assert len(rows) == 60
    assert {row["_entity"]: row["ID"] for row in rows} == {f"w{n}": str(2 * n) for n in range(60)}
    write(made, DATED, tmp_path, 3)
    told = pack_latest(tmp_path, DATED, tmp_path / "snapshot.bin")
    assert (told["rows"], told["example"]) == (60, "w0")
    snapshot = Snapshot(tmp_path / "snapshot.bin", str(told["sha256"]))
    for n in range(60):
        row = snapshot.row(f"w{n}")
        assert row is not None
        assert row["INCOME"] == 2.0 * n


def test_with_one_date_for_all_who_was_never_seen_before_it_is_counted_and_left_out(
    spark: "SparkSession",
) -> None:
    spec = DATED.model_copy(update={"as_of": AsOfEnd(days=2)})
    made = gold_table(_tables(spark, 2), spec, "2024-03-31")
    rows = made.table.collect()
    # The end of the last day is the first instant of April; a call of March 30 is not before it.
    assert {row[AS_OF] for row in rows} == {datetime.date(2024, 3, 30)}
    assert {row["ID"] for row in rows} == {str(n) for n in range(120) if n % 4 == 3}
    assert made.facts["unseen"] == 90


def test_a_row_without_an_as_of_is_refused(spark: "SparkSession") -> None:
    tables = _tables(spark, 1)
    undated = tables["everyone"].selectExpr("* EXCEPT (seen)", "date(NULL) AS seen")
    made = gold_table({**tables, "everyone": undated}, DATED, "2024-03-31")
    with pytest.raises(VintageError, match="expected an as-of in every row, found none in 120"):
        count(made.table, DATED)

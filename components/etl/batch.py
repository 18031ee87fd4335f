"""A month's batch: a decision on each of its rows, by the one scorer inside Spark's workers.

The rows are as monitoring reads them, whoever decided (docs/monitoring.md). A row has the same
decision id whenever it is scored: of its month and its key, and of nothing else.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark import SparkFiles
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from components.contracts.history import AsOfColumn
from components.contracts.scenario import DecideSpec
from components.etl.bronze import MONTH
from components.etl.histories import AS_OF
from components.etl.session import count_rows, read_table, seen, settings, write_table
from components.scoring.spec import Input

if TYPE_CHECKING:
    import pyarrow as pa

KEY, ENTITY, AT = "_key", "_entity", "_at"
#: Of an input's name in the table of decisions.
INPUT = "in_"
_TYPES = {"number": "double", "integer": "double", "date": "date", "category": "string"}


def decision_id(scenario: str, key: str, at_ms: int) -> str:
    """The id of the decision on a row, of its key and the day on which it is decided."""
    said = hashlib.sha256(f"{scenario}\0{key}".encode()).hexdigest()
    return f"{at_ms:012x}{said[:18]}-0"


def ids_of(scenario: str, batch: "pa.RecordBatch") -> list[str]:
    """The ids of the decisions on rows with `_key` and `_at`."""
    at = batch.column(AT).to_numpy(zero_copy_only=False).astype("M8[ms]")
    pairs = zip(batch.column(KEY).to_pylist(), at.astype("i8").tolist(), strict=True)
    return [decision_id(scenario, *pair) for pair in pairs]


def named(gold: DataFrame, spec: DecideSpec, day: str) -> DataFrame:
    """The rows of gold with what names the decisions on them: `_key` and `_entity` (texts), and
    `_at`, the day: their own as-of, or where no row has one this day.
    """
    own = isinstance(spec.as_of, AsOfColumn)
    return gold.select(
        "*",
        F.col(spec.key).cast("string").alias(KEY),
        F.col(spec.entity).cast("string").alias(ENTITY),
        (F.col(AS_OF) if own else F.lit(date.fromisoformat(day))).alias(AT),
    )


def rows_of_month(gold: DataFrame, spec: DecideSpec, day: str) -> DataFrame:
    """The rows of gold that are decided on in a day's month: those whose own as-of is in it, or
    all of them, on that day, where no row has one.
    """
    if isinstance(spec.as_of, AsOfColumn):
        gold = gold.where(F.col(MONTH) == day[:7])
    return named(gold, spec, day)


def decide(rows: DataFrame, folder: Path, release: str) -> DataFrame:
    """The decisions of a release on rows with `_key`, `_entity` (texts), `_at` (a day), and its
    inputs. The folder is the release's; every worker gets a copy, and verifies it.
    """
    from components.scoring.scorer import Scorer

    inputs = Scorer(folder, release).bundle.spec.inputs
    # A name of its own, for a session takes no second folder of one name, and two runs' releases of
    # one id may differ in what they tell of those runs.
    own = Path(tempfile.mkdtemp(prefix="release-", dir=SparkFiles.getRootDirectory()))
    shutil.copytree(folder, own, dirs_exist_ok=True)
    rows.sparkSession.sparkContext.addFile(seen(own), recursive=True)
    name = own.name

    def of_partition(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        scorer = Scorer(Path(SparkFiles.get(name)), release)
        for batch in batches:
            yield _decided(batch, scorer)

    cast = [F.col(f"`{i.name}`").cast(_TYPES[i.kind]).alias(f"{INPUT}{i.name}") for i in inputs]
    return rows.select(KEY, ENTITY, AT, *cast).mapInArrow(of_partition, _schema(inputs))


def write(decided: DataFrame, folder: Path, files: int) -> dict[str, int]:
    """Write decisions to at most so many files, at least to one; how many there are, and how many
    of them approve.
    """
    parts = decided.repartition(files, "decision").sortWithinPartitions("decision")
    # A moment of Spark's own kind has no zone, and other readers have ceased to know it.
    zoned = {"spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS"}
    with settings(parts.sparkSession, zoned):
        write_table(parts, folder)
    approved = read_table(parts.sparkSession, folder).where("approved").count()
    return {"rows": count_rows(folder), "approved": approved}


def _schema(inputs: tuple[Input, ...]) -> str:
    columns = [
        "decision string", "at timestamp", "entity string", "release string", "pd double",
        "points int", "approved boolean", "reasons array<string>", "other_release string",
        "other_pd double", *(f"`{INPUT}{i.name}` {_TYPES[i.kind]}" for i in inputs),
    ]  # fmt: skip
    return ", ".join(columns)


def _decided(batch: "pa.RecordBatch", scorer: Any) -> "pa.RecordBatch":
    import pyarrow as pa

    bundle = scorer.bundle
    named = {i.name: batch.column(f"{INPUT}{i.name}") for i in bundle.spec.inputs}
    matrix = bundle.columns({i.name: _values(i, named[i.name]) for i in bundle.spec.inputs})
    pd = bundle.score(matrix).pd
    at, rows = batch.column(AT).to_numpy(zero_copy_only=False), len(batch)
    columns: dict[str, Any] = {
        "decision": pa.array(ids_of(scorer.release.scenario, batch)),
        "at": pa.array(at.astype("M8[us]"), pa.timestamp("us", "UTC")),
        "entity": batch.column(ENTITY),
        "release": pa.array([scorer.id] * rows),
        "pd": pa.array(pd),
        "points": pa.array(bundle.points(pd), pa.int32()),
        "approved": pa.array(scorer.release.policy.approves(pd)),
        "reasons": pa.nulls(rows, pa.list_(pa.string())),  # in bulk they are told on request
        "other_release": pa.nulls(rows, pa.string()),
        "other_pd": pa.nulls(rows, pa.float64()),
        **{f"{INPUT}{name}": column for name, column in named.items()},
    }
    return pa.RecordBatch.from_pydict(columns)


def _values(declared: Input, column: "pa.Array") -> Any:
    """A column as `bundle.columns` takes it."""
    if declared.kind == "category":
        return column.to_pylist()
    return column.to_numpy(zero_copy_only=False)  # null is NaN, or NaT

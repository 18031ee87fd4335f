"""What came of rows that were decided on before, as far as gold and silver know it by now.

outcomes    decision (string), known (date), bad (boolean); one row a decision
standings   decision (string), month (date, its first day), days (bigint, past due at its end);
            one row a decision and month

Both are of decisions that there are, and without what was said before with the same value.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from components.contracts.history import AsOfColumn
from components.contracts.outcomes import MonthOnBookLabel
from components.contracts.scenario import DecideSpec
from components.etl import batch
from components.etl.labels import KNOWN, LABEL, days_past_due
from components.etl.session import read_table, write_table

_ID = "decision"
_OUTCOMES, _STANDINGS = KINDS = ("outcomes", "standings")
#: The one file of an entry of each kind.
FILES = {kind: f"{kind}.parquet" for kind in KINDS}


def is_known_later(spec: DecideSpec) -> bool:
    """Whether a row that was decided on is met again, when its label is known: only where it has
    a date of its own.
    """
    return isinstance(spec.as_of, AsOfColumn)


def settle(
    gold: DataFrame,
    silver: Path,
    spec: DecideSpec,
    day: str,
    *,
    decisions: Sequence[Path],
    said: Mapping[str, Sequence[Path]],
    target: Path,
) -> dict[str, int]:
    """Write what is new of each kind to a folder of its name; how many rows that are, of a folder
    for each kind.

    `gold` is of the day (ISO), `silver` the folder of its tables, as of that day or later;
    `decisions` are the folders of the months decided on, `said` those of each kind's entries.
    """
    spark = gold.sparkSession
    before = {
        kind: read_table(spark, *(folder / FILES[kind] for folder in folders)) if folders else None
        for kind, folders in said.items()
    }
    decided = read_table(spark, *decisions)
    rows = decided_rows(gold, spec, day, decided).cache()
    found = {_OUTCOMES: outcomes(rows, before[_OUTCOMES])}
    label = spec.label
    # Of payments that are of something else than a row, or have no dates, nobody stands anywhere.
    if isinstance(label, MonthOnBookLabel) and label.on == spec.key and label.source in spec.dates:
        payments = read_table(spark, silver / label.source)
        at = spec.dates[label.source]
        found[_STANDINGS] = standings(rows, payments, label, at, day, before[_STANDINGS])
    return dict.fromkeys(KINDS, 0) | {
        kind: _write(frame, target / kind, FILES[kind]) for kind, frame in found.items()
    }


def decided_rows(gold: DataFrame, spec: DecideSpec, day: str, decisions: DataFrame) -> DataFrame:
    """The rows of gold of a day that were decided on: `decision`, `_key`, the label and its day.
    `decisions` has the column `decision`.
    """
    scenario = spec.scenario

    def of_partition(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for found in batches:
            ids = pa.array(batch.ids_of(scenario, found), pa.string())
            rest = found.drop_columns([batch.AT])
            yield pa.RecordBatch.from_arrays([ids, *rest.columns], [_ID, *rest.schema.names])

    columns = (batch.KEY, LABEL, KNOWN, batch.AT)
    schema = f"{_ID} string, {batch.KEY} string, {LABEL} int, {KNOWN} date"
    rows = batch.named(gold, spec, day).select(*columns).mapInArrow(of_partition, schema)
    return rows.join(decisions.select(_ID), _ID, "left_semi")


def outcomes(rows: DataFrame, said: DataFrame | None) -> DataFrame:
    """The outcomes that gold knows of `decided_rows`, but those that were said before."""
    found = rows.where(F.col(KNOWN).isNotNull()).select(
        _ID, F.col(KNOWN).alias("known"), (F.col(LABEL) == 1).alias("bad")
    )
    return _unsaid(found, said, [_ID, "bad"])


def standings(
    rows: DataFrame,
    payments: DataFrame,
    label: MonthOnBookLabel,
    date_column: str,
    day: str,
    said: DataFrame | None,
) -> DataFrame:
    """How `decided_rows` stood at the end of each month up to a day, by the last of the month's
    payments, but what was said before.
    """
    at, past_due = F.col(date_column).cast("date"), days_past_due(label)
    known = payments.where((at <= date.fromisoformat(day)) & past_due.isNotNull())
    last = F.max_by(past_due, F.struct(at, label.instalment)).cast("bigint").alias("days")
    key = F.col(label.on).cast("string").alias(batch.KEY)
    by_month = known.groupBy(key, F.trunc(at, "month").alias("month")).agg(last)
    return _unsaid(rows.join(by_month, batch.KEY).select(_ID, "month", "days"), said)


def _unsaid(found: DataFrame, said: DataFrame | None, on: Sequence[str] = ()) -> DataFrame:
    on = list(on or found.columns)
    return found if said is None else found.join(said.select(on), on, "left_anti")


def _write(frame: DataFrame, folder: Path, name: str) -> int:
    """Write a frame to one file, in the order of its cells; how many rows it has."""
    write_table(frame.repartition(1).sortWithinPartitions(*frame.columns), folder)
    (part,) = folder.iterdir()
    rows: int = pq.read_metadata(part.rename(folder / name)).num_rows
    return rows

"""Gold: the inputs of the model, the label and the split, one row as the merge's grain says."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from components.contracts.errors import VintageError
from components.contracts.history import AsOfColumn, History
from components.contracts.outcomes import (
    GivenLabel,
    GroupedSplit,
    OutOfTimeSplit,
    StatusLabel,
)
from components.contracts.scenario import FeaturesSpec
from components.etl.bronze import MONTH
from components.etl.clusters import Cluster
from components.etl.histories import AS_OF, DAY, values_of, with_history, with_lookup
from components.etl.labels import FIRST_MISSED, KNOWN, LABEL, Known, with_label
from components.etl.session import read_table, write_table
from components.etl.splits import (
    GROUP,
    SPLIT,
    Months,
    is_development,
    labelled_months,
    with_split,
)

ENTITY = "_entity"  # whom a look-up asks for, as text
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Gold:
    """The gold table, and what there is to tell of it."""

    table: DataFrame
    #: Whether there is history enough to train on.
    ready: bool
    facts: dict[str, object]


def tables_of(spec: FeaturesSpec) -> list[str]:
    """The tables of silver that gold is made of."""
    names = {spec.table, *(lookup.source for lookup in spec.lookups)}
    names |= {history.source for history in spec.histories}
    if not isinstance(spec.label, GivenLabel):
        names.add(spec.label.source)
    return sorted(names)


def gold_table(tables: Mapping[str, DataFrame], spec: FeaturesSpec, as_of: str) -> Gold:
    """Make the gold table of the tables of silver as they were known on a day (ISO; "" where no
    table has dates).
    """
    until = date.fromisoformat(as_of) + timedelta(days=1) if as_of else None
    rows, unseen = _population(tables, spec, until)
    strange = _strangers(tables, spec, rows)
    rows, clusters = with_label(rows, spec.label, _known(tables, spec, until))
    months = labelled_months(rows, spec.split) if isinstance(spec.split, OutOfTimeSplit) else None
    rows = _with_past(rows, tables, spec)
    rows = with_split(rows, spec.split, key=spec.key, entity=spec.entity, months=months)
    beside = [name for name in (GROUP, FIRST_MISSED) if name in rows.columns]
    if spec.as_of is not None:
        rows = rows.withColumn(AS_OF, F.col(AS_OF).cast("date"))
        beside.insert(0, AS_OF)
    names = (spec.key, spec.entity, *(c.name for c in spec.inputs), *spec.carried)
    table = rows.select(*dict.fromkeys(names), LABEL, KNOWN, SPLIT, *beside)
    return told(table, as_of, months, clusters, unseen, strange)


def told(
    table: DataFrame, as_of: str, months: Months | None, clusters: Sequence[Cluster] = (),
    unseen: int = 0, strangers: int = 0,
) -> Gold:  # fmt: skip
    """A gold table with what there is to tell of it, whatever it was made from."""
    facts = {
        "as_of": as_of,
        "history": _told(months),
        "labels": [asdict(cluster) for cluster in clusters],
        "unseen": unseen,
        "strangers": strangers,
    }
    return Gold(table, months is None or months.enough, facts)


def write(made: Gold, spec: FeaturesSpec, target: Path, files: int) -> dict[str, object]:
    """Write the table (`final-dataset`) in so many parts, and the key of each entity's latest row
    (`latest`); what the entry tells of itself.
    """
    place = target / "final-dataset"
    parts, by = laid_out(made.table, spec, files)
    write_table(parts, place, by=by)
    written = read_table(parts.sparkSession, place)
    counts = count(written, spec)
    latest = latest_keys(written, spec).repartition(files, ENTITY).sortWithinPartitions(ENTITY)
    write_table(latest, target / "latest")
    return {
        "rows": sum(rows for found in counts.values() for rows in found.values()),
        "splits": {
            side: {"rows": sum(found.values()), "bad": found.get(1, 0)}
            for side, found in sorted(counts.items())
        },
        "ready": made.ready,
        **made.facts,
    }


def laid_out(table: DataFrame, spec: FeaturesSpec, files: int) -> tuple[DataFrame, str | None]:
    """The table in so many parts, each sorted by key, and the column whose values are its folders
    (none: it has one date for all rows, or no dates). Equal rows, equal parts.
    """
    if not isinstance(spec.as_of, AsOfColumn):
        return table.repartition(files, spec.key).sortWithinPartitions(spec.key), None
    monthly = table.withColumn(MONTH, F.date_format(AS_OF, "yyyy-MM"))
    return monthly.repartition(files, MONTH).sortWithinPartitions(MONTH, spec.key), MONTH


def latest_keys(table: DataFrame, spec: FeaturesSpec) -> DataFrame:
    """Of each entity, as text, the key of its latest row."""
    when = F.struct(*([AS_OF] if spec.as_of is not None else []), spec.key)
    of_each = table.where(F.col(spec.entity).isNotNull()).groupBy(
        F.col(spec.entity).cast("string").alias(ENTITY)
    )
    return of_each.agg(F.max(when)[spec.key].alias(spec.key))


def count(written: DataFrame, spec: FeaturesSpec) -> dict[str, dict[int, int]]:
    """Split -> label -> rows of a gold table. Every row has an as-of where there is one."""
    undated = F.lit(False) if spec.as_of is None else F.col(AS_OF).isNull()
    counted = written.groupBy(SPLIT, LABEL).agg(
        F.count(F.lit(1)).alias("rows"), F.count_if(undated).alias("undated")
    )
    counts: dict[str, dict[int, int]] = {}
    without = 0
    for row in counted.collect():
        counts.setdefault(row[SPLIT], {})[row[LABEL]] = row["rows"]
        without += row["undated"]
    if without:
        raise VintageError(
            f"table {spec.table}: expected an as-of in every row, found none in {without:,}"
        )
    return counts


def _population(
    tables: Mapping[str, DataFrame], spec: FeaturesSpec, until: date | None
) -> tuple[DataFrame, int]:
    """The rows to score with their as-of, and how many were left out: with one date for all,
    those of whom no history knows anything before it.
    """
    table = tables[spec.table]
    rows = table.select(*(name for name in table.columns if name in _wanted(spec)))
    if spec.as_of is None:
        return rows, 0
    if isinstance(spec.as_of, AsOfColumn):
        return rows.withColumn(AS_OF, F.col(spec.as_of.column)), 0
    if until is None:
        raise VintageError(f"table {spec.table}: expected the day of the run, found no dates")
    day = until - timedelta(days=spec.as_of.days)
    dated = rows.withColumn(AS_OF, F.lit(day))
    if not spec.histories:
        return dated, 0
    seen = F.lit(False)
    flagged = dated
    for number, history in enumerate(spec.histories):
        flag = f"_seen_{number}"
        events = tables[history.source].where(F.col(spec.dates[history.source]) < F.lit(day))
        known = events.select(history.on).distinct().withColumn(flag, F.lit(True))
        flagged = flagged.join(known, history.on, "left")
        seen = seen | F.col(flag).isNotNull()
    kept = flagged.where(seen).select(*dated.columns)
    return kept, dated.count() - kept.count()


def _strangers(tables: Mapping[str, DataFrame], spec: FeaturesSpec, rows: DataFrame) -> int:
    """Whom a table of statuses knows and no row is of: what came of them is nobody's label."""
    if not isinstance(spec.label, StatusLabel):
        return 0
    on = spec.label.on
    known = tables[spec.label.source].select(on).where(F.col(on).isNotNull()).distinct()
    return known.join(rows.select(on), on, "left_anti").count()


def _wanted(spec: FeaturesSpec) -> set[str]:
    """The columns that something is made of."""
    wanted = {spec.key, spec.entity, *(column.name for column in spec.inputs), *spec.carried}
    wanted |= {lookup.on for lookup in spec.lookups} | {history.on for history in spec.histories}
    wanted.add(spec.label.column if isinstance(spec.label, GivenLabel) else spec.label.on)
    if isinstance(spec.split, GroupedSplit):
        wanted |= set(spec.split.by)
    if isinstance(spec.as_of, AsOfColumn):
        wanted.add(spec.as_of.column)
    for history in spec.histories:
        wanted |= set(values_of(history)) if _is_of_itself(history, spec) else set()
    return wanted


def _known(tables: Mapping[str, DataFrame], spec: FeaturesSpec, until: date | None) -> Known:
    split = spec.split
    development = is_development(split) if isinstance(split, GroupedSplit) else F.lit(False)
    end = (until - _EPOCH).days * DAY if until else 0
    return Known(tables, spec.dates, spec.key, end, development)


def _with_past(rows: DataFrame, tables: Mapping[str, DataFrame], spec: FeaturesSpec) -> DataFrame:
    """Add the look-ups and the histories."""
    wanted = _wanted(spec)
    for lookup in spec.lookups:
        source, date_column = tables[lookup.source], spec.dates.get(lookup.source)
        columns = [c for c in source.columns if c in wanted and c not in rows.columns]
        if columns:
            rows = with_lookup(rows, source, lookup, date_column, columns)
    for history in spec.histories:
        if _is_of_itself(history, spec):
            rows = with_history(rows, None, history, AS_OF, spec.key)
        else:
            source = tables[history.source]
            rows = with_history(rows, source, history, spec.dates[history.source], spec.key)
    return rows


def _is_of_itself(history: History, spec: FeaturesSpec) -> bool:
    """Whether the events of a history are the rows, each at its as-of."""
    return history.source == spec.table and spec.as_of == AsOfColumn(
        column=spec.dates[history.source]
    )


def _told(months: Months | None) -> dict[str, int]:
    """What the report says of months; empty where they do not matter."""
    return {} if months is None else {"found": len(months.labelled), "needed": months.needed}

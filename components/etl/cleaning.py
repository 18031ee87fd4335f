"""From bronze to silver: each source judged by its contract and cleaned, all of them merged."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import cast

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from components.contracts.scenario import IngestSpec
from components.contracts.sources import Source
from components.etl import contract, silver
from components.etl.bronze import MONTH, UNKNOWN
from components.etl.contract import Check, Counts
from components.etl.session import count_rows, files_for, read_table, seen, write_table

_REJECTED = "rejected"  # among the months, while both kinds of rows are written
_PER_FILE = 1_000_000  # rejected rows
#: Of "AGE: not integer or out of range: 7; ...", "identical to 5", "no row in a, no row in b".
_FIRST = "^(identical(?= to )|[^:;]+(?:: [^:;]+)?)"


@dataclass(frozen=True)
class Cleaned:
    """One source in silver."""

    folder: Path
    counts: Counts
    checks: list[Check]
    kept: int
    #: Its quarantine; none where every row was kept.
    rejected: DataFrame | None


def clean(
    spark: SparkSession, source: Source, raw: Path, as_of: str, folder: Path, work: Path,
    *, dated: bool = False,
) -> Cleaned:  # fmt: skip
    """Check and clean one source of bronze into a folder, by month where `dated`.

    Two looks at the data: one at its keys, one that writes and counts all that the contract asks.
    """
    size = sum(part.stat().st_size for part in raw.rglob("*.parquet"))
    landed = read_table(spark, raw)
    known = silver.known(landed, source, as_of)
    keyed = silver.with_keys(known, source)
    keys, several = contract.count_keys(keyed, source, work / f"keys-{source.name}")
    rows, seen = silver.judged(known, source, several), Observation()
    both = silver.sorted_out(rows.observe(seen, *contract.metrics(source)), source)
    day = source.date if dated else None
    month = F.lit(None) if day is None else F.date_format(day, "yyyy-MM")
    place = F.when(F.col(silver.REJECTED).isNull(), F.coalesce(month, F.lit(UNKNOWN)))
    both = both.withColumn(MONTH, F.coalesce(place, F.lit(_REJECTED)))
    written, rest = work / f"written-{source.name}", work / f"rejected-{source.name}"
    write_table(both, written, files=files_for(size), by=MONTH)
    _move(written / f"{MONTH}={_REJECTED}", rest)
    _move(written / f"{MONTH}={UNKNOWN}" if day is None else written, folder)
    counts, kept = seen.get, count_rows(folder)
    months = [month for month in _months(raw) if month != UNKNOWN]
    checks = contract.checks(source, counts, keys, months, as_of)
    if not kept and not contract.failures(checks):
        checks.append(Check(source.name, "", "at least one clean row", "none", False))
    rejected = silver.quarantine(read_table(spark, rest), source.name) if rest.is_dir() else None
    return Cleaned(folder, counts, checks, kept, rejected)


def _move(written: Path, folder: Path) -> None:
    """Take what was written, if anything was, to where it belongs."""
    if written.is_dir():
        shutil.move(written, folder)


def _months(table: Path) -> dict[str, int]:
    """Rows by month of a table that is laid out so."""
    places = sorted(table.glob(f"{MONTH}=*"))
    return {place.name.partition("=")[2]: count_rows(place) for place in places}


def clean_all(
    spark: SparkSession, declared: IngestSpec, raw: Path, as_of: str, target: Path, work: Path
) -> dict[str, Cleaned]:
    """Every source of bronze, cleaned: into the target where it stays, else into `work`."""
    merged, places = _merged_sources(declared), {}
    if silver.is_one_source(declared.merge, len(declared.sources)):
        places[merged[0]] = target / declared.merge.table
    places |= {name: target / name for name in declared.kept}
    return {
        source.name: clean(
            spark, source, raw / source.name, as_of,
            places.get(source.name, work / source.name), work,
            dated=source.name in declared.kept,
        )
        for source in declared.sources
        if (raw / source.name).is_dir()
    }  # fmt: skip


def _merged_sources(declared: IngestSpec) -> tuple[str, ...]:
    return declared.merge.sources or tuple(source.name for source in declared.sources)


def finish(
    spark: SparkSession, declared: IngestSpec, landed: Mapping[str, object],
    cleaned: Mapping[str, Cleaned], target: Path,
) -> dict[str, object]:  # fmt: skip
    """Write the merged table and the quarantine; what the silver entry tells of itself.

    `landed` are the facts of bronze. Raises where rows do not add up.
    """
    merged = declared.merge.table
    unmatched, met = _merge(spark, declared, cleaned, target)
    frames = [one.rejected for one in cleaned.values()]
    most = sum(one.counts["rows"] - one.kept for one in cleaned.values()) + met
    reasons = _write_quarantine(
        spark, [f for f in (*frames, unmatched) if f is not None],
        1 + (most - count_rows(target / merged)) // _PER_FILE, target / "quarantine",
    )  # fmt: skip
    layers, changes = [], []
    for source in declared.sources:
        one = cleaned[source.name]
        rows = cast("Mapping[str, int]", landed[source.name])["landed"]
        later = rows - one.counts["rows"]
        layers.append(_layer(source.name, source.grain, rows, one.kept, later, reasons))
        changes += contract.cleaning(source, one.counts)
    rows = count_rows(target / merged)
    if merged not in cleaned:  # else it is the layer of its source
        layers.append(_layer(merged, declared.merge.grain, met, rows, 0, reasons))
    tables = dict.fromkeys([*declared.kept, merged])
    return {
        "rows": rows,
        "layers": layers,
        "quarantine": reasons,
        "cleaning": changes,
        "months": {name: found for name in tables if (found := _months(target / name))},
    }


def merge_checks(declared: IngestSpec, told: Mapping[str, object]) -> list[Check]:
    """What the contract says of the merge; `told` is what `finish` told."""
    table, most = declared.merge.table, declared.merge.max_unmatched
    reasons = cast("Sequence[tuple[str, str, int]]", told["quarantine"])
    lacking = sum(count for name, why, count in reasons if name == table and "no row in" in why)
    out = sum(count for name, _, count in reasons if name == table)
    met = cast("int", told["rows"]) + out
    if not lacking:
        return []
    return [
        Check(
            table, declared.merge.key, f"a row in every source for all but {most:.1%} of keys",
            f"{lacking:,} of {met:,} without", lacking <= most * met,
        )
    ]  # fmt: skip


def _merge(
    spark: SparkSession, declared: IngestSpec, cleaned: Mapping[str, Cleaned], target: Path
) -> tuple[DataFrame | None, int]:
    """Write the merged table. Returns its quarantine, and the rows that it has to account for."""
    spec, folder = declared.merge, target / declared.merge.table
    first, *_ = names = _merged_sources(declared)
    beside = (MONTH, silver.REJECTED)
    tables = {name: read_table(spark, cleaned[name].folder).drop(*beside) for name in names}
    if not silver.is_one_source(spec, len(declared.sources)):
        good, rest = silver.merge(tables, spec)
        write_table(good, folder)
        return rest, silver.to_account_for(tables, spec)
    if cleaned[first].folder != folder:  # it is looked into under its own name, too
        write_table(tables[first], folder)
    return None, cleaned[first].kept


def _write_quarantine(
    spark: SparkSession, frames: Sequence[DataFrame], files: int, folder: Path
) -> list[tuple[str, str, int]]:
    """Write all rejected rows as one table; how many of each table and reason there are."""
    none = spark.createDataFrame([], silver.QUARANTINE)
    # Few rows of many: they are gathered after they are found, not before.
    rows = reduce(DataFrame.unionByName, frames, none).repartition(files)
    write_table(rows.sortWithinPartitions("table", "key", "reason", "row"), folder)
    # The first of a row's reasons, without the value: those of one column are one line.
    reason = F.regexp_extract("reason", _FIRST, 1).alias("reason")
    counted = spark.read.schema(silver.QUARANTINE).parquet(seen(folder)).groupBy("table", reason)
    return sorted((row["table"], row["reason"], row["count"]) for row in counted.count().collect())


def _layer(
    table: str, grain: str, landed: int, kept: int, later: int,
    reasons: Sequence[tuple[str, str, int]],
) -> dict[str, object]:  # fmt: skip
    out = sum(count for name, _, count in reasons if name == table)
    silver.check_counts(table, landed, kept, out, later)
    return {
        "table": table, "grain": grain, "landed": landed, "kept": kept,
        "quarantined": out, "later": later,
    }  # fmt: skip

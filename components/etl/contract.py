"""The data contract of a source: what is counted of its rows, and what it says of the counts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from components.contracts.sources import TEMPORAL, Column, Kind, Source
from components.etl import cells
from components.etl.asof import months_between
from components.etl.cells import PLACE
from components.etl.session import count_rows, read_table, write_table
from components.scoring.instances import bounds

_ARTICLES = {
    Kind.INTEGER: "a whole number",
    Kind.NUMBER: "a number",
    Kind.KEY: "text",
    Kind.TEXT: "text",
    Kind.DATE: "a date",
    Kind.MOMENT: "a date and time",
}
#: How dates are written where nothing else is declared.
_WRITTEN = {Kind.DATE: "2024-03-15", Kind.MOMENT: "2024-03-15 13:45:00"}
_SHOWN = 10  # of a long list
_MONTH = len("2023-01")
#: Of a key on several rows: the place of the first of them, and whether they differ.
FIRST, DIFFERS = "_first", "_differs"

Counts = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """One line of a contract: what was expected of a source or column, and what was found."""

    source: str
    column: str
    expected: str
    found: str
    ok: bool


@dataclass(frozen=True)
class Keys:
    """What became of the keys of a source, on the rows known at the as-of."""

    distinct: int
    #: Keys of several rows: alike, or not.
    repeated: int
    conflicting: int
    #: One of the conflicting.
    example: str = ""


def count_keys(keyed: DataFrame, source: Source, folder: Path) -> tuple[Keys, DataFrame | None]:
    """Count a source's keys. Those on several rows are written to a folder, with the place of the
    first and whether they differ; none where there are no such keys.

    `keyed` has the cells, the places, and the values of the key's columns.
    """
    spark, rows = keyed.sparkSession, keyed.where(cells.is_whole())
    names = [f"value {name}" for name in source.key]
    has_key = reduce(and_, (F.col(name).isNotNull() for name in names))
    # First the keys alone, of all rows: a hash of every cell costs several times as much.
    found, distinct = Observation(), F.count_if(has_key).alias("distinct")
    keys = rows.groupBy(*names).agg(F.count(F.lit(1)).alias("rows"), F.min(PLACE).alias(FIRST))
    several = keys.observe(found, distinct).where(has_key & (F.col("rows") > 1))
    write_table(several.select(*names, FIRST), folder / "several")
    if not count_rows(folder / "several"):
        return Keys(found.get["distinct"], 0, 0), None
    # The hash leaves out what is null, so that values could change places unseen.
    filled = (F.coalesce(cells.cell(name), F.lit("")) for name in cells.file_cells(source))
    hashed = rows.join(read_table(spark, folder / "several"), on=names).select(
        *names, FIRST, F.xxhash64(*filled).alias("row")
    )
    differs = (F.min("row") != F.max("row")).alias(DIFFERS)
    write_table(hashed.groupBy(*names, FIRST).agg(differs), folder / "judged")
    judged = read_table(spark, folder / "judged")
    example = F.min(F.concat_ws(", ", *(F.col(name) for name in names)))
    ((conflicting, shown_key),) = judged.where(DIFFERS).agg(F.count(F.lit(1)), example).collect()
    repeated = count_rows(folder / "judged") - conflicting
    return Keys(found.get["distinct"], repeated, conflicting, shown_key or ""), judged


def metrics(source: Source) -> list[Expression]:
    """What is counted of the rows known at the as-of, by name; `counted` reads it."""
    whole = cells.is_whole()
    sums = [F.count(F.lit(1)).alias("rows"), F.count_if(~whole).alias("malformed")]
    for column in source.columns:
        name, bad = column.name, whole & cells.is_bad(column)
        sums += [
            F.count_if(whole & cells.is_missing(column)).alias(f"missing {name}"),
            F.count_if(bad).alias(f"bad {name}"),
        ]
        if column.cell() not in cells.private_cells(source):
            sums.append(F.min(F.when(bad, cells.cell(column.cell()))).alias(f"example {name}"))
        if column.strip:
            sums.append(F.count_if(whole & cells.is_stripped(column)).alias(f"stripped {name}"))
        sums += [
            F.count_if(whole & cells.has_code(column, code)).alias(f"replaced {name} {code}")
            for code in column.replace
        ]
    if source.date is not None:
        day = F.when(whole, F.col(f"value {source.date}").cast("date").cast("string"))
        sums += [F.min(day).alias("first"), F.max(day).alias("last")]
    return sums


def checks(
    source: Source, counts: Counts, keys: Keys, months: Sequence[str], as_of: str
) -> list[Check]:
    """Every line of a source's contract; `months` are those that have rows, those after the
    as-of too."""
    total = counts["rows"] - counts["malformed"]
    when = f" as of {as_of}" if source.date else ""
    lines = [Check(source.name, "", f"at least one row{when}", f"{total:,} rows", total > 0)]
    if counts["malformed"]:
        lines.append(
            Check(
                source.name,
                "",
                f"the header's columns in all but {source.max_malformed:.1%} of lines",
                f"{counts['malformed']:,} other lines of {counts['rows']:,}",
                counts["malformed"] <= source.max_malformed * counts["rows"],
            )
        )
    if not total:
        return lines
    lines.append(_key_check(source, keys))
    for column in source.columns:
        lines += _column_checks(source, column, counts, total)
    return [*lines, *_date_checks(source, counts, months, as_of)]


def _key_check(source: Source, keys: Keys) -> Check:
    expected, found = "a key that names one row", "unique"
    if source.max_conflicts:
        expected += f", in all but {source.max_conflicts:.1%} of keys"
    if keys.conflicting:
        of = f" of {keys.distinct:,}" if source.max_conflicts else ""
        plural = "keys" if keys.conflicting > 1 else "key"
        found = f"{keys.conflicting:,}{of} {plural} with rows that differ"
        cells_of_key = {c.cell() for c in source.columns if c.name in source.key}
        if not cells_of_key & cells.private_cells(source):
            found += f", such as {keys.example!r:.60}"
    if keys.repeated:
        found += f", {keys.repeated:,} on rows that repeat"
    held = keys.conflicting <= source.max_conflicts * keys.distinct
    return Check(source.name, ", ".join(source.key), expected, found, held)


def _column_checks(source: Source, column: Column, counts: Counts, total: int) -> list[Check]:
    missing, bad = counts[f"missing {column.name}"], counts[f"bad {column.name}"]
    example = counts.get(f"example {column.name}")  # none of what is private
    where = f"in all but {column.max_bad:.1%} of rows" if column.max_bad else "in every row"
    allowed = 0.0 if column.name in source.key else column.max_missing
    lacks = f"at most {allowed:.1%} missing" if allowed else "none missing"
    return [
        Check(
            source.name, column.name, lacks,
            f"{missing:,} of {total:,} missing", missing <= allowed * total,
        ),
        Check(
            source.name, column.name, f"{_type(column)} {where}",
            f"{bad:,} other" + (f", such as {example!r:.60}" if example is not None else ""),
            bad <= column.max_bad * total,
        ),
    ]  # fmt: skip


def _type(column: Column) -> str:
    if column.kind is Kind.CATEGORY:
        return "one of " + ", ".join(column.values)
    if column.kind in TEMPORAL:
        written = " or ".join(column.formats) or _WRITTEN[column.kind]
        return f"{_ARTICLES[column.kind]} written as {written}{_span(column)}"
    return _ARTICLES[column.kind] + bounds(column.minimum, column.maximum)


def _span(column: Column) -> str:
    since = f" from {column.earliest}" if column.earliest else ""
    return since + (f" to {column.latest}" if column.latest else "")


def _date_checks(source: Source, counts: Counts, months: Sequence[str], as_of: str) -> list[Check]:
    if source.date is None or counts["last"] is None:
        return []
    lines, first, last = [], counts["first"], counts["last"]
    fresh = source.freshness_days
    age = (date.fromisoformat(as_of) - date.fromisoformat(last)).days
    if source.monthly:
        # A source may have ended: with rows after the as-of, or declared fresh, it has not.
        goes_on = any(month > as_of[:_MONTH] for month in months)
        until = as_of if goes_on or (fresh is not None and age > fresh) else last
        lacking = [month for month in months_between(first, until) if month not in months]
        ended = f", and none after {last[:_MONTH]}" if until[:_MONTH] < as_of[:_MONTH] else ""
        lines.append(
            Check(
                source.name, source.date,
                f"rows of every month from {first[:_MONTH]} to {until[:_MONTH]}",
                f"none of {shown(lacking)}" if lacking else f"all{ended}", not lacking,
            )
        )  # fmt: skip
    if fresh is not None:
        lines.append(
            Check(
                source.name, source.date,
                f"a last row at most {fresh} days before {as_of}",
                f"one of {last}, {age} days before", age <= fresh,
            )
        )  # fmt: skip
    return lines


def shown(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def cleaning(source: Source, counts: Counts) -> list[dict[str, object]]:
    """What was changed in the cells of a source: table, column, what, rows."""
    lines: list[tuple[str, str, int]] = []
    for column in source.columns:
        name = column.name
        if column.private:
            lines.append((name, "private, dropped", counts["rows"]))
            continue
        lines.append((name, "stripped", counts.get(f"stripped {name}", 0)))
        for code, meaning in column.replace.items():
            by = ", now missing" if meaning is None else f" by {meaning!r}"
            lines.append((name, f"replaced {code!r}{by}", counts[f"replaced {name} {code}"]))
        if column.outside == "missing":
            lines.append((name, "out of range, now missing", counts[f"bad {name}"]))
    return [
        {"table": source.name, "column": name, "what": what, "rows": rows}
        for name, what, rows in lines
        if rows
    ]


def failures(lines: Sequence[Check], places: Mapping[str, str] | None = None) -> list[str]:
    """The failed checks as sentences; `places` are the files that the sources lie in."""
    return [
        f"{c.source}{'.' + c.column if c.column else ''}"
        f"{f' in {places[c.source]}' if places and c.source in places else ''}: "
        f"expected {c.expected}, found {c.found}"
        for c in lines
        if not c.ok
    ]


def table(lines: Sequence[Check]) -> list[dict[str, object]]:
    """The checks as plain rows, for the report."""
    return [asdict(check) for check in lines]

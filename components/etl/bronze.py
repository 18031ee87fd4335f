"""Bronze: a source file as landed, every cell a string, and its data contract."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from components.contracts.sources import Column, Kind, Source
from components.scoring.instances import bounds

_ARTICLES = {Kind.INTEGER: "a whole number", Kind.NUMBER: "a number", Kind.KEY: "text"}
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_CHUNK = 1 << 20
MALFORMED = "_malformed"  # the whole line, where it does not have the header's columns


@dataclass(frozen=True)
class Check:
    """One line of a contract: what was expected of a source or column, and what was found."""

    source: str
    column: str
    expected: str
    found: str
    ok: bool


def find_file(source: Source, folder: Path) -> Path | Check:
    """The file of a source in a data folder, or the check that failed."""
    for name in source.files:
        if (folder / name).is_file():
            return folder / name
    there = sorted(p.name for p in folder.iterdir())[:10]
    return Check(
        source.name, "", f"a file {' or '.join(source.files)} in {folder}",
        f"{', '.join(there) or 'an empty folder'}", False,
    )  # fmt: skip


def read_header(source: Source, path: Path) -> tuple[list[str], list[Check]]:
    """The header cells of a file, and what the contract says of them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream), [])
            while stream.read(_CHUNK):  # Spark would put a mark in place of what is no UTF-8
                pass
    except UnicodeDecodeError:
        return [], [Check(source.name, "", f"UTF-8 text in {path.name}", "another encoding", False)]
    names = [source.column_of(cell) for cell in header]
    declared = [column.name for column in source.columns]
    checks = [
        Check(source.name, name, "a column of the file", f"columns {', '.join(header)}", False)
        for name in declared
        if name not in names
    ]
    twice = sorted({name for name in names if names.count(name) > 1})
    checks += [Check(source.name, n, "one column of this name", "several", False) for n in twice]
    return header, checks


def read_landed(spark: SparkSession, path: Path, header: Sequence[str]) -> DataFrame:
    """The file as strings under its own header, plus where each row is from."""
    cells = [StructField(name, StringType()) for name in header]
    schema = StructType([*cells, StructField(MALFORMED, StringType())])
    return (
        spark.read.csv(
            str(path),
            schema=schema,
            header=True,
            enforceSchema=True,  # the header was checked by `read_header`
            columnNameOfCorruptRecord=MALFORMED,
            mode="PERMISSIVE",
            escape='"',  # a quote inside a cell is doubled, as CSV has it
            encoding="UTF-8",
        )
    ).withColumn("_file", F.lit(path.name))


def renamed(landed: DataFrame, source: Source) -> DataFrame:
    """The declared columns under their own names, trimmed, empty as null; `_malformed` kept."""
    by_name = {source.column_of(cell): cell for cell in landed.columns}
    cells = []
    for column in source.columns:
        text = F.trim(landed[f"`{by_name[column.name]}`"])
        cells.append(F.when(text != "", text).alias(column.name))
    return landed.select(*cells, landed[MALFORMED])


def replaced(column: Column) -> Expression:
    """A column's text after its declared replacements."""
    text = F.col(column.name)
    for code, meaning in column.replace.items():
        text = F.when(F.col(column.name) == code, F.lit(meaning)).otherwise(text)
    return text


def parsed(column: Column) -> Expression:
    """A column's value in its type; null where it is missing or bad."""
    text = replaced(column)
    if column.kind is Kind.KEY:
        return text
    if column.kind is Kind.CATEGORY:
        return F.when(text.isin(*column.values), text)
    # Java would also take 12d, NaN and 0x1p3 for numbers.
    number = F.when(text.rlike(_NUMBER), text.try_cast("double"))
    good = F.abs(number) < float("inf")
    if column.kind is Kind.INTEGER:
        good &= number == F.floor(number)
    if column.minimum is not None:
        good &= number >= column.minimum
    if column.maximum is not None:
        good &= number <= column.maximum
    return F.when(good, number)


def is_bad(column: Column) -> Expression:
    """Whether a value is there but is not what the column's type and range allow."""
    return replaced(column).isNotNull() & parsed(column).isNull()


def check_contract(rows: DataFrame, source: Source) -> tuple[list[Check], dict[str, object]]:
    """Every line of a source's contract, and counts; `rows` as `renamed` makes them."""
    whole = F.col(MALFORMED).isNull()
    sums = [F.count(F.lit(1)).alias("rows"), F.count_if(~whole).alias("malformed")]
    for column in source.columns:
        sums += [
            F.count_if(whole & replaced(column).isNull()).alias(f"missing {column.name}"),
            F.count_if(whole & is_bad(column)).alias(f"bad {column.name}"),
            F.first(F.when(whole & is_bad(column), F.col(column.name)), ignorenulls=True).alias(
                f"example {column.name}"
            ),
        ]
        sums += [
            F.count_if(whole & (F.col(column.name) == code)).alias(f"replaced {column.name} {code}")
            for code in column.replace
        ]
    (found,) = rows.agg(*sums).collect()  # an aggregate without groups has one row
    counts = found.asDict()
    total = counts["rows"] - counts["malformed"]
    checks = [Check(source.name, "", "at least one row", f"{total:,} rows", total > 0)]
    if counts["malformed"]:
        expected = f"the header's columns in all but {source.max_malformed:.1%} of lines"
        found_lines = f"{counts['malformed']:,} other lines of {counts['rows']:,}"
        held = counts["malformed"] <= source.max_malformed * counts["rows"]
        checks.append(Check(source.name, "", expected, found_lines, held))
    if total:
        conflicts = _conflicting_keys(rows.where(whole), source)
        checks.append(
            Check(
                source.name,
                ", ".join(source.key),
                "a key that names one row",
                "unique" if not conflicts else f"{conflicts:,} keys with rows that differ",
                not conflicts,
            )
        )
        for column in source.columns:
            checks += _column_checks(source, column, counts, total)
    facts: dict[str, object] = {
        "landed": counts["rows"],
        "replaced": {
            column.name: {code: counts[f"replaced {column.name} {code}"] for code in column.replace}
            for column in source.columns
            if column.replace
        },
    }
    return checks, facts


def _conflicting_keys(rows: DataFrame, source: Source) -> int:
    """How many keys stand on rows that differ; a row that merely repeats is cleaned later."""
    row = F.struct(*(column.name for column in source.columns))
    by_key = rows.groupBy(*source.key).agg((~F.min(row).eqNullSafe(F.max(row))).alias("differs"))
    return by_key.where("differs").count()


def _column_checks(
    source: Source, column: Column, counts: dict[str, int], total: int
) -> list[Check]:
    missing, bad = counts[f"missing {column.name}"], counts[f"bad {column.name}"]
    example = counts[f"example {column.name}"]
    allowed = 0.0 if column.name in source.key else column.max_missing
    return [
        Check(
            source.name, column.name, f"at most {allowed:.1%} missing",
            f"{missing:,} of {total:,} missing", missing <= allowed * total,
        ),
        Check(
            source.name, column.name, f"{_type(column)} in all but {column.max_bad:.1%} of rows",
            f"{bad:,} other" + (f", such as {example!r:.60}" if bad else ""),
            bad <= column.max_bad * total,
        ),
    ]  # fmt: skip


def _type(column: Column) -> str:
    if column.kind is Kind.CATEGORY:
        return "one of " + ", ".join(column.values)
    return _ARTICLES[column.kind] + bounds(column.minimum, column.maximum)


def failures(checks: Sequence[Check]) -> list[str]:
    """The failed checks as sentences."""
    return [
        f"{c.source}{'.' + c.column if c.column else ''}: expected {c.expected}, found {c.found}"
        for c in checks
        if not c.ok
    ]


def table(checks: Sequence[Check]) -> list[dict[str, object]]:
    """The checks as plain rows, for the report."""
    return [asdict(check) for check in checks]

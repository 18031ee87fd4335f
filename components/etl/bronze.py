"""Bronze: source files as landed, every cell a string."""

import codecs
import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from components.contracts.sources import Source
from components.etl import cells
from components.etl.cells import DAY, MALFORMED
from components.etl.contract import Check, failures, shown
from components.etl.session import files_for, read_table, seen, write_table

#: The month of a row's date, by which dated tables are laid out; where it cannot be read, UNKNOWN.
MONTH = "snapshot_month"
UNKNOWN = "unknown"
FILE = "_file"  # the file that a row is from
_KINDS = (".csv", ".parquet")
_CHUNK = 1 << 20
_NEWLINE, _RETURN = b"\n", b"\r"
#: What may be between cells instead of commas.
_MARKS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_UNREAD = re.compile(r"FAILED_READ_FILE\S* Encountered error while reading file (\S+?)\.? ")


@dataclass(frozen=True)
class Landing:
    """The files of one source, which can be read: one kind, one header."""

    source: Source
    files: tuple[Path, ...]
    header: tuple[str, ...]
    #: What they are to their owner: a file or folder of the data folder, or a table.
    place: str = ""


def find_files(source: Source, folder: Path) -> list[Path]:
    """The files of a source in a data folder, by name; none where there are none."""
    for name in source.files:
        place = folder / name
        if place.is_file():
            return [place]
        if place.is_dir():
            inside = [path.relative_to(place) for path in place.rglob("*")]
            return sorted(
                place / path
                for path in inside
                if path.suffix.lower() in _KINDS
                and not any(part.startswith((".", "_")) for part in path.parts)
            )
    return []


def inspect(source: Source, files: Sequence[Path], folder: Path) -> tuple[Landing, list[Check]]:
    """The files as they can be read, and what the contract says of them before they are."""
    if not files:
        there = sorted(path.name for path in folder.iterdir())
        return Landing(source, (), ()), [
            Check(
                source.name, "", f"a file {' or '.join(source.files)} in {folder}",
                shown(there) or "an empty folder", False,
            )
        ]  # fmt: skip
    headers, checks = [], []
    for path in files:
        header, faults = (_parquet if _is_parquet(path) else _csv)(source, path)
        headers.append(header)
        checks += faults
    if failures(checks):
        return Landing(source, (), ()), checks
    for path, header in zip(files[1:], headers[1:], strict=True):
        same = _is_parquet(path) == _is_parquet(files[0])
        # Parquet is read by name, CSV by place.
        if same and _is_parquet(path):
            same = sorted(header) == sorted(headers[0])
        elif same:
            same = header == headers[0]
        expected = f"in {path.name} the columns of {files[0].name}, {', '.join(headers[0])}"
        if not same:
            checks.append(Check(source.name, "", expected, ", ".join(header), False))
    first = files[0].relative_to(folder).parts[0] if files[0].is_relative_to(folder) else ""
    place = first or f"table {source.table}"
    checks += _header_checks(source, headers[0], place)
    if not any(_has_rows(path) for path in files):
        checks.append(Check(source.name, "", f"at least one row in {place}", "0 rows", False))
    return Landing(source, tuple(files), tuple(headers[0]), place), checks


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def _has_rows(path: Path) -> bool:
    return pq.read_metadata(path).num_rows > 0 if _is_parquet(path) else bool(_last_line(path))


def _parquet(source: Source, path: Path) -> tuple[list[str], list[Check]]:
    try:
        return list(pq.read_schema(path).names), []
    except (pa.ArrowException, OSError) as error:
        return [], [_damaged(source, path.name, str(error))]


def _damaged(source: Source, name: str, why: str) -> Check:
    """The check of a file that its format's reader refuses."""
    return Check(
        source.name, "", f"a whole Parquet file {name}", f"a damaged one: {why:.120}", False
    )


def _csv(source: Source, path: Path) -> tuple[list[str], list[Check]]:
    if (other := _other_encoding(path)) is not None:
        return [], [Check(source.name, "", f"UTF-8 text in {path.name}", other, False)]
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = next(csv.reader(stream), [])
        if (fault := _head_fault(path, header)) is not None:
            return [], [Check(source.name, "", *fault, False)]
        last = _last_line(path)
        width = len(header) if last is None else len(next(csv.reader([last])))
    except csv.Error as error:
        return [], [Check(source.name, "", f"lines of cells in {path.name}", str(error), False)]
    if width < len(header):
        expected = f"{len(header)} cells in the last line of {path.name}"
        found = f"{width}: the file is cut in the middle of a line"
        return [], [Check(source.name, "", expected, found, False)]
    if last is not None and not _is_ended(path):
        # Whole files end so, too: it is told, and a cell that is no longer one is quarantined.
        expected = f"a newline after the last line of {path.name}"
        found = f"none: the file is whole, or cut in its last cell, {header[-1].strip()}"
        return header, [Check(source.name, "", expected, found, True)]
    return header, []


def _head_fault(path: Path, header: Sequence[str]) -> tuple[str, str] | None:
    """What was expected of a first line, and found, where it is no header."""
    if not any(header):
        found = "an empty line" if path.stat().st_size else "an empty file"
        return f"a header in the first line of {path.name}", found
    mark = next((mark for mark in _MARKS if mark in header[0]), "")
    if mark and len(header) == 1:
        return f"commas between the cells of {path.name}", f"{_MARKS[mark]}: {header[0]:.60}"
    return None


def _other_encoding(path: Path) -> str | None:
    """What a file is instead of UTF-8 text; Spark would put a mark in place of such bytes."""
    decoder, lines = codecs.getincrementaldecoder("utf-8")(), 0
    with path.open("rb") as stream:
        chunk = stream.read(_CHUNK)
        if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in chunk:
            return "UTF-16, or no text at all"
        while chunk:
            try:
                decoder.decode(chunk, final=False)
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].count(_NEWLINE) + 1
                byte = error.object[error.start]
                return f"Latin-1 or the like: byte 0x{byte:02x} in line {line:,}"
            lines += chunk.count(_NEWLINE)
            chunk = stream.read(_CHUNK)
    if decoder.getstate()[0]:
        return f"the end cut in the middle of a letter, in line {lines + 1:,}"
    return None


def _last_line(path: Path) -> str | None:
    """The last line of a file that is not blank, unless it is the first."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _CHUNK))
        text = stream.read().replace(_RETURN, _NEWLINE).rstrip(_NEWLINE + b" ")
        first = stream.tell() <= _CHUNK and _NEWLINE not in text
    return None if first else text.rpartition(_NEWLINE)[2].decode(errors="replace")


def _is_ended(path: Path) -> bool:
    """Whether a file that is not empty ends with the end of a line."""
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read() in (_NEWLINE, _RETURN)


def _header_checks(source: Source, header: Sequence[str], place: str) -> list[Check]:
    names = [source.column_of(name) for name in header]
    wanted = cells.file_cells(source)
    checks = []
    for name in wanted:
        if name not in names:
            near = get_close_matches(name.lower(), [n.lower() for n in names], n=3)
            nearest = [n for n in names if n.lower() in near]
            found = f"columns {', '.join(header)}"
            found += f"; near: {', '.join(nearest)}" if nearest else ""
            checks.append(Check(source.name, name, f"a column of {place}", found, False))
    checks += [
        Check(source.name, name, f"no column {name}: bronze has one of its own", "one", False)
        for name in {MONTH, FILE, DAY, MALFORMED}.intersection(header)
    ]
    twice = sorted({name for name in names if names.count(name) > 1})
    checks += [Check(source.name, n, "one column of this name", "several", False) for n in twice]
    if more := [name for name in names if name not in wanted]:
        found = f"also {shown(more)}: in bronze, in no layer after it"
        checks.append(Check(source.name, "", "the declared columns", found, True))
    return checks


def land(
    spark: SparkSession, landing: Landing, folder: Path
) -> tuple[dict[str, object], list[Check]]:
    """Write a source as it landed. Returns its facts, and what its files were found to lack.

    The facts: `landed` rows, and the `last` date of a dated source ("" where none can be read).
    """
    source, landed, seen = landing.source, _read(spark, landing), Observation()
    counts = [F.count(F.lit(1)).alias("landed")]
    columns = [*landing.header, MALFORMED, FILE]
    if (column := cells.dated(source)) is not None:
        landed = cells.with_day(landed, source, column)
        month = F.coalesce(F.date_format(DAY, "yyyy-MM"), F.lit(UNKNOWN))
        landed = landed.withColumn(MONTH, month)
        counts.append(F.max(DAY).cast("string").alias("last"))
        columns += [DAY, MONTH]
    rows = landed.observe(seen, *counts).select(*(f"`{name}`" for name in columns))
    try:
        files = files_for(sum(path.stat().st_size for path in landing.files))
        write_table(rows, folder, files=files, by=None if column is None else MONTH)
    except Py4JJavaError as error:
        if (unread := _UNREAD.search(str(error))) is None:
            raise
        return {}, [_damaged(source, Path(unread[1]).name, "its pages cannot be read")]
    facts = {name: found or "" if name == "last" else found for name, found in seen.get.items()}
    several = source.monthly and len(landing.files) > 1
    return facts, _months_twice(spark, source, folder) if several else []


def _months_twice(spark: SparkSession, source: Source, folder: Path) -> list[Check]:
    """Months that are in two files: one of them was sent twice, or under another's name."""
    files = F.sort_array(F.collect_set(FILE))
    rows = read_table(spark, folder).groupBy(MONTH).agg(files.alias("files")).collect()
    return [
        Check(source.name, source.date or "", "each month in one file",
              f"{row[MONTH]} in {' and '.join(row['files'])}", False)
        for row in sorted(rows)
        if len(row["files"]) > 1 and row[MONTH] != UNKNOWN
    ]  # fmt: skip


def _read(spark: SparkSession, landing: Landing) -> DataFrame:
    """The files as strings under their own header, plus which file each row is from."""
    read = _read_parquet if _is_parquet(landing.files[0]) else _read_csv
    return read(spark, landing)


def _read_csv(spark: SparkSession, landing: Landing) -> DataFrame:
    fields = [StructField(name, StringType()) for name in landing.header]
    return spark.read.csv(
        [seen(path) for path in landing.files],
        schema=StructType([*fields, StructField(MALFORMED, StringType())]),
        header=True,
        enforceSchema=True,  # the header was checked by `inspect`
        columnNameOfCorruptRecord=MALFORMED,
        mode="PERMISSIVE",
        escape='"',  # a quote inside a cell is doubled, as CSV has it
        encoding="UTF-8",
    ).withColumn(FILE, F.col("_metadata.file_name"))


def _read_parquet(spark: SparkSession, landing: Landing) -> DataFrame:
    """Files with the same types are read at once: a month may have landed with others."""
    alike: dict[str, list[Path]] = {}
    for path in landing.files:
        alike.setdefault(str(pq.read_schema(path).remove_metadata()), []).append(path)
    frames = [
        read_table(spark, *paths).select(
            *(F.col(f"`{name}`").cast("string").alias(name) for name in landing.header),
            F.lit(None).cast("string").alias(MALFORMED),
            F.col("_metadata.file_name").alias(FILE),
        )
        for paths in alike.values()
    ]
    return reduce(DataFrame.union, frames)

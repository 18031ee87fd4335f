"""How a cell of a file becomes a value: trimmed, stripped, replaced, read, parsed."""

import re
from functools import reduce
from operator import or_
from typing import assert_never

from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from components.contracts.sources import (
    NUMERIC,
    TEMPORAL,
    Column,
    CountOf,
    Kind,
    Part,
    Pattern,
    Reading,
    Source,
    YearsAndMonths,
)

MALFORMED = "_malformed"  # the whole line, where it does not have the header's columns
DAY = "_day"  # of a row's date; null where it cannot be read
PLACE = "_place"  # names one row of bronze
#: How a column of each kind is held from silver on.
TYPES = {
    Kind.INTEGER: "double",
    Kind.NUMBER: "double",
    Kind.CATEGORY: "string",
    Kind.KEY: "string",
    Kind.DATE: "date",
    Kind.MOMENT: "timestamp",
    Kind.TEXT: "string",
}
_YEARS_AND_MONTHS = r"(?i)^(\d{1,4}) +years? +and +(\d{1,4}) +months?$"
#: Other programs write a day as its first instant.
_ISO_DATES = ("yyyy-MM-dd", "yyyy-MM-dd' 00:00:00'")
#: With or without a fraction and a zone; what names no zone is UTC.
_ISO_MOMENTS = tuple(f"yyyy-MM-dd{sep}HH:mm:ss[.SSSSSS][XXX][X]" for sep in ("'T'", " "))


def cell(name: str) -> Expression:
    """The file's cell, as `prepared` holds it: trimmed, null where it is empty."""
    return F.col(f"`cell {name}`")


def given(column: Column) -> Expression:
    """The text of a column after its replacements, before it is read; null is missing."""
    return F.col(f"given {column.name}") if _is_changed(column) else cell(column.cell())


def value(column: Column) -> Expression:
    """A column's value in its type; null where it is missing or bad."""
    return F.col(f"value {column.name}")


def is_missing(column: Column) -> Expression:
    """Whether a column's cell says nothing."""
    return given(column).isNull()


def is_bad(column: Column) -> Expression:
    """Whether a value is there but is not what the column's type and range allow."""
    return given(column).isNotNull() & value(column).isNull()


def is_whole() -> Expression:
    """Whether a line has the header's columns."""
    return F.col(MALFORMED).isNull()


def file_cells(source: Source) -> list[str]:
    """The file's columns that the declared ones are made of, by their names after naming."""
    return list(dict.fromkeys(column.cell() for column in source.columns))


def private_cells(source: Source) -> frozenset[str]:
    """The file's columns that hold what is private."""
    return frozenset(column.cell() for column in source.columns if column.private)


def dated(source: Source) -> Column | None:
    """The column with a source's date."""
    return source.column(source.date) if source.date else None


def declared(landed: DataFrame, source: Source) -> DataFrame:
    """The cells that are declared, trimmed, empty as null; `_malformed` and `_place` kept."""
    taken = (_trimmed(landed, source, name) for name in file_cells(source))
    return landed.select(*taken, MALFORMED, PLACE)


def with_day(landed: DataFrame, source: Source, column: Column) -> DataFrame:
    """Beside what landed, the day of the column with a source's date; null where it is bad."""
    with_cell = landed.select("*", _trimmed(landed, source, column.cell()))
    day = value(column).cast("date").alias(DAY)
    return with_values(with_cell, (column,)).select(*landed.columns, day)


def _trimmed(landed: DataFrame, source: Source, name: str) -> Expression:
    header = next(h for h in landed.columns if source.column_of(h) == name)
    text = F.trim(landed[f"`{header}`"])
    return F.when(text != "", text).alias(f"cell {name}")


def with_values(frame: DataFrame, columns: tuple[Column, ...]) -> DataFrame:
    """Beside the cells, each column's `given` and `value`."""
    # Each step is a projection of its own: Spark then computes none of them twice.
    changed = {f"given {c.name}": _given(c) for c in columns if _is_changed(c)}
    texts = frame.withColumns(changed) if changed else frame
    parsed = texts.select("*", *(_parsed(c).alias(f"value {c.name}") for c in columns))
    bounded = {f"value {c.name}": _bounded(c) for c in columns if _has_bounds(c)}
    return parsed.withColumns(bounded) if bounded else parsed


def is_stripped(column: Column) -> Expression:
    """Whether marks were taken off a column's cell."""
    return cell(column.cell()).isNotNull() & ~cell(column.cell()).eqNullSafe(_stripped(column))


def has_code(column: Column, code: str) -> Expression:
    """Whether a column's cell holds a code that is replaced."""
    return _stripped(column) == code


def _stripped(column: Column) -> Expression:
    text = cell(column.cell())
    if not column.strip:
        return text
    bare = F.btrim(text, F.lit(f"{column.strip} "))
    return F.when(bare != "", bare)


def _is_changed(column: Column) -> bool:
    """Whether the text of a column can be another than its cell."""
    return bool(column.strip or column.replace or isinstance(column.reading, CountOf))


def _given(column: Column) -> Expression:
    bare = text = _stripped(column)
    for code, meaning in column.replace.items():
        text = F.when(bare == code, F.lit(meaning)).otherwise(text)
    # An empty cell holds a text no time: that is known, not missing.
    return F.coalesce(text, F.lit("")) if isinstance(column.reading, CountOf) else text


def _parsed(column: Column) -> Expression:
    text = given(column)
    if column.reading is not None:
        text = _read(text, column.reading)
    match column.kind:
        case Kind.KEY | Kind.TEXT:
            return text
        case Kind.CATEGORY:
            return F.when(text.isin(*column.values), text)
        case Kind.INTEGER | Kind.NUMBER:
            # Java would also take 12d and 0x1p3 for numbers.
            suffixes = reduce(or_, (text.endswith(letter) for letter in "dDfF"))
            hexadecimal = text.contains("x") | text.contains("X")
            return F.when(~suffixes & ~hexadecimal, text.try_cast("double"))
        case Kind.DATE:
            return _date(text, column.formats)
        case Kind.MOMENT:
            return _moment(text, column.formats)
    assert_never(column.kind)


def _has_bounds(column: Column) -> bool:
    return column.kind in NUMERIC or column.earliest is not None or column.latest is not None


def _bounded(column: Column) -> Expression:
    if column.kind in TEMPORAL:
        day = value(column).cast("date")
        good = day.isNotNull()
        if column.earliest is not None:
            good &= day >= F.lit(column.earliest)
        if column.latest is not None:
            good &= day <= F.lit(column.latest)
        return F.when(good, value(column))
    number = value(column)
    good = F.abs(number) < float("inf")
    if column.kind is Kind.INTEGER:
        good &= number == F.rint(number)  # floor makes a long of it, which 1e300 does not fit
    if column.minimum is not None:
        good &= number >= column.minimum
    if column.maximum is not None:
        good &= number <= column.maximum
    return F.when(good, number)


def _date(text: Expression, formats: tuple[str, ...]) -> Expression:
    return F.coalesce(*(F.try_to_date(text, form) for form in formats or _ISO_DATES))


def _moment(text: Expression, formats: tuple[str, ...]) -> Expression:
    forms = formats or _ISO_MOMENTS
    return F.coalesce(*(F.try_to_timestamp(text, F.lit(form)) for form in forms))


def _read(text: Expression, reading: Reading) -> Expression:
    """The text that a reading finds in a cell; null where it finds nothing."""
    match reading:
        case Pattern(pattern=pattern):
            return F.nullif(F.regexp_extract(text, pattern, 1), F.lit(""))
        case CountOf(text=counted):
            return F.regexp_count(text, F.lit(re.escape(counted))).cast("string")
        case YearsAndMonths():
            years, months = (
                F.regexp_extract(text, _YEARS_AND_MONTHS, group).try_cast("int") for group in (1, 2)
            )
            return (years * 12 + months).cast("string")
        case Part(part=part):
            moment = F.coalesce(_moment(text, ()), _date(text, ()).cast("timestamp"))
            parts = {
                "hour": F.hour(moment),
                "day": F.dayofmonth(moment),
                "month": F.month(moment),
                "weekday": F.weekday(moment) + 1,
            }
            return parts[part].cast("string")
    assert_never(reading)

"""What was known of each row before its date: look-ups and histories of other tables.

What is about all of the past is one pass over the rows and the events of a source, in the order
of time. What is about its last days or months is made of the events that each row sees.
"""

from collections.abc import Sequence
from typing import assert_never

from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window, WindowSpec

from components.contracts.history import Figure, History, Lookup

AS_OF = "_as_of"  # of each row; a date or a moment
DAY = 86_400_000_000  # microseconds
_MOMENT, _MONTH = "_moment", "_month"  # of the as-of: microseconds since 1970, calendar month
_AT, _AT_MONTH = "_at", "_at_month"  # the same of an event's date; missing in a row
_FOUND, _PLACE = "_found", "_place"
_LONGEST_MONTH = 31
_EPOCH = 2000 * 12  # least squares lose digits where time is counted from far away


def moment(column: str) -> Expression:
    """Microseconds since 1970 of a moment, or of a date's first instant."""
    return F.unix_micros(F.col(column).cast("timestamp"))


def month(column: str) -> Expression:
    """The index of the calendar month that a date or moment is in."""
    return (F.year(column) * 12 + F.month(column)).cast("bigint")


def with_lookup(
    rows: DataFrame, source: DataFrame, lookup: Lookup, date: str | None, columns: Sequence[str]
) -> DataFrame:
    """Add the columns of each row's latest row of the source; of several at one time, of that
    with the largest values.
    """
    if date is None:
        known = source.where(F.col(lookup.on).isNotNull())
        only = F.max(F.struct(*(F.col(name).alias(_of(name)) for name in columns)))
        found = rows.join(known.groupBy(lookup.on).agg(only.alias(_FOUND)), lookup.on, "left")
    else:
        latest = F.max(F.when(F.col(_AT).isNotNull(), F.struct(_AT, *map(_of, columns))))
        by_time = Window.partitionBy(lookup.on).orderBy(_MOMENT)
        # At its own time a row sees the source: what a day says is known on that day.
        frame = by_time.rangeBetween(Window.unboundedPreceding, Window.currentRow)
        both = _together(_timed(rows), _events(source, lookup.on, date, columns), lookup.on)
        found = both.withColumn(_FOUND, latest.over(frame)).where(F.col(_AT).isNull())
    return found.select(*rows.columns, *(F.col(_FOUND)[_of(c)].alias(c) for c in columns))


def with_history(
    rows: DataFrame, source: DataFrame | None, history: History, date: str, key: str
) -> DataFrame:
    """Add the figures about the source's events strictly before each row's as-of; `key` names a
    row. Without a source the rows are the events, and `date` is their as-of.

    Events of one time are ordered by all their values: a sum is always made in one order.
    """
    values = values_of(history)
    events = _events(rows if source is None else source, history.on, date, values)
    lately = [f for f in history.figures if f.days is not None or f.months is not None]
    always = [figure for figure in history.figures if figure not in lately]
    found = _timed(rows)
    if always:
        if source is None:  # half as many to sort as with every row a second time, as an event
            itself = {_AT: F.col(_MOMENT), **{_of(value): F.col(value) for value in values}}
            both = found.withColumns(itself).repartition(history.on)
        else:
            both = _together(found, events, history.on)
        both = both.sortWithinPartitions(history.on, _MOMENT, *map(_of, values))
        by_time = Window.partitionBy(history.on).orderBy(_MOMENT)
        before = by_time.rangeBetween(Window.unboundedPreceding, -1)
        made = (_figure(figure, before, events) for figure in always)
        both = both.select(*found.columns, _AT, *made)
        found = (both if source is None else both.where(F.col(_AT).isNull())).drop(_AT)
    if lately:
        found = _with_lately(found, events, lately, history.on, key)
    return found.select(*rows.columns, *(figure.name for figure in history.figures))


def values_of(history: History) -> list[str]:
    """The columns of the events that a history's figures are of."""
    return sorted({figure.of for figure in history.figures if figure.of is not None})


def _timed(rows: DataFrame) -> DataFrame:
    return rows.withColumns({_MOMENT: moment(AS_OF), _MONTH: month(AS_OF)})


def _events(source: DataFrame, on: str, date: str, values: Sequence[str]) -> DataFrame:
    """The rows of a source that have a key and a date, its values under names of their own."""
    return source.where(F.col(on).isNotNull() & F.col(date).isNotNull()).select(
        on,
        moment(date).alias(_AT),
        month(date).alias(_AT_MONTH),
        *(F.col(value).alias(_of(value)) for value in values),
    )


def _together(timed: DataFrame, events: DataFrame, on: str) -> DataFrame:
    """Rows and events in one table, those of one key in one partition."""
    whole = timed.unionByName(events.withColumn(_MOMENT, F.col(_AT)), allowMissingColumns=True)
    return whole.repartition(on)


def _with_lately(
    timed: DataFrame,
    events: DataFrame,
    figures: Sequence[Figure],
    on: str,
    key: str,
) -> DataFrame:
    """Add the figures of the last days and months.

    Frames that slide over all events are made anew at each of them: several times the work of
    one line for each row and each event that it sees.
    """
    longest = max(f.days or _LONGEST_MONTH * ((f.months or 0) + 1) for f in figures)
    past = events.withColumnRenamed(on, _FOUND)
    seen = (
        (F.col(on) == F.col(_FOUND))
        & (F.col(_AT) < F.col(_MOMENT))
        & (F.col(_AT) >= F.col(_MOMENT) - longest * DAY)
    )
    lines = timed.join(past, seen, "left")
    values = [name for name in events.columns if name.startswith(_of(""))]
    masks = {
        f"{name}{_suffix(figure)}": F.when(_is_inside(figure), F.col(name))
        for figure in figures
        for name in (_AT, *([] if figure.of is None else [_of(figure.of)]))
    }
    of_row = Window.partitionBy(on, key).orderBy(_AT, *values)
    whole = of_row.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    made = (_figure(figure, whole, events) for figure in figures)
    found = lines.withColumns(masks).select(
        *timed.columns, F.row_number().over(of_row).alias(_PLACE), *made
    )
    return found.where(F.col(_PLACE) == 1)


def _of(column: str) -> str:
    """The name of an event's value beside the columns of the rows."""
    return f"_of_{column}"


def _suffix(figure: Figure) -> str:
    """What tells the columns that are masked to a figure's frame."""
    if figure.days is not None:
        return f" {figure.days} days"
    return "" if figure.months is None else f" {figure.months} months"


def _is_inside(figure: Figure) -> Expression:
    """Whether an event before the as-of is in the frame of a figure."""
    if figure.days is not None:
        return F.col(_AT) >= F.col(_MOMENT) - figure.days * DAY
    return (F.col(_MONTH) - F.col(_AT_MONTH)).between(1, figure.months or 0)


def _figure(figure: Figure, over: WindowSpec, events: DataFrame) -> Expression:
    at = F.col(f"`{_AT}{_suffix(figure)}`")
    value = F.col(f"`{_of(figure.of or '')}{_suffix(figure)}`")
    match figure.how:
        case "count":
            made = F.count(at).over(over).cast("double")
        case "days-since":
            made = (F.col(_MOMENT) - F.max(at).over(over)) / DAY
        case "sum":
            made = F.sum(value).over(over)
        case "mean":
            made = F.avg(value).over(over)
        case "deviation":
            made = F.stddev_pop(value).over(over)
        case "minimum":
            made = F.min(value).over(over)
        case "maximum":
            made = F.max(value).over(over)
        case "last":
            latest = F.when(value.isNotNull(), F.struct(at, value.alias("value")))
            made = F.max(latest).over(over)["value"]
        case "trend":
            made = F.regr_slope(value, _time(figure).cast("double")).over(over)
        case "share":
            wanted = F.lit(figure.value).cast(events.schema[_of(figure.of or "")].dataType)
            made = F.avg((value == wanted).cast("double")).over(over)
        case "distinct":
            made = F.size(F.collect_set(value).over(over)).cast("double")
        case _:
            assert_never(figure.how)
    return made.alias(figure.name)


def _time(figure: Figure) -> Expression:
    """Time as a trend counts it, from where its digits are few."""
    if figure.days is not None:
        return (F.col(_AT) - F.col(_MOMENT)) / DAY
    return F.col(_AT_MONTH) - (_EPOCH if figure.months is None else F.col(_MONTH))

"""What came of each row: 1 bad, 0 good, missing where it is not known yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from components.contracts.outcomes import (
    GivenLabel,
    Label,
    MonthOnBookLabel,
    ProxyLabel,
    StatusLabel,
)
from components.etl.clusters import Cluster, with_proxy
from components.etl.histories import AS_OF, DAY, moment

LABEL = "_label"
KNOWN = "_known"  # the day at whose end the label was known; null where nothing is dated
FIRST_MISSED = "_first_missed"  # the date from which a loan was behind
_INSTALMENT_DAYS = 30
_ROUNDING = 1e-9  # of an instalment: sums of payments are not exact


@dataclass(frozen=True)
class Known:
    """What labels are made of, beside the rows."""

    #: Tables of silver, and from when on their rows are known.
    tables: Mapping[str, DataFrame]
    dates: Mapping[str, str]
    #: Names a row.
    key: str
    #: The end of the run's last day, in microseconds since 1970.
    until: int
    #: Which rows a proxy's clusters may be learned on.
    development: Expression


def with_label(rows: DataFrame, label: Label, known: Known) -> tuple[DataFrame, list[Cluster]]:
    """Add the label, and the day on which it was known (and by month on book, the first missed
    date); the clusters of a proxy.
    """
    match label:
        case GivenLabel(column=column, mature_days=days):
            found = F.col(column).cast("int")
            if days:
                found = F.when(moment(AS_OF) + days * DAY <= known.until, found)
            over = _over(days) if AS_OF in rows.columns else F.lit(None)
            return _with_known(rows.withColumn(LABEL, found), over), []
        case StatusLabel(on=on):
            bad = F.coalesce(F.col(label.column).isin(*label.bad), F.lit(False))
            by_key = known.tables[label.source].groupBy(on).agg(F.max(bad.cast("int")).alias(LABEL))
            return _with_known(rows.join(by_key, on, "left"), F.lit(None)), []
        case MonthOnBookLabel(on=on):
            table = known.tables[label.source]
            by_key = _months_on_book(table, label, known.dates.get(label.source))
            return rows.join(by_key, on, "left"), []
        case ProxyLabel():
            labelled, clusters = with_proxy(
                rows, known.tables[label.source], label, name=LABEL,
                date=known.dates[label.source], key=known.key, development=known.development,
                known_until=known.until,
            )  # fmt: skip
            return _with_known(labelled, _over(label.start + label.days)), clusters
    assert_never(label)


def days_past_due(label: MonthOnBookLabel) -> Expression:
    """Days past due of the row of an instalment; null where it does not say."""
    overdue, due = F.col(label.overdue), F.col(label.due)
    begun = F.ceil(F.try_divide(overdue, due) - _ROUNDING)
    missed = F.when(overdue <= 0, 0).otherwise(begun)
    # Where nothing is due any more, what is overdue is not made up of instalments: it is bad.
    return F.when((overdue > 0) & (due <= 0), label.days).otherwise(missed * _INSTALMENT_DAYS)


def _months_on_book(rows: DataFrame, label: MonthOnBookLabel, date: str | None) -> DataFrame:
    overdue, instalment = F.col(label.overdue), F.col(label.instalment)
    bad = F.when(instalment == label.month, (days_past_due(label) >= label.days).cast("int"))
    when: Expression = F.lit(None) if date is None else F.col(date)
    first = F.when((overdue > 0) & (instalment <= label.month), when)
    return rows.groupBy(label.on).agg(
        F.max(bad).alias(LABEL),
        F.min(F.when(bad.isNotNull(), when)).cast("date").alias(KNOWN),
        F.min(first).cast("date").alias(FIRST_MISSED),
    )


def _over(days: int) -> Expression:
    """The day at whose end so many days from a row's as-of are over; none is before the as-of."""
    last = F.timestamp_micros(moment(AS_OF) + days * DAY - 1).cast("date")
    return F.greatest(last, F.col(AS_OF).cast("date"))


def _with_known(labelled: DataFrame, day: Expression) -> DataFrame:
    """Add the day on which the labels that there are were known."""
    return labelled.withColumn(KNOWN, F.when(F.col(LABEL).isNotNull(), day).cast("date"))

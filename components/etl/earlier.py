"""Gold of an earlier day, out of gold of a later one.

A row is made of what was known on its own as-of and before it, and its label has the day on which
it was known: neither changes with what comes later. So gold of an earlier day is the rows whose
as-of is not after it, labels as far as they were known by then, and the sides of the split made
anew. It equals, to the cell, what `gold_table` makes of the silver of that day.

It cannot where a later row of a source changed what was known of an earlier one, or whether it is
there at all. The run of that day had kept

- a row that came into conflict with a later one of its key, and with it what it says;
- a projected row (a merge with `columns`) that a later row of its source contradicts;

and it had left out

- a row of which its own source, or another one of the merge, had no row by then, though its as-of
  was over: the first instalment of a loan was rejected, and the second came a month later.

The run of that day also had the rows whose as-of was still to come; they are not looked back at.
"""

from collections.abc import Iterable
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from components.contracts.errors import VintageError
from components.contracts.history import AsOfColumn
from components.contracts.outcomes import OutOfTimeSplit, ProxyLabel, StatusLabel
from components.contracts.scenario import FeaturesSpec
from components.etl.bronze import MONTH
from components.etl.gold import Gold, told
from components.etl.histories import AS_OF, month
from components.etl.labels import FIRST_MISSED, KNOWN, LABEL
from components.etl.splits import labelled_months, with_split


def look_back(gold: DataFrame, spec: FeaturesSpec, day: str) -> Gold:
    """Gold as it was on a day (ISO). `gold` is a written table of that day or a later one, with
    its months; what comes back has its columns in their order, without those.

    Raises VintageError where rows, or what is known of them, have no day of their own.
    """
    expect_days(spec)
    until = F.lit(date.fromisoformat(day))
    names = [name for name in gold.columns if name != MONTH]
    # The month's folder says already that none of its rows is asked for.
    rows = gold.where((F.col(MONTH) <= day[:7]) & (F.col(AS_OF) <= until)).select(*names)
    by_then = F.col(KNOWN).isNull() | (F.col(KNOWN) <= until)
    rows = rows.withColumns({name: F.when(by_then, F.col(name)) for name in (LABEL, KNOWN)})
    if FIRST_MISSED in names:
        first = F.col(FIRST_MISSED)
        rows = rows.withColumn(FIRST_MISSED, F.when(first <= until, first))
    months = labelled_months(rows, spec.split) if isinstance(spec.split, OutOfTimeSplit) else None
    rows = with_split(rows, spec.split, key=spec.key, entity=spec.entity, months=months)
    return told(rows.select(*names), day, months)


def months_known(gold: DataFrame, spec: FeaturesSpec, days: Iterable[date]) -> dict[date, int]:
    """Of each day, of how many months a label was known by then. Raises as `look_back` does."""
    expect_days(spec)
    first = F.min(F.greatest(AS_OF, KNOWN)).alias("first")  # of a label without a day, the as-of
    found = gold.where(F.col(LABEL).isNotNull()).groupBy(month(AS_OF)).agg(first).collect()
    return {day: sum(row["first"] <= day for row in found) for day in days}


def expect_days(spec: FeaturesSpec) -> None:
    """Refuse a scenario whose rows, or whose labels, have no day of their own."""
    wanted = f"{spec.scenario}: expected rows that each have a date of their own to look back from"
    if not isinstance(spec.as_of, AsOfColumn):
        found = "no dates" if spec.as_of is None else "one date for all of them"
        raise VintageError(f"{wanted}, found {found}")
    if isinstance(spec.label, ProxyLabel | StatusLabel):
        raise VintageError(
            f"{wanted}, and a label that once known stays as it is, found one of kind "
            f"{spec.label.kind}"
        )

"""Silver: typed, cleaned, deduplicated, merged; what is rejected goes to quarantine with why."""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType
from pyspark.sql.window import Window

from components.contracts.errors import VintageError
from components.contracts.sources import Kind, Merge, Source
from components.etl.bronze import MALFORMED, is_bad, parsed

_REASON = "_reason"
#: The quarantine table: one row a rejected row, whichever table it was on the way to.
QUARANTINE = StructType([StructField(n, StringType()) for n in ("table", "key", "reason", "row")])


def clean(rows: DataFrame, source: Source) -> tuple[DataFrame, DataFrame]:
    """One source's cleaned rows and its quarantine; `rows` as `bronze.renamed` makes them."""
    bad = [
        F.when(
            is_bad(c), F.concat(F.lit(f"{c.name}: not {c.kind.value} or out of range: "), c.name)
        )
        for c in source.columns
    ]
    missing_key = [F.when(F.col(k).isNull(), F.lit(f"{k}: key is missing")) for k in source.key]
    reason = F.when(F.col(MALFORMED).isNotNull(), F.lit("malformed line")).otherwise(
        F.nullif(F.concat_ws("; ", *missing_key, *bad), F.lit(""))
    )
    names = [column.name for column in source.columns]
    # The contract has no key on rows that differ, so a second row of a key repeats the first.
    same = Window.partitionBy(*source.key, F.col(_REASON).isNull()).orderBy(F.lit(0))
    repeat = F.row_number().over(same)
    judged = rows.withColumn(_REASON, reason)
    judged = judged.withColumn(
        _REASON,
        F.coalesce(F.col(_REASON), F.when(repeat > 1, F.lit("repeated row"))),
    )
    good = judged.where(F.col(_REASON).isNull()).select(
        *(parsed(c).cast(_type(c.kind)).alias(c.name) for c in source.columns)
    )
    rejected = judged.where(F.col(_REASON).isNotNull())
    whole = F.coalesce(F.col(MALFORMED), F.to_json(F.struct(*names)))
    return good, _quarantine(rejected, source.name, F.concat_ws("|", *source.key), whole)


def merge(tables: Mapping[str, DataFrame], spec: Merge) -> tuple[DataFrame, DataFrame]:
    """All sources joined on the key, and the rows that found no partner or are copies."""
    present = [
        frame.withColumn(f"_in {name}", F.lit(True)) for name, frame in sorted(tables.items())
    ]
    joined = reduce(lambda left, right: left.join(right, on=spec.key, how="full"), present)
    flags = {name: F.col(f"`_in {name}`").isNotNull() for name in sorted(tables)}
    lacking = F.concat_ws(
        ", ", *(F.when(~flag, F.lit(f"no row in {name}")) for name, flag in flags.items())
    )
    values = sorted(c for c in joined.columns if not c.startswith("_in ") and c != spec.key)
    judged = joined.withColumn(_REASON, F.nullif(lacking, F.lit("")))
    if spec.drop_identical:
        alike = Window.partitionBy(F.col(_REASON), *values).orderBy(F.length(spec.key), spec.key)
        first = F.first(spec.key).over(alike)
        copy = F.when(F.col(spec.key) != first, F.concat(F.lit("identical to "), first))
        judged = judged.withColumn("_copy", copy).withColumn(
            _REASON, F.coalesce(F.col(_REASON), F.col("_copy"))
        )
    good = judged.where(F.col(_REASON).isNull()).select(spec.key, *values)
    rejected = judged.where(F.col(_REASON).isNotNull())
    row = F.to_json(F.struct(spec.key, *values))
    quarantined = _quarantine(rejected, spec.table, F.col(spec.key), row)
    return good.sortWithinPartitions(spec.key), quarantined


def keys(tables: Mapping[str, DataFrame], spec: Merge) -> int:
    """How many keys there are in all sources together: what a merge has to account for."""
    met = [frame.select(spec.key) for frame in tables.values()]
    return reduce(DataFrame.union, met).distinct().count()


def _quarantine(rows: DataFrame, table: str, key: Expression, row: Expression) -> DataFrame:
    return rows.select(
        F.lit(table).alias("table"), key.alias("key"), F.col(_REASON).alias("reason"),
        row.alias("row"),
    )  # fmt: skip


def _type(kind: Kind) -> str:
    return "double" if kind in {Kind.INTEGER, Kind.NUMBER} else "string"


def check_counts(table: str, taken: int, kept: int, rejected: int) -> None:
    """Nothing is dropped silently: what went in came out, as a row or in quarantine."""
    if taken != kept + rejected:
        raise VintageError(
            f"{table}: expected {taken:,} rows to add up, found {kept:,} kept "
            f"and {rejected:,} quarantined"
        )

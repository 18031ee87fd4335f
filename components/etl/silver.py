"""Silver: typed, cleaned, deduplicated, merged; what is rejected goes to quarantine with why."""

from collections.abc import Mapping
from functools import reduce
from operator import and_

from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType
from pyspark.sql.window import Window

from components.contracts.errors import VintageError
from components.contracts.sources import Merge, Source
from components.etl import cells
from components.etl.bronze import MONTH, UNKNOWN
from components.etl.cells import DAY, MALFORMED, PLACE
from components.etl.contract import DIFFERS, FIRST

_REASON = "_reason"
_SEVERAL = "_several"  # why a row among several of its key is not kept
_CONFLICT, _REPEAT = "key on rows that differ", "repeated row"
_MONTH = len("2023-01")
#: What quarantine says of a row. It is written beside the rows of silver, where it is empty: two
#: writes would read and judge every row twice (ADR 0026).
REJECTED = "_rejected"
#: The quarantine table: one row a rejected row, whichever table it was on the way to.
QUARANTINE = StructType([StructField(n, StringType()) for n in ("table", "key", "reason", "row")])


def known(landed: DataFrame, source: Source, as_of: str) -> DataFrame:
    """The cells of the rows of bronze that are known at the as-of, those without a date too."""
    place = F.xxhash64("_metadata.file_path", "_metadata.row_index")
    landed = landed.withColumn(PLACE, place)
    if source.date is None or not as_of:  # "": no date of any source can be read
        return cells.declared(landed, source)
    month = (F.col(MONTH) <= as_of[:_MONTH]) | (F.col(MONTH) == UNKNOWN)
    day = F.col(DAY).isNull() | (F.col(DAY) <= F.lit(as_of).cast("date"))
    return cells.declared(landed.where(month & day), source)


def with_keys(rows: DataFrame, source: Source) -> DataFrame:
    """Beside the cells, the values of the key; none for a malformed line."""
    columns = tuple(column for column in source.columns if column.name in source.key)
    return _with_key(cells.with_values(rows, columns), source)


def _with_key(rows: DataFrame, source: Source) -> DataFrame:
    names = [f"value {name}" for name in source.key]
    return rows.withColumns({name: F.when(cells.is_whole(), F.col(name)) for name in names})


def judged(landed: DataFrame, source: Source, several: DataFrame | None) -> DataFrame:
    """Every value of every row; `several` are the keys on several rows, as `count_keys` has them.

    `landed` as `known` makes it: each step over the cells is a copy of them, so that the key's are
    not taken from `with_keys`.
    """
    rows = _with_key(cells.with_values(landed, source.columns), source)
    why = F.lit(None).cast("string")
    if several is not None:
        names = [f"value {name}" for name in source.key]
        rows = rows.join(several, on=names, how="left")
        # Rows that do not differ are one row met again: the first of them stands for all.
        again = F.col(PLACE) != F.col(FIRST)
        why = F.when(F.col(DIFFERS), F.lit(_CONFLICT)).when(again, F.lit(_REPEAT))
    return rows.withColumn(_SEVERAL, why)


def sorted_out(rows: DataFrame, source: Source) -> DataFrame:
    """Every row, typed as silver has it, and what quarantine says of it; null where it is kept.

    `rows` as `judged` makes them.
    """
    whole = F.to_json(F.struct(*(cells.cell(name).alias(name) for name in _shown(source))))
    line = F.lit("not kept: it may hold what is private")
    row = F.when(cells.is_whole(), whole).otherwise(
        line if cells.private_cells(source) else F.col(MALFORMED)
    )
    key = F.concat_ws("|", *(cells.cell(c.cell()) for c in source.columns if c.name in source.key))
    said = F.struct(key.alias("key"), F.col(_REASON).alias("reason"), row.alias("row"))
    return rows.withColumn(_REASON, F.when(~_is_good(source), _reason(source))).select(
        *(cells.value(c).cast(cells.TYPES[c.kind]).alias(c.name) for c in source.clean_columns()),
        F.when(F.col(_REASON).isNotNull(), said).alias(REJECTED),
    )


def _shown(source: Source) -> list[str]:
    """The cells of a file that quarantine may show."""
    private = cells.private_cells(source)
    return [name for name in cells.file_cells(source) if name not in private]


def _is_good(source: Source) -> Expression:
    """Whether there is nothing to say against a row: much less to find out than what there is."""
    good = [~cells.is_bad(c) for c in source.columns if c.outside == "quarantine"]
    good += [F.col(f"value {name}").isNotNull() for name in source.key]
    return reduce(and_, good, cells.is_whole() & F.col(_SEVERAL).isNull())


def _reason(source: Source) -> Expression:
    """Why a row is rejected: all that is wrong with it."""
    shown, reasons = _shown(source), list[Expression]()
    for column in source.columns:
        if column.name in source.key:
            rejects = column.outside == "quarantine"  # a bad value, with a reason of its own
            lacks = cells.is_missing(column) if rejects else cells.value(column).isNull()
            reasons.append(F.when(lacks, F.lit(f"{column.name}: key is missing")))
    for column in source.columns:
        if column.outside == "quarantine":
            why = F.lit(f"{column.name}: not {column.kind.value} or out of range")
            if column.cell() in shown:
                given = F.coalesce(cells.cell(column.cell()), F.lit("nothing"))
                why = F.concat(why, F.lit(": "), given)
            reasons.append(F.when(cells.is_bad(column), why))
    cell_reason = F.nullif(F.concat_ws("; ", *reasons), F.lit(""))
    return F.when(~cells.is_whole(), F.lit("malformed line")).otherwise(
        F.coalesce(cell_reason, F.col(_SEVERAL))
    )


def quarantine(rows: DataFrame, table: str) -> DataFrame:
    """Rejected rows as the quarantine table has them; `rows` as `sorted_out` makes them."""
    said = (F.col(REJECTED)[name].alias(name) for name in ("key", "reason", "row"))
    return rows.select(F.lit(table).alias("table"), *said)


def is_one_source(spec: Merge, sources: int) -> bool:
    """Whether the merged table is one cleaned source as it is, of so many sources."""
    return (len(spec.sources) or sources) == 1 and not spec.columns and not spec.drop_identical


def merge(tables: Mapping[str, DataFrame], spec: Merge) -> tuple[DataFrame, DataFrame]:
    """All sources joined on the key; and the rows without a partner, the copies, the conflicts."""
    if spec.columns:
        ((_, only),) = tables.items()
        tables = {spec.sources[0]: only.select(*spec.columns).distinct()}
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
    if spec.columns:
        several = F.count(F.lit(1)).over(Window.partitionBy(spec.key)) > 1
        judged = judged.withColumn(_REASON, F.when(several, F.lit(_CONFLICT)))
    if spec.drop_identical:
        alike = Window.partitionBy(F.col(_REASON), *values).orderBy(F.length(spec.key), spec.key)
        first = F.first(spec.key).over(alike)
        copy = F.when(F.col(spec.key) != first, F.concat(F.lit("identical to "), first))
        judged = judged.withColumn("_copy", copy).withColumn(
            _REASON, F.coalesce(F.col(_REASON), F.col("_copy"))
        )
    good = judged.where(F.col(_REASON).isNull()).select(spec.key, *values)
    found = judged.where(F.col(_REASON).isNotNull())
    row = F.to_json(F.struct(spec.key, *values))
    quarantined = _quarantine(found, spec.table, F.col(spec.key).cast("string"), row)
    return good.sortWithinPartitions(spec.key), quarantined


def to_account_for(tables: Mapping[str, DataFrame], spec: Merge) -> int:
    """How many rows a merge has to keep or to quarantine: one a key, or one a projection."""
    wanted = spec.columns or (spec.key,)
    met = [frame.select(*wanted) for frame in tables.values()]
    return reduce(DataFrame.union, met).distinct().count()


def _quarantine(rows: DataFrame, table: str, key: Expression, row: Expression) -> DataFrame:
    return rows.select(
        F.lit(table).alias("table"), key.alias("key"), F.col(_REASON).alias("reason"),
        row.alias("row"),
    )  # fmt: skip


def check_counts(table: str, landed: int, kept: int, quarantined: int, later: int) -> None:
    """Nothing is dropped silently: what landed is a row, in quarantine, or not known yet."""
    if landed != kept + quarantined + later:
        raise VintageError(
            f"{table}: expected {landed:,} rows to add up, found {kept:,} kept, "
            f"{quarantined:,} quarantined and {later:,} later"
        )

"""Which rows are learned from, chosen by, and judged on."""

from dataclasses import dataclass
from typing import assert_never

from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from components.contracts.outcomes import (
    GroupedSplit,
    OutOfTimeSplit,
    Split,
    StratifiedSplit,
)
from components.etl.histories import AS_OF, month
from components.etl.labels import LABEL

SPLIT = "_split"  # train, validation, test; score: no mature label yet, kept for scoring
GROUP = "_group"  # hash of what must not be on both sides
_STEPS = 1 << 20  # places of a group between 0 and 1


@dataclass(frozen=True)
class Months:
    """The calendar months with a mature label, and how many there must be."""

    #: Indices, ascending.
    labelled: tuple[int, ...]
    needed: int

    @property
    def enough(self) -> bool:
        return len(self.labelled) >= self.needed


def labelled_months(labelled: DataFrame, split: OutOfTimeSplit) -> Months:
    """The months of rows that have a label."""
    found = labelled.where(F.col(LABEL).isNotNull()).select(month(AS_OF).alias("m")).distinct()
    return Months(
        tuple(sorted(row["m"] for row in found.where("m IS NOT NULL").collect())),
        split.needed(),
    )


def with_split(
    labelled: DataFrame, split: Split, *, key: str, entity: str, months: Months | None = None
) -> DataFrame:
    """Add the split, and the group where there is one.

    Which side a row is on depends on its key or group, its label and month, never on its order.
    `months` are those of an out-of-time split; with too few of them all rows are to score.
    """
    match split:
        case StratifiedSplit(test=test, validation=validation, seed=seed):
            one_class = Window.partitionBy(LABEL)
            order = one_class.orderBy(F.xxhash64(F.col(key), F.lit(seed)), F.col(key))
            place = (F.row_number().over(order) - 1) / F.count(F.lit(1)).over(one_class)
            return labelled.withColumn(SPLIT, _known(_side(place, test, validation)))
        case GroupedSplit(test=test, validation=validation):
            group = group_of(*split.by)
            side = _side(_place(group, split.seed), test, validation)
            return labelled.withColumns({GROUP: group, SPLIT: _known(side)})
        case OutOfTimeSplit(validation=validation, seed=seed):
            group = group_of(entity)
            side = F.lit("score")
            if months is not None and months.enough:
                late = month(AS_OF) >= months.labelled[-split.months]
                before = _side(_place(group, seed), 0.0, validation)
                side = F.when(late, "test").otherwise(before)
            return labelled.withColumns(
                {SPLIT: _known(side)} | ({GROUP: group} if entity != key else {})
            )
    assert_never(split)


def group_of(*columns: str) -> Expression:
    """A hash of the values; a missing one counts as a value of its own."""
    return F.xxhash64(*(part for c in columns for part in (F.col(c).isNull(), F.col(c))))


def is_development(split: GroupedSplit) -> Expression:
    """Whether a row is on the side that is learned from, whatever its label."""
    return _place(group_of(*split.by), split.seed) >= split.test


def _place(group: Expression, seed: int) -> Expression:
    """Where a group stands between 0 and 1."""
    return F.pmod(F.xxhash64(group, F.lit(seed)), F.lit(_STEPS)) / _STEPS


def _side(place: Expression, test: float, validation: float) -> Expression:
    return (
        F.when(place < test, "test")
        .when(place < test + (1 - test) * validation, "validation")
        .otherwise("train")
    )


def _known(side: Expression) -> Expression:
    return F.when(F.col(LABEL).isNull(), "score").otherwise(side)

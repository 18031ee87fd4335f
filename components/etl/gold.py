"""Gold: the inputs of the model, the label and the split, one row as the merge's grain says."""

from typing import assert_never

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from components.contracts.errors import VintageError
from components.contracts.modelling import GivenLabel, Label, Split, StratifiedSplit
from components.contracts.scenario import FeaturesSpec

LABEL = "_label"
SPLIT = "_split"  # train, validation, test; score: no mature label yet, kept for scoring
_CLASSES = 2


def with_label(silver: DataFrame, label: Label) -> DataFrame:
    """Add the label: 1 bad, 0 good, null not known yet."""
    match label:
        case GivenLabel(column=column):
            return silver.withColumn(LABEL, F.col(column).cast("int"))
    assert_never(label)


def with_split(labelled: DataFrame, split: Split, key: str) -> DataFrame:
    """Add the split. Which side a row is on depends on its key and label, not on its order."""
    match split:
        case StratifiedSplit(test=test, validation=validation, seed=seed):
            one_class = Window.partitionBy(LABEL)
            order = one_class.orderBy(F.xxhash64(F.col(key), F.lit(seed)), F.col(key))
            place = (F.row_number().over(order) - 1) / F.count(F.lit(1)).over(one_class)
            side = (
                F.when(F.col(LABEL).isNull(), "score")
                .when(place < test, "test")
                .when(place < test + (1 - test) * validation, "validation")
                .otherwise("train")
            )
            return labelled.withColumn(SPLIT, side)
    assert_never(split)


def gold_table(silver: DataFrame, spec: FeaturesSpec) -> DataFrame:
    """Key, inputs, carried columns, label and split, ordered by key."""
    whole = with_split(with_label(silver, spec.label), spec.split, spec.key)
    names = [column.name for column in spec.inputs]
    columns = [spec.key, *names, *spec.carried, LABEL, SPLIT]
    return whole.select(*columns).coalesce(1).sortWithinPartitions(spec.key)


def check_classes(counts: dict[str, dict[int, int]], spec: FeaturesSpec) -> None:
    """Each labelled split needs both classes; `counts` is split -> label -> rows."""
    for side in ("train", "validation", "test"):
        found = {label: rows for label, rows in counts.get(side, {}).items() if rows}
        if len(found) != _CLASSES:
            shown = ", ".join(f"{rows:,} rows of class {label}" for label, rows in found.items())
            raise VintageError(
                f"label {spec.label.column}: expected both classes among the {side} rows, "
                f"found {shown or 'no rows'}"
            )

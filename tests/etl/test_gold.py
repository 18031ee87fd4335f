"""The split: exact shares, and the same side for a row however the table is stored."""

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from components.contracts.errors import VintageError
from components.contracts.modelling import GivenLabel, StratifiedSplit
from components.etl.gold import LABEL, SPLIT, check_classes, with_label, with_split
from tests.etl.small import SMALL

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

GOOD, BAD, UNKNOWN = 203, 51, 20
SPLIT_SPEC = StratifiedSplit(test=0.25, validation=0.2, seed=42)


def _rows() -> list[tuple[str, float | None]]:
    labels = [0.0] * GOOD + [1.0] * BAD + [None] * UNKNOWN
    return [(f"k{number}", label) for number, label in enumerate(labels)]


def _labelled(
    spark: "SparkSession", rows: list[tuple[str, float | None]], parts: int
) -> "DataFrame":
    frame = spark.createDataFrame(rows, "ID string, Y double").repartition(parts)
    return with_label(frame, GivenLabel(column="Y"))


def _sides(frame: "DataFrame") -> dict[str, str]:
    return {row["ID"]: row[SPLIT] for row in frame.collect()}


def test_each_class_is_split_by_its_exact_shares_and_unlabelled_rows_are_to_score(
    spark: "SparkSession",
) -> None:
    split = with_split(_labelled(spark, _rows(), 3), SPLIT_SPEC, "ID")
    found = Counter((row[LABEL], row[SPLIT]) for row in split.collect())
    assert found.pop((None, "score")) == UNKNOWN
    for label, rows in ((0, GOOD), (1, BAD)):
        shares = {"test": 0.25, "validation": 0.75 * 0.2, "train": 0.75 * 0.8}
        for side, share in shares.items():
            assert abs(found.pop((label, side)) - share * rows) < 1
    assert not found


def test_a_row_stays_on_its_side_whatever_the_order_and_the_partitions(
    spark: "SparkSession",
) -> None:
    shuffled = random.Random(7).sample(_rows(), k=GOOD + BAD + UNKNOWN)  # noqa: S311 - no secret
    sides = [
        _sides(with_split(_labelled(spark, rows, parts), SPLIT_SPEC, "ID"))
        for rows, parts in ((_rows(), 1), (shuffled, 7))
    ]
    assert sides[0] == sides[1]


def test_another_seed_is_another_split_of_the_same_size(spark: "SparkSession") -> None:
    frame = _labelled(spark, _rows(), 2)
    one = _sides(with_split(frame, SPLIT_SPEC, "ID"))
    other = _sides(with_split(frame, SPLIT_SPEC.model_copy(update={"seed": 43}), "ID"))
    assert one != other
    assert Counter(one.values()) == Counter(other.values())


BOTH = {0: 3, 1: 2}


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        (
            {"train": {0: 4}, "validation": BOTH, "test": BOTH},
            "train rows, found 4 rows of class 0",
        ),
        (
            {"train": BOTH, "validation": {1: 1_000}, "test": BOTH},
            "validation rows, found 1,000 rows of class 1",
        ),
        ({"train": BOTH, "validation": BOTH, "score": {0: 1}}, "test rows, found no rows"),
        ({}, "train rows, found no rows"),
    ],
)
def test_a_side_without_both_classes_names_the_label(
    counts: dict[str, dict[int, int]], found: str
) -> None:
    with pytest.raises(VintageError) as caught:
        check_classes(counts, SMALL.gold())
    assert str(caught.value) == (
        f"label DEFAULTPAYMENTNEXTMONTH: expected both classes among the {found}"
    )


def test_sides_with_both_classes_are_fine() -> None:
    check_classes(dict.fromkeys(("train", "validation", "test"), BOTH), SMALL.gold())

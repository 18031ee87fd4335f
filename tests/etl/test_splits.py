"""The split: exact shares, and the same side for a row however the table is stored."""

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from components.contracts.outcomes import GroupedSplit, OutOfTimeSplit, StratifiedSplit
from components.etl.histories import AS_OF
from components.etl.labels import LABEL
from components.etl.splits import GROUP, SPLIT, is_development, labelled_months, with_split

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
    return frame.withColumnRenamed("Y", LABEL)


def _sides(frame: "DataFrame") -> dict[str, str]:
    return {row["ID"]: row[SPLIT] for row in frame.collect()}


def test_each_class_is_split_by_its_exact_shares_and_unlabelled_rows_are_to_score(
    spark: "SparkSession",
) -> None:
    split = with_split(_labelled(spark, _rows(), 3), SPLIT_SPEC, key="ID", entity="ID")
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
        _sides(with_split(_labelled(spark, rows, parts), SPLIT_SPEC, key="ID", entity="ID"))
        for rows, parts in ((_rows(), 1), (shuffled, 7))
    ]
    assert sides[0] == sides[1]


def test_another_seed_is_another_split_of_the_same_size(spark: "SparkSession") -> None:
    frame = _labelled(spark, _rows(), 2)
    one = _sides(with_split(frame, SPLIT_SPEC, key="ID", entity="ID"))
    other = _sides(
        with_split(frame, SPLIT_SPEC.model_copy(update={"seed": 43}), key="ID", entity="ID")
    )
    assert one != other
    assert Counter(one.values()) == Counter(other.values())


GROUPED = GroupedSplit(by=("CITY", "AGE"), test=0.3, validation=0.25, seed=7)


def _profiles(spark: "SparkSession", people: int, parts: int) -> "DataFrame":
    rows = [
        (f"k{n}", f"c{n % 50}" if n % 7 else None, float(n % 31) if n % 5 else None, n % 2)
        for n in range(people)
    ]
    schema = f"ID string, CITY string, AGE double, {LABEL} int"
    return spark.createDataFrame(rows, schema).repartition(parts)


def _grouped(frame: "DataFrame") -> dict[str, tuple[str, int]]:
    split = with_split(frame, GROUPED, key="ID", entity="ID")
    return {row["ID"]: (row[SPLIT], row[GROUP]) for row in split.collect()}


def test_rows_that_are_alike_are_on_one_side_and_missing_values_are_alike_too(
    spark: "SparkSession",
) -> None:
    frame = _profiles(spark, 3000, 3)
    found = _grouped(frame)
    sides: dict[tuple[object, object], set[tuple[str, int]]] = {}
    for row in frame.collect():
        sides.setdefault((row["CITY"], row["AGE"]), set()).add(found[row["ID"]])
    assert all(len(of_one) == 1 for of_one in sides.values())
    groups = {group: side for of_one in sides.values() for side, group in of_one}
    assert len(groups) == len(sides)  # (missing, 3) is not (3, missing)
    counted = Counter(groups.values())
    for side, share in {"test": 0.3, "validation": 0.7 * 0.25, "train": 0.7 * 0.75}.items():
        assert counted[side] / len(groups) == pytest.approx(share, abs=0.06)
    development = {row["ID"] for row in frame.where(is_development(GROUPED)).collect()}
    assert development == {i for i, (side, _) in found.items() if side != "test"}


def test_new_rows_move_nobody_to_another_side_of_a_grouped_split(spark: "SparkSession") -> None:
    few, many = _grouped(_profiles(spark, 300, 1)), _grouped(_profiles(spark, 900, 4))
    assert few.items() <= many.items()


OUT_OF_TIME = OutOfTimeSplit(months=2, least_months=3, validation=0.3, seed=1)


def _by_month(spark: "SparkSession", months: int) -> dict[str, tuple[str, str, int | None]]:
    """Row -> (month, side, label) of months with labels from 2023-11 on, and one without."""
    rows = [
        (f"{m}-{n}", f"e{n}", f"{2023 + (m + 10) // 12}-{(m + 10) % 12 + 1:02d}-15",
         None if m == months or n == 0 else n % 2)
        for m in range(months + 1)
        for n in range(40)
    ]  # fmt: skip
    frame = spark.createDataFrame(rows, f"ID string, WHO string, day string, {LABEL} int")
    frame = frame.selectExpr("*", f"date(day) AS {AS_OF}")
    found = labelled_months(frame, OUT_OF_TIME)
    assert (len(found.labelled), found.needed, found.enough) == (months, 5, months >= 5)
    split = with_split(frame, OUT_OF_TIME, key="ID", entity="WHO", months=found)
    kept = split.collect()
    assert len({(row["WHO"], row[GROUP]) for row in kept}) == len({row["WHO"] for row in kept})
    return {row["ID"]: (row["day"][:7], row[SPLIT], row[LABEL]) for row in kept}


def test_the_last_months_with_a_label_are_the_test(spark: "SparkSession") -> None:
    found = _by_month(spark, 6)
    assert {m for m, side, _ in found.values() if side == "test"} == {"2024-03", "2024-04"}
    developed = {m for m, side, _ in found.values() if side in ("train", "validation")}
    assert developed == {"2023-11", "2023-12", "2024-01", "2024-02"}
    assert all((side == "score") == (label is None) for _, side, label in found.values())
    sides: dict[str, set[str]] = {}
    for row, (_, side, _) in found.items():
        if side in ("train", "validation"):
            sides.setdefault(row.split("-")[1], set()).add(side)
    assert all(len(of_one) == 1 for of_one in sides.values())
    assert {side for of_one in sides.values() for side in of_one} == {"train", "validation"}


def test_with_too_few_months_every_row_is_to_score(spark: "SparkSession") -> None:
    assert {side for _, side, _ in _by_month(spark, 4).values()} == {"score"}

"""Spark's workers score as everybody else does: to the bit, missing values included."""

from typing import TYPE_CHECKING

import pytest

from components.etl import batch
from tests.making import FAMILIES, Models, inputs_of, plain_columns

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_scores_as_the_bundle_does(
    spark: "SparkSession", models: Models, family: str
) -> None:
    matrix = inputs_of(300, 11)
    columns = plain_columns(matrix)
    rows = [
        (f"{n:03d}", *(None if v is None else v for v in row))
        for n, row in enumerate(zip(*columns.values(), strict=True))
    ]
    schema = "ID string, INCOME double, VISITS int, REGION string, AMOUNT double"
    frame = spark.createDataFrame(rows, schema).repartition(3)
    bundle = models.bundle(family)
    found = batch.score(frame, bundle.folder, bundle.id, "ID").orderBy("ID").collect()
    expected = bundle.score(matrix).pd
    assert [row["pd"] for row in found] == expected.tolist()
    assert [row["points"] for row in found] == bundle.points(expected).tolist()
    assert [row["ID"] for row in found] == [row[0] for row in rows]

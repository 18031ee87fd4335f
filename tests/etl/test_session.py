"""A session inside another one is that one."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.etl import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_PARTITIONS = "spark.sql.shuffle.partitions"


def test_an_inner_session_is_the_outer_one_and_leaves_it_as_it_was(
    spark: "SparkSession", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_TASKS", (3, 5))
    before = spark.conf.get(_PARTITIONS)
    for size, tasks in ((1, "3"), (10**9, "5")):
        with session.spark_session("inner", tmp_path, size) as inner:
            assert inner is spark
            assert inner.conf.get(_PARTITIONS) == tasks
            rows = inner.range(9).cache()
            assert rows.count() == 9
        assert not rows.storageLevel.useMemory
    assert spark.conf.get(_PARTITIONS) == before
    with pytest.raises(RuntimeError), session.spark_session("failing", tmp_path, 1):
        raise RuntimeError
    assert spark.conf.get(_PARTITIONS) == before
    assert spark.range(5).count() == 5  # it goes on


def test_a_setting_is_for_a_while(spark: "SparkSession") -> None:
    name = "spark.sql.parquet.outputTimestampType"
    before = spark.conf.get(name)
    with session.settings(spark, {name: "TIMESTAMP_MILLIS"}):
        assert spark.conf.get(name) == "TIMESTAMP_MILLIS"
    assert spark.conf.get(name) == before != "TIMESTAMP_MILLIS"

"""The proxy: the least engaged are found, learned on development rows, the same every time."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F

from components.contracts.outcomes import ProxyLabel
from components.etl.clusters import Cluster, with_proxy
from components.etl.histories import AS_OF, DAY

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LABEL = ProxyLabel(source="deals", on="who", amount="amount", days=30, clusters=3)
AS_OF_DAY = date(2024, 1, 1)
END = (AS_OF_DAY - date(1970, 1, 1)).days * DAY + 30 * DAY
START = datetime(2024, 1, 1, tzinfo=UTC)


def _deals(people: int) -> list[tuple[str, datetime, float]]:
    """A third is never there, a third now and then, a third every day; before and after the
    window all are there alike.
    """
    rows = [
        (f"w{n}", START + timedelta(days=day, hours=n % 9), (-1) ** day * 10.0)
        for n in range(people)
        for day in range(30)
        if n % 3 == 2 or (n % 3 == 1 and day % 7 == n % 5)
    ]
    for n in range(people):
        rows += [(f"w{n}", START + timedelta(days=day), 1e6) for day in (-5, -1, 30, 31)]
    return rows


def _labels(
    spark: "SparkSession", deals: list[tuple[str, datetime, float]], parts: int, until: int = END
) -> tuple[dict[str, int | None], list[Cluster]]:
    population = spark.range(60).select(
        F.concat(F.lit("w"), "id").alias("who"), F.lit(AS_OF_DAY).alias(AS_OF)
    )
    found, clusters = with_proxy(
        population.repartition(parts),
        spark.createDataFrame(deals, "who string, at timestamp, amount double").repartition(parts),
        LABEL,
        name="bad",
        date="at",
        key="who",
        development=F.col("who") != "w0",
        known_until=until,
    )
    assert found.columns == ["who", AS_OF, "bad"]
    return {row["who"]: row["bad"] for row in found.collect()}, clusters


def test_the_least_engaged_over_the_window_are_at_risk(spark: "SparkSession") -> None:
    labels, clusters = _labels(spark, _deals(60), 2)
    assert labels == {f"w{n}": int(n % 3 == 0) for n in range(60)}
    assert [c.rows for c in clusters] == [20, 20, 20]
    (risky,) = (c for c in clusters if c.at_risk)
    centroid = (risky.recency, risky.frequency, risky.monetary)
    assert centroid == pytest.approx((30.0, 0.0, 0.0), abs=1e-9)
    most = max(clusters, key=lambda c: c.frequency)
    assert risky.distance == max(c.distance for c in clusters) > 0 > most.distance
    # Deviations from the mean of as many rows each: over all clusters they come to nothing.
    assert sum(c.distance for c in clusters) == pytest.approx(0, abs=0.2)
    # The amounts without their signs.
    assert (most.frequency, most.monetary) == pytest.approx((30.0, 300.0))


def test_the_clusters_are_the_same_to_the_bit_however_the_tables_are_stored(
    spark: "SparkSession",
) -> None:
    noise = random.Random(3)  # noqa: S311 - no secret
    deals = [(who, at, noise.uniform(-1, 1) * 1e3) for who, at, _ in _deals(60)]
    shuffled = noise.sample(deals, k=len(deals))
    assert _labels(spark, deals, 1) == _labels(spark, shuffled, 5)


def test_a_window_that_is_not_over_gives_no_label(spark: "SparkSession") -> None:
    labels, clusters = _labels(spark, _deals(60), 2, until=END - 1)
    assert set(labels.values()) == {None}
    assert clusters == []

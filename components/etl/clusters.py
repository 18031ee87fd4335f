"""A label where no outcome is known: the least engaged cluster of those who were there."""

from dataclasses import dataclass
from typing import cast

from pyspark.ml import Pipeline
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.feature import StandardScaler, StandardScalerModel, VectorAssembler
from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from components.contracts.history import Figure, History
from components.contracts.outcomes import ProxyLabel
from components.etl.histories import AS_OF, DAY, moment, with_history

_OWN = "_own_as_of"
_RECENCY, _FREQUENCY, _MONETARY = _VALUES = ("_recency", "_frequency", "_monetary")
_POINT, _SCALED, _CLUSTER = "_point", "_scaled", "_cluster"
#: How each value tells of risk: who was there long ago, rarely, for little.
_SIGNS = (1, -1, -1)


@dataclass(frozen=True)
class Cluster:
    """One cluster: its rows, and its centroid in days, rows, and the unit of the amount; and the
    sum of the centroid's scaled distances, each counted towards risk.
    """

    cluster: int
    rows: int
    recency: float
    frequency: float
    monetary: float
    distance: float
    at_risk: bool


def with_proxy(
    rows: DataFrame,
    source: DataFrame,
    label: ProxyLabel,
    *,
    name: str,
    date: str,
    key: str,
    development: Expression,
    known_until: int,
) -> tuple[DataFrame, list[Cluster]]:
    """Add column `name`: 1 in the cluster at risk, 0 in the others, missing for rows whose window
    ends after `known_until` (microseconds since 1970); and what the clusters are.

    Scale and clusters are learned on development rows alone, in the order of their keys.
    """
    engaged = _with_engagement(rows, source, label, date, key).cache()
    mature = moment(AS_OF) + (label.start + label.days) * DAY <= known_until
    learned = engaged.where(development & mature).select(key, *_VALUES)
    # One partition in one order: sums of doubles, and K-means' first guess, depend on both.
    learned = learned.repartition(1).sortWithinPartitions(key).cache()
    if learned.isEmpty():
        return rows.withColumn(name, F.lit(None).cast("int")), []
    model = Pipeline(
        stages=[
            VectorAssembler(inputCols=list(_VALUES), outputCol=_POINT),
            StandardScaler(inputCol=_POINT, outputCol=_SCALED, withMean=True),
            KMeans(k=label.clusters, seed=label.seed, featuresCol=_SCALED, predictionCol=_CLUSTER),
        ]
    ).fit(learned)
    scaler = cast(StandardScalerModel, model.stages[1])
    means = cast(KMeansModel, model.stages[2])
    clustered = model.transform(engaged)
    counted = clustered.where(mature).groupBy(_CLUSTER).count().collect()
    clusters = _clusters(scaler, means, {row[_CLUSTER]: row["count"] for row in counted})
    risky = next(c.cluster for c in clusters if c.at_risk)
    marked = F.when(mature, (F.col(_CLUSTER) == risky).cast("int"))
    return clustered.withColumn(name, marked).select(*rows.columns, name), clusters


def _with_engagement(
    rows: DataFrame, source: DataFrame, label: ProxyLabel, date: str, key: str
) -> DataFrame:
    """Add recency, frequency and monetary value over the label's window."""
    amounts = source.select(label.on, date, F.abs(label.amount).alias(label.amount))
    figures = (
        Figure(name=_RECENCY, how="days-since", days=label.days),
        Figure(name=_FREQUENCY, how="count", days=label.days),
        Figure(name=_MONETARY, how="sum", of=label.amount, days=label.days),
    )
    history = History(source=label.source, on=label.on, figures=figures)
    end = F.timestamp_micros(moment(AS_OF) + (label.start + label.days) * DAY)
    at_end = rows.withColumns({_OWN: F.col(AS_OF), AS_OF: end})
    found = with_history(at_end, amounts, history, date, key)
    found = found.withColumn(AS_OF, F.col(_OWN)).drop(_OWN)
    return found.na.fill({_RECENCY: float(label.days), _MONETARY: 0.0})


def _clusters(
    scaler: StandardScalerModel, means: KMeansModel, rows: dict[int, int]
) -> list[Cluster]:
    centres = [centre.tolist() for centre in means.clusterCenters()]
    risk = [
        sum(sign * value for sign, value in zip(_SIGNS, centre, strict=True)) for centre in centres
    ]
    mean, spread = scaler.mean.toArray().tolist(), scaler.std.toArray().tolist()
    lines = []
    for number, centre in enumerate(centres):
        recency, frequency, monetary = (
            m + s * c for m, s, c in zip(mean, spread, centre, strict=True)
        )
        lines.append(
            Cluster(
                number, rows.get(number, 0), recency, frequency, monetary, risk[number],
                number == risk.index(max(risk)),
            )
        )  # fmt: skip
    return lines

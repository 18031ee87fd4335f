"""Score a frame with a bundle, partition by partition: the one scorer inside Spark's workers."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from components.scoring.bundle import Bundle

if TYPE_CHECKING:
    import pyarrow as pa


def score(frame: DataFrame, folder: Path, identity: str, key: str) -> DataFrame:
    """Key, PD and points of every row. The bundle must have this id wherever a worker reads it."""
    inputs = [declared.name for declared in Bundle.load(folder, identity).spec.inputs]

    def of_partition(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        import pyarrow as pa

        bundle = Bundle.load(folder, identity)
        for batch in batches:
            columns = {name: batch.column(name).to_pylist() for name in inputs}
            pd = bundle.score(bundle.columns(columns)).pd
            yield pa.RecordBatch.from_arrays(
                [batch.column(key), pa.array(pd), pa.array(bundle.points(pd))],
                names=[key, "pd", "points"],
            )

    wanted = frame.select(key, *inputs)
    kind = wanted.schema[key].dataType.simpleString()
    return wanted.mapInArrow(of_partition, f"`{key}` {kind}, pd double, points bigint")

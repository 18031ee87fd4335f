"""The snapshot of a gold table: the latest row of each entity, packed. No Spark here."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.contracts.scenario import FeaturesSpec
from components.scoring.instances import from_columns
from components.scoring.snapshot import pack
from components.scoring.spec import Input

_BATCH = 16_384  # rows that are in memory at once


def pack_latest(gold: Path, spec: FeaturesSpec, file: Path) -> dict[str, object]:
    """Pack what `gold.write` wrote to a folder; what the entry tells of itself."""
    inputs = [Input(**column.scoring_input()) for column in spec.inputs]
    latest = pq.read_table(gold / "latest")
    # The entity comes first; its name would cost an import of Spark.
    entities = dict(zip(latest[spec.key].to_pylist(), latest[0].to_pylist(), strict=True))
    parts = sorted((gold / "final-dataset").rglob("*.parquet"))

    def rows(*columns: str) -> Iterator[pa.RecordBatch]:
        for part in parts:
            # A month in the name of its folder is no column here.
            for batch in pq.ParquetFile(part).iter_batches(_BATCH, columns=[spec.key, *columns]):
                found = [key in entities for key in batch[spec.key].to_pylist()]
                yield batch.filter(pa.array(found, pa.bool_()))

    ids = [entities[key] for batch in rows() for key in batch[spec.key].to_pylist()]
    blocks = (
        # Arrays, not lists: of many columns those take ten times as long.
        from_columns(inputs, {i.name: batch[i.name].to_numpy(zero_copy_only=False) for i in inputs})
        for batch in rows(*(i.name for i in inputs))
    )
    sha256 = pack(file, ids, inputs, blocks)
    return {"sha256": sha256, "rows": len(ids), "example": min(ids, default="")}

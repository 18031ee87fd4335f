"""The snapshot of a gold table: the latest row of each entity, packed. No Spark here."""

from pathlib import Path

import pyarrow.parquet as pq

from components.contracts.scenario import FeaturesSpec
from components.scoring.instances import from_columns
from components.scoring.snapshot import pack
from components.scoring.spec import Input

_BATCH = 16_384  # rows that are in memory at once


def pack_latest(folder: Path, spec: FeaturesSpec, file: Path) -> dict[str, object]:
    """Pack the rows of a folder of Parquet files, as `gold.latest_rows` has them; what the entry
    tells of itself.
    """
    inputs = [Input(**column.scoring_input()) for column in spec.inputs]
    files = sorted(folder.iterdir())
    ids = [
        identity
        for file in files
        # The entity comes first; its name would cost an import of Spark.
        for identity in pq.read_table(file, columns=pq.read_schema(file).names[:1])[0].to_pylist()
    ]
    blocks = (
        # Arrays, not lists: of many columns those take ten times as long.
        from_columns(inputs, {i.name: batch[i.name].to_numpy(zero_copy_only=False) for i in inputs})
        for file in files
        for batch in pq.ParquetFile(file).iter_batches(_BATCH)
    )
    sha256 = pack(file, ids, inputs, blocks)
    return {"sha256": sha256, "rows": len(ids), "example": ids[0] if ids else ""}

"""Frozen rows: those that a challenger was evaluated on, kept for its challenge."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.contracts.errors import VintageError
from components.evaluation.evaluate import TestRows
from components.figures.bootstrap import Scores

FROZEN = "frozen.parquet"
_LABEL, _PD = "_label", "_pd"


def write_frozen(file: Path, rows: TestRows, pd: Scores, key: str) -> None:
    """Keep the key, the label and the chosen PDs."""
    pq.write_table(pa.table({key: pa.array(rows[key]), _LABEL: rows.label, _PD: pd}), file)


def check_frozen(file: Path, rows: TestRows, pd: Scores, key: str, bundle: str) -> None:
    """The rows and the PDs must be those that the gate judged, to the bit."""
    table = pq.read_table(file)
    same = (
        key in table.column_names
        and table[key].to_pylist() == list(rows[key])
        and np.array_equal(table[_LABEL].to_numpy(), rows.label)
        and np.array_equal(table[_PD].to_numpy(), pd)
    )
    if not same:
        raise VintageError(
            f"challenge: expected bundle {bundle[:12]} to score the test rows as in its "
            "evaluation, found other rows or other PDs"
        )

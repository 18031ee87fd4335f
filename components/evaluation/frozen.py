"""Frozen rows: those that a challenger was evaluated on, kept for its challenge."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.contracts.errors import VintageError
from components.contracts.scenario import EvaluateSpec
from components.evaluation.bootstrap import Scores
from components.evaluation.evaluate import TestRows

FROZEN = "frozen.parquet"
_LABEL, _PD = "_label", "_pd"


def write_frozen(file: Path, rows: TestRows, pd: Scores, spec: EvaluateSpec) -> None:
    """Keep the key, the label, the columns that rows are told apart by, and the chosen PDs."""
    names = dict.fromkeys((spec.key, *spec.segments, *spec.protected))
    columns = {name: pa.array(rows.columns[name]) for name in names}
    pq.write_table(pa.table({**columns, _LABEL: rows.label, _PD: pd}), file)


def check_frozen(file: Path, rows: TestRows, pd: Scores, key: str, bundle: str) -> None:
    """The rows and the PDs must be those that the gate judged, to the bit."""
    table = pq.read_table(file)
    same = (
        table[key].to_pylist() == list(rows.columns[key])
        and np.array_equal(table[_LABEL].to_numpy(), rows.label)
        and np.array_equal(table[_PD].to_numpy(), pd)
    )
    if not same:
        raise VintageError(
            f"challenge: expected bundle {bundle[:12]} to score the test rows as in its "
            "evaluation, found other rows or other PDs"
        )

"""The gold table as what a model learns from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.contracts.errors import VintageError
from components.contracts.modelling import Feature
from components.contracts.sources import Column
from components.scoring.instances import Matrix, from_columns
from components.scoring.spec import Input, RowFeature
from components.scoring.transform import RowFeatures


@dataclass(frozen=True)
class Data:
    """Rows of a gold table: inputs as scoring reads them, features, label, split; same order."""

    inputs: Matrix
    features: Matrix
    label: NDArray[np.int64]  # -1 where not known yet
    split: NDArray[np.str_]

    def rows(self, *splits: str) -> NDArray[np.bool_]:
        """Which rows are in these splits."""
        return np.isin(self.split, splits)


def scoring_inputs(columns: tuple[Column, ...]) -> tuple[Input, ...]:
    """The declared columns in the scoring format."""
    return tuple(Input(**column.scoring_input()) for column in columns)


def row_features(features: tuple[Feature, ...]) -> tuple[RowFeature, ...]:
    """The declared features in the scoring format."""
    return tuple(RowFeature(feature.name, feature.expression) for feature in features)


def read_gold(folder: Path, columns: tuple[Column, ...], features: tuple[Feature, ...]) -> Data:
    """Read a gold table's Parquet files."""
    inputs = scoring_inputs(columns)
    table = pq.read_table(folder, columns=[*(i.name for i in inputs), "_label", "_split"])
    raw = from_columns(
        inputs,
        {
            i.name: table[i.name].to_pylist() if i.kind == "category" else table[i.name].to_numpy()
            for i in inputs
        },
    )
    label = table["_label"].fill_null(-1).to_numpy().astype(np.int64)
    split = np.array(table["_split"].to_pylist(), dtype=np.str_)
    compute = RowFeatures(tuple(i.name for i in inputs), row_features(features))
    return Data(raw, compute(raw), label, split)


def check_features(data: Data, features: tuple[Feature, ...]) -> None:
    """Refuse features that cannot teach anything: all missing, or one value only."""
    developed = data.features[data.rows("train")]
    faults = []
    for position, feature in enumerate(features):
        known = developed[:, position]
        known = known[~np.isnan(known)]
        if not len(known):
            faults.append(f"feature {feature.name}: expected values, found all missing")
        elif known.min() == known.max():
            faults.append(
                f"feature {feature.name}: expected values that differ, found {known[0]:g} in "
                f"all {len(known):,} development rows"
            )
    if faults:
        raise VintageError("\n".join(faults))

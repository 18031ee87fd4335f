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

_LARGEST = float(np.finfo(np.float32).max)  # trees read float32


@dataclass(frozen=True)
class Data:
    """Rows of a gold table: inputs as scoring reads them, features, label, split; same order."""

    inputs: Matrix
    features: Matrix
    label: NDArray[np.int64]  # -1 where not known yet
    split: NDArray[np.str_]
    #: Rows of one group belong together; None where none is declared.
    groups: NDArray[np.str_] | None = None

    def rows(self, *splits: str) -> NDArray[np.bool_]:
        """Which rows are in these splits."""
        return np.isin(self.split, splits)


def scoring_inputs(columns: tuple[Column, ...]) -> tuple[Input, ...]:
    """The declared columns in the scoring format."""
    return tuple(Input(**column.scoring_input()) for column in columns)


def row_features(features: tuple[Feature, ...]) -> tuple[RowFeature, ...]:
    """The declared features in the scoring format."""
    return tuple(RowFeature(feature.name, feature.expression) for feature in features)


def read_gold(
    folder: Path,
    columns: tuple[Column, ...],
    features: tuple[Feature, ...],
    group: str | None = None,
) -> Data:
    """Read a gold table's Parquet files."""
    inputs = scoring_inputs(columns)
    beside = ["_label", "_split", *([group] if group else [])]
    table = pq.read_table(folder, columns=list(dict.fromkeys([*(i.name for i in inputs), *beside])))
    raw = from_columns(
        inputs,
        {
            i.name: table[i.name].to_pylist() if i.kind == "category" else table[i.name].to_numpy()
            for i in inputs
        },
    )
    return Data(
        inputs=raw,
        features=RowFeatures(tuple(i.name for i in inputs), row_features(features))(raw),
        label=table["_label"].fill_null(-1).to_numpy().astype(np.int64),
        split=np.array(table["_split"].to_pylist(), dtype=np.str_),
        groups=np.array([str(v) for v in table[group].to_pylist()]) if group else None,
    )


def check(data: Data, features: tuple[Feature, ...]) -> None:
    """Refuse rows that cannot teach: one class only, and features that are all missing, of one
    value, the same as another, or too large. Names all that is wrong at once.
    """
    developed = data.features[data.rows("train")]
    labelled = data.features[data.rows("train", "validation", "test")]
    faults = []
    for split in ("train", "validation"):
        classes, counts = np.unique(data.label[data.rows(split)], return_counts=True)
        if classes.tolist() != [0, 1]:
            pairs = zip(counts.tolist(), classes.tolist(), strict=True)
            found = ", ".join(f"{n:,} of class {c}" for n, c in pairs) or "none"
            faults.append(f"label: expected both classes among the {split} rows, found {found}")
    faults += _shared_groups(data)
    seen: dict[bytes, str] = {}
    for position, feature in enumerate(features):
        column = developed[:, position]
        known = column[~np.isnan(column)]
        if not len(known):
            faults.append(f"feature {feature.name}: expected values, found all missing")
        elif known.min() == known.max():
            faults.append(
                f"feature {feature.name}: expected values that differ, found {known[0]:g} in "
                f"all {len(known):,} train rows"
            )
        elif (most := float(np.nanmax(np.abs(labelled[:, position])))) > _LARGEST:
            faults.append(
                f"feature {feature.name}: expected values of at most {_LARGEST:.3g}, found "
                f"{most:.3g}"
            )
        elif (twin := seen.setdefault(column.tobytes(), feature.name)) != feature.name:
            faults.append(
                f"feature {feature.name}: expected values of its own, found those of {twin} in "
                "every row"
            )
    if faults:
        raise VintageError("\n".join(faults))


def _shared_groups(data: Data) -> list[str]:
    """A group's rows belong to one split, as they belong to one fold."""
    if data.groups is None:
        return []
    sides = [set(data.groups[data.rows(side)]) for side in ("train", "validation", "test")]
    shared = len((sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2]))
    return [f"group: expected each in one split, found {shared:,} in several"] if shared else []

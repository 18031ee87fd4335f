"""The gold table as what a model learns from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.contracts.errors import VintageError
from components.contracts.modelling import Feature
from components.contracts.scenario import TrainSpec
from components.contracts.sources import Column
from components.scoring.instances import Matrix, from_columns
from components.scoring.spec import Input, RowFeature
from components.scoring.transform import RowFeatures
from components.training import leaks
from components.training.columns import feature_list

_SIDES = ("train", "validation", "test")
_LARGEST = float(np.finfo(np.float32).max)  # trees read float32


@dataclass(frozen=True)
class Data:
    """Rows of a gold table: inputs as scoring reads them, features, label, split; same order."""

    inputs: Matrix
    features: Matrix
    label: NDArray[np.int64]  # -1 where not known yet
    split: NDArray[np.str_]
    #: Rows of one group belong together; None where there are none.
    groups: NDArray[np.int64] | None = None

    def rows(self, *splits: str) -> NDArray[np.bool_]:
        """Which rows are in these splits."""
        found = np.zeros(len(self.split), dtype=np.bool_)
        for split in splits:
            found |= self.split == split
        return found


def scoring_inputs(columns: tuple[Column, ...]) -> tuple[Input, ...]:
    """The declared columns in the scoring format."""
    return tuple(Input(**column.scoring_input()) for column in columns)


def row_features(features: tuple[Feature, ...]) -> tuple[RowFeature, ...]:
    """The declared features in the scoring format."""
    return tuple(RowFeature(feature.name, feature.expression) for feature in features)


def read_gold(folder: Path, spec: TrainSpec) -> Data:
    """Read a gold table's Parquet files."""
    inputs = scoring_inputs(spec.inputs)
    grouped = spec.groups != "none"
    beside = ["_label", "_split", *(["_group"] if grouped else [])]
    table = pq.read_table(folder, columns=[*(i.name for i in inputs), *beside])
    raw = from_columns(inputs, {i.name: table[i.name].to_numpy() for i in inputs})
    return Data(
        inputs=raw,
        features=RowFeatures(inputs, row_features(spec.features))(raw),
        label=table["_label"].fill_null(-1).to_numpy().astype(np.int64),
        split=table["_split"].to_numpy().astype(np.str_),
        groups=table["_group"].to_numpy() if grouped else None,
    )


def check(data: Data, spec: TrainSpec) -> None:
    """Refuse rows that cannot teach: one class only, and features that are all missing, of one
    value, the same as another, or too large; and those that tell too much, see `leaks`. Names all
    that is wrong at once.
    """
    train, sides = data.rows("train"), _SIDES[: 3 if spec.groups == "sides" else 2]
    faults = _class_faults(data, spec.label)
    if data.groups is not None:
        groups = data.groups
        faults += leaks.shared_groups({side: groups[data.rows(side)] for side in sides})
    spoiled = dict(_feature_faults(data, spec.features))
    features, label = data.features[train], data.label[train]
    for number, feature in enumerate(feature_list(spec)):
        if number in spoiled:
            faults.append(spoiled[number])
        elif fault := leaks.outcome(feature, features[:, number], label):
            faults.append(fault)
    if spec.groups == "sides":
        faults += leaks.twins({side: data.inputs[data.rows(side)] for side in sides})
    if faults:
        raise VintageError("\n".join(faults))


def _class_faults(data: Data, label: str) -> list[str]:
    lacking = []
    for split in _SIDES:
        classes, counts = np.unique(data.label[data.rows(split)], return_counts=True)
        if classes.tolist() != [0, 1]:
            pairs = zip(counts.tolist(), classes.tolist(), strict=True)
            found = ", ".join(f"{n:,} of class {c}" for n, c in pairs) or "none"
            lacking.append(f"among the {split} rows, found {found}")
    return [f"label {label}: expected both classes {'; '.join(lacking)}"] if lacking else []


def _feature_faults(data: Data, features: tuple[Feature, ...]) -> Iterator[tuple[int, str]]:
    """The places of the features that teach nothing, and why."""
    developed, labelled = data.features[data.rows("train")], data.features[data.rows(*_SIDES)]
    seen: dict[bytes, str] = {}
    for position, feature in enumerate(features):
        column = developed[:, position]
        known = column[~np.isnan(column)]
        if not len(known):
            found = "expected values, found all missing"
        elif known.min() == known.max():
            found = (
                f"expected values that differ, found {known[0]:g} in all {len(known):,} train rows"
            )
        elif (most := float(np.nanmax(np.abs(labelled[:, position])))) > _LARGEST:
            found = f"expected values of at most {_LARGEST:.3g}, found {most:.3g}"
        elif (twin := seen.setdefault(column.tobytes(), feature.name)) != feature.name:
            found = f"expected values of its own, found those of {twin} in every row"
        else:
            continue
        yield position, f"feature {feature.name}: {found}"

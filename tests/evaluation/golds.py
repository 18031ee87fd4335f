"""Small gold tables for the tests of exploration."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.contracts.exploration import Exploration, FeatureFigures
from components.contracts.modelling import Feature
from components.contracts.scenario import ExploreSpec
from components.contracts.sources import Column, Kind
from components.evaluation.exploration import explore, read_rows

COLOURS = ("red", "green", "<b>&")


def number(name: str) -> Column:
    return Column(name=name, kind=Kind.NUMBER, max_missing=1.0)


def explore_spec(*names: str, **changes: Any) -> ExploreSpec:
    """The slice of the explore task: numbers of these names, and a category `COLOUR`."""
    colour = Column(name="COLOUR", kind=Kind.CATEGORY, values=COLOURS, max_missing=1.0)
    inputs = tuple(colour if name == "COLOUR" else number(name) for name in names)
    given = ExploreSpec(
        scenario="small",
        title="Small",
        label="bad",
        key="ID",
        entity="ID",
        inputs=inputs,
        features=tuple(Feature(name=name, title=f"the {name.lower()}") for name in names),
        protected=(),
        segments=(),
    )
    return given.model_copy(update=changes)


def write_table(folder: Path, columns: Mapping[str, Sequence[object] | pa.Array]) -> Path:
    """A gold table; without a split all is of train, without an ID rows are numbered."""
    rows = len(columns["_label"])
    whole: dict[str, Any] = {
        "ID": [str(n) for n in range(rows)],
        "_split": ["train"] * rows,
        **columns,
    }
    whole["_label"] = pa.array(whole["_label"], pa.int32())
    folder.mkdir(parents=True)
    pq.write_table(pa.table(whole), folder / "part-00000.parquet")
    return folder


def explored(
    folder: Path, columns: Mapping[str, Sequence[object] | pa.Array], spec: ExploreSpec
) -> Exploration:
    """The figures of a gold table."""
    name = f"gold-{len(list(folder.iterdir()))}"
    return explore(read_rows(write_table(folder / name, columns), spec), spec)


def of(found: Exploration, name: str) -> FeatureFigures:
    """The figures of one feature."""
    return next(feature for feature in found.features if feature.name == name)

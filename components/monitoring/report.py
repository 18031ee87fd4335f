"""A month's report, from tables and releases: what moved, and how what was decided did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.contracts.drift import Drift
from components.contracts.results import Bin
from components.contracts.vintages import Vintage
from components.contracts.watching import WatchSpec
from components.monitoring.drift import Month, drift
from components.monitoring.join import Coded
from components.monitoring.performance import Decided, vintage
from components.monitoring.rows import INPUT, inputs_of
from components.scoring.scorer import Scorer

_Columns = Mapping[str, NDArray[Any] | Coded]


@dataclass(frozen=True)
class Known:
    """A release that decided, and how well its PDs were calibrated when it was trained."""

    scorer: Scorer
    checked: tuple[Bin, ...]


#: Finds a release by its id.
Find = Callable[[str], Known]


def drift_by_release(files: Sequence[Path], find: Find) -> dict[str, Drift]:
    """A month's decisions, of each release against its own reference."""
    found: dict[str, Drift] = {}
    for release in sorted({one for file in files for one in _releases(file)}):
        scorer = find(release).scorer
        tables = [table for file in files if len(table := _of_release(file, release))]
        found[release] = drift(scorer.bundle.reference(), _month(scorer, tables))
    return found


def _releases(file: Path) -> list[str]:
    found: list[str] = pc.unique(pq.read_table(file, columns=["release"])["release"]).to_pylist()
    return found


def _of_release(file: Path, release: str) -> pa.Table:
    return pq.read_table(file, filters=[("release", "=", release)])


def _month(scorer: Scorer, tables: Sequence[pa.Table]) -> Month:
    bundle = scorer.bundle
    spec = bundle.spec
    # Made anew from what was logged, as they were when it was decided.
    inputs: list[Any] = [inputs_of(table) for table in tables]
    features = [bundle.features(bundle.columns(given)) for given in inputs]
    plain = {feature.name for feature in spec.features if feature.expression is None}
    return Month(
        names=[feature.name for feature in spec.features],
        features=np.concatenate(features),
        pd=np.concatenate([table["pd"].to_numpy() for table in tables]),
        approved=np.concatenate([table["approved"].to_numpy() for table in tables]),
        categories={
            i.name: i.values for i in spec.inputs if i.kind == "category" and i.name in plain
        },
    )


def vintages(columns: _Columns, as_of: str, spec: WatchSpec, find: Find) -> tuple[Vintage, ...]:
    """How the decisions of every month and release did, the earliest first."""
    months = columns["vintage"]
    releases = columns["release"]
    assert isinstance(releases, Coded) and not isinstance(months, Coded)  # noqa: S101 - for mypy
    found = []
    for month in np.unique(months):
        for code, release in enumerate(releases.texts):
            rows = (months == month) & (releases.codes == code)
            if rows.any():
                known = find(release)
                decided = _decided(columns, rows, str(month)[:7], release, known, spec)
                found.append(vintage(decided, as_of, spec, known.checked))
    return tuple(found)


def _decided(
    columns: _Columns, rows: NDArray[np.bool_], month: str, release: str, known: Known,
    spec: WatchSpec,
) -> Decided:  # fmt: skip
    def of(name: str) -> Any:
        values = columns[name]
        if isinstance(values, Coded):
            texts = np.array([*values.texts, None], dtype=object)
            return texts[values.codes[rows]]  # -1, the last, is where there is none
        return values[rows]

    return Decided(
        month=month,
        release=release,
        cutoff=known.scorer.release.policy.approve_below,
        pd=of("pd"),
        approved=of("approved"),
        bad=of("bad"),
        segments={
            name: of(f"{INPUT}{name}") for name in spec.segments if f"{INPUT}{name}" in columns
        },
    )

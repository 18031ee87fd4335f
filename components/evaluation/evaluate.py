"""Score the test rows with every candidate's bundle and say how each did."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.contracts.results import Candidates, Evaluation, Figures
from components.contracts.scenario import EvaluateSpec
from components.evaluation import metrics
from components.scoring.bundle import Bundle

_CUTOFF = 0.5


@dataclass(frozen=True)
class TestRows:
    """The rows that no model was fitted on."""

    columns: Mapping[str, list[object]]
    label: NDArray[np.int64]
    #: Split -> (rows, bad rows), of the whole table.
    target: dict[str, tuple[int, int]]


def read_test_rows(folder: Path) -> TestRows:
    """The test rows of a gold table."""
    table = pq.read_table(folder)
    split = np.array(table["_split"].to_pylist(), dtype=np.str_)
    label = table["_label"].fill_null(-1).to_numpy().astype(np.int64)
    test = table.filter(split == "test")
    return TestRows(
        columns={name: test[name].to_pylist() for name in test.column_names},
        label=label[split == "test"],
        target={
            side: (int((split == side).sum()), int((label[split == side] == 1).sum()))
            for side in ("train", "validation", "test", "score")
            if (split == side).any()
        },
    )


def evaluate(
    rows: TestRows, models: Path, candidates: Candidates, spec: EvaluateSpec
) -> Evaluation:
    """Every candidate on the same rows; the chosen one with curves and importance."""
    bundles = {c.family: Bundle.load(models / c.folder, c.bundle) for c in candidates.candidates}
    chosen = bundles[candidates.chosen]
    inputs = chosen.columns(rows.columns)
    pd = chosen.score(inputs).pd
    places = {i.name: (place,) for place, i in enumerate(chosen.spec.inputs)}
    lost = metrics.importance(
        lambda matrix: chosen.score(matrix).pd, inputs, rows.label, places, spec.seed
    )
    return Evaluation(
        scenario=spec.scenario,
        title=spec.title,
        rows=len(rows.label),
        bad=int(rows.label.sum()),
        chosen=candidates.chosen,
        figures=tuple(_figures(family, b, rows, spec) for family, b in bundles.items()),
        curves=metrics.curves(rows.label, pd, lost, rows.target),
        protected={
            name: metrics.by_group(metrics.groups_of(rows.columns[name]), rows.label, pd, _CUTOFF)
            for name in spec.protected
        },
    )


def _figures(family: str, bundle: Bundle, rows: TestRows, spec: EvaluateSpec) -> Figures:
    label, pd = rows.label, bundle.score(bundle.columns(rows.columns)).pd
    return Figures(
        family=family,
        bundle=bundle.id,
        metrics=metrics.ranking_metrics(label, pd),
        thresholds={f"{c:g}": metrics.threshold_metrics(label, pd, c) for c in spec.cutoffs},
        confusion=metrics.confusion(label, pd, _CUTOFF),
        auc=metrics.auc_interval(label, pd, spec.seed),
    )

"""For a notebook: fit, evaluate and explain a declared scenario on a frame, without a pipeline.

The same code as the pipeline's tasks, the same bundles: what is tried here is what will run.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from components.contracts.errors import VintageError
from components.contracts.outcomes import GivenLabel, StratifiedSplit
from components.contracts.results import Candidates, Evaluation
from components.contracts.scenario import Scenario
from components.contracts.sources import Column, Kind
from components.evaluation.evaluate import TestRows
from components.evaluation.evaluate import evaluate as evaluate_all
from components.scoring.bundle import Bundle
from components.scoring.instances import from_columns
from components.scoring.transform import RowFeatures
from components.training.fit import train
from components.training.matrix import Data, check, row_features, scoring_inputs

_SPLITS = ("train", "validation", "test")
_GROUP, _LABEL = "_group", "_label"  # of a gold table


@dataclass(frozen=True)
class Model:
    """What `fit` made: every family's bundle under `folder`, and the rows that it was made of."""

    scenario: Scenario
    folder: Path
    candidates: Candidates
    frame: pd.DataFrame
    data: Data

    @property
    def bundle(self) -> Bundle:
        """The chosen family's, as fitted on the development rows."""
        chosen = self.candidates.of_chosen()
        return Bundle.load(self.folder / chosen.folder, chosen.bundle)

    def score(self, frame: pd.DataFrame) -> pd.DataFrame:
        """PD and points of each row, under the frame's own index."""
        bundle = self.bundle
        found = bundle.score(bundle.columns(_columns(frame, self.scenario.inputs()))).pd
        return pd.DataFrame({"pd": found, "points": bundle.points(found)}, index=frame.index)


def fit(
    frame: pd.DataFrame,
    scenario: Scenario,
    *,
    folder: str | Path | None = None,
    split: str | None = None,
    progress: Callable[[str], None] = print,
) -> Model:
    """Train every declared family on a frame: one row as the scenario's silver table has it.

    The frame holds the scenario's inputs, its label, and whatever else it names (protected
    columns, segments); or it is the scenario's gold table, with `_label`, and `_group` where its
    rows are grouped. `split` is a column that says train, validation or test; without it the rows
    are split by the declared shares, where the split is a stratified one. Bundles go under
    `folder` (none: a temporary one).
    """
    _check_frame(frame, scenario, split)
    spec = scenario.train()
    inputs = scoring_inputs(spec.inputs)
    matrix = from_columns(inputs, _columns(frame, spec.inputs))
    label = _label(frame, scenario)
    sides = _split(label, scenario) if split is None else _declared_split(frame, split)
    sides = np.where(label < 0, "score", sides)
    grouped = spec.groups != "none"
    data = Data(
        inputs=matrix,
        features=RowFeatures(inputs, row_features(spec.features))(matrix),
        label=label,
        split=sides,
        groups=frame[_GROUP].to_numpy() if grouped else None,
    )
    check(data, spec)
    _check_test(label[sides == "test"])
    place = Path(tempfile.mkdtemp(prefix="vintage-") if folder is None else folder)
    if place.exists() and any(place.iterdir()):
        raise VintageError(f"fit: expected an empty folder for the bundles, found files in {place}")
    place.parent.mkdir(parents=True, exist_ok=True)

    def tell(family: str, tried: int, of: int, best: float) -> None:
        progress(f"{family} {tried} of {of}, best AUC {best:.4f}")

    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".fit-") as work:
        found = train(data, spec, Path(work) / "bundles", tell)
        (Path(work) / "bundles").replace(place)  # all of them, or none
    return Model(scenario, place, found, frame, data)


def evaluate(model: Model) -> Evaluation:
    """Every family on the test rows: all the figures that the pipeline's report shows."""
    spec = model.scenario.evaluate()
    test = model.data.rows("test")
    carried = dict.fromkeys((*spec.protected, *spec.segments))
    declared = model.scenario.columns()
    wanted = {c.name: c for c in model.scenario.inputs()} | {n: declared[n] for n in carried}
    rows = TestRows(
        columns=_columns(model.frame[test], tuple(wanted.values())),
        label=model.data.label[test],
        target={
            side: (int(rows.sum()), int((model.data.label[rows] == 1).sum()))
            for side in (*_SPLITS, "score")
            if (rows := model.data.rows(side)).any()
        },
    )
    found, _ = evaluate_all(rows, model.folder, model.candidates, spec)
    return found


def explain(model: Model, frame: pd.DataFrame) -> pd.DataFrame:
    """Score and reasons of each row, and what each feature adds to its log odds of bad."""
    bundle = model.bundle
    features = bundle.features(bundle.columns(_columns(frame, model.scenario.inputs())))
    scored = model.score(frame)
    scored["reasons"] = [
        [reason.text for reason in reasons] for reasons in bundle.reasons(features)
    ]
    parts = pd.DataFrame(
        bundle.explain_features(features),
        index=frame.index,
        columns=[feature.name for feature in bundle.spec.features],
    )
    return scored.join(parts)


def _check_test(label: NDArray[np.int64]) -> None:
    if sorted(set(label.tolist())) != [0, 1]:
        raise VintageError(
            f"split: expected both classes among the test rows, found {len(label):,} rows of "
            f"{sorted(set(label.tolist())) or 'none'}"
        )


def _check_frame(frame: pd.DataFrame, scenario: Scenario, split: str | None) -> None:
    if split is None and not isinstance(scenario.split, StratifiedSplit):
        raise VintageError(
            f"fit of {scenario.name}: expected split= to name a column of sides, found none; "
            f"a {scenario.split.kind} split is made with the gold table, in its column _split"
        )
    wanted = [*(c.name for c in scenario.inputs()), _label_column(frame, scenario)]
    wanted += [*scenario.protected, *scenario.segments]
    wanted += [split] if split else []
    wanted += [_GROUP] if scenario.train().groups != "none" else []
    faults = [f"{name}: expected a column, found none" for name in wanted if name not in frame]
    twice = frame.columns[frame.columns.duplicated()].unique()
    faults += [f"{name}: expected one column, found it twice" for name in twice]
    if faults:
        raise VintageError(f"frame of {scenario.name}: " + "; ".join(dict.fromkeys(faults)))


def _columns(frame: pd.DataFrame, columns: tuple[Column, ...]) -> dict[str, Sequence[object]]:
    if missing := [c.name for c in columns if c.name not in frame]:
        raise VintageError(f"frame: expected columns {missing}, found {sorted(frame.columns)}")
    return {c.name: _plain(frame[c.name], c) for c in columns}


def _plain(values: "pd.Series[object]", column: Column) -> Sequence[object]:
    """A frame's column as plain values, None where missing; a code such as 2.0 is a category."""
    if column.kind is Kind.DATE and values.dtype.kind == "M":
        return cast(Sequence[object], values.to_numpy())
    found: list[object] = [None if pd.isna(value) else value for value in values.tolist()]
    if column.kind is not Kind.CATEGORY:
        return found
    return [
        str(int(v)) if isinstance(v, float) and v.is_integer() else v if v is None else str(v)
        for v in found
    ]


def _label_column(frame: pd.DataFrame, scenario: Scenario) -> str:
    if _LABEL in frame or not isinstance(scenario.label, GivenLabel):
        return _LABEL
    return scenario.label.column


def _label(frame: pd.DataFrame, scenario: Scenario) -> NDArray[np.int64]:
    """1 bad, 0 good, -1 not known yet."""
    name = _label_column(frame, scenario)
    found = frame[name].unique().tolist()
    if strange := [v for v in found if not pd.isna(v) and v not in (0, 1)]:
        raise VintageError(f"label {name}: expected 0, 1 or nothing, found {strange[:5]}")
    return np.asarray(frame[name].fillna(-1), dtype=np.int64)


def _declared_split(frame: pd.DataFrame, split: str) -> NDArray[np.str_]:
    if strange := sorted(set(frame[split].astype(str)) - {*_SPLITS, "score"}):
        raise VintageError(f"split {split}: expected {', '.join(_SPLITS)}, found {strange[:5]}")
    return np.asarray(frame[split], dtype=np.str_)


def _split(label: NDArray[np.int64], scenario: Scenario) -> NDArray[np.str_]:
    """The declared shares, stratified. Which row goes where is not as in the pipeline, which
    goes by a hash of the key; the shares and the seed are.
    """
    declared = scenario.split
    assert isinstance(declared, StratifiedSplit)  # noqa: S101 - `_check_frame` saw to it
    known = np.flatnonzero(label >= 0)
    classes, counts = np.unique(label[known], return_counts=True)
    if len(classes) != 2 or counts.min() < 4:  # noqa: PLR2004 - one for each side, and to spare
        shown = {int(c): int(n) for c, n in zip(classes, counts, strict=True)}
        raise VintageError(
            f"label of {scenario.name}: expected at least 4 rows of each class, found {shown}"
        )
    developed, test = train_test_split(
        known, test_size=declared.test, random_state=declared.seed, stratify=label[known]
    )
    fitted, judged = train_test_split(
        developed,
        test_size=declared.validation,
        random_state=declared.seed,
        stratify=label[developed],
    )
    sides = np.full(len(label), "score", dtype="<U10")
    for side, rows in zip(_SPLITS, (fitted, judged, test), strict=True):
        sides[rows] = side
    return sides

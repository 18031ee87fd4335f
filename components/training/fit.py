"""Search, fit, calibrate and write every declared family, and choose one of them.

Search and its folds see the train rows, or so many of them as are declared; the family and the
kind of calibration are chosen on the validation rows; what is handed over is fitted on both.
Nothing here sees a test row, but the second bundle of a scenario that releases a model fitted on
all labelled rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from components.contracts.families import Family
from components.contracts.results import Candidate, Candidates
from components.contracts.scenario import TrainSpec
from components.scoring.model import Calibration
from components.scoring.reference import freeze
from components.scoring.spec import LinearModel, Platt, ReasonText, Scale, Spec
from components.training import calibrate, scorecard
from components.training.bundle import write_bundle
from components.training.columns import feature_list
from components.training.folds import Prepared, cut, draw, prepare
from components.training.matrix import Data, row_features, scoring_inputs
from components.training.models import Fitted, Values, fit_model, tree_rows
from components.training.search import Bench, Found, search

#: Rows that a bundle must score as its library does, spread over all that it was fitted on.
_PROOF_ROWS = 50_000
#: Family, trials so far, trials in all, best AUC so far.
Progress = Callable[[str, int, int, float], None]


def train(data: Data, spec: TrainSpec, target: Path, progress: Progress) -> Candidates:
    """Write the bundles of every family under `target`, and say which is the best."""
    # Linear algebra on one thread: with more, sums come in another order on another machine.
    with threadpool_limits(1, user_api="blas"):
        candidates = [
            _family(data, spec, family, target, progress) for family in spec.training.families
        ]
    best = int(np.argmax([candidate.validation_auc for candidate in candidates]))
    return Candidates(
        scenario=spec.scenario, chosen=candidates[best].family, candidates=tuple(candidates)
    )


@dataclass(frozen=True)
class _Made:
    """A family fitted on some rows, with margins of rows by models that had not seen them."""

    family: Family
    splits: tuple[str, ...]
    prepared: Prepared
    fitted: Fitted
    #: One a row of the splits, in the order of the table; NaN for train rows that the search left
    #: out: every model but its own saw them.
    unseen: Values
    calibration: str


def _family(
    data: Data, spec: TrainSpec, family: Family, target: Path, progress: Progress
) -> Candidate:
    train, validation = np.flatnonzero(data.rows("train")), data.rows("validation")
    features, seed = feature_list(spec), spec.training.seed
    how, groups = spec.training.search, data.groups
    own = None if groups is None else groups[train]
    some = train[draw(data.label[train], own, rows=how.rows, seed=seed)]
    label, own = data.label[some], None if groups is None else groups[some]
    folds = cut(label, own, folds=how.folds, seed=seed)
    bench = Bench(features, data.features[some], label, folds, seed)
    found = search(bench, family, how, lambda *seen: progress(family.kind, *seen))
    judged = _fit(data, spec, found.family, "train")
    margin = judged[1].margin(judged[0].encode(data.features[validation]))
    calibration = calibrate.choose(
        found.family, found.unseen, label, margin, data.label[validation]
    )
    unseen = np.full(len(data.label), np.nan)
    unseen[some], unseen[validation] = found.unseen, margin
    developed = _made(data, spec, found.family, ("train", "validation"), unseen, calibration)
    identity = _write(target / family.kind, data, spec, developed, found)
    released, folder = identity, str(family.kind)
    if spec.training.refit:
        test = data.rows("test")
        unseen[test] = developed.fitted.margin(developed.prepared.encode(data.features[test]))
        splits = ("train", "validation", "test")
        whole = _made(data, spec, found.family, splits, unseen, calibration)
        folder = f"{family.kind}-refitted"
        released = _write(target / folder, data, spec, whole, found)
    return Candidate(
        family=family.kind,
        method=family.method,
        bundle=identity,
        folder=family.kind,
        released=released,
        released_folder=folder,
        validation_auc=float(roc_auc_score(data.label[validation], margin)),
        search_auc=found.auc,
        calibration=calibration,
        parameters=found.family.parameters(),
        trials=found.trials,
    )


def _fit(data: Data, spec: TrainSpec, family: Family, *splits: str) -> tuple[Prepared, Fitted]:
    rows, seed = data.rows(*splits), spec.training.seed
    prepared = prepare(family, feature_list(spec), data.features[rows], data.label[rows], seed)
    return prepared, fit_model(family, prepared.rows, signs=prepared.signs, seed=seed)


def _made(
    data: Data,
    spec: TrainSpec,
    family: Family,
    splits: tuple[str, ...],
    unseen: Values,
    calibration: str,
) -> _Made:
    prepared, fitted = _fit(data, spec, family, *splits)
    return _Made(family, splits, prepared, fitted, unseen[data.rows(*splits)], calibration)


def _write(folder: Path, data: Data, spec: TrainSpec, made: _Made, found: Found) -> str:
    rows = data.rows(*made.splits)
    label, values = data.label[rows], data.features[rows]
    model, onnx = made.fitted.export()
    seen = np.isnan(made.unseen)
    fitted = calibrate.fit(made.calibration, made.unseen[~seen], label[~seen])
    proof = np.linspace(0, len(label) - 1, num=min(_PROOF_ROWS, len(label))).astype(np.intp)
    scale = Scale(**spec.points.model_dump())
    inputs = scoring_inputs(spec.inputs)
    categories = [feature.categories for feature in feature_list(spec)]
    names = [feature.name for feature in spec.features]
    table = None
    if (
        isinstance(model, LinearModel)
        and isinstance(fitted, Platt)
        and (made.family.kind == "scorecard")
    ):
        known = {i.name: i.values for i in inputs}
        table = scorecard.table(
            made.prepared.columns,
            model,
            fitted,
            scale,
            names=names,
            titles=[feature.title for feature in spec.features],
            categories=[known.get(name, ()) for name in names],
            values=values,
            label=label,
        )
    return write_bundle(
        folder,
        spec=Spec(
            scenario=spec.scenario,
            family=made.family.kind,
            inputs=inputs,
            features=row_features(spec.features),
            columns=made.prepared.columns,
            model=model,
            calibration=fitted,
            points=scale,
            reasons=_reasons(spec, values[label == 0], categories),
            most_reasons=spec.most_reasons,
        ),
        onnx=onnx,
        own_margin=made.fitted.margin(made.prepared.encode(values[proof])),
        rows=data.inputs[rows][proof],
        reference=freeze(names, categories, values, Calibration(fitted)(made.unseen[~seen])),
        card={
            "fitted_on": list(made.splits),
            "rows": len(label),
            "bad": int(label.sum()),
            "seed": spec.training.seed,
            "features": [feature.model_dump() for feature in spec.features],
            "parameters": made.family.parameters(),
            "tree_rows": tree_rows(made.family, made.prepared.rows),
            "search": {
                "method": made.family.method,
                **spec.training.search.model_dump(),
                "tried": len(found.trials),
                "pruned": sum(trial.pruned for trial in found.trials),
                "auc": found.auc,
            },
            "calibration": made.calibration,
        },
        scorecard=table,
    )


def _reasons(
    spec: TrainSpec, good: np.ndarray[tuple[int, int], np.dtype[np.float64]], categories: list[int]
) -> tuple[ReasonText, ...]:
    """The declared sentences, each held against what is usual among the good rows."""
    made = []
    for place, (feature, count) in enumerate(zip(spec.features, categories, strict=True)):
        known = good[:, place][~np.isnan(good[:, place])]
        reference = None
        if len(known):
            # A value that some client has: the middle one, or the commonest category.
            usual = (
                np.bincount(known.astype(np.intp)).argmax()
                if count
                else np.quantile(known, 0.5, method="inverted_cdf")
            )
            reference = float(usual)
        reason = feature.reason
        made.append(
            ReasonText(
                code=reason.code if reason else "",
                text=reason.text if reason else "",
                below=reason.below if reason else None,
                missing=reason.missing if reason else None,
                reference=reference,
            )
        )
    return tuple(made)

"""Train every declared family and choose one: the best AUC on the validation rows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from components.contracts.modelling import Family
from components.contracts.results import Candidate, Candidates
from components.contracts.scenario import TrainSpec
from components.contracts.sources import Kind
from components.scoring.bundle import Bundle
from components.training.bundle import write_bundle
from components.training.families import Feature, Fitted, fit
from components.training.matrix import Data, row_features, scoring_inputs


@dataclass(frozen=True)
class Trained:
    """One family, fitted on all development rows, and its AUC where it saw the train rows only."""

    family: Family
    fitted: Fitted
    validation_auc: float


def feature_list(spec: TrainSpec) -> tuple[Feature, ...]:
    """The declared features as the families see them."""
    categories = {c.name: len(c.values) for c in spec.inputs if c.kind is Kind.CATEGORY}
    return tuple(
        Feature(position, f.name, categories.get(f.name, 0) if f.expression is None else 0)
        for position, f in enumerate(spec.features)
    )


def train_family(data: Data, spec: TrainSpec, family: Family, work: Path) -> Trained:
    """Judge a family on the validation rows, then fit it on all development rows.

    `work` is a folder for a passing bundle: also the validation rows are scored by the one scorer.
    """
    features, seed = feature_list(spec), spec.training.seed
    train, validation = data.rows("train"), data.rows("validation")
    passing = fit(family, features, data.features[train], data.label[train], seed)
    folder = work / f".judged-{family.kind}"
    _write(folder, spec, family, passing, data.inputs[train], {})
    scores = Bundle.load(folder).score(data.inputs[validation])
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    developed = train | validation
    return Trained(
        family,
        fit(family, features, data.features[developed], data.label[developed], seed),
        float(roc_auc_score(data.label[validation], scores.pd)),
    )


def train(data: Data, spec: TrainSpec, target: Path) -> Candidates:
    """Write one bundle a family under `target`, and say which is the best."""
    developed = data.rows("train", "validation")
    card = {
        "rows": int(developed.sum()),
        "bad": int(data.label[developed].sum()),
        "seed": spec.training.seed,
        "features": [feature.model_dump() for feature in spec.features],
    }
    candidates = []
    for family in spec.training.families:
        trained = train_family(data, spec, family, target)
        parameters = family.model_dump(exclude={"kind"})
        facts = {**card, "parameters": parameters, "validation_auc": trained.validation_auc}
        identity = _write(
            target / family.kind, spec, family, trained.fitted, data.inputs[developed], facts
        )
        candidates.append(
            Candidate(
                family=family.kind,
                bundle=identity,
                folder=family.kind,
                validation_auc=trained.validation_auc,
                parameters=parameters,
            )
        )
    best = int(np.argmax([candidate.validation_auc for candidate in candidates]))
    return Candidates(
        scenario=spec.scenario, chosen=candidates[best].family, candidates=tuple(candidates)
    )


def _write(
    folder: Path,
    spec: TrainSpec,
    family: Family,
    fitted: Fitted,
    rows: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    card: dict[str, object],
) -> str:
    return write_bundle(
        folder,
        scenario=spec.scenario,
        family=family.kind,
        inputs=scoring_inputs(spec.inputs),
        features=row_features(spec.features),
        fitted=fitted,
        rows=rows,
        card=card,
    )

"""Score the test rows with every candidate's bundle and say how each did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from components.contracts.errors import BundleError, VintageError
from components.contracts.results import (
    Candidate,
    Candidates,
    CutoffDocument,
    Evaluation,
    Fairness,
    Figures,
    Profit,
    Reasons,
    ReasonShare,
    Stability,
    cutoff_key,
)
from components.contracts.scenario import EvaluateSpec
from components.evaluation import groups, policy
from components.figures import metrics
from components.figures.bootstrap import Label, Scores, ece_by_noise, intervals
from components.figures.chance import moved_to
from components.figures.groups import Groups, groups_of
from components.scoring.bundle import REFERENCE, Bundle, verify_hashes
from components.scoring.instances import Matrix
from components.scoring.reasons import LEAST
from components.scoring.reference import Reference, psi

_CUTOFF = 0.5
_EXPLAINED_ROWS = 2_000


@dataclass(frozen=True)
class TestRows:
    """The rows that no model was fitted on."""

    columns: Mapping[str, Sequence[object]]
    label: Label
    #: Split -> (rows, bad rows), of the whole table.
    target: dict[str, tuple[int, int]]

    def __getitem__(self, column: str) -> Sequence[object]:
        if column not in self.columns:
            raise VintageError(
                f"expected column {column} among the test rows, found "
                f"{', '.join(self.columns)}; train again"
            )
        return self.columns[column]


def read_test_rows(folder: Path) -> TestRows:
    """The test rows of a gold table, in its order."""
    test = pq.read_table(folder, filters=[("_split", "=", "test")])
    whole = pq.read_table(folder, columns=["_split", "_label"])
    split = whole["_split"].to_numpy()
    bad = whole["_label"].fill_null(-1).to_numpy() == 1
    return TestRows(
        # Arrays, not lists: a list of Python's objects takes its time where there are many rows.
        columns={name: test[name].to_numpy() for name in test.column_names},
        label=test["_label"].fill_null(-1).to_numpy().astype(np.int64),
        target={
            side: (int(own.sum()), int(bad[own].sum()))
            for side in ("train", "validation", "test", "score")
            for own in (split == side,)
            if own.any()
        },
    )


def score_rows(bundle: Bundle, columns: Mapping[str, Sequence[object]]) -> Scores:
    """The PD of every row. Raises BundleError where one is no number."""
    pd = bundle.score(bundle.columns(columns)).pd
    if not np.isfinite(pd).all():
        raise BundleError(
            f"bundle {bundle.id[:12]}: expected a PD for each of {len(pd):,} test rows, found "
            f"{int((~np.isfinite(pd)).sum()):,} that are no number"
        )
    return pd


def evaluate(
    rows: TestRows, models: Path, candidates: Candidates, spec: EvaluateSpec
) -> tuple[Evaluation, Scores]:
    """Every candidate on the same rows; the chosen one with all that the report shows.

    Returns its PDs too: a challenge is fought on the same rows.
    """
    split = {name: groups_of(rows[name]) for name in (*spec.segments, *spec.protected)}
    figures = {}
    for candidate in candidates.candidates:
        bundle = Bundle.load(models / candidate.folder, candidate.bundle)
        pd = score_rows(bundle, rows.columns)
        cutoff = _cutoff(models, candidate, bundle, spec)
        figures[candidate.family] = _figures(
            candidate.family, bundle, pd, rows.label, split, spec, cutoff
        )
        if candidate.family == candidates.chosen:
            chosen, chosen_pd = bundle, pd
    inputs = chosen.columns(rows.columns)
    places = {i.name: (place,) for place, i in enumerate(chosen.spec.inputs)}
    lost = metrics.importance(
        lambda matrix: chosen.score(matrix).pd, inputs, rows.label, places, spec.seed
    )
    below = figures[candidates.chosen].cutoff.approve_below
    evaluation = Evaluation(
        scenario=spec.scenario,
        title=spec.title,
        rows=len(rows.label),
        bad=int(rows.label.sum()),
        chosen=candidates.chosen,
        figures=tuple(figures.values()),
        curves=metrics.curves(
            rows.label,
            chosen_pd,
            importances=lost,
            target=rows.target,
            profit=_profit(spec, rows.label, chosen_pd, below),
        ),
        stability=_stability(chosen, inputs, chosen_pd),
        segments=tuple(
            segment
            for name in spec.segments
            for segment in groups.segments(name, split[name], rows.label, chosen_pd, spec.seed)
        ),
        fairness=_fairness(spec, split, rows.label, chosen_pd, below),
        reasons=_reasons(chosen, inputs[chosen_pd >= below]),
    )
    return evaluation, chosen_pd


def _cutoff(
    models: Path, candidate: Candidate, bundle: Bundle, spec: EvaluateSpec
) -> CutoffDocument:
    """The cut-off for the bundle that would be released: its PDs lie otherwise when refitted."""
    judged = bundle.reference().percentiles
    if candidate.released == candidate.bundle:
        return policy.choose(spec.policy, judged)
    folder = models / candidate.released_folder
    verify_hashes(folder, candidate.released)
    return policy.choose(spec.policy, Reference.read(folder / REFERENCE).percentiles, judged)


def _figures(
    family: str,
    bundle: Bundle,
    pd: Scores,
    label: Label,
    split: Mapping[str, Groups],
    spec: EvaluateSpec,
    cutoff: CutoffDocument,
) -> Figures:
    below, score = cutoff.approve_below, bundle.reference().score
    found = metrics.ranking_metrics(label, pd)
    moved = psi(score.expected, score.shares(pd))
    return Figures(
        family=family,
        bundle=bundle.id,
        metrics={
            **found,
            "psi": moved,
            **groups.worst(_fairness(spec, split, label, pd, below)),
        },
        intervals=intervals(label, pd, found, spec.seed),
        ece_noise=ece_by_noise(pd, spec.seed),
        thresholds={cutoff_key(c): metrics.threshold_metrics(label, pd, c) for c in spec.cutoffs},
        confusion=metrics.confusion(label, pd, _CUTOFF),
        cutoff=cutoff,
        at_policy={
            **metrics.threshold_metrics(label, pd, below),
            "approved": float((pd < below).mean()),
        },
        confusion_at_policy=metrics.confusion(label, pd, below),
    )


def _fairness(
    spec: EvaluateSpec,
    split: Mapping[str, Groups],
    label: Label,
    pd: Scores,
    cutoff: float,
) -> tuple[Fairness, ...]:
    return tuple(groups.fairness(name, split[name], label, pd, cutoff) for name in spec.protected)


def _profit(spec: EvaluateSpec, label: Label, pd: Scores, cutoff: float) -> Profit | None:
    economics = spec.policy.economics
    return None if economics is None else policy.profit(economics, label, pd, cutoff)


def _stability(bundle: Bundle, inputs: Matrix, pd: Scores) -> Stability:
    reference: Reference = bundle.reference()
    features = bundle.features(inputs)
    moved = [
        moved_to(feature.name, reference.features[feature.name], reference.rows, features[:, place])
        for place, feature in enumerate(bundle.spec.features)
    ]
    return Stability(
        development=reference.rows,
        test=len(pd),
        score=moved_to("the score", reference.score, reference.rows, pd),
        expected=reference.score.expected,
        found=tuple(reference.score.shares(pd).tolist()),
        features=tuple(sorted(moved, key=lambda one: -one.psi)),
    )


def _reasons(bundle: Bundle, declined: Matrix) -> Reasons:
    # Spread over all of them: rows are in the order of their keys, which may be one of time.
    whole = len(declined)
    declined = declined[:: max(1, -(-whole // _EXPLAINED_ROWS))]
    parts = bundle.explain(declined)
    hurt = parts.max(axis=1, initial=0.0) >= LEAST
    times = np.bincount(parts[hurt].argmax(axis=1), minlength=parts.shape[1])
    shares = [
        ReasonShare(feature=feature.name, code=reason.code, share=int(count) / len(declined))
        for feature, reason, count in zip(
            bundle.spec.features, bundle.spec.reasons, times, strict=True
        )
        if count
    ]
    return Reasons(
        rows=len(declined), declined=whole, shares=tuple(sorted(shares, key=lambda s: -s.share))
    )

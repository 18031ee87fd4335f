"""The report of a run: one HTML page that asks nothing of the network."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from components.contracts.results import Candidates, Decision, Evaluation
from components.evaluation import plots, sections
from components.evaluation.scorecard import render_scorecard
from components.evaluation.words import rule_row
from components.figures.page import chapters, contents, page, pictures, table, verdict


def render(
    evaluation: Evaluation,
    decision: Decision,
    candidates: Candidates,
    *,
    scorecard: Mapping[str, object] | None,
    contract: Sequence[Mapping[str, object]],
    silver: Mapping[str, Any],
    run: str,
) -> str:
    """The page as text; `scorecard` is that of the bundle to be released, where it has one, and
    `silver` the facts of the cleaned tables.
    """
    chosen = evaluation.of_chosen()
    curves, clusters = evaluation.curves, evaluation.clusters
    said = "passed" if decision.passed else "refused"
    parts = {
        "Gate": [_gate_table(decision)],
        "Candidates": [
            sections.candidate_table(evaluation, candidates),
            sections.interval_table(evaluation),
            pictures(plots.trials(candidates)),
        ],
        "Cut-off": sections.cutoff(evaluation),
        "Pictures": [
            pictures(
                plots.target(curves.target),
                plots.roc(curves, chosen.metrics["auc"]),
                plots.scores(curves),
                *([plots.importance(curves)] if curves.importance else []),
            )
        ],
        "Calibration and lift": [
            pictures(plots.calibration(curves), plots.gains(curves), plots.lift(curves)),
            sections.lift_table(curves),
        ],
        "Stability": sections.stability(evaluation.stability),
        "Segments": sections.segments(evaluation.segments),
        "Protected columns": sections.fairness(evaluation),
        "Reasons": sections.reasons(evaluation.reasons),
        **({"Scorecard": render_scorecard(scorecard)} if scorecard else {}),
        "From files to rows": sections.layers(silver["layers"], silver["quarantine"]),
        "What was cleaned": [sections.cleaning(silver["cleaning"])],
        "Development and test": sections.sides(evaluation),
        **({"How the label was made": sections.clusters(clusters)} if clusters else {}),
        "Data contract": [sections.contract(contract)],
    }
    head = [
        f"<h1>{escape(evaluation.title)}</h1>",
        f'<p class="lead">Scenario <code>{escape(evaluation.scenario)}</code>, first made by run '
        f"<code>{escape(run)}</code>, model <code>{escape(chosen.family)}</code>. Figures are of "
        f"{evaluation.rows:,} test rows ({evaluation.bad:,} bad) that the judged model was not "
        f"fitted on. {_bundles(decision)}</p>",
        verdict(f"The gate: {said}", good=decision.passed),
        contents(parts),
    ]
    return page(f"{evaluation.scenario}: {said}", [*head, *chapters(parts)])


def _bundles(decision: Decision) -> str:
    judged = f"Judged: bundle <code>{escape(decision.evaluated[:12])}</code>"
    if decision.bundle == decision.evaluated:
        return f"{judged}, which is also the one to release."
    return (
        f"{judged}. To release: bundle <code>{escape(decision.bundle[:12])}</code>, the same model "
        "fitted again on all labelled rows, for which there are no figures."
    )


def _gate_table(decision: Decision) -> str:
    failed = [number for number, rule in enumerate(decision.rules) if not rule.passed]
    heads = ("Rule", "Bound", "Found", "Verdict")
    return table(heads, [rule_row(rule) for rule in decision.rules], numbers=(2,), failed=failed)

"""What the steps publish, written to a folder: evaluations, decisions, explorations.

A `spec` is the task's slice of the declaration, as JSON; what other tasks published comes as local
folders and facts.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.contracts.people import Cluster
from components.contracts.results import Candidates, Decision, Evaluation
from components.contracts.scenario import EvaluateSpec, ExploreSpec, GateSpec

_TABLE = "final-dataset"  # of a gold entry
_CONTRACT = "contract.json"  # of a silver entry

Facts = Mapping[str, Any]


def write_evaluation(target: Path, spec: str, *, gold: Path, facts: Facts, models: Path) -> Facts:
    """Score the test rows with every candidate; keep the rows of the chosen one, and tell how it
    did. `facts` are those of gold.
    """
    from components.evaluation.evaluate import evaluate, read_test_rows
    from components.evaluation.frozen import FROZEN, write_frozen
    from components.evaluation.persons import persons_of

    declared, table = EvaluateSpec.model_validate_json(spec), gold / _TABLE
    rows = read_test_rows(table)
    made, pd = evaluate(rows, models, _candidates(models), declared)
    seen = {"persons": persons_of(table, declared.entity), "clusters": _clusters(facts),
            **_left_out(facts)}  # fmt: skip
    found = made.model_copy(update=seen)
    (target / "evaluation.json").write_text(found.model_dump_json(indent=1) + "\n")
    write_frozen(target / FROZEN, rows, pd, declared.key)
    return {"chosen": found.chosen, "auc": round(found.of_chosen().metrics["auc"], 4)}


def write_decision(
    target: Path,
    spec: str,
    *,
    silver: Path,
    facts: Facts,
    models: Path,
    evaluation: Path,
    run: str,
) -> tuple[Evaluation, Candidates, Decision]:
    """Judge the chosen candidate; the report and the model card go beside the decision. `facts`
    are those of silver.
    """
    from components.evaluation.card import render_card
    from components.evaluation.gate import judge
    from components.evaluation.report import render
    from components.scoring.bundle import CARD, SCORECARD

    found = Evaluation.model_validate_json((evaluation / "evaluation.json").read_text())
    candidates = _candidates(models)
    decision = judge(found, candidates, GateSpec.model_validate_json(spec))
    bundle = models / candidates.of_chosen().released_folder
    files = {
        "decision.json": decision.model_dump_json(indent=1) + "\n",
        "report.html": render(
            found,
            decision,
            candidates,
            scorecard=_json(bundle / SCORECARD) if (bundle / SCORECARD).exists() else None,
            contract=_json(silver / _CONTRACT),
            silver=facts,
            run=run,
        ),
        "model_card.md": render_card(
            found, decision, candidates, bundle=_json(bundle / CARD), run=run
        ),
    }
    for name, content in files.items():
        (target / name).write_text(content)
    return found, candidates, decision


def write_exploration(
    target: Path, spec: str, *, silver: Path, gold: Path, facts: Sequence[Facts], run: str
) -> Facts:
    """The figures of the gold table, and their page. `facts` are those of silver and of gold; what
    is told of it comes back.
    """
    from components.evaluation.exploration import explore, read_rows
    from components.evaluation.explorer import render

    cleaned, made = facts
    declared = ExploreSpec.model_validate_json(spec)
    rows = read_rows(gold / _TABLE, declared)
    told = {"clusters": _clusters(made), **_left_out(made)}
    found = explore(rows, declared).model_copy(update=told)
    (target / "exploration.json").write_text(found.model_dump_json(indent=1) + "\n")
    contract = _json(silver / _CONTRACT)
    (target / "exploration.html").write_text(
        render(found, contract=contract, silver=cleaned, run=run)
    )
    strongest = found.features[0]
    return {
        "rows": found.rows,
        "features": len(found.features),
        "strongest": [strongest.name, round(strongest.iv, 4)],
    }


def _candidates(models: Path) -> Candidates:
    return Candidates.model_validate_json((models / "candidates.json").read_text())


def _clusters(facts: Facts) -> tuple[Cluster, ...]:
    """Of a proxy label, as the making of gold tells them."""
    return tuple(Cluster.model_validate(cluster) for cluster in facts.get("labels", ()))


def _left_out(facts: Facts) -> Facts:
    """Who is no row, as the making of gold tells it."""
    return {name: facts.get(name, 0) for name in ("unseen", "strangers")}


def _json(file: Path) -> Any:
    return json.loads(file.read_text())

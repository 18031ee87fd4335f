"""The steps of evaluation: figures, the gate's decision, a refusal, and the run's summary."""

# The libraries load inside the functions: a reused step never needs them.

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.contracts.errors import GateRefusedError
from components.storage.notify import notify
from components.storage.objects import Entry, Store, open_store
from components.storage.settings import Settings
from components.storage.steps import Artifact, Task, hand_over, take, task

if TYPE_CHECKING:
    from components.contracts.results import RunSummary

_STAGES = ("ingest", "features", "train", "evaluate", "gate", "refuse", "register", "deploy")


def evaluate(
    *, spec: str, run: str, timeout_minutes: float, gold: Artifact, models: Artifact,
    evaluation: Artifact,
) -> None:  # fmt: skip
    """Score the test rows with every candidate and hand over the figures (`evaluations`)."""
    scenario = json.loads(spec)["scenario"]
    with task("evaluate", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        rows, trained = take(gold), take(models)
        made = work.reuse_or_make(
            f"{scenario}/evaluations",
            spec=spec,
            inputs={"gold": rows.digest, "models": trained.digest},
            rooms=("evaluation", "scoring"),
            libraries=("numpy", "onnxruntime", "pyarrow", "scikit-learn"),
            make=lambda target: _evaluate(work, spec, rows, trained, target),
        )
        work.record.facts = dict(made.facts)
        hand_over(made, evaluation)


def _evaluate(
    work: Task, spec: str, rows: Entry, trained: Entry, target: Path
) -> Mapping[str, object]:
    from components.contracts.results import Candidates
    from components.contracts.scenario import EvaluateSpec
    from components.evaluation.evaluate import evaluate as evaluate_all
    from components.evaluation.evaluate import read_test_rows

    folder = work.store.local(trained)
    candidates = Candidates.model_validate_json((folder / "candidates.json").read_text())
    found = evaluate_all(
        read_test_rows(work.store.local(rows) / "final-dataset"),
        folder,
        candidates,
        EvaluateSpec.model_validate_json(spec),
    )
    (target / "evaluation.json").write_text(found.model_dump_json(indent=1) + "\n")
    return {"chosen": found.chosen, "auc": round(found.of_chosen().auc.value, 4)}


def gate(
    *, spec: str, run: str, timeout_minutes: float, bronze: Artifact, silver: Artifact,
    models: Artifact, evaluation: Artifact, decision: Artifact,
) -> bool:  # fmt: skip
    """Judge the chosen candidate and record the evaluation, whichever way it goes.

    1. Reuse the decision on this evaluation under these rules.
    2. Else judge, render the report, record both in the audit table and in MLflow, publish.

    Returns whether every rule held.
    """
    scenario = json.loads(spec)["scenario"]
    with task("gate", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        landed, cleaned, trained, found = (take(a) for a in (bronze, silver, models, evaluation))
        made = work.reuse_or_make(
            f"{scenario}/decisions",
            spec=spec,
            inputs={
                "raw": landed.digest,
                "silver": cleaned.digest,
                "models": trained.digest,
                "evaluation": found.digest,
            },
            rooms=("evaluation",),
            libraries=("matplotlib",),
            make=lambda target: _judge(work, spec, (landed, cleaned, trained, found), target),
        )
        work.record.facts = {**made.facts, "entry": made.key}
        hand_over(made, decision)
        return bool(made.facts["passed"])


def _judge(
    work: Task, spec: str, entries: tuple[Entry, Entry, Entry, Entry], target: Path
) -> Mapping[str, object]:
    from components.contracts.results import Candidates, Evaluation
    from components.contracts.scenario import GateSpec
    from components.evaluation.gate import judge
    from components.evaluation.report import render
    from components.storage.database import Database
    from components.storage.tracking import Tracking

    landed, cleaned, trained, found = entries
    text = (work.store.local(found) / "evaluation.json").read_text()
    evaluation = Evaluation.model_validate_json(text)
    decision = judge(evaluation, GateSpec.model_validate_json(spec).gate)
    page = render(
        evaluation,
        decision,
        contract=json.loads((work.store.local(landed) / "contract.json").read_text()),
        layers=cleaned.facts["layers"],  # type: ignore[arg-type]
        quarantine=cleaned.facts["quarantine"],  # type: ignore[arg-type]
        run=work.run,
    )
    (target / "decision.json").write_text(decision.model_dump_json(indent=1) + "\n")
    (target / "report.html").write_text(page)
    candidates = Candidates.model_validate_json(
        (work.store.local(trained) / "candidates.json").read_text()
    )
    chosen = next(c for c in candidates.candidates if c.family == candidates.chosen)
    figures = evaluation.of_chosen()
    metrics = {**figures.metrics, **figures.thresholds["0.5"]}
    body = decision.model_dump(mode="json")
    key = f"{found.digest[:32]}-{decision_key(body)}"
    Database(work.settings.database).record_evaluation(
        evaluation.scenario, key, run=work.run, decision={**body, "metrics": metrics}
    )
    mlflow_run = Tracking(work.settings).log(
        evaluation.scenario,
        run=work.run,
        key=key,
        parameters={"family": chosen.family, **chosen.parameters},
        figures={**metrics, "validation_auc": chosen.validation_auc},
        tags={
            "gate": "passed" if decision.passed else "refused",
            "bundle": decision.bundle,
            "bundle_uri": f"{trained.uri.rstrip('/')}/{chosen.folder}/",
        },
        files=(target / "decision.json", target / "report.html"),
    )
    return {
        "passed": decision.passed,
        "metrics": metrics,
        "rules": body["rules"],
        "mlflow_run": mlflow_run,
    }


def decision_key(body: Mapping[str, object]) -> str:
    """What tells one decision on an evaluation from another."""
    from components.storage.keys import canonical, text_digest

    return text_digest(canonical(body))[:16]


def refuse(*, scenario: str, run: str, timeout_minutes: float, decision: Artifact) -> None:
    """End the run as refused: the rules that failed, with their figures. Always raises."""
    with task("refuse", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        from components.contracts.results import Decision

        folder = work.store.local(take(decision))
        judged = Decision.model_validate_json((folder / "decision.json").read_text())
        failed = "\n".join(f"  - {r.sentence()}" for r in judged.rules if not r.passed)
        raise GateRefusedError(
            f"{scenario}: the gate refused {judged.family} {judged.bundle[:12]}; "
            f"nothing was deployed\n{failed}"
        )


def finish(*, scenario: str, run: str, state: str, timeout_minutes: float) -> None:
    """Write the run's `summary.json` and `report.html`, and notify where it failed.

    Runs last, however the run went; `state` is KFP's word for that.
    """
    with task("finish", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        _finish(work.settings, work.store, scenario=scenario, run=run, state=state)


def _finish(settings: Settings, store: Store, *, scenario: str, run: str, state: str) -> None:
    from components.contracts.results import RuleResult, RunSummary, Stage

    records = read_records(run)
    facts = {str(r["stage"]): r["facts"] for r in records}
    gate_facts, registered = facts.get("gate", {}), facts.get("register", {})
    error = "\n".join(str(r["error"]) for r in records if r["error"])
    deployed = any(r["stage"] == "deploy" and r["status"] == "done" for r in records)
    if deployed and state == "SUCCEEDED":
        status = "deployed"
    elif gate_facts.get("passed") is False:
        status = "refused"
    else:
        status = "failed"
        error = error or f"the run ended as {state} and no task left an error"
    stages = tuple(
        Stage(
            stage=str(r["stage"]), status=str(r["status"]), reused=bool(r["reused"]),
            seconds=float(str(r["seconds"])),
        )
        for r in records
    )  # fmt: skip
    page = _report_page(store.find(str(gate_facts.get("entry", "-"))), store.local)
    if page is None:
        from components.evaluation.failure import render_failure

        page = render_failure(scenario, run, error, stages)
    report = store.put(f"runs/{run}/report.html", page)
    summary = RunSummary(
        scenario=scenario,
        run=run,
        status=status,
        metrics=gate_facts.get("metrics", {}),
        gate=tuple(RuleResult(**rule) for rule in gate_facts.get("rules", ())),
        release=registered.get("release", "") if deployed else "",
        champion=registered.get("number", 0) if deployed else 0,
        stages=stages,
        report=report,
        error=error,
    )
    store.put(f"runs/{run}/summary.json", summary.model_dump_json(indent=1) + "\n")
    if status != "deployed":
        notify(settings.webhook, scenario=scenario, run=run, event=status, text=error)


def _report_page(entry: Entry | None, local: Callable[[Entry], Path]) -> str | None:
    return None if entry is None else (local(entry) / "report.html").read_text()


def read_records(run: str) -> list[dict[str, Any]]:
    """The records of a run's tasks so far, in the order of the pipeline."""
    settings = Settings.from_environment()
    store = open_store(settings.store, settings.home)
    found = (store.get(f"runs/{run}/stages/{stage}.json") for stage in _STAGES)
    return [json.loads(text) for text in found if text is not None]


def read_summary(run: str) -> "RunSummary | None":
    """The summary of a run that has finished."""
    from components.contracts.results import RunSummary

    settings = Settings.from_environment()
    text = open_store(settings.store, settings.home).get(f"runs/{run}/summary.json")
    return None if text is None else RunSummary.model_validate_json(text)

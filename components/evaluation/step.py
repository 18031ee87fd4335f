"""The steps of evaluation: figures, the gate, a refusal, a challenge, and the run's summary."""

# The libraries load inside the functions: a reused step never needs them.

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.contracts.errors import GateRefusedError, VintageError
from components.evaluation import terms
from components.storage import registry
from components.storage.notify import notify
from components.storage.objects import Entry, Store
from components.storage.settings import Settings
from components.storage.steps import (
    Artifact,
    Task,
    hand_over,
    installation,
    record_name,
    take,
    task,
)

if TYPE_CHECKING:
    from components.contracts.results import ChallengeReport
    from components.contracts.runs import RunSummary

_STAGES = (
    "ingest", "features", "explore", "due", "train", "evaluate", "gate", "register", "decide",
    "monitor", "challenge", "deploy", "refuse",
)  # fmt: skip
_LIBRARIES = ("numpy", "onnxruntime", "pyarrow", "scikit-learn")


def evaluate(
    *, spec: str, run: str, timeout_minutes: float, gold: Artifact, models: Artifact,
    evaluation: Artifact,
) -> None:  # fmt: skip
    """Score the test rows with every candidate; hand over the figures, and the chosen one's rows
    for a challenge (`evaluations`).
    """
    scenario = json.loads(spec)["scenario"]
    with task("evaluate", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        rows, trained = take(gold), take(models)

        def make(target: Path) -> Mapping[str, object]:
            from components.evaluation.entries import write_evaluation

            folders = {"gold": work.store.local(rows), "models": work.store.local(trained)}
            return write_evaluation(target, spec, **folders, facts=rows.facts)

        made = work.reuse_or_make(
            f"{scenario}/evaluations",
            spec=spec,
            inputs={"gold": rows.digest, "models": trained.digest},
            rooms=("evaluation", "figures", "scoring"),
            libraries=_LIBRARIES,
            make=make,
        )
        work.record.facts = dict(made.facts)
        hand_over(made, evaluation)


def gate(
    *, spec: str, run: str, timeout_minutes: float, silver: Artifact, models: Artifact,
    evaluation: Artifact, decision: Artifact,
) -> bool:  # fmt: skip
    """Judge the chosen candidate and record the evaluation, whichever way it goes.

    1. Reuse the decision on this evaluation under these rules.
    2. Else judge, render the report and the model card, record all in the audit table and in
       MLflow, publish.

    Returns whether every rule held.
    """
    scenario = json.loads(spec)["scenario"]
    with task("gate", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        cleaned, trained, found = (take(a) for a in (silver, models, evaluation))
        made = work.reuse_or_make(
            f"{scenario}/decisions",
            spec=spec,
            inputs={
                "silver": cleaned.digest,
                "models": trained.digest,
                "evaluation": found.digest,
            },
            rooms=("evaluation", "figures"),
            libraries=("matplotlib",),
            make=lambda target: _judge(work, spec, (cleaned, trained, found), target),
        )
        work.record.facts = {**made.facts, "entry": made.key}
        hand_over(made, decision)
        return bool(made.facts["passed"])


def _judge(
    work: Task, spec: str, entries: tuple[Entry, Entry, Entry], target: Path
) -> Mapping[str, object]:
    from components.contracts.results import cutoff_key
    from components.evaluation.entries import write_decision
    from components.evaluation.gate import audited, measured
    from components.storage.database import Database
    from components.storage.tracking import Tracking

    cleaned, trained, found = entries
    evaluation, candidates, decision = write_decision(
        target,
        spec,
        silver=work.store.local(cleaned),
        facts=cleaned.facts,
        models=work.store.local(trained),
        evaluation=work.store.local(found),
        run=work.run,
    )
    chosen = candidates.of_chosen()
    figures = evaluation.of_chosen()
    metrics = measured({**figures.metrics, **figures.thresholds[cutoff_key(0.5)]})
    body = audited(decision)
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
            "evaluated": decision.evaluated,
            "bundle_uri": f"{trained.uri.rstrip('/')}/{chosen.released_folder}/",
        },
        files=tuple(sorted(target.iterdir())),
    )
    return {
        "passed": decision.passed,
        "family": decision.family,
        "bundle": decision.bundle,
        "metrics": metrics,
        "rules": decision.model_dump(mode="json")["rules"],
        "mlflow_run": mlflow_run,
    }


def decision_key(body: Mapping[str, object]) -> str:
    """What tells one decision on an evaluation from another."""
    from components.storage.keys import canonical, text_digest

    return text_digest(canonical(body))[:16]


def refuse(*, scenario: str, run: str, timeout_minutes: float) -> None:
    """End the run as refused where its gate said so: the rules that failed, with their figures."""
    from components.evaluation.gate import refusal

    with task("refuse", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        judged = json.loads(work.store.get(record_name(run, "gate")) or "{}")
        if why := refusal(scenario, judged.get("facts", {})):
            raise GateRefusedError(why)


def challenge(
    *, spec: str, run: str, timeout_minutes: float, release: str, decision: Artifact
) -> bool:
    """Compare a registered release (by default the latest) with the champion.

    1. Where there is nothing to compare (no champion, the same one, the same model), it passes. A
       former champion that nobody named does not: it was rolled back for a reason.
    2. Else reuse the decision on these two models, or score both on the challenger's frozen rows.
       Where the champion cannot be scored the challenger has not won, and a person may overrule.
    3. Record the decision in the audit table, where a promotion looks for it.

    Returns whether the release may replace the champion.
    """
    scenario = json.loads(spec)["scenario"]
    with task("challenge", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        from components.storage.database import Database

        database = Database(work.settings.database)
        promotions = database.promotions(scenario)
        champion = registry.standing_champion(promotions)
        number = champion.number if champion else 0
        challenger = registry.find_release(work.store, scenario, release)
        identity = str(challenger.facts["release"])
        if not release and registry.was_champion(promotions, identity):
            why = "it was champion before: who wants it back names it"
            made = _without_comparison(work, spec, challenger, why, comparable=False)
        else:
            made = _decide(work, spec, challenger, champion.release if champion else None)
        verdict = {"release": identity, "champion": number, **made.facts, "entry": made.key}
        # Every verdict is recorded, and the latest one counts: a rule may have changed since.
        key = f"challenge-{decision_key({**verdict, 'run': run})}"
        body = {"kind": "challenge", **verdict}
        database.record_evaluation(scenario, key, run=run, decision=body)
        passed, why = bool(made.facts["passed"]), str(made.facts["why"])
        if not work.record.reused:
            event = terms.event(made.facts)
            notify(work.settings.webhook, scenario=scenario, run=run, event=event,
                   text=f"release {identity[:12]}: {why}")  # fmt: skip
        stands = champion is not None and champion.release == identity
        told = {"why": "it is the champion already"} if stands else {}
        work.record.facts = {**verdict, **told, "stands": stands}
        hand_over(made, decision)
        return passed


def _decide(work: Task, spec: str, challenger: Entry, champion: str | None) -> Entry:
    """The entry of a challenge of a release by its id: found, or made."""
    terms.check(challenger.facts, "evaluation")
    if champion is None or champion == challenger.facts["release"]:  # the first, or it is that
        return _without_comparison(work, spec, challenger, "no other champion to beat")
    try:
        return _compared(work, spec, challenger, champion)
    except terms.NotComparableError as error:
        # Not kept under the key of a comparison: what is amiss may be put right.
        why = f"the champion cannot be compared: {error}"
        return _without_comparison(work, spec, challenger, why, comparable=False)


def _without_comparison(
    work: Task, spec: str, challenger: Entry, why: str, *, comparable: bool = True
) -> Entry:
    def make() -> "ChallengeReport":
        from components.evaluation.compare import walkover

        return walkover(work.record.scenario, why, [challenger.facts], comparable=comparable)

    inputs = {"challenger": terms.side(challenger.facts), "why": why, "comparable": str(comparable)}
    return _challenge_entry(work, spec, inputs, make)


def _compared(work: Task, spec: str, challenger: Entry, release: str) -> Entry:
    """The decision on a challenger and the champion, where they are not one model."""
    with terms.of_the_champion():
        champion = registry.find_release(work.store, work.record.scenario, release)
    if why := terms.nothing_to_compare(challenger.facts, champion.facts):
        return _without_comparison(work, spec, challenger, why)
    with terms.of_the_champion():
        terms.check(champion.facts)
    seen = work.store.find(str(champion.facts["gold"]))
    gold = _made_from(work, challenger, "gold")
    inputs = {
        "challenger": terms.side(challenger.facts),
        "champion": terms.side(champion.facts),
        "gold": gold.digest,
        "champion's gold": seen.digest if seen else "gone",
    }

    def make() -> "ChallengeReport":
        from components.contracts.scenario import ChallengeSpec
        from components.evaluation.compare import Frozen, compare, developed_keys, walkover

        declared = ChallengeSpec.model_validate_json(spec)
        if seen is None:
            known = None
        elif seen.digest == gold.digest:
            known = frozenset[object]()  # neither was fitted on a test row
        else:
            known = developed_keys(work.store.local(seen) / "final-dataset", declared.key)
        models = _made_from(work, challenger, "models")
        with terms.of_the_champion():
            other = _judged_bundle(work, champion)
        frozen = Frozen(
            gold=work.store.local(gold) / "final-dataset",
            evaluation=work.store.local(_made_from(work, challenger, "evaluation")),
            challenger=work.store.local(models) / str(challenger.facts["folder"]),
            champion=other,
            seen=known,
        )
        report = walkover(work.record.scenario, "", [challenger.facts, champion.facts])
        return compare(report, declared, frozen)

    return _challenge_entry(work, spec, inputs, make)


def _challenge_entry(
    work: Task, spec: str, inputs: Mapping[str, str], report: Callable[[], "ChallengeReport"]
) -> Entry:
    def make(target: Path) -> Mapping[str, object]:
        from components.evaluation.duel import render_challenge

        made = report()
        (target / "challenge.json").write_text(made.model_dump_json(indent=1) + "\n")
        (target / "challenge.html").write_text(render_challenge(made))
        told = {"passed": made.won, "why": made.why, "comparable": made.comparable}
        return {**told, "compared": made.decision is not None}

    return work.reuse_or_make(
        f"{work.record.scenario}/challenges",
        spec=spec,
        inputs=inputs,
        rooms=("evaluation", "figures", "scoring"),
        libraries=(*_LIBRARIES, "matplotlib"),
        make=make,
    )


def _judged_bundle(work: Task, release: Entry) -> Path:
    """The bundle that was fitted on development rows; a release may hold it itself."""
    from components.scoring.release import BUNDLE

    facts = release.facts
    if facts["bundle"] == facts["evaluated"] and work.store.find(str(facts["models"])) is None:
        return work.store.local(release) / BUNDLE
    return work.store.local(_made_from(work, release, "models")) / str(facts["folder"])


def _made_from(work: Task, release: Entry, role: str) -> Entry:
    """What a release was made from."""
    key = str(release.facts[role])
    if (entry := work.store.find(key)) is None:
        raise VintageError(
            f"challenge: expected the {role} of release {str(release.facts['release'])[:12]} at "
            f"{key} in {work.store.uri}, found none or a part; train it again"
        )
    return entry


def explore(
    *, spec: str, run: str, timeout_minutes: float, silver: Artifact, gold: Artifact,
    exploration: Artifact,
) -> None:  # fmt: skip
    """Look at the gold table before anything is learned from it: figures and a page of them
    (`explorations`).
    """
    scenario = json.loads(spec)["scenario"]
    with task("explore", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        cleaned, rows = take(silver), take(gold)

        def make(target: Path) -> Mapping[str, object]:
            from components.evaluation.entries import write_exploration

            folders = {"silver": work.store.local(cleaned), "gold": work.store.local(rows)}
            facts = (cleaned.facts, rows.facts)
            return write_exploration(target, spec, **folders, facts=facts, run=run)

        made = work.reuse_or_make(
            f"{scenario}/explorations",
            spec=spec,
            inputs={"silver": cleaned.digest, "gold": rows.digest},
            rooms=("evaluation", "figures", "scoring"),
            libraries=("matplotlib", "numpy", "pyarrow"),
            make=make,
        )
        work.record.facts = {**made.facts, "entry": made.key}
        hand_over(made, exploration)


def finish(*, scenario: str, run: str, state: str, timeout_minutes: float) -> None:
    """Write the run's `summary.json` and `report.html`, and notify where it failed.

    Runs last, however the run went; `state` is KFP's word for that.
    """
    with task("finish", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        _finish(work.settings, work.store, scenario=scenario, run=run, state=state)


def _finish(settings: Settings, store: Store, *, scenario: str, run: str, state: str) -> None:
    from components.evaluation.outcome import PAGES, pages_of, summarise

    records = read_records(run, store)
    log = str(settings.log_of(run)) if settings.log_of(run).is_file() else ""
    summary = summarise(records, scenario=scenario, run=run, state=state, log=log)
    keys = {str(r["stage"]): str(r["facts"].get("entry", "-")) for r in records}
    found = {stage: store.find(keys[stage]) for stage in PAGES if stage in keys}
    made = {
        stage: (store.local(entry) / PAGES[stage]).read_text()
        for stage, entry in found.items()
        if entry is not None and PAGES[stage] in entry.files
    }
    pages = pages_of(summary, made).items()
    places = {name: store.put(f"runs/{run}/{name}.html", page) for name, page in pages}
    if (watched := found.get("monitor")) is not None:
        for name in (name for name in watched.files if name.startswith("evidently-")):
            store.put_file(f"runs/{run}/{name}", store.local(watched) / name)
    text = summary.model_copy(update={"report": places["report"]}).model_dump_json(indent=1)
    store.put(f"runs/{run}/summary.json", text + "\n")
    if summary.status in {"refused", "failed"}:
        told = {"event": summary.status, "text": summary.error}
        notify(settings.webhook, scenario=scenario, run=run, **told)


def read_records(run: str, store: Store | None = None) -> list[dict[str, Any]]:
    """The records of a run's tasks so far, in the order of the pipelines."""
    store = store or installation()[1]
    found = (store.get(record_name(run, stage)) for stage in _STAGES)
    return [json.loads(text) for text in found if text is not None]


def read_summary(run: str) -> "RunSummary | None":
    """The summary of a run that has finished."""
    from components.contracts.runs import RunSummary

    _, store = installation()
    text = store.get(f"runs/{run}/summary.json")
    return None if text is None else RunSummary.model_validate_json(text)

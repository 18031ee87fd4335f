"""What became of a run: its summary, and a page where there was nothing to judge."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from components.contracts.results import RuleResult
from components.contracts.runs import Layer, RunSummary, Stage, Status
from components.figures.page import page, table

#: The last stages of pipelines, and what became of a run that has them.
_ENDS: dict[str, Status] = {
    "deploy": "deployed", "explore": "explored", "monitor": "monitored", "decide": "decided"
}  # fmt: skip
#: KFP's words for a run that did not go well. Of one that did, its local runner says SUCCEEDED, and
#: a backend what the graph is noted as by then: RUNNING, where a condition was not taken.
_BAD = {"FAILED", "CANCELED", "CANCELLED"}
#: The pages of stages, in the entries that they made.
PAGES = {
    "gate": "report.html", "explore": "exploration.html", "challenge": "challenge.html",
    "monitor": "monitoring.html",
}  # fmt: skip


def summarise(
    records: Sequence[Mapping[str, Any]], *, scenario: str, run: str, state: str, log: str = ""
) -> RunSummary:
    """The summary of a run from what its tasks left; where the report lies is not in it yet."""
    facts = {str(r["stage"]): r["facts"] for r in records}
    status = _status(records, state)
    error = "\n".join(str(r["error"]) for r in records if r["error"])
    if status == "failed":
        error = error or f"the run ended as {state} and no task left an error"
    judged, fought = facts.get("gate", {}), facts.get("challenge", {})
    promoted = facts.get("deploy", {}) if status == "deployed" else {}
    releases = (
        f["release"] for f in (promoted, facts.get("register", {}), fought) if f.get("release")
    )
    return RunSummary(
        scenario=scenario,
        run=run,
        status=status,
        metrics=judged.get("metrics", {}),
        gate=tuple(RuleResult(**rule) for rule in judged.get("rules", ())),
        rows=_rows(facts.get("ingest", {})),
        release=next(releases, ""),
        champion=promoted.get("number", 0) or (fought["champion"] if fought.get("stands") else 0),
        stages=tuple(
            Stage(
                stage=str(r["stage"]),
                status=str(r["status"]),
                reused=bool(r["reused"]),
                seconds=float(r["seconds"]),
            )
            for r in records
        ),
        report="",
        error=error,
        log=log,
        challenge=str(fought.get("why", "")),
        skipped=_too_short(facts["features"]) if status == "skipped" else "",
        due=str(facts.get("due", {}).get("why", "")),
        decided=_decided(facts["decide"]) if "decide" in facts and status != "failed" else "",
    )


def _decided(made: Mapping[str, Any]) -> str:
    found = (
        f"{made['rows']:,} rows of {made['month']}, {made['approved']:,} of them approved, by "
        f"release {made['release'][:12]}; they are in {made['place']}/decisions; "
        f"{made['outcomes']:,} outcomes of rows decided before were taken in"
    )
    if not made["stands"]:
        return found
    return f"nothing: the month was decided before, on other rows or by another release: {found}"


def _rows(made: Mapping[str, Any]) -> tuple[Layer, ...]:
    """What became of the rows of each table of silver."""
    found = sorted(made.get("quarantine", ()), key=lambda line: -line[2])
    names = ("table", "landed", "kept", "quarantined", "later")
    return tuple(
        Layer(
            **{name: layer[name] for name in names},
            reasons=tuple((why, rows) for table, why, rows in found if table == layer["table"]),
        )
        for layer in made.get("layers", ())
    )


def _too_short(made: Mapping[str, Any]) -> str:
    history = made["history"]
    return (
        f"expected {history['needed']} months with mature labels, found {history['found']}; "
        "nothing was trained"
    )


def _status(records: Sequence[Mapping[str, Any]], state: str) -> Status:
    """The furthest of a run's pipelines says what became of it."""
    stages = {str(r["stage"]): r for r in records}
    done = {stage for stage, record in stages.items() if record["status"] == "done"}
    if "monitor" in done and stages.get("deploy", {}).get("reused"):  # the champion stands
        done -= {"deploy"}
    ends = [status for stage, status in _ENDS.items() if stage in done]
    whole = "due" not in stages or "refuse" in done  # which is a month's last
    well = whole and state not in _BAD and all(r["status"] == "done" for r in records)
    if well and ends:
        return ends[0]
    if stages.get("gate", {}).get("facts", {}).get("passed") is False:
        return "refused"
    if well and stages.get("features", {}).get("facts", {}).get("ready") is False:
        return "skipped"
    last = "challenge" if "challenge" in stages else "register"
    return "registered" if well and last in done else "failed"


def pages_of(summary: RunSummary, made: Mapping[str, str]) -> dict[str, str]:
    """The pages of a run by their names, of what its stages made.

    `report` is the one that stands for the run. Where it failed that is the page of its failure:
    the gate may have passed what failed later.
    """
    judged = made.get("gate", made.get("explore"))
    names = {"challenge": "challenge", "monitor": "monitoring"}
    beside = {name: made[stage] for stage, name in names.items() if stage in made}
    failed, month = summary.status == "failed", made.get("monitor")
    if judged is not None and (failed or month is not None):
        beside["gate"] = judged
    if failed:
        return {**beside, "report": render_outcome(summary, sorted(beside))}
    # A month's page is of all that it decided; a training is a part of it.
    first = month or judged or made.get("challenge")
    return {**beside, "report": first or render_outcome(summary)}


def render_outcome(summary: RunSummary, pages: Sequence[str] = ()) -> str:
    """The page of a run that failed, or judged nothing: what became of it, how far it came.

    `pages` are those that lie beside it.
    """
    failed = summary.status == "failed"
    stands = " Nothing was deployed; the former champion stands." if failed else ""
    parts = [
        f"<h1>{escape(summary.scenario)}: the run {'failed' if failed else 'is done'}</h1>",
        f"<p>Run <code>{escape(summary.run)}</code>, {summary.status}.{stands}</p>",
        *(
            f"<pre>{escape(why)}</pre>"
            for why in (summary.error, summary.due, summary.skipped, summary.decided)
            if why
        ),
        table(
            ("Stage", "Status", "Seconds"),
            [(stage.stage, stage.status, f"{stage.seconds:.1f}") for stage in summary.stages],
            numbers=(2,),
        ),
        *(f'<p><a href="{name}.html">The page of the {name}</a></p>' for name in pages),
    ]
    log = f"in <code>{escape(summary.log)}</code>" if summary.log else "with its pod, in Kubeflow"
    parts.append(f"<p>What each task printed is {log}.</p>")
    return page(f"{summary.scenario}: {summary.status}", parts)

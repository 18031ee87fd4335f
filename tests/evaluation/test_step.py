"""The steps of evaluation on an installation: what they publish, record and tell."""

from pathlib import Path

import pytest

from components.contracts.policy import Gate, Rule
from components.contracts.results import Evaluation
from components.contracts.runs import RunSummary
from components.evaluation import step
from components.scoring.bundle import SCORECARD
from components.storage.steps import installation, take, task
from tests.evaluation.figures import CLUSTERS
from tests.evaluation.installing import RULE, SCENARIO, Place
from tests.making import FEATURES


def finish(run: str = "run", state: str = "SUCCEEDED") -> RunSummary:
    """The summary of a run."""
    step.finish(scenario="small-loans", run=run, state=state, timeout_minutes=5)
    found = step.read_summary(run)
    assert found is not None
    return found


def test_an_evaluation_is_handed_over_with_the_frozen_rows_and_not_made_again(
    place: Place,
) -> None:
    first = place.evaluate()
    assert set(first.files) == {"evaluation.json", "frozen.parquet"}
    found = Evaluation.model_validate_json(place.file("evaluation", "evaluation.json"))
    assert first.facts == {
        "chosen": "xgboost", "auc": round(found.of_chosen().metrics["auc"], 4),
    }  # fmt: skip
    assert place.record("evaluate")["reused"] is False
    assert place.evaluate(run="again") == first
    assert place.record("evaluate", "again")["reused"] is True


def test_the_clusters_of_a_proxy_come_with_the_evaluation_of_its_models(place: Place) -> None:
    place.gold_facts = {"labels": [cluster.model_dump() for cluster in CLUSTERS]}
    place.prepare(name="proxy")
    place.evaluate()
    found = Evaluation.model_validate_json(place.file("evaluation", "evaluation.json"))
    assert found.clusters == CLUSTERS
    assert found.persons is None
    assert place.gate()
    assert "How the label was made" in place.file("decision", "report.html")


def test_a_decision_has_a_report_and_a_card_and_is_recorded_once(place: Place) -> None:
    place.evaluate()
    assert place.gate()
    entry = take(place.paper("decision"))
    assert set(entry.files) == {"decision.json", "report.html", "model_card.md"}
    assert '<h2 id="scorecard">' not in place.file("decision", "report.html")
    assert place.models.of("xgboost").released in place.file("decision", "model_card.md")
    facts = place.record("gate")["facts"]
    assert isinstance(facts, dict)
    # The fifths of AGE are too few rows to compare: a figure that is no number is left out.
    assert {"auc", "psi", "accuracy"} <= set(facts["metrics"])
    assert "approval_ratio" not in facts["metrics"]
    assert [rule["metric"] for rule in facts["rules"]] == ["auc", "reasons"]
    assert place.gate(run="again")
    assert place.record("gate", "again")["reused"] is True
    (audit,) = place.database.evaluations("small-loans")
    assert audit["passed"] == 1


def test_the_report_of_a_scorecard_shows_its_table(place: Place) -> None:
    place.prepare("scorecard")
    assert (place.models.folder / place.models.of("scorecard").folder / SCORECARD).exists()
    place.evaluate()
    assert place.gate()
    assert '<h2 id="scorecard">' in place.file("decision", "report.html")


def test_a_feature_without_a_reason_is_refused_and_every_one_is_named(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = tuple(
        f.model_copy(update={"reason": None}) if f.name in {"INCOME", "REGION"} else f
        for f in FEATURES
    )
    declared = SCENARIO.model_copy(update={"features": silent})
    place.evaluate()
    assert not place.gate(declared)
    with pytest.raises(SystemExit):
        step.refuse(scenario="small-loans", run="run", timeout_minutes=5)
    said = "reasons: expected a text for every feature, found none for INCOME, REGION: FAILED"
    assert said in capsys.readouterr().err


def test_a_run_that_trained_and_challenged_has_both_pages(place: Place) -> None:
    place.promote(place.released("scorecard", name="earlier"))
    place.released("xgboost")
    assert place.gate()
    place.challenge()
    found = finish()
    assert found.challenge == place.report().why
    folder = place.home / "store" / "runs" / "run"
    assert found.report == str(folder / "report.html")
    assert "The gate: passed" in (folder / "report.html").read_text()
    assert "small-loans: challenge" in (folder / "challenge.html").read_text()


def test_a_run_that_only_challenged_has_the_page_of_the_challenge(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.promote(place.released("scorecard", name="earlier"))
    release = place.released("xgboost")
    place.challenge(run="alone")
    capsys.readouterr()
    found = finish("alone")
    assert (found.status, found.release, found.champion) == ("registered", release, 0)
    assert "small-loans: challenge" in Path(found.report).read_text()
    assert "[notify]" not in capsys.readouterr().out


def test_a_run_that_failed_has_a_page_that_says_so_and_somebody_is_told(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        place.challenge(run="alone")
    found = finish("alone", "FAILED")
    assert found.status == "failed"
    assert "the run failed" in Path(found.report).read_text()
    assert "[notify] failed small-loans alone: challenge: small-loans: expected a registered" in (
        capsys.readouterr().out
    )


def test_records_come_in_the_order_of_the_pipelines(place: Place) -> None:
    place.released("xgboost")
    place.challenge()
    assert [r["stage"] for r in step.read_records("run")] == ["evaluate", "challenge"]
    assert step.read_records("nobody") == []
    assert step.read_summary("nobody") is None


def test_a_rule_on_fairness_that_cannot_be_measured_refuses_and_is_recorded(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = (Rule(metric="approval_ratio", floor=0.0),)
    declared = SCENARIO.model_copy(update={"gate": Gate(rules=rules, challenge=RULE)})
    place.evaluate(declared)
    assert not place.gate(declared)
    (audit,) = place.database.evaluations("small-loans")
    assert audit["decision"]["rules"][0]["found"] is None  # type: ignore[index]
    assert "Approval ratio</td><td>at least 0</td><td class=n>-</td>" in (
        place.file("decision", "report.html")
    )
    with pytest.raises(SystemExit):
        step.refuse(scenario="small-loans", run="run", timeout_minutes=5)
    assert "approval_ratio >= 0: found nothing to measure, FAILED" in capsys.readouterr().err
    assert finish(state="FAILED").status == "refused"


def test_the_page_of_a_run_that_failed_after_the_gate_is_that_of_its_failure(place: Place) -> None:
    place.promote(place.released("scorecard", name="earlier"))
    place.released("xgboost")
    assert place.gate()
    place.challenge()
    found = finish(state="FAILED")
    assert found.status == "failed"
    page = Path(found.report).read_text()
    assert "the run failed" in page
    for name, said in (("gate", "The gate: passed"), ("challenge", "small-loans: challenge")):
        assert f'<a href="{name}.html">' in page
        assert said in Path(found.report).with_name(f"{name}.html").read_text()


def test_a_run_that_monitored_has_the_page_of_the_month_with_what_it_links_to(home: Path) -> None:
    _, store = installation()
    month = store.scratch()
    for name in ("report.json", "monitoring.html", "evidently-a.html", "evidently-b.html"):
        (month / name).write_text(f"this is {name}")
    entry = store.publish("small-loans/monitored/2024-08", month, {})
    with task("monitor", scenario="small-loans", run="run", timeout_minutes=5) as work:
        work.record.facts = {"entry": entry.key}
    found = finish()
    folder = home / "store" / "runs" / "run"
    assert (found.status, found.report) == ("monitored", str(folder / "report.html"))
    assert {path.name: path.read_text() for path in folder.glob("*.html")} == {
        "report.html": "this is monitoring.html", "monitoring.html": "this is monitoring.html",
        "evidently-a.html": "this is evidently-a.html",
        "evidently-b.html": "this is evidently-b.html",
    }  # fmt: skip


def test_a_month_that_was_reported_on_without_a_page_has_that_of_its_outcome(home: Path) -> None:
    _, store = installation()
    month = store.scratch()
    (month / "report.json").write_text("{}")
    entry = store.publish("small-loans/monitored/2024-07", month, {})
    with task("monitor", scenario="small-loans", run="run", timeout_minutes=5) as work:
        work.record.facts = {"entry": entry.key}
    assert "the run is done" in Path(finish().report).read_text()
    assert [path.name for path in (home / "store" / "runs" / "run").glob("*.html")] == [
        "report.html"
    ]


@pytest.mark.usefixtures("home")
def test_a_run_with_too_little_history_is_skipped_and_nobody_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with task("features", scenario="small-loans", run="run", timeout_minutes=5) as work:
        work.record.facts = {"ready": False, "history": {"found": 3, "needed": 14}}
    found = finish()
    assert (found.status, found.error) == ("skipped", "")
    assert "expected 14 months with mature labels, found 3" in Path(found.report).read_text()
    assert "[notify]" not in capsys.readouterr().out

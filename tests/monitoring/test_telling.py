"""A month's report on an installation: who is told of it, once or again, and who may be away."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from components.contracts.monitoring import Watched
from components.monitoring import step
from components.monitoring.news import audited, figures
from components.storage import registry
from components.storage.database import Database
from components.storage.settings import Settings
from components.storage.steps import installation
from tests.making import scenario
from tests.monitoring.reported import NEW, OLD, alarming, watched
from tests.storage.answering import answering, impatient
from tests.support import Paper, free_port

__all__ = ["impatient"]
pytestmark = pytest.mark.usefixtures("impatient")
SPEC = scenario().watch()
NAME = SPEC.scenario
Monitor = Callable[..., dict[str, Any]]


@pytest.fixture
def monitor(home: Path, empty_tracking: Path, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    """Reports on a month, by hand; what the task left about itself."""
    shutil.copy(empty_tracking, home / "mlflow.db")

    def go(report: Watched, run: str = "run") -> dict[str, Any]:
        made = report.model_copy(update={"scenario": NAME})

        def write(*args: Any) -> dict[str, object]:
            target: Path = args[-1]
            (target / step.REPORT).write_text(made.model_dump_json())
            (target / step.PAGE).write_text("<p>all of it</p>")
            (target / "evidently-a.html").write_text("<p>seven megabytes</p>")
            return {"month": made.as_of, "alarmed": made.alarmed}

        monkeypatch.setattr(step, "_report", write)
        alarmed = step.monitor(
            spec=SPEC.brief(), run=run, timeout_minutes=5, month=made.as_of,
            report=Paper(str(home / "papers" / run)),
        )  # fmt: skip
        assert alarmed == made.alarmed
        return record(home, run)

    return go


def record(home: Path, run: str) -> dict[str, Any]:
    """What a task left about itself."""
    path = home / "store" / "runs" / run / "stages" / "monitor.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def audit() -> list[tuple[object, object, object]]:
    """Key, run and body of every row."""
    rows = Database(Settings.from_environment().database).evaluations(NAME)
    return [(row["evaluation"], row["run"], row["decision"]) for row in rows]


def runs() -> list[Any]:
    """MLflow's runs of the scenario."""
    client = MlflowClient(Settings.from_environment().tracking)
    found = client.get_experiment_by_name(NAME)
    return [] if found is None else list(client.search_runs([found.experiment_id]))


def test_a_report_is_told_to_everybody_and_again_to_prometheus_alone(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering() as webhook, answering() as gateway:
        monkeypatch.setenv("VINTAGE_WEBHOOK", webhook.url)
        monkeypatch.setenv("VINTAGE_PUSHGATEWAY", gateway.url)
        first, again = monitor(alarming(), "first"), monitor(alarming(), "again")
    assert (first["reused"], again["reused"]) == (False, True)
    assert first["facts"]["pushed"] is again["facts"]["pushed"] is True
    events = [json.loads(body) for *_, body in webhook.got]
    assert [(one["run"], one["event"]) for one in events] == [
        ("first", "drift"), ("first", "performance"),
    ]  # fmt: skip
    assert "LIMIT (PSI and Evidently)" in events[0]["text"]

    assert len(gateway.got) == 2 and gateway.got[0] == gateway.got[1]
    assert f'vintage_score_psi{{release="{OLD}"}} 0.02' in gateway.got[0][3].decode()

    [run] = runs()
    assert run.info.run_name == "monitoring 2024-08"
    assert run.data.metrics == figures(alarming())
    tags = {"kind": "monitoring", "month": "2024-08", "alarm": "yes",
            "releases": f"{OLD[:12]} {NEW[:12]}"}  # fmt: skip
    assert tags.items() <= run.data.tags.items()
    files = MlflowClient(Settings.from_environment().tracking).list_artifacts(run.info.run_id)
    assert [file.path for file in files] == ["monitoring.html", "report.json"]

    key = f"monitored-{NAME}-2024-08"
    assert audit() == [(key, "first", audited(alarming()))]


def test_a_calm_month_is_told_without_calling_anybody(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering() as webhook:
        monkeypatch.setenv("VINTAGE_WEBHOOK", webhook.url)
        found = monitor(watched())
    assert webhook.got == []
    assert found["facts"]["pushed"] is False  # nobody said where to
    [run] = runs()
    assert (run.data.tags["alarm"], run.data.tags["releases"]) == ("no", "none")
    [(_, _, body)] = audit()
    assert isinstance(body, dict) and body["passed"] is True


def test_an_older_month_is_not_pushed_over_a_newer_one(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering() as gateway:
        monkeypatch.setenv("VINTAGE_PUSHGATEWAY", gateway.url)
        monitor(watched(), "august")
        found = monitor(watched(as_of="2024-07"), "july")
        assert "pushed" not in found["facts"]
        assert len(gateway.got) == 1
        monitor(watched(as_of="2024-09"), "september")
        assert len(gateway.got) == 2
    assert [key for key, _, _ in audit()] == [f"monitored-{NAME}-2024-0{n}" for n in (8, 7, 9)]


def test_a_webhook_and_a_gateway_that_are_away_fail_nothing(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("VINTAGE_WEBHOOK", away)
    monkeypatch.setenv("VINTAGE_PUSHGATEWAY", away)
    found = monitor(alarming())
    assert (found["status"], found["facts"]["pushed"]) == ("done", False)
    said = capsys.readouterr().out
    assert "[notify] webhook could not be reached" in said and "[push] small-loans: the" in said
    assert len(runs()) == len(audit()) == 1


@pytest.mark.parametrize("variable", ["VINTAGE_TRACKING", "VINTAGE_DATABASE"])
def test_where_mlflow_or_the_database_is_away_the_report_stands_and_a_retry_tells_the_rest(
    variable: str, home: Path, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("a file is no folder")
    with answering() as webhook:
        monkeypatch.setenv("VINTAGE_WEBHOOK", webhook.url)
        with monkeypatch.context() as patch:
            patch.setenv(variable, f"sqlite:///{home}/file/x.db")
            with pytest.raises(SystemExit):
                monitor(alarming())
        failed = record(home, "run")
        assert (failed["status"], failed["final"]) == ("failed", False)
        assert step.read_report(NAME, "2024-08") is not None
        assert (audit(), runs()) == ([], [])
        retried = monitor(alarming())
        assert (retried["status"], retried["reused"]) == ("done", False)
    assert len(webhook.got) == 2
    assert len(runs()) == len(audit()) == 1


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({OLD: "2024-04-30", NEW: "2024-05-31"}, {
            "training_age_months": 3, "snapshot_timestamp_seconds": 1_714_435_200,
        }),
        ({OLD: "", NEW: "2024-08-31"}, {"training_age_months": 0}),
        ({OLD: "2024-04-30", NEW: None}, {"snapshot_timestamp_seconds": 1_714_435_200}),
        ({OLD: "2024-04-30"}, {"snapshot_timestamp_seconds": 1_714_435_200}),  # NEW is gone
        ({}, {}),
    ],
)  # fmt: skip
def test_what_was_trained_last_and_what_serves_is_told_as_far_as_it_is_known(
    facts: dict[str, str | None], told: dict[str, float], monitor: Monitor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    _, store = installation()
    for release, as_of in facts.items():
        folder = store.scratch()
        (folder / "release.json").write_text("{}")
        store.publish(registry.release_key(NAME, release), folder, {"release": release})
        noted = {} if as_of is None else {"as_of": as_of}
        registry.note_registration(store, NAME, release, noted)
    if facts:
        registry.note_registered(store, NAME, NEW)
        registry.note_deployed(store, NAME, OLD)
    with answering() as gateway:
        monkeypatch.setenv("VINTAGE_PUSHGATEWAY", gateway.url)
        monitor(watched())
    [(*_, body)] = gateway.got
    lines = [line.rpartition(" ") for line in body.decode().splitlines() if line[0] != "#"]
    found = {name.removeprefix("vintage_").split("{")[0]: float(value) for name, _, value in lines}
    assert found.pop("retrain_after_months") == SPEC.retrain_after
    assert {k: v for k, v in found.items() if "training" in k or "snapshot" in k} == told

"""The summary of a run: what became of it follows from what its tasks left."""

import re
from typing import Any

import pytest

from components.evaluation.outcome import pages_of, summarise
from tests.evaluation.figures import decision

RULES = [rule.model_dump(mode="json") for rule in decision().rules]
GATE = {"passed": True, "metrics": {"auc": 0.75}, "rules": RULES, "entry": "e"}
REFUSED = {**GATE, "passed": False}
REGISTER, DEPLOY = {"release": "r" * 8}, {"release": "r" * 8, "number": 4}
DECIDED = {
    "rows": 9, "approved": 5, "release": "r" * 8, "month": "2024-08", "outcomes": 0,
    "stands": False, "place": "p",
}  # fmt: skip
WON = {"passed": True, "why": "better", "release": "r" * 8, "champion": 3, "entry": "c"}
AGAIN = {**WON, "why": "it is the champion already", "stands": True}
LOST = {**WON, "passed": False, "why": "not better"}
SHORT = {"ready": False, "history": {"found": 9, "needed": 14}}
LONG = {"ready": True, "history": {"found": 14, "needed": 14}}
Facts = dict[str, Any]


def record(stage: str, facts: Facts, status: str = "done") -> Facts:
    """What a task leaves."""
    error = f"{stage}: it went wrong" if status == "failed" else ""
    return {"stage": stage, "status": status, "reused": False, "seconds": 1.5, "error": error,
            "facts": facts if status == "done" else {}}  # fmt: skip


@pytest.mark.parametrize(
    ("stages", "state", "status"),
    [
        ([("gate", GATE), ("register", REGISTER)], "SUCCEEDED", "registered"),
        ([("gate", GATE), ("register", REGISTER)], "FAILED", "failed"),
        ([("gate", REFUSED), ("refuse", None)], "FAILED", "refused"),
        ([("gate", GATE), ("register", None)], "FAILED", "failed"),
        ([("ingest", None)], "FAILED", "failed"),
        ([], "FAILED", "failed"),
        ([("ingest", {}), ("features", SHORT)], "SUCCEEDED", "skipped"),
        ([("ingest", {}), ("features", SHORT)], "FAILED", "failed"),
        ([("features", LONG), ("gate", GATE), ("register", REGISTER)], "SUCCEEDED", "registered"),
        ([("features", LONG)], "SUCCEEDED", "failed"),
        ([("challenge", WON)], "SUCCEEDED", "registered"),
        ([("challenge", LOST)], "SUCCEEDED", "registered"),
        ([("challenge", None)], "FAILED", "failed"),
        ([("challenge", WON)], "FAILED", "failed"),
        ([("gate", GATE), ("register", REGISTER), ("challenge", LOST)], "SUCCEEDED", "registered"),
        ([("gate", GATE), ("register", REGISTER), ("challenge", None)], "FAILED", "failed"),
        ([("deploy", DEPLOY)], "SUCCEEDED", "deployed"),
        # What a backend says of a run that goes well, or of which a pod left nothing.
        ([("deploy", DEPLOY)], "COMPLETE", "deployed"),
        ([("features", LONG), ("gate", GATE), ("register", REGISTER)], "RUNNING", "registered"),
        ([("features", LONG), ("gate", GATE)], "RUNNING", "failed"),
        ([("features", LONG), ("train", None)], "RUNNING", "failed"),
        ([("ingest", {}), ("features", SHORT)], "RUNNING", "skipped"),
        ([("gate", REFUSED), ("refuse", None)], "RUNNING", "refused"),
        ([("challenge", LOST), ("deploy", None)], "RUNNING", "failed"),
        (
            [("due", {}), ("decide", DECIDED), ("monitor", {}), ("refuse", {})],
            "RUNNING",
            "monitored",
        ),
        ([("due", {}), ("decide", DECIDED)], "RUNNING", "failed"),
        ([("deploy", DEPLOY)], "CANCELED", "failed"),
        ([("deploy", None)], "FAILED", "failed"),
        ([("deploy", DEPLOY)], "FAILED", "failed"),
        (
            [("gate", GATE), ("register", REGISTER), ("challenge", WON), ("deploy", DEPLOY)],
            "SUCCEEDED",
            "deployed",
        ),
        (
            [("gate", GATE), ("register", REGISTER), ("challenge", WON), ("deploy", None)],
            "FAILED",
            "failed",
        ),
    ],
)
def test_the_status_of_a_run_follows_from_its_tasks(
    stages: list[tuple[str, Facts | None]], state: str, status: str
) -> None:
    records = [
        record(stage, facts or {}, "failed" if facts is None else "done") for stage, facts in stages
    ]
    found = summarise(records, scenario="s", run="r", state=state)
    assert found.status == status
    assert [stage.stage for stage in found.stages] == [stage for stage, _ in stages]
    assert bool(found.error) == (status in {"failed", "refused"})


def test_a_deployed_run_names_its_release_its_champion_and_its_challenge() -> None:
    records = [record("gate", GATE), record("register", REGISTER), record("challenge", WON),
               record("deploy", DEPLOY)]  # fmt: skip
    found = summarise(records, scenario="s", run="r", state="SUCCEEDED")
    assert (found.release, found.champion, found.challenge) == ("r" * 8, 4, "better")
    assert found.metrics == {"auc": 0.75}
    assert [rule.metric for rule in found.gate] == ["auc", "reasons"]


@pytest.mark.parametrize(
    ("records", "release", "champion", "challenge"),
    [
        ([record("register", REGISTER)], "r" * 8, 0, ""),
        ([record("challenge", WON)], "r" * 8, 0, "better"),
        ([record("challenge", LOST)], "r" * 8, 0, "not better"),
        ([record("challenge", AGAIN)], "r" * 8, 3, "it is the champion already"),
        ([record("ingest", {}, "failed")], "", 0, ""),
    ],
)
def test_a_run_that_deployed_nothing_has_a_champion_only_where_that_challenged_itself(
    records: list[Facts], release: str, champion: int, challenge: str
) -> None:
    found = summarise(records, scenario="s", run="r", state="SUCCEEDED")
    assert (found.release, found.champion, found.challenge) == (release, champion, challenge)


def test_the_summary_has_the_rows_of_each_table_and_why_some_were_quarantined() -> None:
    layer = {"grain": "a loan", "later": 0}
    layers = [
        {"table": "loans", "landed": 1250, "kept": 1200, "quarantined": 20, "later": 30},
        {"table": "dues", "landed": 7, "kept": 7, "quarantined": 0},
    ]
    quarantine = [
        ["loans", "DAY", 3], ["loans", "SUM", 9], ["loans", "malformed line", 6],
        ["loans", "repeated row", 1], ["loans", "KEY", 1],
    ]  # fmt: skip
    ingested = {"layers": [{**layer, **one} for one in layers], "quarantine": quarantine}
    found = summarise([record("ingest", ingested)], scenario="s", run="r", state="FAILED")
    assert [one.sentence() for one in found.rows] == [
        "loans: 1,250 read, 1,200 kept, 30 of a later date, 20 quarantined (SUM 9, "
        "malformed line 6, DAY 3, other reasons 2)",
        "dues: 7 read, 7 kept, 0 quarantined",
    ]


def test_a_run_that_ended_without_an_error_says_how_it_ended() -> None:
    found = summarise([record("ingest", {})], scenario="s", run="r", state="CANCELLED")
    assert found.error == "the run ended as CANCELLED and no task left an error"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("/home/logs/r.log", "What each task printed is in <code>/home/logs/r.log</code>."),
        ("", "What each task printed is with its pod, in Kubeflow."),
    ],
)
def test_the_page_of_a_failed_run_says_where_its_log_is(log: str, said: str) -> None:
    records = [record("ingest", {}, "failed")]
    found = summarise(records, scenario="s", run="r", state="FAILED", log=log)
    assert found.log == log
    assert said in pages_of(found, {})["report"]


def test_a_run_that_was_skipped_says_why_and_has_no_error() -> None:
    found = summarise([record("features", SHORT)], scenario="s", run="r", state="SUCCEEDED")
    assert (found.status, found.error) == ("skipped", "")
    said = "expected 14 months with mature labels, found 9; nothing was trained"
    assert found.skipped == said
    (page,) = pages_of(found, {}).values()
    assert said in page
    assert "the run is done" in page
    long = summarise([record("features", LONG)], scenario="s", run="r", state="SUCCEEDED")
    assert long.skipped == ""


@pytest.mark.parametrize(
    ("made", "state", "names", "report"),
    [
        ({}, "SUCCEEDED", [], None),
        ({"gate": "G"}, "SUCCEEDED", [], "G"),
        ({"explore": "E"}, "SUCCEEDED", [], "E"),
        ({"challenge": "C"}, "SUCCEEDED", ["challenge"], "C"),
        ({"monitor": "M"}, "SUCCEEDED", ["monitoring"], "M"),
        ({"gate": "G", "challenge": "C", "monitor": "M"}, "SUCCEEDED",
         ["challenge", "gate", "monitoring"], "M"),
        ({"gate": "G", "monitor": "M"}, "FAILED", ["gate", "monitoring"], None),
    ],
)  # fmt: skip
def test_the_pages_of_a_run_are_those_of_its_stages_and_one_stands_for_all(
    made: dict[str, str], state: str, names: list[str], report: str | None
) -> None:
    records = [record("ingest", {}, "failed" if state == "FAILED" else "done"),
               record("features", SHORT)]  # fmt: skip
    found = pages_of(summarise(records, scenario="s", run="r", state=state), made)
    assert sorted(found) == sorted([*names, "report"])
    if report is None:
        assert re.findall('<a href="(.*?)">', found["report"]) == [f"{n}.html" for n in names]
    else:
        assert found["report"] == report

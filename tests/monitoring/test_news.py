"""What is said of a report: an alarm with its names, a vintage once, figures by one name each."""

import json
import re
from typing import Any

import pytest

from components.monitoring.news import audited, figures, news
from tests.monitoring.reported import (
    NEW,
    OLD,
    against,
    alarming,
    drift,
    measure,
    shift,
    verdict,
    vintage,
    watched,
)


def test_an_alarm_names_what_was_raised_and_by_whom_and_a_bad_vintage_is_told_once() -> None:
    assert list(news(alarming())) == [
        ("drift", "2024-08, release aaaaaaaaaaaa: LIMIT (PSI and Evidently), AGE (Evidently)"),
        (
            "performance",
            "2024-08, AUC of vintage 2024-02, release aaaaaaaaaaaa: lower than training's by more "
            "than noise",
        ),
    ]


def test_many_names_are_counted() -> None:
    raised = verdict(**{f"F{number:02d}": ("PSI",) for number in range(13)})
    [(_, text)] = news(watched(drift={OLD: drift()}, verdicts={OLD: raised}))
    assert text.endswith("F08 (PSI), F09 (PSI), and 3 more")


@pytest.mark.parametrize(
    ("mature_from", "said", "expected"),
    [
        ("2024-08", "lower", ["performance"]),
        ("2024-08", "not lower", []),
        ("2024-08", "none", []),
        ("2024-07", "lower", []),  # the report of July said so
    ],
)
def test_a_vintage_is_told_in_the_month_in_which_it_is_mature(
    mature_from: str, said: str, expected: list[str]
) -> None:
    one = vintage("2024-02", mature_from=mature_from)
    report = watched(vintages=(one,), against=(against(one, 0.8, said),))
    assert [event for event, _ in news(report)] == expected


def test_a_calm_month_is_no_news() -> None:
    report = watched(drift={OLD: drift(shift("LIMIT"))}, verdicts={OLD: verdict()})
    assert list(news(report)) == []


SCORED = {
    "auc": 0.7, "gini": 0.4, "ks": 0.3, "accuracy": 0.8, "precision": 0.5, "recall": 0.6,
    "f1": 0.55, "brier": 0.1, "ece": 0.02,
}  # fmt: skip
MONTH = {"approval_ratio": 0.75, "score_psi": 0.02, "score_ks": 0.03}


def _of(release: str, found: dict[str, float]) -> dict[str, float]:
    return {f"{name}_{release[:6]}": value for name, value in found.items()}


def test_plain_names_are_of_who_decided_most_and_the_others_tell_their_release() -> None:
    found = figures(alarming())
    assert found == {
        "decisions": 300, **MONTH, "drift_raised": 0,
        **_of(OLD, {"decisions": 100, **MONTH, "drift_raised": 2}),
        **SCORED, "training_auc": 0.8,
        **_of(NEW, SCORED),
    }  # fmt: skip
    assert all(re.fullmatch(r"[\w./ -]+", name) for name in found)  # as MLflow takes them


@pytest.mark.parametrize("psi", [None, float("nan"), float("inf")])
def test_a_figure_that_is_none_or_no_number_is_left_out(psi: Any) -> None:
    month = drift(score=shift("the score", psi))
    one = vintage("2024-02", figures={"auc": measure(None, "too few rows")}, thresholds={})
    report = watched(drift={OLD: month}, verdicts={OLD: verdict()}, vintages=(one,))
    assert figures(report) == {
        "decisions": 100, "approval_ratio": 0.75, "score_ks": 0.03, "drift_raised": 0, "ece": 0.02,
    }  # fmt: skip


def test_a_month_without_decisions_has_no_figures() -> None:
    assert figures(watched()) == {}


def test_the_audit_keeps_what_was_raised_and_the_figures() -> None:
    body = audited(alarming())
    assert body == {
        "kind": "monitoring", "passed": False, "month": "2024-08", "releases": [OLD, NEW],
        "alarmed": True, "raised": {OLD: ["LIMIT", "AGE"], NEW: []},
        "figures": figures(alarming()),
    }  # fmt: skip
    assert json.loads(json.dumps(body, allow_nan=False)) == body
    assert audited(watched())["passed"] is True

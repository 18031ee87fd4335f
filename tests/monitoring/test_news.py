"""What is said of a report: an alarm with its names, a vintage once, figures by one name each."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from components.contracts.monitoring import Watched
from components.monitoring.news import audited, figures, news
from components.monitoring.trends import raised_since
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


def month(as_of: str, *raised: str, lower: Sequence[str] = (), decided: bool = True) -> Watched:
    """A report that raises names by PSI, and says of vintages that they are ranked less well."""
    of = {OLD: verdict(**dict.fromkeys(raised, ("PSI",)))} if decided else {}
    return watched(
        as_of=as_of,
        drift=dict.fromkeys(of, drift()),
        verdicts=of,
        against=tuple(against(vintage(one), 0.8, "lower") for one in lower),
    )


def test_an_alarm_names_what_was_raised_and_by_whom_and_vintages_are_told_together() -> None:
    assert list(news(alarming(), [])) == [
        ("drift", "2024-08, release aaaaaaaaaaaa: LIMIT (PSI and Evidently), AGE (Evidently)"),
        (
            "performance",
            "2024-08, AUC of vintage 2024-02, release aaaaaaaaaaaa: lower than training's by more "
            "than noise; AUC of vintage 2024-01, release aaaaaaaaaaaa: lower than training's by "
            "more than noise",
        ),
    ]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((), "B (PSI), A (PSI)"),
        (("C",), "B (PSI), A (PSI)"),
        (("A", "C"), "B (PSI); as before: A (PSI)"),
        (("A", "B", "C"), "nothing new; as before: B (PSI), A (PSI)"),
    ],
)
def test_what_is_new_comes_before_what_was_raised_the_month_before(
    before: tuple[str, ...], expected: str
) -> None:
    [(_, text)] = news(month("2024-08", "B", "A"), [month("2024-07", *before)])
    assert text == f"2024-08, release {OLD[:12]}: {expected}"


def test_many_names_are_counted_and_a_new_one_is_not_lost_among_them() -> None:
    old = [f"F{number:02d}" for number in range(13)]
    now = month("2024-08", *old, "NEW")
    [(_, text)] = news(now, [])
    assert text.endswith("F08 (PSI), F09 (PSI), and 4 more")
    [(_, text)] = news(now, [month("2024-07", *old)])
    assert ": NEW (PSI); as before: F00 (PSI)" in text and text.endswith("F09 (PSI), and 3 more")


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], {"A": "2024-08", "B": "2024-08"}),
        ([month("2024-06", "A"), month("2024-07", "A")], {"B": "2024-08", "A": "2024-06"}),
        # In July it was not.
        ([month("2024-06", "A"), month("2024-07", "B")], {"A": "2024-08", "B": "2024-07"}),
        # In July nothing was decided.
        ([month("2024-06", "A"), month("2024-07", decided=False)],
         {"B": "2024-08", "A": "2024-06"}),
    ],
)  # fmt: skip
def test_a_name_is_raised_since_the_first_of_the_months_in_a_row(
    history: list[Watched], expected: dict[str, str]
) -> None:
    found = raised_since(month("2024-08", "A", "B"), history)
    assert list(found[OLD].items()) == list(expected.items())


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ([], ["2024-01", "2024-02"], ["2024-02", "2024-01"]),
        ([["2024-01"]], ["2024-01", "2024-02"], ["2024-02"]),
        ([["2024-01", "2024-02"]], ["2024-01", "2024-02"], []),
        # Once more after a month in which later outcomes had said otherwise.
        ([["2024-01"], []], ["2024-01"], []),
        # Of 2023-12 the outcomes came late: it was mature in June.
        ([["2024-01"]], ["2023-12", "2024-01"], ["2023-12"]),
    ],
)
def test_a_vintage_is_told_by_the_first_report_that_finds_it_lower(
    before: list[list[str]], now: list[str], told: list[str]
) -> None:
    history = [month(f"2024-0{6 + n}", lower=one) for n, one in enumerate(before)]
    found = dict(news(month("2024-08", lower=now), history)).get("performance", "")
    assert re.findall("vintage ([0-9-]+)", found) == told


@pytest.mark.parametrize("said", ["not lower", "none"])
def test_a_vintage_that_is_not_lower_is_no_news(said: str) -> None:
    report = watched(against=(against(vintage("2024-02"), 0.8, said),))
    assert list(news(report, [])) == []


def test_a_calm_month_is_no_news() -> None:
    report = watched(drift={OLD: drift(shift("LIMIT"))}, verdicts={OLD: verdict()})
    assert list(news(report, [])) == []


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

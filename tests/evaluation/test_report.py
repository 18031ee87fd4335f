"""The pages: whole, safe to open, and asking nothing of the network."""

import re
from typing import Any

import pytest

from components.contracts.policy import Rule
from components.contracts.results import Contender, Decision, Evaluation
from components.contracts.runs import RunSummary, Stage
from components.evaluation.duel import render_challenge
from components.evaluation.outcome import render_outcome
from components.evaluation.report import render
from tests.evaluation.figures import (
    EVALUATED,
    PERSONS,
    RELEASED,
    candidates_of,
    challenge_report,
    decision,
    evaluation,
    figures,
    group,
)
from tests.pages import Page, assert_shown_and_never_run, lines, nasty, section

SILVER: dict[str, Any] = {
    "layers": [
        {"table": "people", "grain": "a person", "landed": 1277, "kept": 1190, "quarantined": 10,
         "later": 77},
    ],
    "quarantine": [["people", "repeated row", 10]],
    "cleaning": [{"table": "people", "column": "SEX", "what": "replaced '0' by '4'", "rows": 345}],
}  # fmt: skip
CHECKS = [
    {"source": "people", "column": "AGE", "expected": "integer", "found": "integer", "ok": True},
    {"source": "people", "column": "SEX", "expected": "no gaps", "found": "3 gaps", "ok": False},
]
SCORECARD = {
    "base_points": 600.0, "base_odds": 50.0, "pdo": 20.0, "rows": 4000,
    "intercept_points": 487.1234,
    "features": [
        {"feature": "AMOUNT", "title": "amount asked for", "iv": 0.4321, "bins": [
            {"label": "to 5,000", "rows": 2500, "share": 0.625, "bad": 300, "bad_rate": 0.12,
             "woe": -0.8123, "points": 21.25},
            {"label": "missing", "rows": 0, "share": 0.0, "bad": 0, "bad_rate": 0.0,
             "woe": 0.0, "points": -0.0},
        ]},
    ],
}  # fmt: skip


def page_of(found: Evaluation | None = None, judged: Decision | None = None, **changes: Any) -> str:
    """A report."""
    evaluated = found or evaluation()
    given = {
        "scorecard": None,
        "contract": CHECKS,
        "silver": SILVER,
        "run": "run-1",
    }
    return render(evaluated, judged or decision(), candidates_of(evaluated), **{**given, **changes})


@pytest.fixture(scope="module")
def report() -> str:
    """The report of a run that passed, of a scorecard."""
    return page_of(scorecard=SCORECARD)


@pytest.fixture(scope="module")
def duel() -> str:
    """The page of a challenge."""
    return render_challenge(challenge_report())


@pytest.fixture(params=["report", "duel", "outcome"])
def page(request: pytest.FixtureRequest, report: str, duel: str) -> str:
    """Each of the pages."""
    return {"report": report, "duel": duel, "outcome": outcome_page()}[request.param]


def outcome_page(text: str = "disk full", **changes: Any) -> str:
    """The page of a run that judged nothing."""
    stages = (
        Stage(stage="ingest", status="done", reused=True, seconds=0.04),
        Stage(stage=text, status=text, reused=False, seconds=12.34),
    )
    given = {
        "scenario": text, "run": text, "status": "failed", "metrics": {}, "gate": (),
        "release": "", "champion": 0, "stages": stages, "report": "", "error": text,
    }  # fmt: skip
    return render_outcome(RunSummary.model_validate({**given, **changes}))


def test_the_report_has_every_section_and_a_way_to_each(report: str) -> None:
    titles = re.findall("<h2[^>]*>(.*?)</h2>", report)
    assert titles == [
        "Gate", "Candidates", "Cut-off", "Pictures", "Calibration and lift", "Stability",
        "Segments", "Protected columns", "Reasons", "Scorecard", "From files to rows",
        "What was cleaned", "Development and test", "Data contract",
    ]  # fmt: skip
    places = re.findall('<h2 id="(.*?)">', report)
    assert re.findall('<a href="#(.*?)">', report) == places
    for picture in (
        "Target by split", "ROC", "Calibration", "Scores by class", "Importance of", "Gains",
        "Lift", "Profit by cut-off", "Stability", "Score, development to test", "Search",
    ):  # fmt: skip
        assert f"<!-- {picture}" in report
    assert report.count("<svg") == report.count("</svg>") == 11


@pytest.mark.parametrize(
    "text",
    [
        "Small loans", "small-loans", "run-1", "xgboost (chosen)", "logistic", EVALUATED[:12],
        RELEASED[:12], "AUC", "0.7500", "0.7100 to 0.7900", "PD 0.3", "0.6500", "1,277", "1,190",
        "repeated row", "18 to 40", "600", "held", "broken", "3 gaps", "700", "150", "0.7321",
        "Policy version 3: as declared.", "PD 0.2500 (policy)", "61.30%", "13.75 at 0.3000",
        "0.7400 (0.6900 to 0.7800)", "-0.70%", "0.3100", "significant", "moderate", "AMT",
        "What hurt most, in all 387 declined", "Approval ratio 0.8500",
        "noise alone gives up to 0.0091",
        "tpe, 3 trials", "grid, 3 trials", "no more than chance",
        "chance alone gives up to 0.0200", "From 3,000 development rows",
    ],
)  # fmt: skip
def test_the_report_shows_what_was_found(report: str, text: str) -> None:
    assert any(text in part for part in Page(report).text)


def test_the_report_says_so_where_nothing_was_quarantined(report: str) -> None:
    said = "Nothing was quarantined."
    assert said in page_of(silver={**SILVER, "quarantine": []})
    assert said not in report


@pytest.mark.parametrize(
    ("rules", "verdict", "found", "marked"),
    [
        ((Rule(metric="auc", floor=0.7),), "passed", ["AUC|at least 0.7|0.7500|passed"], []),
        ((Rule(metric="auc", floor=0.8),), "refused", ["AUC|at least 0.8|0.7500|failed"], [0]),
        (
            (Rule(metric="ks", floor=0.1), Rule(metric="recall", ceiling=0.5, cutoff=0.3)),
            "refused",
            ["KS|at least 0.1|0.4000|passed", "Recall at 0.3|at most 0.5|0.6500|failed"],
            [1],
        ),
    ],
)
def test_the_report_shows_each_rule_and_marks_those_that_failed(
    rules: tuple[Rule, ...], verdict: str, found: list[str], marked: list[int]
) -> None:
    page = page_of(judged=decision(*rules))
    assert f'<span class="verdict {verdict}">The gate: {verdict}</span>' in page
    assert f"<title>small-loans: {verdict}</title>" in page
    part = section(page, "Gate")
    assert lines(part)[1:] == [*found, "Reason texts|for every feature|all|passed"]
    rows = re.findall("<tr( class=failed)?>", part)[1:]
    assert [number for number, mark in enumerate(rows) if mark] == marked


def test_the_report_names_the_features_without_a_text() -> None:
    part = section(page_of(judged=decision(silent=("A", "B"))), "Gate")
    assert lines(part)[-1] == "Reason texts|for every feature|none for A, B|failed"


def test_the_report_says_whether_the_judged_bundle_is_the_one_to_release(report: str) -> None:
    same = decision().model_copy(update={"bundle": EVALUATED})
    assert "fitted again on all labelled rows" in report
    assert "which is also the one to release" in page_of(judged=same)


def test_the_scorecard_is_a_table_to_read_and_to_sign(report: str) -> None:
    part = section(report, "Scorecard")
    assert lines(part)[1:2] == ["amount asked for|AMOUNT|0.4321|2"]
    assert lines(part)[3:] == [
        "to 5,000|2,500|62.5%|300|12.0%|-0.812|+21.2",
        "missing|0|0.0%|0|-|+0.000|+0.0",
    ]
    for text in ("600 points are odds of 50 good", "487.12", "IV 0.432", "Approved by, date"):
        assert text in part
    assert "Scorecard" not in re.findall("<h2[^>]*>(.*?)</h2>", page_of())


def test_small_groups_are_grey_and_what_is_not_declared_is_said_so() -> None:
    found = evaluation(segments=(), fairness=(), reasons={"rows": 0, "declined": 0, "shares": ()})
    page = page_of(found)
    for text in (
        "No segments are declared",
        "No protected columns are",
        "No test row was declined",
    ):
        assert text in page
    assert "<tr class=soft><td>40 to 68</td>" in page_of()
    assert "<tr class=soft><td>18 to 40</td>" not in page_of()


def test_a_candidate_is_a_column_so_that_its_figures_fit_the_page(report: str) -> None:
    found = lines(section(report, "Candidates"))
    assert found[:4] == [
        "xgboost (chosen)|logistic", "Search|tpe, 3 trials|grid, 3 trials",
        "Validation AUC|0.7321|0.7321", "AUC|0.7500|0.7000",
    ]  # fmt: skip
    assert "Equal opportunity gap|0.0700|0.0700" in found


def test_reasons_of_some_of_the_declined_rows_say_of_how_many() -> None:
    some = evaluation().reasons.model_copy(update={"declined": 5432})
    part = section(page_of(evaluation(reasons=some)), "Reasons")
    assert "What hurt most, in 387 of the 5,432 declined test rows, spread evenly." in part


def test_without_economics_there_is_no_profit_in_the_report() -> None:
    found = evaluation()
    curves = found.curves.model_copy(update={"profit": None})
    page = page_of(found.model_copy(update={"curves": curves}))
    assert "rofit" not in page


def test_a_page_asks_nothing_of_the_network(page: str) -> None:
    asking = {"src", "href", "xlink:href", "srcset", "action", "data", "poster", "formaction"}
    tags = Page(page).tags
    asked = [
        value or ""
        for _, attributes in tags
        for name, value in attributes.items()
        if name in asking
    ]
    assert asked
    assert all(value.startswith(("#", "data:")) for value in asked)
    assert not {tag for tag, _ in tags} & {"script", "iframe", "img", "object", "embed", "base"}
    assert not re.search(r"@import|url\((?!#)", page)


def test_a_page_closes_every_tag_that_it_opens(page: str) -> None:
    assert page.startswith("<!doctype html>\n")
    assert Page(page).open == []


def test_text_from_the_data_is_shown_in_the_report_and_never_run() -> None:
    places = ["title", "scenario", "family", "column", "value", "run", "table", "reason", "layer",
              "grain", "source", "input", "expected", "found", "segment", "band", "feature",
              "code", "rule", "bin", "card", "name", "cleaned", "cell", "what",
              "entity"]  # fmt: skip
    text = {place: nasty(place) for place in places}
    whole = evaluation()
    found = evaluation(
        figures(text["family"]).model_copy(
            update={"cutoff": figures().cutoff.model_copy(update={"rule": text["rule"]})}
        ),
        title=text["title"],
        scenario=text["scenario"],
        fairness=[
            whole.fairness[0].model_copy(
                update={"column": text["column"], "groups": (group(text["value"]),)}
            )
        ],
        segments=[
            whole.segments[0].model_copy(
                update={"column": text["segment"], "value": text["band"]}
            )
        ],
        reasons={"rows": 1, "shares": [
            {"feature": text["feature"], "code": text["code"], "share": 1.0}
        ], "declined": 1},
        persons=PERSONS.model_copy(update={"entity": text["entity"]}),
    )  # fmt: skip
    check = {"source": text["source"], "column": text["input"], "expected": text["expected"],
             "found": text["found"], "ok": False}  # fmt: skip
    (feature,) = SCORECARD["features"]  # type: ignore[misc]
    bins = [{**feature["bins"][0], "label": text["bin"]}]  # type: ignore[index]
    card = {**feature, "title": text["card"], "feature": text["name"], "bins": bins}  # type: ignore[dict-item]
    page = page_of(
        found,
        decision(found=found),
        run=text["run"],
        scorecard={**SCORECARD, "features": [card]},
        silver={
            "quarantine": [[text["table"], text["reason"], 1]],
            "layers": [{**SILVER["layers"][0], "table": text["layer"], "grain": text["grain"]}],
            "cleaning": [
                {"table": text["cleaned"], "column": text["cell"], "what": text["what"], "rows": 1}
            ],
        },
        contract=[check],
    )
    assert_shown_and_never_run(page, places)


def test_text_from_the_data_is_shown_in_the_page_of_an_outcome_and_never_run() -> None:
    places = ["scenario", "run", "error", "stage", "status"]
    scenario, run, error, stage, status = map(nasty, places)
    stages = (Stage(stage=stage, status=status, reused=False, seconds=1),)
    page = outcome_page(scenario=scenario, run=run, error=error, stages=stages)
    assert_shown_and_never_run(page, places)


def test_text_from_the_data_is_shown_in_the_page_of_a_challenge_and_never_run() -> None:
    places = ["scenario", "why", "family", "column", "value"]
    scenario, why, family, column, value = map(nasty, places)
    whole = challenge_report()
    assert whole.decision is not None
    segment = whole.decision.segments[0].model_copy(update={"column": column, "value": value})
    page = render_challenge(
        whole.model_copy(
            update={
                "scenario": scenario,
                "why": why,
                "champion": Contender(family=family, bundle="b", approve_below=0.1),
                "decision": whole.decision.model_copy(update={"segments": (segment,)}),
            }
        )
    )
    assert_shown_and_never_run(page, places)


def test_equal_figures_give_an_equal_page(report: str, duel: str) -> None:
    assert page_of(scorecard=SCORECARD) == report
    assert render_challenge(challenge_report()) == duel


def test_the_page_of_a_failure_says_what_went_wrong_and_how_far_the_run_came() -> None:
    text = " ".join(Page(outcome_page("disk full & done")).text)
    for part in ("disk full & done", "Nothing was deployed", "ingest", "0.0", "12.3"):
        assert part in text


def test_the_page_of_a_run_that_only_deployed_does_not_speak_of_failure() -> None:
    text = " ".join(Page(outcome_page("s", status="deployed", error="")).text)
    assert "the run is done" in text
    assert "Nothing was deployed" not in text


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({}, ["The challenger won", "983 frozen rows", "17 more were left out", "0.0123",
              "+0.0677", "REGION: north", "worse", "too few rows to judge", "scorecard"]),
        ({"won": False}, ["The challenger lost"]),
        ({"won": False, "comparable": False}, ["The challenger did not win"]),
        ({"left_out": 0}, ["fitted on none of them"]),
        ({"left_out": None}, ["It cannot be known"]),
        ({"champion": None, "decision": None, "why": "first"}, ["No comparison was", "First."]),
    ],
)  # fmt: skip
def test_the_page_of_a_challenge_shows_what_it_was_decided_on(
    changes: dict[str, Any], texts: list[str]
) -> None:
    page = " ".join(Page(render_challenge(challenge_report(**changes))).text)
    assert [text for text in texts if text not in page] == []


def test_a_segment_that_lost_is_marked_on_the_page_of_the_challenge(duel: str) -> None:
    assert "<tr class=failed><td>REGION: south</td>" in duel
    assert "<tr class=soft><td>REGION: west</td>" in duel
    assert "<tr><td>REGION: north</td>" in duel

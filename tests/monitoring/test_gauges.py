"""A report as gauges: every figure that there is, and nothing in the place of one that is not."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from components.contracts.drift import Rate
from components.contracts.gauges import Gauge
from components.contracts.monitoring import Watched
from components.contracts.results import cutoff_key
from components.monitoring.gauges import HELP, Standing, gauges
from tests.monitoring.reported import (
    AT_CUTOFF,
    CUTOFF,
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
    young,
)

NOTHING = Standing(trained_as_of="", retrain_after=3, serving="", snapshot_as_of="")
STANDING = Standing(
    trained_as_of="2024-05-31", retrain_after=3, serving=NEW, snapshot_as_of="2024-07-31"
)
AUGUST, FEBRUARY = 1_722_470_400.0, 1_706_745_600.0
_Told = dict[tuple[str, ...], float]


def told(report: Watched, standing: Standing = NOTHING) -> _Told:
    """The gauges by name (without `vintage_`) and the values of their labels."""
    found = gauges(report, standing)
    named = {(g.name.removeprefix("vintage_"), *g.labels.values()): g.value for g in found}
    assert len(named) == len(found)
    return named


#: What every report tells.
ALWAYS: _Told = {
    ("month_timestamp_seconds",): AUGUST,
    ("outcomes_waiting",): 20,
    ("outcomes_conflicting",): 2,
    ("outcomes_strange",): 3,
    ("retrain_after_months",): 3,
}


def test_a_report_is_told_whole() -> None:
    scored = {"auc": 0.7, "gini": 0.4, "ks": 0.3, "brier": 0.1, **AT_CUTOFF, "ece": 0.02}
    months = {
        (name, release): value
        for release, rows in ((OLD, 100), (NEW, 300))
        for name, value in {
            "month_decisions": rows, "approval_ratio": 0.75, "score_psi": 0.02, "score_ks": 0.03,
            "expected_bad_ratio": 0.22, "bad_ratio": 0.25,
            "scoring_vintage_timestamp_seconds": FEBRUARY,
        }.items()
    }  # fmt: skip
    assert told(alarming(), STANDING) == {
        **ALWAYS,
        **months,
        ("feature_psi", OLD, "LIMIT"): 0.4,
        ("feature_psi", OLD, "AGE"): 0.01,
        ("feature_psi", NEW, "LIMIT"): 0.01,
        ("feature_missing_ratio", OLD, "LIMIT"): 0.1,
        ("feature_missing_ratio", OLD, "AGE"): 0.0,
        ("feature_missing_ratio", NEW, "LIMIT"): 0.0,
        ("drift_raised", OLD, "psi"): 1,
        ("drift_raised", OLD, "evidently"): 2,
        ("drift_raised", NEW, "psi"): 0,
        ("drift_raised", NEW, "evidently"): 0,
        **{
            ("scoring_figure", r, name): value for r in (OLD, NEW) for name, value in scored.items()
        },
        ("training_figure", OLD, "auc"): 0.8,
        ("scoring_auc_lower", OLD): 1,
        ("training_age_months",): 3,
        ("snapshot_timestamp_seconds", NEW): 1_722_384_000.0,
    }


def test_a_month_without_decisions_and_outcomes_tells_that_alone() -> None:
    assert told(watched()) == ALWAYS


def test_the_order_is_that_of_the_names_whatever_came_first() -> None:
    report = alarming()
    turned = alarming(
        drift=dict(reversed(report.drift.items())),
        verdicts=dict(reversed(report.verdicts.items())),
        vintages=report.vintages[::-1],
        against=report.against[::-1],
    )
    found = gauges(report, STANDING)
    assert gauges(turned, STANDING) == found
    names = list(dict.fromkeys(one.name for one in found))
    assert names == [name for name in HELP if name in names]
    assert set(names) == set(HELP)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("month", "absent"),
    [
        (drift(shift("LIMIT", None, None)), {("feature_psi", OLD, "LIMIT"),
                                             ("feature_missing_ratio", OLD, "LIMIT")}),
        (drift(shift("LIMIT", NAN, INF)), {("feature_psi", OLD, "LIMIT"),
                                           ("feature_missing_ratio", OLD, "LIMIT")}),
        (drift(shift("LIMIT"), score=shift("the score", None)), {("score_psi", OLD)}),
        (drift(shift("LIMIT"), score=shift("the score", -INF)), {("score_psi", OLD)}),
        (drift(shift("LIMIT"), ks=None), {("score_ks", OLD)}),
        (
            drift(shift("LIMIT"), approval=Rate(count=0, rows=0, share=None, low=None, high=None)),
            {("approval_ratio", OLD)},
        ),
    ],
)  # fmt: skip
def test_a_figure_of_the_month_that_is_none_or_no_number_is_no_gauge(
    month: Any, absent: set[tuple[str, ...]]
) -> None:
    def of(one: Any) -> set[tuple[str, ...]]:
        return set(told(watched(drift={OLD: one}, verdicts={OLD: verdict()})))

    assert of(drift(shift("LIMIT"))) - of(month) == absent


def test_a_name_with_quotes_is_kept_as_it_is() -> None:
    name = 'a "quoted"\\ name\nof two lines'
    found = told(watched(drift={OLD: drift(shift(name))}, verdicts={OLD: verdict()}))
    assert found["feature_psi", OLD, name] == 0.01


def _chosen(report: Watched) -> dict[str, float]:
    """Release -> the vintage whose figures are told."""
    name = "scoring_vintage_timestamp_seconds"
    return {key[1]: value for key, value in told(report).items() if key[0] == name}


@pytest.mark.parametrize(
    ("vintages", "expected"),
    [
        ((), {}),
        ((young("2024-03"),), {}),
        ((vintage("2024-01"), vintage("2024-02"), young("2024-03")), {OLD: FEBRUARY}),
        ((vintage("2024-02"), vintage("2024-02", NEW)), {OLD: FEBRUARY, NEW: FEBRUARY}),
        # Another release's last one was before, and is of the past.
        ((vintage("2024-01"), vintage("2024-02", NEW)), {NEW: FEBRUARY}),
        # Mature, and too few outcomes came.
        ((vintage("2024-02"), vintage("2024-03", known=3, calibrated=None)), {OLD: FEBRUARY}),
    ],
)
def test_the_last_vintage_that_is_mature_and_known_well_enough_is_told(
    vintages: Any, expected: dict[str, float]
) -> None:
    assert _chosen(watched(vintages=vintages)) == expected


def test_a_figure_that_a_vintage_lacks_is_no_gauge() -> None:
    lacking = vintage(
        "2024-02",
        figures={"auc": measure(None, "too few bad rows"), "brier": measure(NAN)},
        thresholds={cutoff_key(CUTOFF): {"recall": measure(None, "selected"), "f1": measure(0.3)}},
    )
    found = told(watched(vintages=(lacking,)))
    figures = {key[2]: value for key, value in found.items() if key[0] == "scoring_figure"}
    assert figures == {"f1": 0.3, "ece": 0.02}


@pytest.mark.parametrize(
    ("trained", "said", "expected"),
    [
        (0.8, "lower", {"training_figure": 0.8, "scoring_auc_lower": 1}),
        (0.7, "not lower", {"training_figure": 0.7, "scoring_auc_lower": 0}),
        (0.7, "none", {"training_figure": 0.7}),
        (None, "none", {}),
    ],
)
def test_training_stands_beside_the_vintage_where_it_is_known(
    trained: float | None, said: str, expected: dict[str, float]
) -> None:
    one = vintage("2024-02")
    found = told(watched(vintages=(one,), against=(against(one, trained, said),)))
    names = ("training_figure", "scoring_auc_lower")
    assert {key[0]: value for key, value in found.items() if key[0] in names} == expected


@pytest.mark.parametrize(
    ("trained", "months"),
    [("2024-08-31", 0), ("2024-08", 0), ("2024-07-31", 1), ("2023-12-01", 8), ("2024-09-30", 0)],
)
def test_the_age_of_a_training_is_in_months_of_the_calendar(trained: str, months: int) -> None:
    standing = Standing(trained_as_of=trained, retrain_after=6, serving="", snapshot_as_of="")
    found = told(watched(), standing)
    assert found["training_age_months",] == months
    assert found["retrain_after_months",] == 6


@pytest.mark.parametrize(("serving", "day"), [("", "2024-07-31"), (NEW, "")])
def test_a_snapshot_without_a_release_or_a_day_is_no_gauge(serving: str, day: str) -> None:
    standing = Standing(trained_as_of="", retrain_after=3, serving=serving, snapshot_as_of=day)
    assert told(watched(), standing) == ALWAYS


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_no_number_cannot_be_a_gauge(value: float) -> None:
    with pytest.raises(ValidationError):
        Gauge(name="vintage_score_psi", help="", labels={}, value=value)


def test_the_page_lists_every_gauge_with_its_labels() -> None:
    page = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
    listed = re.findall(r"^\| `(vintage_\w+)(?:\{(.*?)\})?` \|", page, re.MULTILINE)
    labels = {one.name: ", ".join(one.labels) for one in gauges(alarming(), STANDING)}
    assert listed == list(labels.items())

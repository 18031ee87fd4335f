"""The page of a month: what it says first, that it is whole, and that it stays small and safe."""

import re
from typing import Any

import pytest

from components.contracts.drift import SCORE, Verdict
from components.contracts.monitoring import Watched
from components.contracts.results import Interval
from components.contracts.vintages import Curve, Measure, RollRates
from components.figures.psi import FEW_ROWS
from components.monitoring.page import render
from pipelines.commands.monitor import _page
from tests.monitoring.watching import (
    FIRST,
    SECOND,
    against,
    curve,
    drift_of,
    evidence_of,
    gathered,
    matched,
    month_after,
    rolls,
    shift,
    trouble,
    unseen,
    verdict_of,
    vintage,
    watched,
)
from tests.pages import Page, assert_shown_and_never_run, lines, nasty, section

#: Twelve months, another release from the ninth on.
DECIDED = {
    month_after("2023-09", n): FIRST if n < 8 else SECOND for n in range(12)
}  # fmt: skip
MOVED = (
    shift("INCOME", 0.31, "significant"), shift("REGION", 0.14, "moderate", unseen=unseen("moon")),
    shift("OLD", None, "vanished"), shift("VISITS", 0.02),
)  # fmt: skip
TITLES = [
    "Raised", "In short", "Over months", "Drift of the month", "Vintages",
    "How vintages went bad", "Roll rates", "What came of the data",
]  # fmt: skip


def until(as_of: str, **changes: Any) -> Watched:
    """A report on the months up to one."""
    decided = {month: release for month, release in DECIDED.items() if month <= as_of}
    return watched(as_of, decided=decided, **changes)


HISTORY = [until(month) for month in DECIDED if month not in {"2024-01", "2024-08"}]
NOW = until("2024-08", features=MOVED, drifted=("INCOME", "VISITS"), roll_rates=rolls())


@pytest.fixture(scope="module")
def page() -> str:
    """The page of a month that alarms, with ten reports before it and one missing."""
    return render(NOW, HISTORY, {SECOND: ["evidently-a b.html"]})


def _badges(page: str) -> list[tuple[str, str]]:
    return re.findall('<span class="verdict ([a-z]+)">(.*?)</span>', page)


def _told(page: str, picture: str) -> list[str]:
    """What the points of a picture tell."""
    (drawn,) = re.findall(f'<svg [^>]*aria-label="{picture}">(.*?)</svg>', page)
    return re.findall("<title>(.*?)</title>", drawn)


def test_the_page_has_every_part_and_a_way_to_each(page: str) -> None:
    assert re.findall("<h2[^>]*>(.*?)</h2>", page) == TITLES
    places = re.findall('<h2 id="(.*?)">', page)
    assert re.findall('<a href="#(.*?)">', page) == places
    assert re.findall('aria-label="(.*?)"', page) == [
        "AUC", "Bad rate", "PSI of the score", "KS of the score", "Approved", "Decisions",
        "PSI", "PSI of INCOME", "PSI of REGION", "PSI of VISITS", "Calibration", "Vintage curves",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("report", "badge", "title"),
    [
        (NOW, ("refused", "Alarm: 4 raised"), "alarm"),
        (until("2024-07"), ("passed", "No alarm"), "no alarm"),
        (watched("2024-08", drifted=[SCORE]), ("refused", "Alarm: 1 raised"), "alarm"),
        (
            watched("2024-09", decided=DECIDED),
            ("open", "No decisions in 2024-09"),
            "no alarm",
        ),
        (
            watched(drift={FIRST: drift_of(29)}, verdicts={FIRST: Verdict(raised=())}),
            ("open", "No alarm, and too few rows for one: 29"),
            "no alarm",
        ),
    ],
)
def test_the_verdict_comes_first(report: Watched, badge: tuple[str, str], title: str) -> None:
    page = render(report, [], {})
    assert _badges(page) == [badge]
    assert f"<title>small-loans {report.as_of}: {title}</title>" in page


def test_what_was_raised_is_named_with_the_watch_the_reason_and_the_release(page: str) -> None:
    assert lines(section(page, "Raised"))[1:] == [
        f"INCOME|2024-08|PSI and Evidently|PSI 0.31, significant; ks 1e-09|{SECOND[:12]}",
        f"REGION|2024-08|PSI|PSI 0.14, moderate|{SECOND[:12]}",
        f"OLD|2024-08|PSI|PSI None, vanished|{SECOND[:12]}",
        f"VISITS|2024-08|Evidently|ks 1e-09|{SECOND[:12]}",
    ]
    before = until("2024-06", features=MOVED[:1]), until("2024-07", features=MOVED[:2])
    later = render(NOW, before, {})
    assert _badges(later) == [("refused", "Alarm: 4 raised, 2 of them new")]
    assert [line.split("|")[:2] for line in lines(section(later, "Raised"))[1:]] == [
        ["OLD", "2024-08"], ["VISITS", "2024-08"], ["INCOME", "2024-06"], ["REGION", "2024-07"],
    ]  # fmt: skip
    assert "Neither the score nor any of 0 features" in section(
        render(until("2024-07"), [], {}), "Raised"
    )


@pytest.mark.parametrize(
    ("asked", "pages", "links", "said"),
    [
        (True, {SECOND: ["evidently-a b.html"]}, ["evidently-a%20b.html"], None),
        (True, {SECOND: ["a.html", "b.html"]}, ["a.html", "b.html"], None),
        (True, {FIRST: ["a.html"]}, ["a.html"], "there was nothing to show"),
        (True, {}, [], "there was nothing to show"),
        (False, {}, [], "it was not asked"),
    ],
)
def test_evidentlys_pages_are_linked_or_it_is_said_why_there_is_none(
    asked: bool, pages: dict[str, list[str]], links: list[str], said: str | None
) -> None:
    report = NOW if asked else NOW.model_copy(update={"evidence": {}})
    part = section(render(report, [], pages), "Raised")
    assert sorted(re.findall('<a href="(.*?)">', part)) == links
    assert re.findall("has no page of release [0-9a-f]+: (.*?)\\.", part) == (
        [said] if said else []
    )


@pytest.mark.parametrize(
    ("title", "texts"),
    [
        ("In short", ["Decisions|3,000", "Approved|70.00% (68.34% to 71.61%)",
                      "PSI of the score|0.0120, stable; by chance up to 0.0350",
                      "KS of the score|0.0210; by chance up to 0.0405", "Raised by PSI|3 of 5",
                      "Raised by Evidently|2 of 4", "Expected bad rate|8.70% (7.50% to 9.90%)",
                      "With an outcome|2,700 of 3,000, 245 bad", "AUC|0.7400 (0.7100 to 0.7700)",
                      "Training&#x27;s AUC|0.7600 (0.7450 to 0.7750)",
                      "ECE|0.0123; by noise up to 0.0156",
                      f"Latest mature: 2024-02|{FIRST[:12]}"]),
        ("Drift of the month", [
            "the score|0.0120|0.0350|stable|no: ks 0.31, limit 5e-05|2.00%|"
            "1.80% (1.20% to 2.60%)|-",
            "REGION|0.1400|0.0350|moderate|no: ks 0.31, limit 5e-05|2.00%|"
            "1.80% (1.20% to 2.60%)|moon (3)",
            "OLD|-|-|vanished|not asked: the month has no such column|-|-|-",
        ]),
        ("Vintages", [
            f"2024-08|{SECOND[:12]}|3,000|2,100 (70.00%)|8.70% (7.50% to 9.90%)|60|5|-|all rows|"
            "not yet: mature from 2025-02 on",
            f"2024-02|{FIRST[:12]}|3,000|2,100 (70.00%)|8.70% (7.50% to 9.90%)|2,700|245|"
            "9.07% (8.05% to 10.22%)|all rows|mature",
            f"2024-02|{FIRST[:12]}|2,700|0.7400 (0.7100 to 0.7700)|0.7600 (0.7450 to 0.7750)|"
            "not lower|0.4800 (0.4500 to 0.5100)|0.3600 (0.3300 to 0.3900)|"
            "0.0123 (noise: up to 0.0156)|0.8300 (0.8000 to 0.8600)|0.2900 (0.2600 to 0.3200)|"
            "0.4700 (0.4400 to 0.5000)|0.3600 (0.3300 to 0.3900)",
            "REGION: north|1,200|110|9.17% (7.67% to 10.67%)|9.00%|0.7400 (0.6900 to 0.7900)|"
            "0.4800 (0.4300 to 0.5300)|0.3600 (0.3100 to 0.4100)|0.0234 (noise: up to 0.0345)|"
            "0.8300 (0.8100 to 0.8500)|0.2900 (0.2700 to 0.3100)|0.4700 (0.4500 to 0.4900)|"
            "0.3600 (0.3400 to 0.3800)",
            "REGION: islands|7|0|too few rows: expected 30 at least, found 7|5.00%|-|-|-|-|-|-|-|-",
        ]),
        ("Roll rates", ["1 to 29|220: 50.00% (45.35% to 54.65%)|90: 20.45% (16.95% to 24.47%)|"
                        "130: 29.55% (25.47% to 33.97%)|0|0|440|9",
                        "90 and more|0|0|0|0|0|0|61"]),
        ("What came of the data", ["2024-08|31|2,800|3,000|0|0|0|0|0",
                                   "Decisions that wait for one|13,200|-"]),
    ],
)  # fmt: skip
def test_the_page_shows_what_was_found(page: str, title: str, texts: list[str]) -> None:
    found = lines(section(page, title))
    assert [text for text in texts if text not in found] == []


def test_a_month_without_decisions_still_shows_what_is_known_of_others() -> None:
    page = render(watched("2024-09", decided=DECIDED), HISTORY, {})
    assert "Nothing was decided in 2024-09" in section(page, "Raised")
    assert "No decisions in 2024-09" in section(page, "Drift of the month")
    assert [line for line in lines(section(page, "Vintages")) if line.endswith("|mature")]
    assert len(_told(page, "PSI of the score")) == len(HISTORY) + 1  # and where one was promoted
    assert '<p class="lead">No decisions; ' in page


def test_with_nothing_but_one_month_every_part_says_what_it_lacks() -> None:
    page = render(watched(gathered=(), curves=(), evidence={}, verdicts={}), [], {})
    said = {
        "In short": "No vintage is mature yet: the first is from 2025-02 on.",
        "Vintages": "not yet: mature from 2025-02 on",
        "How vintages went bad": "No vintage has a row that can go bad.",
        "Roll rates": "No states of days past due were delivered.",
        "What came of the data": "There is no decision log",
        "Raised": "it was not asked",
        "Over months": "AUC 0.7450 (0.7200 to 0.7700) of 3,000 rows, an estimate",
    }
    assert [title for title, text in said.items() if text not in section(page, title)] == []
    nothing = watched(decided={}, vintages=(), against=())
    assert "No decisions are known." in section(render(nothing, [], {}), "Vintages")
    young = watched(curves=(Curve(month="2024-08", rows=70, bad=(0,)),))
    assert "None of 70 rows has gone bad yet." in render(young, [], {})


def test_features_after_the_first_twenty_are_folded_away_and_what_was_raised_is_marked() -> None:
    calm = [shift(f"F{n:03d}", 0.09 - n / 10_000) for n in range(30)]
    page = render(watched(features=calm, drifted=["F029"]), [], {})
    part = section(page, "Drift of the month")
    first, folded = part.split("<details>")
    assert (len(lines(first)), len(lines(folded))) == (1 + 21, 1 + 10)
    assert re.findall("<tr class=failed><td>(.*?)</td>", part) == ["F029"]


@pytest.mark.parametrize(
    ("aucs", "badges", "marked"),
    [
        ({"2024-02": 0.74}, 0, []),
        ({"2024-02": 0.66}, 1, ["2024-02"]),
        ({"2024-01": 0.66}, 0, ["2024-01"]),
    ],
)
def test_an_auc_below_trainings_is_marked_and_the_latest_is_said_first(
    aucs: dict[str, float], badges: int, marked: list[str]
) -> None:
    found = tuple(
        vintage(month, "2024-08", release=release, auc=aucs.get(month, 0.74))
        for month, release in DECIDED.items()
    )
    report = NOW.model_copy(update={"vintages": found, "against": tuple(map(against, found))})
    page = render(report, HISTORY, {})
    assert len(_badges(page)) == 1 + badges
    assert re.findall("<tr class=failed><td>(20[0-9-]+)</td>", page) == marked
    why = "lower than training's by more than noise: 0.660 against 0.760, noise is up to 0.040"
    assert page.count(why.replace("'", "&#x27;")) >= len(marked) * 2  # in the picture, too


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"selected": True, "known_declined": 0}, "approved rows only"),
        ({"selected": True, "known_declined": 3}, "approved rows, and 3 declined"),
        ({"known": 0, "bad": 0}, "|0|0|-|-|mature"),
        ({"known": 29, "bad": 2}, "2 of 29: too few to tell"),
        ({"why": "too few bad rows: expected 10 at least, found 3"}, "too few bad rows: expected"),
    ],
)
def test_a_vintage_says_whose_outcomes_it_has_and_why_it_has_no_figure(
    changes: dict[str, Any], line: str
) -> None:
    one = vintage("2024-01", "2024-08", **changes)
    page = render(watched(vintages=(one,), against=(against(one),)), [], {})
    found = lines(section(page, "Vintages"))
    assert any(line in text for text in found)
    if "why" in changes:
        assert sum(text.count(line) for text in found) == 2  # once a table


def test_a_reason_that_all_figures_at_the_cutoff_share_is_said_once() -> None:
    why = "only approved rows have an outcome"
    one = vintage("2024-01", "2024-08", selected=True)
    none = {name: Measure(rows=2700, why=why) for name in ("accuracy", "precision", "recall", "f1")}
    one = one.model_copy(update={"thresholds": dict.fromkeys(one.thresholds, none)})
    page = render(watched(vintages=(one,), against=(against(one),)), [], {})
    assert [text for text in lines(section(page, "Vintages")) if f"{why}|-|-|-" in text]


def test_over_months_what_is_not_mature_is_an_estimate_and_looks_like_one(page: str) -> None:
    told = [text for text in _told(page, "AUC") if "AUC" in text]
    estimates = [text for text in told if text.endswith("an estimate")]
    assert (len(told), len(estimates)) == (12, 6)
    (drawn,) = re.findall('aria-label="AUC">(.*?)</svg>', page)
    assert drawn.count('fill="white"') == 6
    assert f"2024-02, release {FIRST[:12]}: AUC 0.7400 (0.7100 to 0.7700) of 2,700 rows; not " in (
        drawn
    )


def test_a_promotion_shows_as_a_line_and_another_colour(page: str) -> None:
    (drawn,) = re.findall('aria-label="Decisions">(.*?)</svg>', page)
    assert f"<title>release {SECOND[:12]} from 2024-05 on</title>" in drawn
    colors = re.findall(r'<title>(20\S+), release[^<]*</title><rect[^>]*fill="(.*?)"', drawn)
    assert [len({c for m, c in colors if DECIDED[m] == name}) for name in (FIRST, SECOND)] == [1, 1]
    assert len({color for _, color in colors}) == 2
    assert len(colors) == 12


def test_a_month_without_a_report_is_a_gap_and_not_a_line_across(page: str) -> None:
    (drawn,) = re.findall('aria-label="KS of the score">(.*?)</svg>', page)
    assert len(re.findall("<circle", drawn)) == 11
    assert not [text for text in _told(page, "KS of the score") if text.startswith("2024-01")]
    # Between 11 points of two releases with a gap in the first one.
    joined = re.findall('<line [^>]*stroke="(?:#2a6f97|#b08968)"', drawn)
    assert len(joined) == 11 - 3


def test_too_few_rows_are_drawn_hollow_and_a_raised_score_is_ringed() -> None:
    few = watched(score=shift(SCORE, 0.4, FEW_ROWS))
    raised = watched(score=shift(SCORE, 0.4, "significant"))

    def drawn(report: Watched) -> str:
        (found,) = re.findall('aria-label="PSI of the score">(.*?)</svg>', render(report, [], {}))
        return str(found)

    assert 'fill="white" stroke="#2a6f97"' in drawn(few)
    assert 'fill="white" stroke="#c8553d"' in drawn(raised)
    assert 'fill="white"' not in drawn(watched())


def test_a_clock_that_was_wrong_once_does_not_squeeze_the_other_months() -> None:
    report = watched(decided={"1970-01": FIRST, **DECIDED})
    page = render(report, [], {})
    assert "1970-01" in section(page, "Vintages")
    assert len(_told(page, "Decisions")) == 12 + 1  # and where the second one was promoted


def test_two_releases_of_one_month_have_a_part_each() -> None:
    drift = {FIRST: drift_of(2000, MOVED), SECOND: drift_of(1000)}
    evidence = {name: evidence_of(found) for name, found in drift.items()}
    vintages = tuple(vintage("2024-08", "2024-08", release=name) for name in drift)
    report = watched(
        drift=drift, evidence=evidence, vintages=vintages,
        verdicts={name: verdict_of(drift[name], evidence[name]) for name in drift},
    )  # fmt: skip
    page = render(report, [], {})
    assert lines(section(page, "In short"))[1] == "Decisions|2,000|1,000"
    assert "3,000 decisions of the month" in page
    for name in drift:
        assert f"<h3>Release {name[:12]}</h3>" in section(page, "Drift of the month")


def test_outcomes_of_approved_rows_are_held_against_the_pds_of_those() -> None:
    one = vintage("2024-01", "2024-08")
    chosen = vintage("2024-01", "2024-08", selected=True)
    pictures = [
        re.findall('aria-label="Bad rate">(.*?)</svg>', render(watched(vintages=(v,)), [], {}))[0]
        for v in (one, chosen)
    ]
    # The estimate of all rows has a band, the mean of known ones has none.
    heights = [re.findall(r'<rect[^>]*height="([0-9.]+)"', found) for found in pictures]
    assert [float(found[0]) > 0 for found in heights] == [True, False]


def test_each_trouble_of_the_log_is_counted_and_its_example_is_shown_once() -> None:
    same = trouble("half a record", 1)
    log = (gathered("2024-07", cut=same), gathered("2024-08", cut=same, clocks=trouble("1999")))
    told = matched("2024-08", conflicting=3, conflict="abc-0", strange=2, stranger="def-1", early=1,
                   earliest="ghi-0")  # fmt: skip
    part = lines(section(render(watched(gathered=log, matched=told), [], {}), TITLES[-1]))
    assert "2024-08|31|2,800|3,000|0|1|0|0|2" in part
    assert [line for line in part if "half a record" in line] == [
        "2024-07|Cut off|2024-08-02/a.seg, line 17|half a record"
    ]
    assert "2024-08|Clocks that differ|2024-08-02/a.seg, line 17|1999" in part
    said = "\n".join(_page(watched(gathered=log, matched=told)))
    assert "\nlog       2024-07: cut off 1\n" in said
    assert "\nlog       2024-08: cut off 1, clocks that differ 2\n" in said
    assert "Decisions with both outcomes: the first stands|3|abc-0" in part
    assert "Outcomes of no decision|2|def-1" in part
    assert "Outcomes known before their decision: a day is wrong|1|ghi-0" in part


def test_roll_rates_are_darker_where_more_went(page: str) -> None:
    part = section(page, "Roll rates")
    found = re.findall(r"/ ([0-9.]+)\)[^>]*>([0-9,]+): ", part)
    depth = {rows: float(shade) for shade, rows in found}
    assert depth["9,100"] > depth["220"] > depth["410"] > 0


def test_states_of_one_month_alone_are_no_table_of_nothing() -> None:
    nothing = rolls().model_copy(update={"counts": ((0,) * 5,) * 5, "left": (0,) * 5})
    part = section(render(watched(roll_rates=nothing), [], {}), "Roll rates")
    assert "No state is known of two months in a row yet." in part and "<table" not in part


@pytest.mark.parametrize(("psi", "borders"), [(0.3, ["0.1", "0.25"]), (5.8, ["0.25"])])
def test_borders_in_one_place_have_one_label(psi: float, borders: list[str]) -> None:
    page = render(watched(features=[shift("X", psi, "significant")]), [], {})
    (drawn,) = re.findall('<svg [^>]*aria-label="PSI">(.*?)</svg>', page)
    assert re.findall(">(0[.][0-9]+)<", drawn) == borders


def test_text_from_the_data_is_shown_and_never_run() -> None:
    places = ["release", "feature", "value", "why", "segment", "file", "found", "conflict",
              "state", "omitted", "verdict", "column"]  # fmt: skip
    text = {place: nasty(place) for place in places}
    # Ids of releases are cut to what tells them apart.
    release = "<script>"
    drift = drift_of(3000, [shift(text["feature"], 0.3, "significant",
                                  unseen=unseen(text["value"]))])  # fmt: skip
    found = evidence_of(drift)
    odd = found.omitted[-1].model_copy(update={"name": "x", "why": text["omitted"]})
    raised = verdict_of(drift, found).raised[0].model_copy(update={"why": (text["why"],)})
    one = vintage("2024-01", "2024-08", release=release)
    part = one.segments[0].model_copy(update={"column": text["column"], "value": text["segment"]})
    beside = against(one).model_copy(update={"verdict": "lower", "why": text["verdict"]})
    example = trouble(text["found"])
    assert example.example is not None
    named = example.example.model_copy(update={"file": text["file"]})
    report = watched(
        drift={release: drift}, verdicts={release: Verdict(raised=(raised,))}, against=(beside,),
        evidence={release: found.model_copy(update={"omitted": (odd,)})},
        vintages=(one.model_copy(update={"segments": (part,)}),),
        gathered=(gathered("2024-08", cut=example.model_copy(update={"example": named})),),
        matched=matched("2024-08", conflict=text["conflict"]),
        roll_rates=RollRates(states=(text["state"],), counts=((1,),), left=(0,)),
    )  # fmt: skip
    page = render(report, [report], {release: [f"{text['file']}.html"]})
    assert_shown_and_never_run(page, [place for place in places if place != "release"])
    assert "&lt;script&gt;</code>" in page


def test_a_page_asks_nothing_of_the_network_and_closes_every_tag(page: str) -> None:
    read = Page(page)
    asked = [v or "" for _, of in read.tags for name, v in of.items() if name in {"src", "href"}]
    assert {one for one in asked if not one.startswith("#")} == {"data:,", "evidently-a%20b.html"}
    assert not {tag for tag, _ in read.tags} & {"script", "iframe", "img", "object", "embed"}
    assert not re.search(r"@import|url\(", page)
    assert read.open == []


def test_everything_that_is_drawn_lies_in_its_picture(page: str) -> None:
    pictures = re.findall(r'<svg viewBox="0 0 ([0-9.]+) ([0-9.]+)"[^>]*>(.*?)</svg>', page)
    assert pictures
    for width, height, drawn in pictures:
        for axis, most in (("x", float(width)), ("y", float(height))):
            places = re.findall(rf' c?{axis}[12]?="([^"]*)"', drawn)
            assert places
            assert [place for place in places if not 0 <= float(place) <= most] == []


def test_the_same_reports_give_the_same_page(page: str) -> None:
    assert render(NOW, HISTORY, {SECOND: ["evidently-a b.html"]}) == page


def test_the_page_of_many_months_and_features_is_small() -> None:
    months = [month_after("2022-01", n) for n in range(35)]
    features = [
        shift(f"A_FEATURE_WITH_A_LONG_NAME_{n:03d}", 0.3, "significant", unseen=unseen("a", "b"))
        for n in range(250)
    ]
    reports = [
        watched(month, features=features, roll_rates=rolls(),
                decided={m: f"{n // 3:064x}"[::-1] for n, m in enumerate(months) if m <= month})
        for month in (months[0], months[20], months[-1])
    ]  # fmt: skip
    page = render(reports[-1], [*[reports[0]] * 17, *[reports[1]] * 17], {})
    assert len(lines(section(page, "Drift of the month"))) > 250
    assert len(page.encode()) < 1_000_000


def test_a_figure_that_is_far_off_stays_in_its_picture() -> None:
    one = vintage("2024-08", "2024-08")
    wide = one.estimate.model_copy(
        update={"auc": Measure(rows=30, found=Interval(value=0.5, low=0.5, high=0.5))}
    )
    flat = one.model_copy(update={"estimate": wide, "decisions": 1, "approved": 0})
    report = watched(
        features=[shift("X", 8.5, "significant", by_chance=70.0)], vintages=(flat,), against=(),
        curves=(curve("2024-01", "2024-08", rows=1, pace=1.0),),
    )  # fmt: skip
    test_everything_that_is_drawn_lies_in_its_picture(render(report, [report], {}))

"""The report and the page of a failure: whole, safe to open, and asking nothing of the network."""

import re
from html.parser import HTMLParser

import pytest

from components.contracts.modelling import Rule
from components.contracts.results import Decision, Evaluation, Stage
from components.evaluation.failure import render_failure
from components.evaluation.report import render
from tests.evaluation.figures import decision, evaluation, figures

LAYERS = [{"table": "people", "grain": "a person", "landed": 1200, "kept": 1190, "quarantined": 10}]
CHECKS = [
    {"source": "people", "column": "AGE", "expected": "integer", "found": "integer", "ok": True},
    {"source": "people", "column": "SEX", "expected": "no gaps", "found": "3 gaps", "ok": False},
]
GROUP = {"rows": 1.0, "bad_rate": 0.0, "mean_pd": 0.1, "below_cutoff": 1.0}
_ALONE = {"meta", "link"}


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, and its visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())


def page_of(
    found: Evaluation | None = None,
    judged: Decision | None = None,
    *,
    quarantine: tuple[tuple[object, ...], ...] = (("people", "repeated row", 10),),
    layers: list[dict[str, object]] | None = None,
    contract: list[dict[str, object]] | None = None,
    run: str = "run-1",
) -> str:
    """A report."""
    return render(
        found or evaluation(),
        judged or decision(),
        contract=CHECKS if contract is None else contract,
        layers=LAYERS if layers is None else layers,
        quarantine=quarantine,
        run=run,
    )


@pytest.fixture(scope="module")
def report() -> str:
    """The report of a run that passed."""
    return page_of()


@pytest.fixture(params=["report", "failure"])
def page(request: pytest.FixtureRequest, report: str) -> str:
    """Each of the two pages."""
    return report if request.param == "report" else failure_page()


def nasty(place: str) -> str:
    """A text that would run where it is not escaped, and that tells where it came from."""
    return f"<script>alert('{place}')</script>&\""


def failure_page(text: str = "disk full") -> str:
    """The page of a run that failed."""
    stages = (
        Stage(stage="ingest", status="done", reused=True, seconds=0.04),
        Stage(stage=text, status=text, reused=False, seconds=12.34),
    )
    return render_failure(text, text, text, stages)


def test_the_report_has_every_section(report: str) -> None:
    assert re.findall("<h2>(.*?)</h2>", report) == [
        "Gate",
        "Candidates",
        "Pictures",
        "Protected columns",
        "From files to rows",
        "Data contract",
    ]
    for picture in ("Target by split", "ROC", "Calibration", "Scores by class", "Importance of"):
        assert f"<!-- {picture}" in report
    assert report.count("<svg") == report.count("</svg>") == 5


@pytest.mark.parametrize(
    "text",
    [
        "Small loans", "small-loans", "run-1", "xgboost (chosen)", "logistic", "0123456789ab",
        "AUC", "0.7500", "0.7100 to 0.7900", "PD 0.3", "0.6500", "1,200", "1,190", "repeated row",
        "18 to 40", "600", "held", "broken", "3 gaps", "700", "150",
    ],
)  # fmt: skip
def test_the_report_shows_what_was_found(report: str, text: str) -> None:
    assert any(text in part for part in Page(report).text)


def test_the_report_says_so_where_nothing_was_quarantined(report: str) -> None:
    said = "Nothing was quarantined."
    assert said in page_of(quarantine=())
    assert said not in report


@pytest.mark.parametrize(
    ("rules", "verdict", "lines", "marked"),
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
    rules: tuple[Rule, ...], verdict: str, lines: list[str], marked: list[int]
) -> None:
    page = page_of(judged=decision(*rules))
    assert f'<span class="verdict {verdict}">The gate: {verdict}</span>' in page
    assert f"<title>small-loans: {verdict}</title>" in page
    table = re.findall("<h2>Gate</h2>.*?<tbody>(.*?)</tbody>", page, re.DOTALL)[0]
    rows = re.findall("<tr( class=failed)?>(.*?)</tr>", table)
    assert [re.sub("(<[^>]*>)+", "|", row).strip("|") for _, row in rows] == lines
    assert [number for number, (mark, _) in enumerate(rows) if mark] == marked


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


def assert_shown_and_never_run(page: str, places: list[str]) -> None:
    """The page shows the texts of all these places, escaped."""
    read = Page(page)
    assert "script" not in {tag for tag, _ in read.tags}
    assert "<script" not in page
    assert not read.open
    assert [p for p in places if f"&lt;script&gt;alert(&#x27;{p}&#x27;)" not in page] == []


def test_text_from_the_data_is_shown_in_the_report_and_never_run() -> None:
    places = ["title", "scenario", "family", "column", "value", "run", "table", "reason", "layer",
              "grain", "source", "input", "expected", "found"]  # fmt: skip
    text = {place: nasty(place) for place in places}
    found = evaluation(
        figures(text["family"]),
        title=text["title"],
        scenario=text["scenario"],
        protected={text["column"]: {text["value"]: GROUP}},
    )
    check = {"source": text["source"], "column": text["input"], "expected": text["expected"],
             "found": text["found"], "ok": False}  # fmt: skip
    page = page_of(
        found,
        decision(found=found),
        run=text["run"],
        quarantine=((text["table"], text["reason"], 1),),
        layers=[{**LAYERS[0], "table": text["layer"], "grain": text["grain"]}],
        contract=[check],
    )
    assert_shown_and_never_run(page, places)


def test_text_from_the_data_is_shown_in_the_page_of_a_failure_and_never_run() -> None:
    places = ["scenario", "run", "error", "stage", "status"]
    scenario, run, error, stage, status = map(nasty, places)
    stages = (Stage(stage=stage, status=status, reused=False, seconds=1),)
    assert_shown_and_never_run(render_failure(scenario, run, error, stages), places)


def test_equal_figures_give_an_equal_page(report: str) -> None:
    assert page_of() == report


def test_the_page_of_a_failure_says_what_went_wrong_and_how_far_the_run_came() -> None:
    text = " ".join(Page(failure_page("disk full & done")).text)
    for part in ("disk full & done", "Nothing was deployed", "ingest", "0.0 s", "12.3 s"):
        assert part in text

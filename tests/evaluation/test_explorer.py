"""The page of an exploration, and the step that makes it."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.contracts.exploration import Exploration
from components.contracts.modelling import Feature
from components.contracts.people import Cluster
from components.contracts.runs import RunSummary
from components.evaluation import step
from components.evaluation.explorer import render
from components.figures.psi import psi_word
from components.storage.objects import Entry, FolderStore
from components.storage.steps import take
from tests.evaluation.golds import explore_spec, explored, write_table
from tests.evaluation.test_exploration import SPEC, table
from tests.evaluation.test_report import CHECKS
from tests.pages import Page, lines, nasty, section
from tests.support import Paper

SILVER: dict[str, Any] = {
    "as_of": "2024-03-31",
    "layers": [{"table": "people", "grain": "a person", "landed": 1200, "kept": 1180,
                "quarantined": 10, "later": 10}],
    "quarantine": [["people", "repeated row", 10]],
    "cleaning": [{"table": "people", "column": "SEX", "what": "replaced '0' by '4'", "rows": 14}],
    "months": {"people": {"2024-01": 600, "2024-03": 580}, "loans": {"2024-02": 77}},
}  # fmt: skip
DAYS = np.datetime64("2024-01-01") + np.arange(400) % 90


def page_of(found: Exploration, **changes: Any) -> str:
    """The page of these figures."""
    return render(found, contract=CHECKS, silver={**SILVER, **changes}, run="run-1")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Exploration:
    """Figures of a table with dates, gaps, a twin of a feature and a protected column."""
    rows = table(_as_of=DAYS, SEX=["f", "m"] * 200)
    rows["B"] = np.where(np.arange(400) % 5 == 0, np.nan, rows["A"] * 2)
    spec = SPEC.model_copy(update={"protected": ("SEX",)})
    return explored(tmp_path_factory.mktemp("golds"), rows, spec)


@pytest.fixture(scope="module")
def page(found: Exploration) -> str:
    """Their page."""
    return page_of(found)


def test_the_page_has_every_section_and_a_way_to_each(page: str) -> None:
    assert re.findall("<h2[^>]*>(.*?)</h2>", page) == [
        "From files to rows", "What was cleaned", "Data contract", "Rows and target",
        "Missing values", "Features", "Each feature", "Correlations", "Drift", "Identical rows",
        "Segments and protected columns",
    ]  # fmt: skip
    assert re.findall('<a href="#(.*?)">', page) == re.findall('<h2 id="(.*?)">', page)
    for picture in ("Rows by month", "Target by split", "Target by month", "Spearman", "Drift by"):
        assert f"<!-- {picture}" in page
    assert re.findall('aria-label="(.*?)"', page)[:1] == ["A"]
    assert page.count("<svg") == page.count("</svg>") == 6 + 3


@pytest.mark.parametrize(
    "text",
    [
        "1,180", "repeated row", "replaced '0' by '4'", "3 gaps", "1 of 2 checks held", "2024-02",
        "77", "validation",
        "suspicious", "missing", "300 development rows", "as of 2024-03-31", "run-1", "By chance",
        "the target", "SEX (protected)", "the colour: IV", "(train and validation) among 400",
        "over the rows of all splits, those of the test included",
    ],
)  # fmt: skip
def test_the_page_shows_what_was_found(page: str, text: str) -> None:
    assert any(text in part for part in Page(page).text)


def test_the_page_is_whole_and_asks_nothing_of_the_network(page: str) -> None:
    read = Page(page)
    assert read.open == []
    for tag, attributes in read.tags:
        assert tag not in {"script", "iframe", "img", "object"}
        for name in ("src", "href", "xlink:href"):
            place = attributes.get(name) or "#"
            assert place.startswith(("#", "data:")), (tag, name, place)


def test_the_page_tells_gaps_twins_and_rates(page: str, found: Exploration) -> None:
    gap = next(gap for gap in found.inputs if gap.name == "B")
    assert lines(section(page, "Missing values"))[1:] == [f"B|{gap.development:.2%}|{gap.test:.2%}"]
    # B is twice A, with a fifth of its values missing: ranks are among the known ones.
    assert "A|B|+0.9999" in lines(section(page, "Correlations"))
    assert "train|200|200|" in "".join(lines(section(page, "Rows and target")))
    assert [line[:2] for line in lines(section(page, "Segments and protected columns"))[1:]] == [
        "f|", "m|",
    ]  # fmt: skip


def test_what_is_too_good_to_be_true_stands_out(page: str, found: Exploration) -> None:
    marked = re.findall("<tr class=failed><td>(.*?)</td>", section(page, "Features"))
    assert marked == [f.name for f in found.features if f.iv - (f.iv_by_chance or 0) >= 0.5]
    assert "A" in marked


def test_noise_is_not_suspicious_however_few_bad_rows_there_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rows = {"A": rng.normal(size=3_000), "_label": np.arange(3_000) < 30}
    page = page_of(explored(tmp_path, rows, explore_spec("A")))
    part = section(page, "Features")
    assert "too few bad rows to tell" in part
    assert "3,000 labelled development rows, of which 30 are bad" in part
    assert "suspicious</td>" not in page


@pytest.mark.parametrize("bad", [0, 1])
def test_a_sample_of_one_class_has_a_page_that_says_what_it_cannot_show(
    tmp_path: Path, bad: int
) -> None:
    page = page_of(explored(tmp_path, table(_label=[bad] * 400), SPEC))
    name = "bad" if bad else "good"
    assert f"All 200 labelled train rows are {name}: they cannot show what tells bad" in page
    few = "too few good rows to tell" if bad else "too few bad rows to tell"
    for line in lines(section(page, "Features"))[1:]:
        assert f"|-|-|{few}|" in line


def test_those_of_whom_nothing_was_known_in_time_are_told(found: Exploration) -> None:
    said = "370 more of the merged table are no rows here: the first that is known of them is of"
    assert said in page_of(found.model_copy(update={"unseen": 370}))
    assert "are no rows here" not in page_of(found)


def test_those_whom_the_label_knows_and_no_row_is_of_are_told(found: Exploration) -> None:
    said = "The label&#x27;s table knows 9,528 more who are no rows here"
    assert said in page_of(found.model_copy(update={"strangers": 9_528}))
    assert "table knows" not in page_of(found)


def test_rows_of_one_month_have_no_empty_table_of_months(tmp_path: Path) -> None:
    day = np.full(400, np.datetime64("2024-01-14"))
    part = section(page_of(explored(tmp_path, table(_as_of=day), SPEC)), "Rows and target")
    assert "All rows are as of one month, 2024-01." in part
    assert "Target by month" not in part


def test_where_persons_return_the_page_says_that_chance_moves_more(tmp_path: Path) -> None:
    rows = table(_as_of=DAYS, WHO=[str(number % 50) for number in range(400)])
    part = section(page_of(explored(tmp_path, rows, SPEC.model_copy(update={"entity": "WHO"}))),
                   "Drift")  # fmt: skip
    assert "The 300 development rows are of 50 persons (WHO)." in part
    alone = section(page_of(explored(tmp_path, table(_as_of=DAYS), SPEC)), "Drift")
    assert "Rows of one person" not in alone


def test_a_month_of_few_rows_is_not_called_moved(tmp_path: Path) -> None:
    days = np.full(400, np.datetime64("2024-01-14"))
    days[:9] = np.datetime64("2024-02-14")
    found = explored(tmp_path, table(_as_of=days), SPEC)
    assert found.monthly is not None
    assert found.monthly.rows == (391, 9)
    for line in found.monthly.moved:
        assert line[1].psi > 0.25
        assert psi_word(line[1]) == "too few rows to tell"


def test_names_that_would_run_are_only_shown(tmp_path: Path) -> None:
    rows = table(SEX=[nasty("value"), "m"] * 200)
    features = tuple(Feature(name=name, title=nasty("feature")) for name in ("A", "B", "COLOUR"))
    spec = SPEC.model_copy(
        update={"features": features, "protected": ("SEX",), "title": nasty("title"),
                "label": nasty("label"), "scenario": nasty("scenario")}
    )  # fmt: skip
    page = render(
        explored(tmp_path, rows, spec),
        contract=[{**CHECKS[0], "found": nasty("contract")}],
        silver={**SILVER, "as_of": nasty("as-of"), "months": {},
                "cleaning": [{**SILVER["cleaning"][0], "what": nasty("what")}]},
        run=nasty("run"),
    )  # fmt: skip
    assert "<script" not in page
    assert "<b>&<" not in page  # a value of COLOUR
    shown = " ".join(Page(page).text)
    for place in ("value", "feature", "title", "label", "scenario", "contract", "as-of", "what",
                  "run"):  # fmt: skip
        assert nasty(place) in shown, place
    assert "<b>&" in shown


def test_of_many_features_the_strongest_have_a_picture_and_it_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    names = [f"F{number}" for number in range(61)]
    columns = {name: rng.normal(size=200) for name in names}
    found = explored(tmp_path, {**columns, "_label": rng.integers(0, 2, 200)}, explore_spec(*names))
    page = page_of(found)
    drawn = re.findall('aria-label="(.*?)"', page)
    assert drawn == [feature.name for feature in found.features[:40]]
    assert "Of 61 features the 40 with the highest IV have a picture" in page
    assert len(lines(section(page, "Features"))) == 1 + 61
    rest = found.features[40:]
    bins = lines(section(page, "Each feature"))[1:]
    assert len(bins) == sum(len(feature.bins) for feature in rest)
    own = rest[0].bins[0]
    rate = f"{own.bad / own.rows:.2%}"
    assert bins[0].startswith(f"{rest[0].name}|{rest[0].iv:.4f}|")
    assert bins[0].endswith(f"|{own.rows}|{own.bad}|{rate}|{own.woe:+.4f}")
    assert "Bins of the other 21 features" in page
    fewer = found.model_copy(update={"features": found.features[:60]})
    assert len(re.findall("aria-label", page_of(fewer))) == 60
    assert "Bins of the other" not in page_of(fewer)


def test_a_category_of_many_values_shows_the_most_frequent(tmp_path: Path) -> None:
    values = tuple(f"v{number}" for number in range(40))
    colour = SPEC.inputs[2].model_copy(update={"values": values})
    spec = explore_spec("COLOUR", inputs=(colour,), segments=("COLOUR",))
    chosen = [value for number, value in enumerate(values) for _ in range(number + 1)]
    found = explored(tmp_path, {"COLOUR": chosen, "_label": [0, 1] * 410}, spec)
    page = page_of(found)
    assert "12 of 40 values are shown" in page
    assert re.findall(">(v[0-9]+)</text>", page) == list(values[28:])
    assert "And 10 rarer values." in page


def test_a_page_of_little_says_so(tmp_path: Path) -> None:
    spec = explore_spec("A")
    rows = {"A": [None] * 40, "_label": [None] * 40, "_split": ["score"] * 40}
    page = page_of(explored(tmp_path, rows, spec), months={}, quarantine=[], cleaning=[], as_of="")
    for said in (
        "Nothing was quarantined.", "There are no test rows to compare with.", "all is missing",
        "40 rows have no label yet", "None is declared.", "No two features are correlated",
    ):  # fmt: skip
        assert said in page
    assert "as of" not in page
    assert "Nothing is split yet" in page
    assert "the 40 rows are all what this page calls development rows" in page
    assert "train and validation" not in page


def test_the_clusters_of_a_proxy_label_are_told(found: Exploration) -> None:
    clusters = tuple(
        Cluster(
            cluster=n,
            rows=50 + n,
            recency=3.0 + n,
            frequency=9.0,
            monetary=1e4,
            distance=[-0.5, 1.625][n],
            at_risk=n == 1,
        )
        for n in range(2)
    )
    part = section(
        page_of(found.model_copy(update={"clusters": clusters})), "How the label was made"
    )
    assert lines(part)[1:] == [
        "0|50|3|9|10,000|-0.50",
        "1|51|4|9|10,000|+1.62|at risk",
    ]


class Installation:
    """An installation with cleaned tables and a gold table of them."""

    def __init__(self, home: Path) -> None:
        self.home, self.store = home, FolderStore(home / "store")
        self.papers: dict[str, Paper] = {}
        gold = self.store.scratch()
        write_table(gold / "final-dataset", table())
        self.hand_in("gold", gold, labels=[])
        silver = self.store.scratch()
        (silver / "contract.json").write_text("[]")
        self.hand_in("silver", silver, **SILVER)

    def paper(self, name: str) -> Paper:
        return self.papers.setdefault(name, Paper(str(self.home / "papers" / name)))

    def hand_in(self, name: str, folder: Path, **facts: object) -> None:
        entry = self.store.publish(f"small/{name}", folder, facts)
        path = Path(self.paper(name).path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(entry.to_json())

    def explore(self, run: str) -> Entry:
        step.explore(
            spec=SPEC.model_dump_json(),
            run=run,
            timeout_minutes=5,
            **{name: self.paper(name) for name in ("silver", "gold", "exploration")},  # type: ignore[arg-type]
        )
        return take(self.paper("exploration"))

    def finish(self, run: str, state: str = "SUCCEEDED") -> RunSummary:
        step.finish(scenario="small", run=run, state=state, timeout_minutes=5)
        found = step.read_summary(run)
        assert found is not None
        return found


def test_an_exploration_is_made_once_and_is_the_page_of_its_run(home: Path) -> None:
    place = Installation(home)
    first = place.explore("one")
    assert set(first.files) == {"exploration.json", "exploration.html"}
    assert place.explore("two") == first
    made, again = (step.read_records(run)[0] for run in ("one", "two"))
    assert (made["stage"], made["reused"], again["reused"]) == ("explore", False, True)
    assert made["facts"]["rows"] == 400
    assert made["facts"]["strongest"][0] == "A"
    folder = place.store.local(first)
    figures = Exploration.model_validate_json((folder / "exploration.json").read_text())
    assert figures.features[0].name == "A"
    summary = place.finish("one")
    assert summary.status == "explored"
    assert Path(summary.report).read_text() == (folder / "exploration.html").read_text()


def test_a_run_that_failed_after_its_exploration_is_a_failure(home: Path) -> None:
    place = Installation(home)
    place.explore("one")
    assert place.finish("one", "FAILED").status == "failed"

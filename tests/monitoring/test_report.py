"""A month's report by its step: both watches, curves, roll rates, AUCs, and pages that stand."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from components.contracts.drift import SCORE
from components.monitoring.outcomes import SCHEMA
from pipelines.commands.monitor import _page
from tests.making import inputs_of
from tests.monitoring.installed import (
    NAME,
    STANDINGS,
    Decisions,
    Report,
    decide,
    deliver_table,
    install,
    outcomes_of,
    report_on,
)

FEATURES = ("INCOME", "VISITS", "REGION", "AMOUNT", "SHARE")


@dataclass(frozen=True)
class World:
    """An installation with decisions of two months, in the latter of which INCOME moved."""

    home: Path
    release: str
    may: Decisions


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VINTAGE_HOME", str(folder / "home"))
        release = install(folder)
        may = decide(release, "2024-05")
        june = inputs_of(1_500, 2)
        june[:, 0] += 20
        decide(release, "2024-06", inputs=june)
        deliver_table("outcomes", 1, outcomes_of(may, "2024-05-31"), SCHEMA)
    return World(folder / "home", release, may)


@pytest.fixture
def home(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it, to do anything to."""
    shutil.copytree(world.home, tmp_path / "home")
    monkeypatch.setenv("VINTAGE_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"


@pytest.fixture
def without_gold(home: Path) -> Path:
    """A copy in which nobody has the rows any more: Evidently cannot be asked, which is quick."""
    shutil.rmtree(home / "store" / NAME / "gold")
    return home


@pytest.fixture(scope="module")
def june(world: World, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report on the month that moved."""
    folder = tmp_path_factory.mktemp("june")
    shutil.copytree(world.home, folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VINTAGE_HOME", str(folder / "home"))
        lent = [one for one, pd in zip(world.may.ids, world.may.pd, strict=True) if pd < 0.3]
        rows = [(one, date(2024, month, 1), 35 if month > 5 and place % 10 == 0 else 0)
                for place, one in enumerate(lent) for month in (5, 6, 7)]  # fmt: skip
        deliver_table("standings", 1, rows, STANDINGS)
        return report_on("2024-06", folder)


def test_a_column_that_moved_is_raised_by_both_watches(world: World, june: Report) -> None:
    raised = {one.name: one for one in june.watched.verdicts[world.release].raised}
    assert raised["INCOME"].by == ("PSI", "Evidently")
    assert raised["INCOME"].why[0].startswith("PSI ")
    assert raised["INCOME"].why[1].startswith("ks ")
    assert set(raised) <= {SCORE, "INCOME", "SHARE"}
    assert june.alarmed and june.watched.alarmed and june.facts["alarmed"] is True


def test_evidently_saw_the_rows_that_the_drift_is_of(world: World, june: Report) -> None:
    drift, found = (part[world.release] for part in (june.watched.drift, june.watched.evidence))
    assert {flag.name for flag in found.flags} == {SCORE, *FEATURES} == set(found.shown)
    assert not found.omitted
    assert found.month == (drift.rows, drift.rows) == (1_500, 1_500)
    assert found.reference == (3_000, drift.reference_rows) == (3_000, 3_200)
    methods = {flag.name: flag.method for flag in found.flags}
    assert methods.pop("REGION") == "jensenshannon"
    assert set(methods.values()) == {"ks"}


def test_the_report_s_folder_has_evidently_s_pages(world: World, june: Report) -> None:
    release = world.release[:12]
    pages = {path.name: path for path in june.folder.glob("*.html")}
    assert {name for name in pages if name.startswith("evidently")} == {
        f"evidently-{release}.html", f"evidently-{release}-outcomes.html"
    }  # fmt: skip
    for name, path in pages.items():
        assert path.stat().st_size <= 8_000_000, name
    assert "INCOME" in pages[f"evidently-{release}.html"].read_text()
    assert "Classification" in pages[f"evidently-{release}-outcomes.html"].read_text()


def test_a_vintage_with_outcomes_stands_beside_its_training(world: World, june: Report) -> None:
    may, this = june.watched.against
    assert (may.month, may.release, may.verdict) == ("2024-05", world.release, "not lower")
    assert may.auc.found is not None and may.trained is not None
    assert may.auc.found.value == pytest.approx(may.trained.value, abs=0.1)
    assert (this.month, this.verdict, this.trained) == ("2024-06", "none", may.trained)


def test_curves_are_of_what_was_lent_and_see_days_past_due_beside_outcomes(
    world: World, june: Report
) -> None:
    may, this = june.watched.curves
    lent = world.may.pd < 0.3
    bad = np.array([flag for _, _, flag in outcomes_of(world.may, "2024-05-31")])[lent]
    late = np.arange(lent.sum()) % 10 == 0
    assert (may.month, may.rows) == ("2024-05", lent.sum())
    assert may.bad == (bad.sum(), (bad | late).sum())
    assert (this.month, this.bad) == ("2024-06", (0,))


def test_roll_rates_are_those_of_the_standings(world: World, june: Report) -> None:
    found = june.watched.roll_rates
    assert found is not None
    lent = int((world.may.pd < 0.3).sum())
    late = -(-lent // 10)
    assert found.counts[0] == (lent - late, 0, late, 0, 0)
    assert {*found.counts[1:]} == {(0,) * 5}
    assert found.left == (0,) * 5


def test_the_command_says_who_raised_what_and_how_what_was_lent_did(june: Report) -> None:
    told = "\n".join(_page(june.watched))
    for words in (
        "small-loans as of 2024-06: ALARM\n",
        "\nalarm     INCOME (PSI, Evidently): PSI ",
        "\nEvidently 6 columns of 1,500 of 1,500 rows, beside 3,000 of 3,200; 0 left out\n",
        "\ntraining  2024-05 by ",
        ": not lower than training's by more than noise: 0.",
        "\nlent      2024-05: ",
        "\nlent      2024-06: ",
        "\npast due  0 days: ",
        ", a month later 0.0% fewer, 10.",
    ):
        assert words in told, told


def test_the_command_says_first_where_outcomes_are_worse_than_trainings(june: Report) -> None:
    may, this = june.watched.against
    worse = may.model_copy(update={"verdict": "lower"})
    found = june.watched.model_copy(update={"against": (worse, this), "verdicts": {}, "drift": {}})
    assert _page(found)[0] == (
        "small-loans as of 2024-06: no alarm; AUC lower than training's in 2024-05"
    )


@pytest.mark.usefixtures("home")
def test_a_month_that_has_not_moved_does_not_alarm(world: World, tmp_path: Path) -> None:
    found = report_on("2024-05", tmp_path)
    assert not found.alarmed and found.facts["alarmed"] is False
    assert found.watched.verdicts[world.release].raised == ()
    assert found.watched.evidence[world.release].flags
    assert found.watched.roll_rates is None


@pytest.mark.usefixtures("home")
def test_a_feature_that_vanished_and_one_that_is_all_missing_are_raised_and_nothing_breaks(
    world: World, tmp_path: Path
) -> None:
    rows = inputs_of(400, 5)
    rows[:, 2] = np.nan
    decide(world.release, "2024-07", inputs=rows, without=["AMOUNT"])
    found = report_on("2024-07", tmp_path).watched
    by = {one.name: one.by for one in found.verdicts[world.release].raised}
    assert by["AMOUNT"] == by["REGION"] == ("PSI",)
    assert {one.name: one.why for one in found.evidence[world.release].omitted} == {
        "AMOUNT": "the month has no such column",
        "REGION": "the month has 0 rows with a value, 30 are needed",
    }


@pytest.mark.usefixtures("without_gold")
def test_without_the_rows_that_a_release_was_made_from_evidently_says_nothing_and_why(
    world: World, tmp_path: Path
) -> None:
    found = report_on("2024-06", tmp_path)
    evidence = found.watched.evidence[world.release]
    assert evidence.flags == evidence.shown == ()
    assert "Evidently was not asked: the rows that the" in "\n".join(_page(found.watched))
    assert {one.name for one in evidence.omitted} == {SCORE, *FEATURES}
    assert {one.why for one in evidence.omitted} == {
        "the rows that the release was made from are gone"
    }
    (income,) = [r for r in found.watched.verdicts[world.release].raised if r.name == "INCOME"]
    assert income.by == ("PSI",) and found.alarmed
    assert not (found.folder / f"evidently-{world.release[:12]}.html").exists()


def test_without_the_evaluation_of_a_release_its_training_is_not_known(
    without_gold: Path, tmp_path: Path
) -> None:
    shutil.rmtree(without_gold / "store" / NAME / "evaluation")
    found = report_on("2024-06", tmp_path)
    assert {(one.verdict, one.trained) for one in found.watched.against} == {("none", None)}
    assert found.watched.against[0].why == "the training of its release is not known"
    assert not list(found.folder.glob("evidently-*"))


@pytest.mark.usefixtures("without_gold")
def test_a_month_without_decisions_knows_what_is_known_of_the_earlier_ones(tmp_path: Path) -> None:
    found = report_on("2024-08", tmp_path)
    assert found.watched.drift == found.watched.evidence == found.watched.verdicts == {}
    assert [one.month for one in found.watched.curves] == ["2024-05", "2024-06"]
    assert not found.alarmed


def test_a_report_is_the_same_to_the_byte_in_whatever_order_things_were_delivered(
    world: World, without_gold: Path, tmp_path: Path
) -> None:
    ids = world.may.ids
    outcomes = outcomes_of(world.may, "2024-06-20", seed=4)
    standings = [(one, date(2024, month, 1), 10 * (number % 5) * (month - 4))
                 for number, one in enumerate(ids) for month in (5, 6)]  # fmt: skip
    late = (
        [(one, date(2024, 7, 1), True) for one in ids],
        [(one, date(2024, 7, 1), 95) for one in ids],
    )
    found = []
    for turn in range(3):
        rng = np.random.default_rng(turn)
        home = tmp_path / f"home-{turn}"
        shutil.copytree(without_gold, home)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VINTAGE_HOME", str(home))
            for what, rows, later, schema in (
                ("outcomes", outcomes, late[0], SCHEMA),
                ("standings", standings, late[1], STANDINGS),
            ):
                # What was known then, in any order and number of files; standings in part again.
                every = [*rows, *(later if turn else ())]
                order = [every[place] for place in rng.permutation(len(every))]
                parts = [order[start :: turn + 1] for start in range(turn + 1)]
                if what == "standings":
                    parts.append(rows[:50] * turn)
                for part in parts:
                    deliver_table(what, int(rng.integers(1, 2**60)), part, schema)
            made = report_on("2024-06", tmp_path / str(turn))
        found.append((made.folder / "report.json").read_bytes())
        pages = [path.read_bytes() for path in sorted(made.folder.glob("evidently-*"))]
        assert len(pages) == 1  # of outcomes
    assert found[0] == found[1] == found[2]
    assert made.watched.roll_rates is not None

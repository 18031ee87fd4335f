"""`vintage simulate`: months one after the other, each as its own pipeline would live it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.contracts.errors import VintageError
from components.contracts.simulated import Lived, Simulated
from components.monitoring.months import recount
from pipelines import simulation
from pipelines.cli import main
from pipelines.local import run_locally
from pipelines.monthly import monthly_pipeline
from pipelines.scenarios import load
from pipelines.simulation import Simulation, last_day, months_between, own_home
from tests.etl.dated import MONTHLY, PEOPLE, write

_MONTHS = 8


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of eight months."""
    folder = tmp_path_factory.mktemp("months")
    write(folder / "data", _MONTHS)
    return folder


@pytest.fixture(scope="module")
def told(place: Path, spark: object) -> Iterator[tuple[Simulated, list[Lived]]]:
    """The one walk through them."""
    del spark  # used by the steps
    lines: list[Lived] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("VINTAGE_")]:
            patch.delenv(name)
        patch.setenv("VINTAGE_HOME", str(place / "home"))
        home = own_home(place / "home", MONTHLY.name)
        walk = Simulation(MONTHLY, str(place / "data"), "walk", home)
        found = walk.walk("2024-01", "2024-08", lines.append)
        recount(found)
        yield found, lines


def test_each_month_is_skipped_trained_in_or_only_watched(
    told: tuple[Simulated, list[Lived]],
) -> None:
    found, lines = told
    assert list(found.months) == lines
    # A loan has its label when the next month is over; three such months are needed, and a
    # training is due three months after the last one.
    assert [(one.month, one.labelled, one.outcome, bool(one.family)) for one in lines] == [
        ("2024-01", 0, "skipped", False),
        ("2024-02", 1, "skipped", False),
        ("2024-03", 2, "skipped", False),
        ("2024-04", 3, "promoted", True),
        ("2024-05", 4, "watched", False),
        ("2024-06", 5, "watched", False),
        ("2024-07", 6, lines[6].outcome, True),
        ("2024-08", 7, "watched", False),
    ]
    assert lines[2].due == "skipped: expected 3 months with mature labels, found 2"
    assert lines[3].due == "no champion yet: initial training"
    assert lines[4].due.startswith("not due: the last training was as of 2024-04")
    assert lines[6].due.startswith("due: the last training was as of 2024-04, 3 months before")
    assert lines[6].outcome in {"promoted", "watched"} and lines[6].challenge


def test_every_month_with_a_champion_is_decided_on_and_outcomes_come_a_month_later(
    told: tuple[Simulated, list[Lived]],
) -> None:
    rows = [(one.month, one.decided, one.outcomes) for one in told[1] if one.champion]
    assert rows == [
        ("2024-04", PEOPLE, 0),
        ("2024-05", PEOPLE, PEOPLE),
        ("2024-06", PEOPLE, PEOPLE),
        ("2024-07", PEOPLE, PEOPLE),
        ("2024-08", PEOPLE, PEOPLE // 2),  # the last month's dues are half there
    ]


@pytest.mark.usefixtures("tasks_here")
def test_a_month_of_the_monthly_pipeline_gives_the_report_that_the_simulation_gave(
    told: tuple[Simulated, list[Lived]], place: Path, home: Path
) -> None:
    del told
    data = str(place / "data")
    assert run_locally(monthly_pipeline(MONTHLY), run="april", data=data, as_of="2024-04")
    place_of = Path("store") / MONTHLY.name / "monitored" / "2024-04" / "report.json"
    simulated = place / "home" / "simulations" / MONTHLY.name
    assert (home / place_of).read_bytes() == (simulated / place_of).read_bytes()
    summary = json.loads((home / "store" / "runs" / "april" / "summary.json").read_text())
    assert summary["status"] == "deployed"
    assert summary["due"] == "no champion yet: initial training"
    assert [(stage["stage"], stage["status"]) for stage in summary["stages"]] == [
        (stage, "done")
        for stage in (
            "ingest", "features", "due", "train", "evaluate", "gate", "register", "decide",
            "monitor", "deploy", "refuse",
        )
    ]  # fmt: skip


def test_the_page_of_a_simulation_tells_of_every_month(
    told: tuple[Simulated, list[Lived]], place: Path
) -> None:
    runs = place / "home" / "simulations" / MONTHLY.name / "store" / "runs" / "walk"
    assert json.loads((runs / "simulation.json").read_text())["months"][3]["number"] == 1
    page = (runs / "report.html").read_text()
    for one in told[1]:
        said = one.due if one.family or not one.champion else "not due"
        assert one.month in page and said in page


@pytest.mark.parametrize(
    ("gate", "number", "expected"),
    [
        ({"passed": True}, 1, ("watched", "not better")),
        ({"passed": True}, 2, ("promoted", "not better")),
        # Another release challenged than the one that was refused.
        ({"passed": False}, 1, ("refused", "")),
        ({"passed": False}, 2, ("promoted", "not better")),
        ({}, 1, ("watched", "")),
    ],
)
def test_a_challenge_is_told_of_who_challenged(
    gate: dict[str, object], number: int, expected: tuple[str, str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    facts = {"due": {"why": "due"}, "challenge": {"why": "not better"}} | (
        {"gate": gate} if gate else {}
    )
    records = [{"stage": stage, "facts": found} for stage, found in facts.items()]
    champion = SimpleNamespace(
        champion=True, release="a" * 64, promotions=[SimpleNamespace(number=number)]
    )
    monkeypatch.setattr(simulation.evaluation, "read_records", lambda _: records)
    monkeypatch.setattr(simulation.monitoring, "read_report", lambda *_: None)
    monkeypatch.setattr(simulation.deployment, "releases", lambda _: [champion])
    walk = Simulation(MONTHLY, "data", "walk", tmp_path)
    walk._number = 1
    one = walk._told("2024-08", 7)
    assert (one.outcome, one.challenge) == expected


def test_a_simulation_leaves_the_installation_around_it_alone(
    told: tuple[Simulated, list[Lived]], place: Path
) -> None:
    del told
    assert sorted(path.name for path in (place / "home").iterdir()) == ["simulations"]


def test_a_scenario_whose_rows_have_no_date_has_no_months(tmp_path: Path) -> None:
    with pytest.raises(VintageError, match="card-default: expected a scenario whose rows have a"):
        Simulation(load("card-default"), "data", "walk", tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--from", "2024-13", "--to", "2024-12"), "--from: expected a month such as 2024-08"),
        (("--from", "2024-02", "--to", "2024-01"), "--to: expected 2024-02 or later"),
        (("--from", "2024-02", "--to", "2999-01"), "--to: expected a month that is over"),
    ],
)
def test_months_that_cannot_be_walked_are_named(
    options: tuple[str, ...], message: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "loan-default", *options]) == 1
    assert message in capsys.readouterr().err
    assert not (home / "simulations").exists()


@pytest.mark.parametrize("found", ["nothing", "a file"])
def test_data_that_is_not_there_costs_no_earlier_simulation(
    found: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = home / "simulations" / "loan-default" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("of before")
    data = tmp_path / "data"
    if found == "a file":
        data.write_text("")
    months = ("--from", "2024-01", "--to", "2024-02")
    assert main(["simulate", "loan-default", *months, "--data", str(data)]) == 1
    said = f"data {data}: expected a folder with the source files, found {found}"
    assert said in capsys.readouterr().err
    assert report.read_text() == "of before"


def test_months_are_counted_over_the_turn_of_a_year() -> None:
    assert months_between("2023-11", "2024-02") == ["2023-11", "2023-12", "2024-01", "2024-02"]
    assert [last_day(month) for month in ("2023-02", "2024-02", "2024-12")] == [
        "2023-02-28", "2024-02-29", "2024-12-31",
    ]  # fmt: skip

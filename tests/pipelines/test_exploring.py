"""`--as-of`, the exploration pipeline and `vintage features` on the command line."""

import json
import math

import pytest

from components.deployment.step import deployed, load_deployed
from components.scoring.release import Release
from pipelines.cli import main
from tests.support import Champion

pytestmark = pytest.mark.usefixtures("tasks_here")


def _said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--pipeline", "exploration", "--why", "w"),
            "--why: expected with --pipeline release only, found --pipeline exploration",
        ),
        (("--pipeline", "explore"), "argument --pipeline: invalid choice: 'explore'"),
        (("--as-of",), "argument --as-of: expected one argument"),
    ],
)
@pytest.mark.usefixtures("home")
def test_words_that_do_not_fit_are_named(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "card-default", *words]) == 1
    said = capsys.readouterr()
    assert said.err.startswith(f"vintage: {message}")
    assert said.out == ""


@pytest.mark.parametrize(
    ("day", "message"),
    [
        ("2024-13", "as-of '2024-13': expected a month (2024-03), a day (2024-03-15) or 'last "),
        ("yesterday", "as-of 'yesterday': expected a month"),
        ("2024-08", "as-of 2024-08-31: expected a scenario with dated sources"),
    ],
)
def test_a_day_that_cannot_be_looked_from_fails_the_run_and_changes_nothing(
    champion: Champion, capsys: pytest.CaptureFixture[str], day: str, message: str
) -> None:
    before = deployed("card-default")
    assert main(["run", "card-default", "--data", str(champion.data), "--as-of", day]) == 1
    assert f"ingest: {message}" in capsys.readouterr().err
    assert deployed("card-default") == before


def test_an_exploration_reuses_what_training_made_and_leaves_a_page_and_no_model(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    before = deployed("card-default")
    command = ("run", "card-default", "--pipeline", "exploration", "--data", str(champion.data))
    said = _said(capsys, *command)
    assert "status      explored" in said
    lines = [line.split() for line in said.splitlines()]
    assert [words[0] for words in lines if words[-1:] == ["reused"]] == ["ingest", "features"]
    (summary,) = champion.home.glob("store/runs/2*/summary.json")
    found = json.loads(summary.read_text())
    assert found["status"] == "explored" and found["release"] == "" and found["metrics"] == {}
    assert [stage["stage"] for stage in found["stages"]] == ["ingest", "features", "explore"]
    assert "card-default: exploration" in (summary.parent / "report.html").read_text()
    folder = champion.home / "store" / "card-default" / "explorations"
    (figures,) = folder.rglob("exploration.json")
    assert json.loads(figures.read_text())["scenario"] == "card-default"
    assert deployed("card-default") == before
    again = [line.split() for line in _said(capsys, *command).splitlines()]
    reused = [words[0] for words in again if words[-1:] == ["reused"]]
    assert reused == ["ingest", "features", "explore"]


@pytest.mark.usefixtures("champion")
def test_features_shows_a_client_s_inputs_and_what_is_computed_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = json.loads(_said(capsys, "features", "card-default", "--id", "17"))
    scorer = load_deployed("card-default")
    assert found["scenario"] == "card-default" and found["id"] == "17"
    assert found["release"] == Release.read(deployed("card-default")).id
    assert found["inputs"] == dict(scorer.entity("17"))
    features = scorer.bundle.spec.features
    assert list(found["computed"]) == [f.name for f in features if f.expression is not None]
    assert found["computed"]
    known = [value for value in found["computed"].values() if value is not None]
    assert all(math.isfinite(value) for value in known)
    row = json.dumps(found["inputs"])
    answer = json.loads(_said(capsys, "score", "card-default", "--json", row))
    by_id = json.loads(_said(capsys, "score", "card-default", "--id", "17"))
    assert answer["pd"] == by_id["pd"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("card-default",), "the following arguments are required: --id"),
        (("no-such", "--id", "1"), "scenario 'no-such': expected one of card-default"),
        (("card-default", "--id", "nobody"), "expected an id among the snapshot's"),
        (("credit-approval", "--id", "1"), "expected a deployed champion"),
    ],
)
@pytest.mark.usefixtures("champion")
def test_features_of_nobody_are_refused_by_message(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["features", *words]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("vintage: ") and message in said.err
    assert said.out == ""

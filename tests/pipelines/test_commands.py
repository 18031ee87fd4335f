"""The commands on an installation that has a champion."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import pipelines.scenarios
import samples
from components.contracts.families import XGBoostFamily
from components.contracts.policy import FixedCutoff, Gate, Policy, Rule
from components.deployment.step import deployed
from components.scoring.release import Release
from components.storage import registry
from components.storage.database import Database
from components.storage.settings import Settings
from components.storage.steps import installation
from pipelines.cli import main
from pipelines.scenarios import load
from tests.support import Champion, Walk, free_port


def _said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) == 0
    return capsys.readouterr().out


def _declare(monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Change what the scenario declares."""
    declared = load("card-default").model_copy(update=changes)
    monkeypatch.setattr(pipelines.scenarios, "load", lambda _: declared)


@pytest.mark.usefixtures("champion")
def test_score_answers_for_a_client_of_the_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(_said(capsys, "score", "card-default", "--id", "17"))
    assert answer["scenario"] == "card-default"
    assert answer["id"] == "17"
    assert 0 < answer["pd"] < 1
    assert answer["decision"] == ("approve" if answer["pd"] < 0.30 else "decline")
    assert answer["release"] == Release.read(deployed("card-default")).id


@pytest.mark.usefixtures("champion")
def test_score_answers_the_same_for_a_row_as_for_the_client_it_is_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from components.deployment.step import load_deployed

    row = dict(load_deployed("card-default").entity("17"))
    by_id = json.loads(_said(capsys, "score", "card-default", "--id", "17"))
    one = json.loads(_said(capsys, "score", "card-default", "--json", json.dumps(row)))
    assert one["pd"] == by_id["pd"]
    two = _said(capsys, "score", "card-default", "--json", json.dumps([row, row])).splitlines()
    assert [json.loads(line)["pd"] for line in two] == [by_id["pd"]] * 2


@pytest.mark.usefixtures("champion")
def test_scenarios_lists_what_is_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    said = _said(capsys, "scenarios")
    assert "card-default" in said and Release.read(deployed("card-default")).id[:12] in said


@pytest.mark.usefixtures("home")
def test_scenarios_says_where_there_is_no_champion(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no champion" in _said(capsys, "scenarios")


@pytest.mark.usefixtures("champion")
def test_verify_says_that_a_bundle_holds(capsys: pytest.CaptureFixture[str]) -> None:
    folder = deployed("card-default")
    assert Release.read(folder).bundle in _said(capsys, "verify", str(folder / "bundle"))


def test_data_writes_the_files_of_a_scenario(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "files"
    assert "rows 50" in _said(
        capsys, "data", "card-default", "--rows", "50", "--out", str(out), "--home", str(tmp_path)
    )
    assert {path.name for path in out.iterdir()} == {"profile.csv", "transactions.csv"}


def test_data_is_as_much_as_the_real_data_unless_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert samples.real_size("card-default") == 30_000
    monkeypatch.setattr("samples.card_default.ROWS", 60)
    assert "rows 60" in _said(capsys, "data", "card-default", "--out", str(tmp_path / "files"))


def test_compile_writes_the_pipelines_of_scenarios_for_kfp(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = ("card-default", "transactions")
    said = _said(capsys, "compile", *two, "--out", str(tmp_path / "out")).splitlines()
    kinds = ("training", "challenge", "release", "exploration", "scoring", "monitoring")
    written = {f"{name}-{kind}" for name in two for kind in kinds}
    assert {Path(line).stem for line in said} == {*written, "transactions-monthly"}  # it has dates
    assert all("root:" in Path(line).read_text() for line in said)


def test_an_unchanged_run_reuses_every_stage_and_says_so(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Release.read(deployed("card-default")).id
    said = _said(capsys, "run", "card-default", "--data", str(champion.data))
    stages = (
        "ingest", "features", "train", "evaluate", "gate", "register", "challenge", "deploy",
    )  # fmt: skip
    lines = [line.split() for line in said.splitlines()]
    assert [words[0] for words in lines if words[-1:] == ["reused"]] == list(stages)
    (summary,) = champion.home.glob("store/runs/2*/summary.json")
    found = json.loads(summary.read_text())
    assert found["status"] == "deployed" and found["champion"] == 1 and found["release"] == before
    assert (summary.parent / "report.html").exists()
    assert "serve card-default" in said and "score card-default --id" in said
    profile, transactions, customers = found["rows"]
    assert f"rows        profile: {profile['landed']:,} read, {profile['kept']:,} kept, " in said
    assert (transactions["landed"], customers["table"]) == (profile["landed"], "customers")
    assert found["log"] in {str(path) for path in champion.home.glob("logs/*")}


@pytest.mark.usefixtures("tasks_here")
def test_a_run_that_the_gate_refuses_fails_and_leaves_the_champion(
    champion: Champion, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _declare(monkeypatch, gate=Gate(rules=(Rule(metric="auc", floor=0.999),)))
    before = deployed("card-default")
    assert main(["run", "card-default", "--data", str(champion.data)]) == 1
    said = capsys.readouterr()
    assert "refused" in said.out and "auc >= 0.999" in said.err
    assert "Traceback" not in said.out + said.err
    assert deployed("card-default") == before


def _candidate(champion: Champion) -> Walk:
    """A run of a second model, which differs in its cut-off."""
    policy = Policy(version=2, cutoff=FixedCutoff(approve_below=0.2))
    declared = load("card-default").model_copy(update={"policy": policy})
    return Walk(declared, champion.data, "second")


@pytest.fixture
def two(champion: Champion, capsys: pytest.CaptureFixture[str]) -> tuple[Path, Path]:
    """The release that was champion, and the one that is."""
    first = deployed("card-default")
    _candidate(champion).to_deployed()
    capsys.readouterr()
    return first, deployed("card-default")


def test_releases_shows_who_was_champion_when(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = map(Release.read, two)
    head, *lines, _, legend = _said(capsys, "releases", "card-default").splitlines()
    assert head.split() == ["release", "family", "bundle", "registered", "by", "run", "auc"]
    assert legend.startswith("* the champion")
    assert [line.split()[0] for line in lines] == [first.id[:12], "champion", "*", "champion"]
    assert lines[0].split()[1:3] == [first.family, first.bundle[:12]]
    assert lines[2].split()[1] == second.id[:12]
    assert "champion number 1: " in lines[1] and lines[1].endswith(", first champion")
    assert "champion number 2: " in lines[3] and lines[3].endswith(
        ", without a comparison: same model, another cut-off"
    )


@pytest.mark.usefixtures("home")
def test_where_there_is_no_release_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no release; see: vintage run card-default" in _said(capsys, "releases", "card-default")


@pytest.mark.usefixtures("tasks_here")
def test_rollback_makes_the_former_champion_serve_again(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (Release.read(folder).id for folder in two)
    said = _said(capsys, "rollback", "card-default", "--why", "complaints")
    before, after = said.splitlines()
    assert before.startswith("card-default: run 2")
    assert before.endswith(f" makes release {first[:12]} champion again")
    assert f"release {first[:12]} serves again, champion number 3" in after
    assert Release.read(deployed("card-default")).id == first
    listed = _said(capsys, "releases", "card-default")
    assert "champion number 3: " in listed and ", rolled back: complaints" in listed
    assert main(["rollback", "card-default"]) == 1  # further back there is nothing
    assert "expected a champion before release" in capsys.readouterr().err
    said = _said(capsys, "rollback", "card-default", "--to", second[:8])
    assert f"release {second[:12]} serves again, champion number 4" in said
    answer = json.loads(_said(capsys, "score", "card-default", "--id", "17"))
    assert answer["release"] == second


@pytest.mark.usefixtures("tasks_here")
def test_a_former_champion_scores_beside_the_new_one_until_it_is_told_not_to(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (Release.read(folder).id for folder in two)
    _, store = installation()
    assert registry.declared_shadow(store, "card-default") == ("", 0.0)
    said = _said(capsys, "shadow", "card-default", first[:8], "--share", "0.25")
    assert said == (
        f"card-default: release {first[:12]} scores beside the champion and answers 25.0% of the "
        "entities\n"
    )
    assert registry.declared_shadow(store, "card-default") == (first, 0.25)
    assert "is only logged" in _said(capsys, "shadow", "card-default", first)
    for words, expected in (
        (
            (second[:12],),
            f"expected another release than the champion that serves, found {second[:12]}",
        ),
        (("abcdefabcdef",), "expected release abcdefabcdef in"),
        ((first, "--share", "2"), "expected a share from 0 to 1, found 2"),
        ((), "expected a release, or --off"),
        ((first, "--off"), "expected a release, or --off"),
    ):
        assert main(["shadow", "card-default", *words]) == 1
        assert expected in capsys.readouterr().err
    assert registry.declared_shadow(store, "card-default") == (first, 0.0)
    assert _said(capsys, "shadow", "card-default", "--off").endswith("the champion is alone\n")
    assert registry.declared_shadow(store, "card-default") == ("", 0.0)
    _said(capsys, "shadow", "card-default", first)
    _said(capsys, "rollback", "card-default")
    assert registry.declared_shadow(store, "card-default") == ("", 0.0)  # it is the champion now


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "expected a champion before release"),
        (("--to", "abcdefabcdef"), "expected release abcdefabcdef in"),
        (("--to", "me"), "expected a release's id"),
    ],
)
def test_where_there_is_nothing_to_go_back_to_nothing_changes(
    champion: Champion, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    before = (champion.home / "vintage.db").read_bytes()
    assert main(["rollback", "card-default", *words]) == 1
    assert said in capsys.readouterr().err
    assert (champion.home / "vintage.db").read_bytes() == before


@pytest.mark.usefixtures("tasks_here")
def test_a_way_back_that_does_not_load_leaves_what_serves(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = two
    card = first / "bundle" / "card.json"
    card.write_text(" " + card.read_text()[1:])
    assert main(["rollback", "card-default"]) == 1
    assert "card.json: expected sha256" in capsys.readouterr().err
    assert deployed("card-default") == second
    assert "number 4" in _said(capsys, "releases", "card-default")


@pytest.mark.usefixtures("tasks_here")
def test_a_model_that_does_not_beat_the_champion_is_registered_and_no_more(
    champion: Champion, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = deployed("card-default")
    weak = XGBoostFamily(rounds=1, max_depth=1, search={})
    training = load("card-default").training.model_copy(update={"families": (weak,)})
    easy = Gate(rules=(Rule(metric="auc", floor=0.55),))
    _declare(monkeypatch, training=training, gate=easy)
    said = _said(capsys, "run", "card-default", "--data", str(champion.data))
    assert "status      registered" in said and "registered and not promoted" in said
    assert "challenge   " in said and "deploy  " not in said
    assert deployed("card-default") == before
    (summary,) = champion.home.glob("store/runs/2*/summary.json")
    assert json.loads(summary.read_text())["champion"] == 0
    for words in ([], ["--why", "it is urgent"]):
        assert main(["run", "card-default", "--pipeline", "release", *words]) == 1
        error = capsys.readouterr().err
        assert "to have won a challenge of the champion" in error and "that it lost" in error
    assert deployed("card-default") == before


@pytest.mark.usefixtures("tasks_here")
def test_a_person_decides_for_what_cannot_be_compared_and_says_why(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = _candidate(champion)
    assert walk.to_gate()
    walk.register()
    release = registry.latest_registered(installation()[1], "card-default")
    decision = {
        "kind": "challenge", "release": release, "champion": 1,
        "passed": False, "comparable": False, "why": "the gold is gone",
    }  # fmt: skip
    Database(Settings.from_environment().database).record_evaluation(
        "card-default", "not compared", run="second", decision=decision
    )
    command = ("run", "card-default", "--pipeline", "release")
    assert main(command) == 1
    error = capsys.readouterr().err
    assert "found that it cannot be: the gold is gone; a person may decide, with: " in error
    assert "vintage run card-default --pipeline release --why TEXT" in error
    assert "status      deployed" in _said(capsys, *command, "--why", "agreed in the meeting")
    listed = _said(capsys, "releases", "card-default")
    assert ", by a person's decision: agreed in the meeting\n" in listed


def test_each_pipeline_runs_alone(champion: Champion, capsys: pytest.CaptureFixture[str]) -> None:
    serving = Release.read(deployed("card-default")).id
    expected = {"training": "registered", "challenge": "registered", "release": "deployed"}
    for kind, status in expected.items():
        data = ["--data", str(champion.data)] if kind == "training" else []
        said = _said(capsys, "run", "card-default", "--pipeline", kind, *data)
        assert f"status      {status}" in said and serving[:12] in said
        if kind == "challenge":
            assert f"champion    number 1, release {serving[:12]}\n" in said
            assert "challenge   it is the champion already\n" in said


@pytest.mark.parametrize("command", ["serve", "ui"])
@pytest.mark.usefixtures("champion")
def test_a_server_answers_until_it_is_stopped(command: str) -> None:
    port = free_port()
    path = {"serve": "/v1/models/card-default", "ui": "/health"}[command]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "pipelines.cli", command, "--port", str(port)],
        env=os.environ.copy(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                    assert answer.status == 200
                break
            except OSError:
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)

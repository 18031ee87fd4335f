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

from components.deployment.step import deployed
from components.scoring.release import Release
from pipelines.cli import main
from tests.support import Champion, free_port


def _said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) == 0
    return capsys.readouterr().out


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


def test_compile_writes_a_pipeline_for_kfp(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "card-default.yaml" in _said(capsys, "compile", "--out", str(tmp_path / "out"))
    assert "root:" in (tmp_path / "out" / "card-default.yaml").read_text()


def test_an_unchanged_run_reuses_every_stage_and_says_so(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Release.read(deployed("card-default")).id
    said = _said(capsys, "run", "card-default", "--data", str(champion.data))
    stages = ("ingest", "features", "train", "evaluate", "gate", "register", "deploy")
    lines = [line.split() for line in said.splitlines()]
    assert [words[0] for words in lines if words[-1:] == ["reused"]] == list(stages)
    (summary,) = champion.home.glob("store/runs/2*/summary.json")
    found = json.loads(summary.read_text())
    assert found["status"] == "deployed" and found["champion"] == 1 and found["release"] == before
    assert (summary.parent / "report.html").exists()
    assert "serve card-default" in said and "score card-default --id" in said


def test_a_run_that_the_gate_refuses_fails_and_leaves_the_champion(
    champion: Champion, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import pipelines.scenarios
    from components.contracts.modelling import Gate, Rule

    declared = pipelines.scenarios.load("card-default")
    strict = declared.model_copy(update={"gate": Gate(rules=(Rule(metric="auc", floor=0.999),))})
    monkeypatch.setattr(pipelines.scenarios, "load", lambda _: strict)
    before = deployed("card-default")
    assert main(["run", "card-default", "--data", str(champion.data)]) == 1
    said = capsys.readouterr()
    assert "refused" in said.out and "auc >= 0.999" in said.err
    assert "Traceback" not in said.out + said.err
    assert deployed("card-default") == before


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

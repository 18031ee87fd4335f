"""A further use case is one file: declared, found, trained on, deployed, asked."""

import contextlib
import io
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

import pipelines.scenarios
from components.deployment.step import deployed
from pipelines.cli import main
from tests.support import run_tasks_here

_DAYS = 300


def write_files(folder: Path, pledges: int = 2_000, members: int = 150) -> None:
    """Pledges over ten months: large ones, and those of young members, are broken more often."""
    rng = np.random.default_rng(1)
    born = [date(1950, 1, 1) + timedelta(int(d)) for d in rng.integers(0, 18_000, members)]
    lines = ["pledge,member,made_on,amount,broken"]
    for number in range(pledges):
        who = int(rng.integers(members))
        day = date(2024, 1, 1) + timedelta(number * _DAYS // pledges)
        amount = float(rng.gamma(2.0, 50.0))
        odds = amount / 60 - 1.5 - (day - born[who]).days / 365.25 / 30
        broken = int(rng.random() < 1 / (1 + np.exp(-odds)))
        lines.append(f"P{number},M{who},{day:%d/%m/%Y},€ {amount:.2f},{broken}")
    folder.mkdir()
    (folder / "pledges.csv").write_text("\n".join(lines) + "\n")
    rows = [f"M{n},{day},{('north', 'south')[n % 2]}" for n, day in enumerate(born)]
    (folder / "members.csv").write_text("\n".join(["member,born_on,branch", *rows]) + "\n")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the files of a use case, whose declaration lies where the others are."""
    folder = tmp_path_factory.mktemp("pledges")
    write_files(folder / "data")
    folders = [*pipelines.scenarios.__path__, str(Path(__file__).parent / "further")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipelines.scenarios, "__path__", folders)
        yield folder


@pytest.fixture(scope="module")
def run(root: Path, spark: object) -> tuple[int, str]:
    """The one run to a champion: its exit status, and what it said."""
    del spark  # used by the steps
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setenv("VINTAGE_HOME", str(root / "home"))
        run_tasks_here(patch)
        status = main(["run", "pledges", "--data", str(root / "data")])
    return status, said.getvalue()


@pytest.fixture(autouse=True)
def _its_home(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VINTAGE_HOME", str(root / "home"))


def test_it_is_found_and_runs_to_a_champion(run: tuple[int, str]) -> None:
    status, said = run
    assert status == 0, said
    assert "status      deployed" in said
    assert "pledges" in pipelines.scenarios.names()


@pytest.mark.usefixtures("run")
def test_features_and_a_score_are_asked_for_by_member(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", "pledges", "--id", "M3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["inputs"]["pledges_before"] > 1
    assert date.fromisoformat(found["inputs"]["made_on"]) > date(2024, 6, 1)
    assert found["computed"]["age"] > 15
    assert main(["score", "pledges", "--id", "M3"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert 0 < answer["pd"] < 1
    assert answer["reasons"]


@pytest.mark.usefixtures("run", "tasks_here")
def test_as_of_a_month_with_too_little_history_training_is_skipped_and_says_so(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = deployed("pledges")
    assert main(["run", "pledges", "--data", str(root / "data"), "--as-of", "2024-04"]) == 0
    said = capsys.readouterr().out
    assert "status      skipped" in said
    assert "expected 8 months with mature labels, found 4; nothing was trained" in said
    assert "  train " not in said
    assert deployed("pledges") == before


def test_without_a_generator_of_sample_data_the_files_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["run", "pledges"], ["data", "pledges", "--out", str(tmp_path / "out")]):
        assert main(words) == 1
        said = capsys.readouterr()
        assert said.err.startswith("vintage: sample data of pledges: expected a generator in samp")
        assert said.out == ""
    assert not (tmp_path / "out").exists()

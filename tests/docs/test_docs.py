"""The documentation says what is: its commands parse, its targets and links exist."""

import argparse
import json
import re
import shlex
import subprocess
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from pipelines.cli import COMMANDS, build_parser

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
TARGETS = re.findall(
    r"^([a-z0-9-]+):(?!=).*?(?:## (.*))?$", (ROOT / "Makefile").read_text(), re.MULTILINE
)


def _shell_blocks(page: Path) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)


def _commands(page: Path, program: str) -> list[list[str]]:
    found = []
    for block in _shell_blocks(page):
        for line in re.split(r"\n(?=\S)", block):
            words = shlex.split(line, comments=True)
            if words and Path(words[0]).name == program:
                found.append(words[1:])
    return found


def test_every_make_target_has_a_line_of_help() -> None:
    assert [name for name, text in TARGETS if not text] == []


def test_the_readme_names_only_make_targets_that_exist() -> None:
    named = {words[0] for page in PAGES for words in _commands(page, "make")}
    named |= set(re.findall(r"`make ([a-z0-9-]+)", "\n".join(p.read_text() for p in PAGES)))
    assert {"run", "test"} <= named <= {name for name, _ in TARGETS}


def test_make_help_lists_every_target() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],  # noqa: S607 - the user's own make
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert {line.split()[0] for line in done.stdout.splitlines()} == {n for n, _ in TARGETS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_vintage_line_of_a_page_parses(page: Path) -> None:
    for words in _commands(page, "vintage"):
        build_parser().parse_args(words)


@pytest.mark.parametrize(("page", "count"), [("README.md", 2), ("docs/serving.md", 1)])
def test_the_rows_that_a_page_scores_are_such_as_the_scenario_accepts(
    page: str, count: int
) -> None:
    rows = [json.loads(words[3]) for words in _commands(ROOT / page, "vintage")
            if "--json" in words]  # fmt: skip
    for words in _commands(ROOT / page, "curl"):
        if "-d" in words:
            asked = json.loads(words[words.index("-d") + 1]).get("instances", [])
            rows += [row for row in asked if isinstance(row, dict)]

    from components.scoring.instances import RowReader
    from components.training.matrix import scoring_inputs
    from pipelines.scenarios import load

    inputs = scoring_inputs(load("card-default").inputs())
    assert RowReader(inputs)(rows).shape == (count, len(inputs))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_help_and_an_example_that_parses(name: str) -> None:
    module = import_module(f"pipelines.commands.{name}")
    guide = (ROOT / "docs" / "guide.md").read_text()
    assert module.HELP and module.EXAMPLE.startswith(f"vintage {name}")
    assert f"| `{name}` |" in guide and f"`{module.EXAMPLE}`" in guide
    assert build_parser().parse_args(shlex.split(module.EXAMPLE)[1:]).command == name


def test_every_option_of_a_run_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text()
    parser = argparse.ArgumentParser()
    import_module("pipelines.commands.run").add_arguments(parser)
    options = {word for action in parser._actions for word in action.option_strings}
    listed = set(re.findall(r"^\| `(--[a-z-]+)` \|", guide, re.MULTILINE))
    assert listed == options - {"-h", "--help"}


def test_every_command_file_is_a_command() -> None:
    files = {p.stem for p in (ROOT / "pipelines" / "commands").glob("[a-z]*.py")}
    assert files == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_setting_that_a_page_names_is_one_that_the_code_reads() -> None:
    from serving.settings import Limits

    named = set(re.findall(r"VINTAGE_[A-Z_]*[A-Z]\b", "\n".join(p.read_text() for p in PAGES)))
    rooms = ("benchmarks", "components", "pipelines", "serving")
    code = [file.read_text() for room in rooms for file in (ROOT / room).rglob("*.py")]
    read = set(re.findall(r"\"(VINTAGE_[A-Z_]+)\"", "\n".join(code)))
    read |= {f"VINTAGE_SERVE_{field.name.upper()}" for field in fields(Limits)}
    page = (ROOT / "docs" / "scenarios" / "transactions.md").read_text()
    assert {"VINTAGE_RELEASE", "VINTAGE_SERVE_PORT", "VINTAGE_TRACKING"} <= set(
        re.findall(r"VINTAGE_[A-Z_]+", page)
    )
    assert named - read == set()


def test_every_limit_of_the_server_is_in_its_page_with_its_default() -> None:
    from serving.settings import Limits

    page = (ROOT / "docs" / "serving.md").read_text().replace(",", "")
    for field in fields(Limits):
        shown = f"{field.default:.12g}" if isinstance(field.default, (int, float)) else "none"
        assert f"| `{field.name}` | {shown} |" in page


def test_every_scenario_has_a_page() -> None:
    from pipelines.scenarios import names

    pages = {page.stem for page in (ROOT / "docs" / "scenarios").glob("*.md")}
    assert pages >= set(names())


def test_every_decision_is_in_the_index_with_its_four_parts() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    for page in folder.glob("[0-9]*.md"):
        text = page.read_text()
        assert page.name in index
        assert all(f"\n{part}" in text for part in ("Status:", "## Context", "## Decision"))
        assert "## Consequences" in text


def test_the_lock_file_has_hashes_and_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^[a-z0-9][^\s]*==[^\s]+", lock, re.MULTILINE)
    assert len(pinned) > 100
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "://" not in lock


def test_the_worked_example_of_a_notebook_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "notebook.md").read_text()
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)  # noqa: S102 - our own page
    printed = capsys.readouterr().out
    assert re.search(r"^scorecard AUC 0\.\d{3} \(0\.\d{3} to 0\.\d{3}\)$", printed, re.MULTILINE)
    assert len(names["told"]) == 3  # type: ignore[arg-type]

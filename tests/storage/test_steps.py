"""The border of a task: what it reuses, what it records, and how it ends when it cannot go on."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from components.contracts.errors import ContractError, EnvironmentFaultError, VintageError
from components.storage import steps
from components.storage.objects import Entry
from components.storage.steps import Task, hand_over, take, task
from tests.support import Paper, python

Make = Callable[[Path], Mapping[str, object]]


def _write(folder: Path) -> Mapping[str, object]:
    (folder / "a.txt").write_text("one")
    return {"rows": 1}


def _run(make: Make, *, run: str = "r1", minutes: float = 5, spec: str = "{}") -> Entry:
    """A whole step: one output, made by `make`."""
    with task("train", scenario="s", run=run, timeout_minutes=minutes) as work:
        made = work.reuse_or_make(
            "s/models",
            spec=spec,
            inputs={"gold": "1"},
            rooms=("contracts",),
            libraries=("numpy",),
            make=make,
        )
        work.record.facts = dict(made.facts)
    return made


def _record(home: Path, run: str = "r1") -> dict[str, object]:
    text = (home / "store" / "runs" / run / "stages" / "train.json").read_text()
    found: dict[str, object] = json.loads(text)
    return found


def _entries(home: Path) -> list[str]:
    return [path.parent.name for path in (home / "store" / "s").rglob("_entry.json")]


def _raise(error: BaseException) -> Make:
    def make(folder: Path) -> Mapping[str, object]:
        _write(folder)
        raise error

    return make


def test_the_second_call_reuses_what_the_first_made(home: Path) -> None:
    first = _run(_write)
    assert not _record(home)["reused"]
    second = _run(_raise(AssertionError("made again")), run="r2")
    assert second == first
    assert _record(home, "r2")["reused"]


def test_another_spec_is_made_anew(home: Path) -> None:
    _run(_write)
    _run(_write, run="r2", spec='{"x":1}')
    assert not _record(home, "r2")["reused"]
    assert len(_entries(home)) == 2


def test_a_record_says_what_became_of_the_task(home: Path) -> None:
    _run(_write)
    record = _record(home)
    assert record.pop("seconds") == pytest.approx(0.1, abs=0.5)
    assert record.pop("ended") == pytest.approx(time.time(), abs=60)
    assert record == {
        "stage": "train", "scenario": "s", "status": "done", "reused": False, "error": "",
        "final": False, "progress": "", "facts": {"rows": 1},
    }  # fmt: skip


def test_a_task_says_how_far_it_is(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[object] = []
    with task("train", scenario="s", run="r1", timeout_minutes=1) as work:
        for text in ("1 of 2", "2 of 2"):
            work.progress(text)
            seen.append((_record(home)["status"], _record(home)["progress"]))
    assert seen == [("running", "1 of 2"), ("running", "2 of 2")]
    assert "[train] 1 of 2\n[train] 2 of 2\n" in capsys.readouterr().out


def test_a_task_at_work_is_on_record_as_running(home: Path) -> None:
    seen: list[object] = []

    def make(folder: Path) -> Mapping[str, object]:
        seen.append(_record(home)["status"])
        return _write(folder)

    _run(make)
    assert seen == ["running"]


def test_an_artifact_carries_the_reference_and_the_ui_its_address(home: Path) -> None:
    made = _run(_write)
    paper = Paper(str(home / "kfp" / "models"))
    hand_over(made, paper)
    assert take(paper) == made
    assert paper.metadata == {"uri": made.uri, "digest": made.digest, "key": made.key}


def test_a_fault_of_the_input_ends_as_one_message_and_is_final(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ContractError("data d", ["a: expected 1, found 2", "b: expected 3, found 4"])
    with pytest.raises(SystemExit) as caught:
        _run(_raise(error))
    assert caught.value.code == 1
    message = (
        "train: data d: 2 contract failures\n  - a: expected 1, found 2\n  - b: expected 3, found 4"
    )
    assert capsys.readouterr().err == message + "\n"
    record = _record(home)
    assert (record["status"], record["error"], record["final"]) == ("failed", message, True)
    assert not record["reused"]
    assert _entries(home) == []


def test_a_retry_of_what_cannot_get_better_repeats_the_message_at_once(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for make in (_raise(VintageError("bad input")), _raise(AssertionError("tried again"))):
        with pytest.raises(SystemExit) as caught:
            _run(make)
        assert caught.value.code == 1
        assert capsys.readouterr().err == "train: bad input\n"
    assert _record(home)["error"] == "train: bad input"


def test_who_comes_later_than_a_retry_may_have_mended_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit):
        _run(_raise(VintageError("bad input")))
    monkeypatch.setattr(steps, "_RETRY_S", 0.0)
    _run(_write)
    assert _record(home)["status"] == "done"


def test_a_fault_of_the_environment_is_tried_again(home: Path) -> None:
    with pytest.raises(SystemExit):
        _run(_raise(EnvironmentFaultError("no Java")))
    assert not _record(home)["final"]
    _run(_write)
    record = _record(home)
    assert (record["status"], record["error"]) == ("done", "")


def test_an_unexpected_error_is_recorded_in_a_line_and_told_in_full(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        _run(_raise(ZeroDivisionError("division by zero")))
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert error.endswith("train: unexpected ZeroDivisionError: division by zero\n")
    record = _record(home)
    assert record["error"] == "train: unexpected ZeroDivisionError: division by zero"
    assert not record["final"]
    assert _entries(home) == []


def test_what_was_half_made_is_swept_when_the_task_fails(home: Path) -> None:
    with pytest.raises(SystemExit):
        _run(_raise(VintageError("bad input")))
    assert list((home / "store" / ".work").iterdir()) == []


@pytest.mark.parametrize("uri", ["s3://bucket/prefix", "s3://"])
def test_a_store_that_cannot_be_opened_ends_the_task_as_one_message(
    home: Path,
    uri: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    del home
    monkeypatch.setenv("VINTAGE_STORE", uri)
    with pytest.raises(SystemExit) as caught:
        _run(_write)
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("train: object store")
    assert "Traceback" not in error
    assert error.count("\n") == 1


@pytest.mark.minio
def test_a_task_on_a_bucket_is_reused_like_one_on_a_folder(
    home: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home
    monkeypatch.setenv("VINTAGE_STORE", bucket)
    first = _run(_write)
    assert first.uri.startswith(bucket)
    assert _run(_raise(AssertionError("made again")), run="r2") == first


_TIMED = """
import sys, time
from components.storage.steps import task

def spin():
    while True:
        pass

def make(folder):
    (folder / "a.txt").write_text("half")
    bodies = {
        "sleep": lambda: time.sleep(60),
        "spin": spin,
        "hold": lambda: sum(range(10**10)),  # no other thread runs meanwhile
        "none": dict,
    }
    return bodies[sys.argv[1]]()

with task("train", scenario="s", run="r1", timeout_minutes=0.02) as work:
    work.find_or_make("s/models/k", make)
"""


def _timed(home: Path, body: str) -> subprocess.CompletedProcess[str]:
    return python("-c", _TIMED, body, cwd=home, timeout=20, environment=dict(os.environ))


@pytest.mark.parametrize("body", ["sleep", "spin"])
def test_a_task_that_takes_too_long_is_ended_and_publishes_nothing(home: Path, body: str) -> None:
    done = _timed(home, body)
    assert done.returncode == 1
    assert done.stderr == "train: timed out after 0.02 minutes\n"
    record = _record(home)
    assert record["error"] == "train: timed out after 0.02 minutes"
    assert (record["status"], record["final"]) == ("failed", False)
    assert 1 <= float(str(record["seconds"])) < 10
    assert _entries(home) == []


def test_a_task_in_native_code_that_never_lets_go_is_ended_too(home: Path) -> None:
    assert _timed(home, "hold").returncode == 1
    assert _entries(home) == []


def test_a_task_that_ends_in_time_is_not_ended_later(home: Path) -> None:
    late = "\ntime.sleep(2)\nprint('alive')"
    done = python("-c", _TIMED + late, "none", cwd=home, environment=dict(os.environ))
    assert (done.stdout, done.returncode) == ("alive\n", 0)


def _mount(folder: Path, options: str) -> None:
    """Mount a file system of its own there, or skip."""
    program = shutil.which("mount")
    if os.geteuid() != 0 or program is None:
        pytest.skip("a small disk of its own needs root and the mount program")
    done = subprocess.run(  # noqa: S603 - a temporary folder of the test
        [program, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"mount is not allowed here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """The home folder on a disk of 1 MB."""
    _mount(home, "size=1m")
    yield home
    unmount = shutil.which("umount")
    assert unmount is not None
    subprocess.run([unmount, str(home)], check=True)  # noqa: S603 - what was mounted above


def _fill(folder: Path) -> Mapping[str, object]:
    (folder / "a.bin").write_bytes(b"x" * 3_000_000)
    return {}


def test_a_full_disk_is_named_and_nothing_is_published(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        _run(_fill)
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith(f"train: {small_disk / 'store'}: expected room to write, found a full")
    assert error.endswith("nothing was published\n")
    assert error.count("\n") == 1
    assert _entries(small_disk) == []
    assert list((small_disk / "store" / ".work").iterdir()) == []
    record = _record(small_disk)
    assert (record["status"], record["final"]) == ("failed", False)
    _run(_write)
    assert _record(small_disk)["status"] == "done"


def test_a_disk_without_room_for_the_record_is_named_too(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(_write)
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"), ballast.open("wb", 0) as stream:
        while True:
            stream.write(b"x" * 4096)
    with pytest.raises(SystemExit) as caught:
        _run(_write, run="r2", spec="other")
    assert caught.value.code == 1
    assert "found a full disk" in capsys.readouterr().err
    ballast.unlink()
    _run(_write, run="r2", spec="other")
    assert _record(small_disk, "r2")["status"] == "done"


def test_a_task_can_say_a_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del home
    with task("train", scenario="s", run="r1", timeout_minutes=5) as work:
        assert isinstance(work, Task)
        work.say("450 rounds")
    assert capsys.readouterr().out == "[train] 450 rounds\n"

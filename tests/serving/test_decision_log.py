"""The decision log: what was written down is found again, whatever happened meanwhile."""

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from components.scoring.decisions import Segment
from serving import decision_log, scoring
from serving.decision_log import DecisionLog
from serving.models import Served
from tests.making import Models, same_bits
from tests.serving.deciding import (
    SCENARIO,
    asked,
    closed,
    ids_of,
    log_rows,
    records_of,
    row,
    served_of,
    still_open,
)
from tests.support import user_environment

ROOT = Path(__file__).parents[2]
_write = os.write


def test_what_was_answered_is_what_is_logged(models: Models, tmp_path: Path, folder: Path) -> None:
    served = served_of(models, tmp_path, 0.5)
    inputs = models.data.inputs[:20]
    question = asked(served, inputs, [f"e{n}" for n in range(20)])
    (answer,) = scoring.answers([question])
    DecisionLog(folder).write([question], [answer])
    (record,) = records_of(still_open(folder))
    assert record.id == question.id and record.at.astype(int) == question.at
    assert same_bits(record.inputs, inputs)
    assert record.entities == tuple(f"e{n}" for n in range(20))
    assert record.challenged is not None and answer.challenged is not None
    assert 0 < record.challenged.sum() < 20
    for name in ("pd", "points", "approved", "challenged", "other"):
        assert getattr(record, name).tolist() == getattr(answer, name).tolist()
    assert record.reasons == tuple(
        tuple(reason.code for reason in some) for some in answer.reasons or ()
    )


def test_questions_that_came_together_are_one_write(
    served: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = DecisionLog(folder)
    log_rows(log, served, row())
    written: list[int] = []

    def counted(file: int, data: bytes) -> int:
        written.append(len(data))
        return _write(file, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", counted)
        ids = log_rows(log, served, *(row(n) for n in range(30)))
    assert len(written) == 1
    assert ids_of(still_open(folder))[1:] == ids
    assert log.records == 31


def test_nothing_to_write_opens_nothing(folder: Path) -> None:
    DecisionLog(folder).write([], [])
    assert not folder.exists()


def test_each_scenario_has_its_segment(served: Served, folder: Path) -> None:
    log = DecisionLog(folder)
    other = Served("other-loans", served.champion)
    questions = [asked(one, row(n)) for n, one in enumerate([served, other, served])]
    log.write(questions, scoring.answers(questions))
    assert [path.parent.name for path in still_open(folder)] == ["other-loans", SCENARIO]
    assert ids_of(still_open(folder)) == [questions[n].id for n in (1, 0, 2)]


def test_a_segment_that_is_large_is_followed_by_another(served: Served, folder: Path) -> None:
    log = DecisionLog(folder, most_bytes=3_000)
    ids = [log_rows(log, served, row(n))[0] for n in range(30)]
    log.tend()
    assert len(closed(folder)) > 1
    assert all(3_000 <= path.stat().st_size < 4_000 for path in closed(folder))
    assert ids_of(closed(folder) + still_open(folder)) == ids


def test_a_segment_that_is_old_is_closed_even_where_nobody_asks(
    served: Served, folder: Path
) -> None:
    log = DecisionLog(folder, most_seconds=0.2)
    ids = log_rows(log, served, row())
    log.tend()
    assert (len(closed(folder)), len(still_open(folder))) == (0, 1)
    time.sleep(0.25)
    log.tend()
    assert (ids_of(closed(folder)), still_open(folder)) == (ids, [])
    ids += log_rows(log, served, row(1))
    assert ids_of(closed(folder) + still_open(folder)) == ids


def test_a_change_of_what_is_served_begins_a_segment(
    models: Models, served: Served, tmp_path: Path, folder: Path
) -> None:
    log = DecisionLog(folder)
    beside = served_of(models, tmp_path, 0.5)
    for one in (served, beside, beside, served):
        log_rows(log, one, row())
    log.tend()
    headers = [
        Segment(path.name, path.read_bytes()).header for path in closed(folder) + still_open(folder)
    ]
    challengers = [header.challenger and header.challenger.family for header in headers]
    assert challengers == [None, "logistic", None]
    assert [header.share for header in headers] == [0.0, 0.5, 0.0]


def test_the_end_of_the_log_closes_its_segments(served: Served, folder: Path) -> None:
    with DecisionLog(folder) as log:
        ids = log_rows(log, served, row())
        assert len(still_open(folder)) == 1
    assert (ids_of(closed(folder)), still_open(folder)) == (ids, [])


def test_what_was_written_is_flushed_to_the_disk_soon(
    served: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    sync = os.fsync

    def noted(file: int) -> None:
        flushed.append(os.readlink(f"/proc/self/fd/{file}"))
        sync(file)

    monkeypatch.setattr(os, "fsync", noted)
    log = DecisionLog(folder)
    log_rows(log, served, row())
    (path,) = still_open(folder)
    log.tend()
    assert flushed == [str(path), str(path.parent)]
    log.tend()
    assert len(flushed) == 2  # nothing was written since
    log_rows(log, served, row())
    log.tend()
    assert flushed[2:] == [str(path)]


def test_a_write_that_is_short_goes_on(
    served: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = DecisionLog(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: _write(file, bytes(data[:97])))
        ids = log_rows(log, served, row(), row(1)) + log_rows(log, served, row(2))
    (path,) = still_open(folder)
    assert ids_of([path]) == ids and not Segment("s", path.read_bytes()).cut


def _full_after(whole: int) -> Callable[[int, bytes], int]:
    """`os.write` on a disk that has room for so many bytes."""
    left = whole

    def write(file: int, data: bytes) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = _write(file, bytes(data[:left]))
        left -= done
        return done

    return write


@pytest.mark.parametrize("room", [0, 1, 400, 800])
@pytest.mark.parametrize("before", [0, 3])
def test_a_full_disk_leaves_whole_records_and_the_log_goes_on_later(
    served: Served, folder: Path, monkeypatch: pytest.MonkeyPatch, room: int, before: int
) -> None:
    log = DecisionLog(folder)
    ids = [log_rows(log, served, row())[0] for _ in range(before)]
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _full_after(room))
        for _ in range(2):
            with pytest.raises(OSError, match="No space left"):
                log_rows(log, served, row(), row(1), row(2))
    assert log.records == before
    ids += log_rows(log, served, row())
    (path,) = still_open(folder)
    assert ids_of([path]) == ids and not Segment("s", path.read_bytes()).cut


def test_more_than_may_wait_to_be_shipped_is_refused_until_it_is_shipped(
    served: Served, folder: Path
) -> None:
    log = DecisionLog(folder, most_waiting=1_000)
    for _ in range(3):
        log_rows(log, served, row())
    log.tend()
    with pytest.raises(OSError, match="expected at most 1,000 bytes that wait to be shipped"):
        log_rows(log, served, row())
    (path,) = still_open(folder)
    path.unlink()
    log.tend()
    log_rows(log, served, row())


def test_a_half_that_cannot_be_taken_away_is_a_segment_s_end(
    served: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = DecisionLog(folder)
    ids = log_rows(log, served, row())

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _full_after(100))
        patch.setattr(os, "ftruncate", fail)
        with pytest.raises(OSError, match="No space left"):
            log_rows(log, served, row())
    ids += log_rows(log, served, row())
    log.tend()
    assert [Segment("s", path.read_bytes()).cut for path in closed(folder)] == [True]
    assert ids_of(closed(folder) + still_open(folder)) == ids


def test_a_log_that_could_write_nothing_leaves_nothing(
    served: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DecisionLog(folder) as log, monkeypatch.context() as patch:
        patch.setattr(os, "write", _full_after(0))
        with pytest.raises(OSError, match="No space left"):
            log_rows(log, served, row())
    assert (closed(folder), still_open(folder)) == ([], [])


def test_a_segment_that_cannot_be_closed_now_is_closed_later(
    served: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = DecisionLog(folder, most_seconds=0.0)
    ids = log_rows(log, served, row())

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        log.tend()
        assert "Input/output error" in log.last_error
    assert closed(folder) == []
    log.tend()
    assert (ids_of(closed(folder)), log.last_error) == (ids, "")


def test_an_open_segment_of_a_process_that_lives_is_left_alone(
    served: Served, folder: Path
) -> None:
    living, other = DecisionLog(folder), DecisionLog(folder)
    ids = log_rows(living, served, row())
    other.tend()
    assert len(still_open(folder)) == 1
    ids += log_rows(living, served, row())
    assert ids_of(still_open(folder)) == ids


@pytest.mark.parametrize(
    ("text", "left"),
    [(b"", 0), (b'{"format"', 0), (b"{}\n", 0), (b'{}\n{"id"', 0), (b"{}\n{}\n{", 1)],
)
def test_what_a_process_left_open_is_closed_and_nothing_is_made_of_nothing(
    folder: Path, text: bytes, left: int
) -> None:
    (folder / SCENARIO).mkdir(parents=True)
    path = folder / SCENARIO / "20261122T024313.123456Z-host-1-0.jsonl.open"
    path.write_bytes(text)
    DecisionLog(folder).tend()
    assert (len(closed(folder)), len(still_open(folder))) == (left, 0)


def test_a_name_that_another_took_for_left_is_given_up(
    served: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, looks = fcntl.flock, []

    def late(file: int, how: int) -> None:
        # Between the making of the file and its lock somebody looks for what was left open.
        if not looks:
            looks.append(True)
            monkeypatch.setattr(fcntl, "flock", lock)
            DecisionLog(folder).tend()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    log = DecisionLog(folder)
    ids = log_rows(log, served, row())
    assert looks and ids_of(still_open(folder)) == ids


def test_threads_share_a_log(served: Served, folder: Path) -> None:
    log = DecisionLog(folder, most_bytes=20_000)
    found: list[str] = []

    def work(seed: float) -> None:
        for number in range(60):
            found.extend(log_rows(log, served, row(seed), row(number)))

    threads = [threading.Thread(target=work, args=(float(seed),)) for seed in range(2)]
    with log:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(ids_of(closed(folder))) == sorted(found) and len(found) == 240
    assert not any(Segment("s", path.read_bytes()).cut for path in closed(folder))


def _start(release: Path, folder: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
        [
            sys.executable, "-m", "tests.serving.deciding_forever",
            str(release), str(folder), str(count),
        ],
        cwd=ROOT, env=user_environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("lines", [1, 700])
def test_a_kill_loses_nothing_that_was_answered(
    models: Models, tmp_path: Path, folder: Path, lines: int
) -> None:
    with _start(models.release("logistic", tmp_path / "release"), folder, 1_000_000) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        told += process.stdout.readlines()
    assert len(still_open(folder)) >= 1
    DecisionLog(folder).tend()
    assert still_open(folder) == []
    answered = {line.strip() for line in told if line.endswith("\n")}
    assert len(answered) >= lines
    written = ids_of(closed(folder))
    assert answered <= set(written) and len(set(written)) == len(written)


def test_processes_share_a_folder_and_none_takes_from_the_other(
    models: Models, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_log, "_LOOK_S", 0.0)  # somebody always looks for what is left
    release = models.release("logistic", tmp_path / "release")
    watching = DecisionLog(folder)
    processes = [_start(release, folder, 150) for _ in range(2)]
    while any(process.poll() is None for process in processes):
        watching.tend()
        time.sleep(0.001)
    told = [line.strip() for one in processes for line in one.communicate()[0].splitlines()]
    assert [process.returncode for process in processes] == [0, 0]
    assert still_open(folder) == []
    assert sorted(ids_of(closed(folder))) == sorted(told) and len(told) == 600
    assert np.isnan(records_of(closed(folder)[:1])[0].inputs[1, 0])

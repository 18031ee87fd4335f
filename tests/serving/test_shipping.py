"""Closed segments come to the store once and whole, whatever the store does meanwhile."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from components.contracts.errors import EnvironmentFaultError
from components.storage.objects import FolderStore, Store
from serving.decision_log import DecisionLog
from serving.models import Served
from serving.shipping import Shipper, installed_store
from tests.serving.deciding import SCENARIO, closed, ids_of, log_rows, row, still_open
from tests.support import fingerprint, until

NAME = "20261122T024313.123456Z-host-1-0.jsonl"
SHIPPED = f"decisions/{SCENARIO}/2026-11-22/{NAME}"


class Moody(FolderStore):
    """A store that is away while it is told so."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.away = False
        self.tries = 0
        #: Called when a file was put, and before its putter hears of it.
        self.afterwards: Callable[[], None] = lambda: None

    def put_file(self, name: str, path: Path) -> None:
        self.tries += 1
        if self.away:
            raise EnvironmentFaultError("object store: cannot be reached")
        super().put_file(name, path)
        self.afterwards()


@pytest.fixture
def store(tmp_path: Path) -> Moody:
    return Moody(tmp_path / "store")


def _left(folder: Path, name: str = NAME, text: str = "{}\n{}\n") -> Path:
    path = folder / SCENARIO / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_closed_segment_is_taken_to_its_day_and_off_the_disk(folder: Path, store: Moody) -> None:
    _left(folder, text="whole\nthing\n")
    _left(folder, f"{NAME}.open", "grows")
    _left(folder, "notes.jsonl", "somebody's")
    shipper = Shipper(folder, lambda: store)
    assert shipper.ship()
    assert store.read(SHIPPED) == b"whole\nthing\n"
    assert store.names("") == [SHIPPED]
    assert shipper.shipped == 1
    assert {path.name for path in folder.glob("*/*")} == {f"{NAME}.open", "notes.jsonl"}


def test_a_store_is_opened_when_there_is_something_to_ship(folder: Path, store: Moody) -> None:
    opened: list[bool] = []

    def connect() -> Store:
        opened.append(True)
        return store

    shipper = Shipper(folder, connect)
    assert shipper.ship() and not opened
    _left(folder)
    assert shipper.ship() and shipper.ship()
    assert opened == [True]


def test_while_the_store_is_away_segments_wait_and_then_it_catches_up(
    served: Served, folder: Path, store: Moody
) -> None:
    store.away = True
    log = DecisionLog(folder, most_bytes=1, sync_seconds=0.01)
    with Shipper(folder, lambda: store, look_seconds=0.01, most_seconds=0.05) as shipper, log:
        ids = [log_rows(log, served, row(n))[0] for n in range(5)]
        until(lambda: "cannot be reached" in shipper.last_error)
        until(lambda: len(closed(folder)) >= 4)
        ids += log_rows(log, served, row())  # who asks does not notice
        assert store.names("") == []
        until(lambda: log.waiting_bytes > 0)
        store.away = False
        until(lambda: shipper.shipped >= 5 and not shipper.last_error)
    assert fingerprint(folder).keys() <= {".shipping"}
    assert sorted(ids_of(sorted(store.root.rglob("*.jsonl")))) == sorted(ids)


def test_a_store_that_cannot_even_be_opened_does_not_stop_the_server(
    folder: Path, store: Moody
) -> None:
    tries: list[bool] = []

    def connect() -> Store:
        tries.append(True)
        if len(tries) < 3:
            raise EnvironmentFaultError("object store: expected AWS_ENDPOINT_URL")
        return store

    _left(folder)
    with Shipper(folder, connect, look_seconds=0.01):
        until(lambda: store.names(""))
    assert len(tries) == 3


def test_the_store_is_asked_less_and_less_often_but_within_a_bound(
    folder: Path, store: Moody
) -> None:
    _left(folder)
    store.away = True
    # 0.02, 0.04, 0.08, 0.1, 0.1: five tries in 0.34 s, and not the 17 of a fixed pace.
    with Shipper(folder, lambda: store, look_seconds=0.02, most_seconds=0.1, stop_seconds=0.0):
        time.sleep(0.4)
        assert 3 <= store.tries <= 6
        time.sleep(0.4)
        assert store.tries >= 5


def test_a_segment_that_was_put_and_not_removed_is_put_over_itself(
    folder: Path, store: Moody
) -> None:
    _left(folder)

    def killed() -> None:
        raise KeyboardInterrupt

    store.afterwards = killed
    with pytest.raises(KeyboardInterrupt):
        Shipper(folder, lambda: store).ship()
    assert len(closed(folder)) == 1
    store.afterwards = lambda: None
    assert Shipper(folder, lambda: store).ship()
    assert closed(folder) == [] and store.names("") == [SHIPPED]


def test_one_process_ships_at_a_time(folder: Path, store: Moody) -> None:
    _left(folder)
    told: list[bool] = []
    other = Shipper(folder, lambda: store)
    store.afterwards = lambda: told.append(other.ship())
    assert Shipper(folder, lambda: store).ship()
    assert told == [False] and store.tries == 1


def test_an_end_takes_along_what_was_written_last(
    served: Served, folder: Path, store: Moody
) -> None:
    with Shipper(folder, lambda: store, look_seconds=5.0), DecisionLog(folder) as log:
        ids = log_rows(log, served, row())
    assert closed(folder) == still_open(folder) == []
    assert ids_of(sorted(store.root.rglob("*.jsonl"))) == ids


def test_an_end_does_not_wait_for_a_store_that_is_away(
    folder: Path, store: Moody, caplog: pytest.LogCaptureFixture
) -> None:
    _left(folder)
    store.away = True
    started = time.monotonic()
    with Shipper(folder, lambda: store, look_seconds=0.05, stop_seconds=0.3):
        pass
    assert time.monotonic() - started < 2.0
    assert len(closed(folder)) == 1
    assert f"1 segments are left in {folder}" in caplog.text


def test_the_installation_says_which_store_it_is(home: Path) -> None:
    assert installed_store().uri == str(home / "store")

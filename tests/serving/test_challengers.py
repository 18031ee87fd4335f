"""A challenger comes and goes as the store declares it, and never takes the champion with it."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest

from components.contracts.errors import EnvironmentFaultError
from components.scoring.release import RELEASE, CutOff, Release
from components.storage.objects import Entry, FolderStore, Store
from components.storage.registry import note_shadow, release_key
from serving.challengers import Challengers
from serving.models import Declared, Models
from tests.making import Models as Trained
from tests.support import until

NAME = "small-loans"


class Moody(FolderStore):
    """A store that is away while it is told so, and counts what is fetched."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.away = False
        self.asked = self.fetched = 0

    def read(self, name: str) -> bytes | None:
        self.asked += 1
        if self.away:
            raise EnvironmentFaultError(f"object store: cannot be reached, for the {self.asked}th")
        return super().read(name)

    def local(self, entry: Entry) -> Path:
        self.fetched += 1
        return super().local(entry)


@pytest.fixture
def champion(models: Trained, tmp_path: Path) -> Path:
    """The release that a pod was given."""
    return models.release("xgboost", tmp_path / "models")


@pytest.fixture
def store(tmp_path: Path) -> Moody:
    return Moody(tmp_path / "store")


@pytest.fixture
def other(store: Moody, models: Trained) -> str:
    """Another release, in the store."""
    folder = models.release("logistic", store.scratch())
    made = Release.read(folder).id
    store.publish(release_key(NAME, made), folder, {"release": made})
    return made


@pytest.fixture
def source(champion: Path, store: Moody) -> Challengers:
    """What a pod serves; it looks when it is told to."""
    return Challengers(_of(champion), lambda: store, look_seconds=1.0)


def _of(folder: Path) -> Callable[[], Mapping[str, Declared]]:
    return lambda: {NAME: Declared(folder, Release.read(folder).id)}


def _beside(source: Challengers) -> tuple[str | None, float]:
    found = source()[NAME]
    return found.challenger_id, found.share


def test_what_is_declared_is_beside_the_champion_until_it_is_declared_no_more(
    source: Challengers, store: Moody, other: str, champion: Path
) -> None:
    assert source.look() and _beside(source) == (None, 0.0)
    note_shadow(store, NAME, other, 0.1)
    assert source.look() and _beside(source) == (other, 0.1)
    served = Models(source).served[NAME]
    assert served.champion.id == Release.read(champion).id
    assert served.challenger is not None and served.challenger.id == other
    note_shadow(store, NAME, other, 0.3)
    assert source.look() and _beside(source) == (other, 0.3)
    assert store.fetched == 1  # it is here already
    note_shadow(store, NAME, "", 0.0)
    assert source.look() and source() == _of(champion)()


def test_a_challenger_that_became_champion_is_nobody_s(
    champion: Path, store: Moody, other: str
) -> None:
    note_shadow(store, NAME, other, 0.1)
    place = store.root / release_key(NAME, other)
    serving = {NAME: Declared(champion, Release.read(champion).id)}
    source = Challengers(lambda: serving, lambda: store, look_seconds=1.0)
    assert source.look() and _beside(source) == (other, 0.1)
    serving[NAME] = Declared(place, other)
    assert _beside(source) == (None, 0.0)  # at once, whatever the store says
    fresh = Challengers(lambda: serving, lambda: store, look_seconds=1.0)
    assert fresh.look() and fresh() == serving
    assert store.fetched == 1


def test_while_the_store_is_away_the_last_one_stays_and_the_fault_is_told(
    source: Challengers, store: Moody, other: str
) -> None:
    note_shadow(store, NAME, other, 0.1)
    source.look()
    models = Models(source)
    before = models.served[NAME]
    store.away = True
    for _ in range(2):  # its words are others each time
        assert not source.look()
        assert "small-loans: its challenger: object store: cannot" in models.refresh()[NAME]
        assert models.served[NAME] is before
    store.away = False
    assert source.look() and models.refresh() == {}
    assert models.served[NAME] is before


def _gone(store: Moody, other: str) -> None:
    note_shadow(store, NAME, other, 0.1)
    rmtree(store.root / release_key(NAME, other))


def _unknown(store: Moody, _: str) -> None:
    note_shadow(store, NAME, "0" * 64, 0.1)


def _no_id(store: Moody, _: str) -> None:
    note_shadow(store, NAME, "../../models", 0.1)


def _no_declaration(store: Moody, _: str) -> None:
    store.put(f"shadows/{NAME}", "[")


def _no_object(store: Moody, _: str) -> None:
    store.put(f"shadows/{NAME}", '["a"]')


def _no_share(store: Moody, other: str) -> None:
    note_shadow(store, NAME, other, 2.0)


def _damaged(store: Moody, other: str) -> None:
    note_shadow(store, NAME, other, 0.1)
    card = store.root / release_key(NAME, other) / "bundle" / "card.json"
    card.write_text(" " + card.read_text()[1:])


def _another_one(store: Moody, other: str) -> None:
    """One that would approve others, under the same id."""
    note_shadow(store, NAME, other, 0.1)
    place = store.root / release_key(NAME, other)
    made = replace(Release.read(place), policy=CutOff(9, 0.5))
    (place / RELEASE).write_text(made.to_json())


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_gone, "expected release "),
        (_unknown, "expected release 000000000000 in "),
        (_no_id, "expected a release's id or its first six digits"),
        (_no_declaration, "shadow small-loans: expected a declaration in "),
        (_no_object, "shadow small-loans: expected a declaration in "),
        (_no_share, "expected a challenger's share from 0 to 1, found 2.0"),
        (_damaged, "card.json: expected sha256 "),
        (_another_one, "expected id "),
    ],
)
def test_a_challenger_that_cannot_be_had_is_told_and_the_champion_answers_alone(
    spoil: Callable[[Moody, str], None],
    said: str,
    source: Challengers,
    store: Moody,
    other: str,
    champion: Path,
) -> None:
    spoil(store, other)
    source.look()
    models = Models(source)
    assert models.served[NAME].challenger is None
    assert models.served[NAME].champion.id == Release.read(champion).id
    assert said in models.refused[NAME]


def test_one_that_is_declared_in_the_place_of_another_leaves_nothing_of_it(
    source: Challengers, store: Moody, other: str
) -> None:
    note_shadow(store, NAME, other, 0.1)
    assert source.look()
    note_shadow(store, NAME, "0" * 64, 0.2)
    assert not source.look()
    assert _beside(source) == (None, 0.0)
    note_shadow(store, NAME, other, 0.1)
    assert source.look() and _beside(source) == (other, 0.1)


def test_a_store_that_hangs_holds_up_neither_start_nor_answer_nor_end(
    champion: Path, caplog: pytest.LogCaptureFixture
) -> None:
    over = threading.Event()

    def hangs() -> Store:
        over.wait(30)
        raise EnvironmentFaultError("the store hung")

    started = time.monotonic()
    champions = _of(champion)
    with Challengers(champions, hangs, look_seconds=0.01, first_seconds=0.1) as source:
        assert source() == champions()
    assert time.monotonic() - started < 10
    assert "the store did not say within 0.1 s" in caplog.text
    over.set()


def test_a_server_starts_with_the_challenger_that_is_declared_and_follows_it(
    champion: Path, store: Moody, other: str
) -> None:
    note_shadow(store, NAME, other, 0.1)
    with Challengers(_of(champion), lambda: store, look_seconds=0.01) as source:
        assert _beside(source) == (other, 0.1)
        note_shadow(store, NAME, "", 0.0)
        until(lambda: _beside(source) == (None, 0.0))
        store.away = True
        until(lambda: source()[NAME].fault)
        store.away = False
        until(lambda: not source()[NAME].fault)
    time.sleep(0.05)
    asked = store.asked
    time.sleep(0.05)
    assert store.asked == asked


def test_the_store_is_asked_less_and_less_often_but_within_a_bound(
    champion: Path, store: Moody
) -> None:
    store.away = True
    # 0, 0.04, 0.12, 0.22, 0.32, ...: and not the 20 of a fixed pace.
    with Challengers(_of(champion), lambda: store, look_seconds=0.02, most_seconds=0.1):
        time.sleep(0.4)
        assert 3 <= store.asked <= 7
        time.sleep(0.4)
        assert store.asked >= 5

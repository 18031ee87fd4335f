"""The promotions table: append-only, one winner a number; and the audit of evaluations."""

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from components.contracts.errors import EnvironmentFaultError, PromotionConflictError
from components.storage.database import Database, Promotion


def _promote(database: Database, release: str, after: int, scenario: str = "s") -> Promotion:
    return database.promote(
        scenario, release, after=after, run="r", who=f"who-{release}", why="w", figures={"auc": 0.7}
    )


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of each kind."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/vintage.db"


def test_promotions_are_numbered_one_after_the_other_in_their_scenario(url: str) -> None:
    database = Database(url)
    assert database.champion("s") is None
    numbers = [_promote(database, release, after).number for after, release in enumerate("abc")]
    assert numbers == [1, 2, 3]
    assert _promote(database, "d", 0, scenario="other").number == 1
    champion = Database(url).champion("s")
    assert champion is not None
    assert (champion.number, champion.release, champion.figures) == (3, "c", {"auc": 0.7})
    other = database.champion("other")
    assert other is not None
    assert other.release == "d"


def test_a_promotion_on_an_old_view_names_the_champion_that_stands(url: str) -> None:
    database = Database(url)
    _promote(database, "first", 0)
    with pytest.raises(PromotionConflictError) as caught:
        _promote(database, "second", 0)
    assert str(caught.value) == (
        "s: expected promotion number 1 to be free, found it taken; "
        "the champion is first by who-first"
    )
    champion = database.champion("s")
    assert champion is not None
    assert champion.release == "first"


def test_of_promotions_at_once_in_threads_exactly_one_wins(url: str) -> None:
    count = 8
    Database(url)
    barrier = threading.Barrier(count)

    def promote(number: int) -> str:
        mine = Database(url)
        barrier.wait()
        try:
            return _promote(mine, f"release{number}", 0).release
        except PromotionConflictError as error:
            return str(error)

    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(promote, range(count)))
    champion = Database(url).champion("s")
    assert champion is not None
    assert champion.number == 1
    losers = [answer for answer in answers if answer != champion.release]
    assert len(losers) == count - 1
    assert all(f"the champion is {champion.release} by" in loser for loser in losers)


_PROMOTER = """
import sys
from components.contracts.errors import PromotionConflictError
from components.storage.database import Database
database = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    database.promote("s", sys.argv[2], after=0, run="r", who="w", why="w", figures={})
except PromotionConflictError as error:
    sys.exit(str(error))
"""


def test_of_promotions_at_once_in_processes_exactly_one_wins(url: str) -> None:
    promoters = [
        subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", _PROMOTER, url, f"release{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    for promoter in promoters:
        assert promoter.stdout is not None
        assert promoter.stdout.readline() == "ready\n"
    for promoter in promoters:
        assert promoter.stdin is not None
        promoter.stdin.write("go\n")
        promoter.stdin.flush()
    errors = [promoter.communicate(timeout=30)[1] for promoter in promoters]
    assert sorted(promoter.returncode for promoter in promoters) == [0, 1]
    champion = Database(url).champion("s")
    assert champion is not None
    (error,) = (error for error in errors if error)
    assert f"the champion is {champion.release}" in error


def test_all_who_make_the_tables_at_once_succeed(url: str) -> None:
    count = 8
    barrier = threading.Barrier(count)

    def make(_: int) -> object:
        barrier.wait()
        return Database(url).champion("s")

    with ThreadPoolExecutor(count) as pool:
        assert list(pool.map(make, range(count))) == [None] * count


def test_what_came_up_is_noted_once_and_for_its_number_only(url: str) -> None:
    database = Database(url)
    for after, release in enumerate("aba"):
        _promote(database, release, after)
    _promote(database, "d", 0, scenario="other")
    for run in ("r1", "r2"):
        database.note_came_up("s", 1, run=run)
    assert [row.came_up for row in database.promotions("s")] == [True, False, False]
    assert [row.came_up for row in database.promotions("other")] == [False]


def test_the_ground_of_a_promotion_is_kept_beside_its_words(url: str) -> None:
    database = Database(url)
    made = database.promote(
        "s", "a", after=0, run="r", who="w", why="in a meeting", figures={}, ground="explicit"
    )
    (found,) = database.promotions("s")
    assert (found.ground, found.why) == (made.ground, made.why) == ("explicit", "in a meeting")


_OLD = """
CREATE TABLE promotions (
    scenario VARCHAR(40) NOT NULL, number INTEGER NOT NULL, release VARCHAR(64) NOT NULL,
    run VARCHAR(80) NOT NULL, who VARCHAR(200) NOT NULL, why VARCHAR(2000) NOT NULL,
    figures JSON NOT NULL, at TIMESTAMP NOT NULL, PRIMARY KEY (scenario, number)
)
"""
_OLD_ROW = (
    "INSERT INTO promotions VALUES "
    "('s', 1, 'a', 'r', 'w', 'first champion', '{}', '2026-01-01 00:00:00.000000')"
)


def test_a_table_without_grounds_gets_them_and_keeps_its_rows(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(_OLD))
        connection.execute(text(_OLD_ROW))
    engine.dispose()
    count = 8
    barrier = threading.Barrier(count)

    def open_it(_: int) -> Promotion | None:
        barrier.wait()
        return Database(url).champion("s")

    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(open_it, range(count)))
    assert {(one.number, one.ground, one.came_up) for one in found if one} == {(1, None, False)}
    assert None not in found
    _promote(Database(url), "b", 1)
    assert [row.release for row in Database(url).promotions("s")] == ["a", "b"]


def test_an_evaluation_is_recorded_once_and_its_first_record_stands(url: str) -> None:
    database = Database(url)
    for run, passed in (("r1", False), ("r2", True)):
        database.record_evaluation("s", "e1", run=run, decision={"passed": passed, "rules": []})
    database.record_evaluation("s", "e2", run="r3", decision={"passed": True, "rules": [1]})
    database.record_evaluation("other", "e1", run="r4", decision={"passed": True, "rules": []})
    found = [(row["evaluation"], row["run"], row["passed"]) for row in database.evaluations("s")]
    assert found == [("e1", "r1", 0), ("e2", "r3", 1)]
    assert database.evaluations("s")[1]["decision"] == {"passed": True, "rules": [1]}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:swordfish@127.0.0.1:1/vintage",
        "mysql+pymysql://user:swordfish@127.0.0.1:1/vintage",
        "nosuch://user:swordfish@127.0.0.1:1/vintage",
        "sqlite://user:swordfish@127.0.0.1:1/vintage",
        "postgresql://user:sword@swordfish@127.0.0.1:1/vintage",
        "postgresql://127.0.0.1:1/vintage?user=u&password=swordfish",
    ],
)
def test_a_database_out_of_reach_is_named_without_its_password(url: str) -> None:
    with pytest.raises(EnvironmentFaultError) as caught:
        Database(url)
    message = str(caught.value)
    assert message.startswith("database ")
    assert "127.0.0.1:1/vintage" in message
    assert "sword" not in message
    assert "\n" not in message


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite:/x", "://"])
def test_what_is_no_database_url_is_said_to_be_none(url: str) -> None:
    with pytest.raises(EnvironmentFaultError, match=r"^database "):
        Database(url)


def test_a_database_in_a_missing_folder_is_named(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/none/vintage.db"
    with pytest.raises(EnvironmentFaultError, match=r"none/vintage.db: unable to open"):
        Database(place)


def test_a_database_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "vintage.db").write_text("this is not a database file, not at all" * 100)
    with pytest.raises(EnvironmentFaultError, match=r"vintage.db: file is not a database"):
        Database(f"sqlite:///{tmp_path}/vintage.db")


def test_a_database_that_may_not_be_written_to_is_named(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path}/vintage.db")
    readonly = Database(f"sqlite:///file:{tmp_path}/vintage.db?mode=ro&uri=true")
    assert readonly.champion("s") is None
    with pytest.raises(EnvironmentFaultError, match=r"vintage.db.*: attempt to write a readonly"):
        _promote(readonly, "a", 0)


def test_a_lost_database_is_made_again_empty(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vintage.db"
    _promote(Database(url), "a", 0)
    shutil.move(tmp_path / "vintage.db", tmp_path / "elsewhere.db")
    assert Database(url).champion("s") is None
    moved = Database(f"sqlite:///{tmp_path}/elsewhere.db").champion("s")
    assert moved is not None
    assert moved.release == "a"

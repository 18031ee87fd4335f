"""Who may be champion, what is put on record of it, and who hears of it."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.deployment.step import deploy, release_to_go_back_to, releases
from components.storage import tracking
from components.storage.database import Database, Promotion
from components.storage.registry import note_registered, release_key
from tests.deployment.faking import NAME
from tests.deployment.installing import Installation


@pytest.fixture
def here(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """The installation on this machine, whose old release serves and the new one has won."""
    monkeypatch.delenv("VINTAGE_NAMESPACE")
    installation.deploy(installation.old, "first")
    installation.win(installation.new)
    return installation


def _told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The notifications so far."""
    lines = capsys.readouterr().out.splitlines()
    return [line.removeprefix("[notify] ") for line in lines if line.startswith("[notify] ")]


def test_a_first_release_needs_no_challenge(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VINTAGE_NAMESPACE")
    installation.deploy(installation.old)
    champion = installation.champion()
    assert (champion.number, champion.release, champion.run) == (1, installation.old, "run")
    assert (champion.ground, champion.why) == ("first", "")
    assert champion.figures == {"auc": 0.75}
    assert champion.came_up
    assert champion.who
    assert installation.mirrored == [(installation.old, "champion")]
    assert installation.record()["facts"] == {"release": installation.old, "number": 1}
    assert _told(capsys) == [
        f"promoted {NAME} run: release {installation.old[:12]} is champion number 1: first champion"
    ]


def test_the_winner_of_its_challenge_is_promoted(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    here.deploy(here.new)
    champion = here.champion()
    assert (champion.number, champion.release, champion.ground) == (2, here.new, "won")
    assert here.deployed() == here.new
    assert here.mirrored == [(here.old, "champion"), (here.new, "champion")]
    assert len(_told(capsys)) == 1


def test_without_a_name_the_latest_registered_release_is_deployed(here: Installation) -> None:
    here.deploy("")
    assert here.champion().release == here.deployed() == here.new


def test_a_former_champion_that_lost_does_not_come_back_because_it_is_the_latest(
    here: Installation,
) -> None:
    here.deploy(here.new)
    note_registered(here.store, NAME, here.old)  # old data was trained on again
    here.challenge(here.old, passed=False)
    assert "found that it lost; challenge it with" in here.fails("", "release pipeline")
    assert here.champion().release == here.deployed() == here.new
    here.deploy(here.old, "by name")
    assert here.champion().release == here.deployed() == here.old


def test_a_win_that_was_lost_later_promotes_nothing(here: Installation) -> None:
    here.challenge(here.new, passed=False)
    assert "found that it lost" in here.fails(here.new)
    here.win(here.new)
    here.deploy(here.new, "later")
    assert here.champion().ground == "won"


def test_a_run_that_challenged_promotes_no_former_champion_without_its_win(
    here: Installation,
) -> None:
    here.deploy(here.new)
    here.challenge(here.old, passed=True, run="all three")
    here.promote("f" * 64)
    assert "to have won a challenge" in here.fails(here.old, "all three")
    here.deploy(here.old, "back")
    assert (here.champion().number, here.champion().ground) == (4, "rollback")


def test_what_cannot_be_compared_is_promoted_where_a_person_says_why(here: Installation) -> None:
    here.challenge(here.new, passed=False, comparable=False)
    for why in ("", "  "):
        error = here.fails(here.new, f"why {why!r}", why)
        assert f"vintage run {NAME} --pipeline release --why TEXT" in error
        assert "found that it cannot be: the gold is gone" in error
    here.deploy(here.new, why="agreed in the meeting")
    champion = here.champion()
    assert (champion.ground, champion.why) == ("explicit", "agreed in the meeting")
    assert here.deployed() == here.new


def test_the_champions_own_model_is_promoted_and_its_row_says_what_is_other(
    here: Installation,
) -> None:
    here.challenge(here.new, passed=True, compared=False, why="same model, another snapshot")
    here.deploy(here.new)
    champion = here.champion()
    assert champion.ground == "alike"
    assert champion.reason == "without a comparison: same model, another snapshot"


def test_the_start_of_an_id_is_enough(here: Installation) -> None:
    here.deploy(here.new[:8])
    assert here.champion().release == here.new


def test_what_serves_already_is_left_alone(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    here.deploy(here.old, "again")
    record = here.record("again")
    assert record["reused"] is True
    assert record["facts"] == {"release": here.old, "number": 1}
    assert here.champion().number == 1
    assert len(here.mirrored) == 1
    assert _told(capsys) == []


def test_a_release_that_did_not_win_is_refused_with_the_way_to_do_it(
    installation: Installation,
) -> None:
    installation.deploy(installation.old, "first")
    installation.cluster.calls.clear()
    assert installation.fails(installation.new) == (
        f"deploy: {NAME}: expected release {installation.new[:12]} to have won a challenge of the "
        f"champion, release {installation.old[:12]} (number 1), found none; "
        f"challenge it with: vintage run {NAME} --pipeline challenge"
    )
    assert installation.cluster.calls == []
    assert installation.champion().number == 1
    assert installation.mirrored == [(installation.old, "champion")]


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ("c" * 64, "expected release cccccccccccc in"),
        ("../x", "expected a release's id"),
        ("abc", "expected a release's id"),
    ],
)
def test_a_release_that_is_not_there_is_named(
    installation: Installation, release: str, said: str
) -> None:
    assert said in installation.fails(release)
    assert installation.database.promotions(NAME) == []


@pytest.mark.usefixtures("home")
def test_where_nothing_was_registered_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        deploy(scenario="none", run="run", timeout_minutes=1, release="", why="")
    assert "none: expected a registered release in" in capsys.readouterr().err


@pytest.mark.parametrize("why", ["", "complaints from the branches"])
def test_a_former_champion_may_come_back(
    here: Installation, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    here.deploy(here.new)
    here.deploy(here.old, "back", why)
    champion = here.champion()
    assert (champion.number, champion.release) == (3, here.old)
    assert (champion.ground, champion.why) == ("rollback", why)
    assert _told(capsys)[-1].endswith(f"number 3: rolled back{why and f': {why}'}")
    assert here.deployed() == here.old
    assert here.mirrored[-1] == (here.old, "champion")
    assert here.record("back")["facts"] == {"release": here.old, "number": 3}


def test_mlflow_and_people_do_not_hear_of_a_release_that_did_not_come_up(
    second: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    second.cluster.faults[second.new] = "image"
    capsys.readouterr()
    second.fails(second.new)
    assert second.mirrored == [(second.old, "champion")]
    assert _told(capsys) == []
    assert [row.release for row in second.database.promotions(NAME)] == [
        second.old, second.new, second.old,
    ]  # fmt: skip


def test_a_release_that_did_not_come_up_must_win_again(second: Installation) -> None:
    second.cluster.faults[second.new] = "image"
    second.fails(second.new)
    second.cluster.faults.clear()
    assert "to have won a challenge" in second.fails(second.new, "next")
    second.win(second.new)
    second.deploy(second.new, "after that")
    assert (second.champion().number, second.deployed()) == (4, second.new)


def test_an_mlflow_out_of_reach_is_told_by_the_next_run(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise EnvironmentFaultError("MLflow: away")

    with monkeypatch.context() as patch:
        patch.setattr(tracking.Tracking, "mirror", away)
        assert here.fails(here.new) == "deploy: MLflow: away"
    assert here.champion().release == here.deployed() == here.new
    here.deploy(here.new, "next")
    assert here.mirrored[-1] == (here.new, "champion")
    assert here.champion().number == 2


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(
    here: Installation,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    kind: str,
) -> None:
    if kind == "postgres":
        monkeypatch.setenv("VINTAGE_DATABASE", str(request.getfixturevalue("postgres_url")))
    else:
        monkeypatch.setenv("VINTAGE_DATABASE", f"sqlite:///{here.store.uri}/fresh.db")
    both, promote = threading.Barrier(2), Database.promote

    def at_once(self: Database, *args: Any, **rest: Any) -> Promotion:
        both.wait(timeout=20)  # both have seen that there is no champion
        return promote(self, *args, **rest)

    monkeypatch.setattr(Database, "promote", at_once)

    def go(release: str) -> str:
        try:
            here.deploy(release, f"run-{release[:6]}")
        except SystemExit:
            return str(here.record(f"run-{release[:6]}")["error"])
        return ""

    with ThreadPoolExecutor(2) as pool:
        said = dict(zip((here.old, here.new), pool.map(go, (here.old, here.new)), strict=True))
    (winner,) = (release for release, error in said.items() if not error)
    (error,) = (error for error in said.values() if error)
    assert "expected promotion number 1 to be free, found it taken" in error
    assert f"the champion is {winner[:12]} by" in error
    assert here.deployed() == winner


def test_releases_tell_when_each_was_champion(here: Installation) -> None:
    here.deploy(here.new)
    here.deploy(here.old, "back", "complaints")
    here.promote("f" * 64)
    found = {one.release: one for one in releases(NAME)}
    assert list(found) == [here.old, here.new, "f" * 64]
    numbers = {release: [p.number for p in one.promotions] for release, one in found.items()}
    assert numbers == {here.old: [1, 3], here.new: [2], "f" * 64: [4]}
    assert [one.champion for one in found.values()] == [False, False, True]
    assert found[here.old].facts["family"] == "xgboost"
    assert found["f" * 64].facts == {}


def test_a_way_back_is_found_by_the_table(here: Installation) -> None:
    with pytest.raises(VintageError, match="expected a champion before release"):
        release_to_go_back_to(NAME)
    with pytest.raises(VintageError, match="which never was"):
        release_to_go_back_to(NAME, here.new)
    here.deploy(here.new)
    assert release_to_go_back_to(NAME) == here.old
    assert release_to_go_back_to(NAME, here.old[:8]) == here.old
    with pytest.raises(VintageError, match="is the champion already"):
        release_to_go_back_to(NAME, here.new[:8])
    with pytest.raises(VintageError, match="expected release cccccccc in"):
        release_to_go_back_to(NAME, "c" * 8)


def test_a_way_back_to_a_release_that_is_gone_is_none(here: Installation) -> None:
    here.deploy(here.new)
    gone: Mapping[str, object] = {"files": 1}
    here.store.put(f"{release_key(NAME, here.old)}/_entry.json", str(gone))
    with pytest.raises(VintageError, match="found none or a part"):
        release_to_go_back_to(NAME)


@pytest.mark.usefixtures("home")
def test_of_nothing_there_is_no_list_and_no_way_back() -> None:
    assert releases("none") == []
    with pytest.raises(VintageError, match="expected a champion to go back from, found none"):
        release_to_go_back_to("none", "c" * 8)

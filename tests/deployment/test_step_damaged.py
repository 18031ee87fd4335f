"""Releases that do not load or were overtaken, on sample data: what served goes on serving."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from components.contracts.errors import BundleError, VintageError
from components.deployment.step import deployed, load_deployed
from components.scoring.release import CutOff, Release
from components.storage.database import Database
from tests.deployment.walking import database_of, facts_of, flip, promotions_of, won
from tests.support import Champion


def test_a_release_that_does_not_load_is_not_deployed_and_is_rolled_back(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment = champion.home / "store" / "deployments" / "card-default"
    served, former = deployment.read_bytes(), promotions_of(champion.home)[0][1]
    walk = won(champion)
    new = str(facts_of(walk, "release")["release"])
    release = Path(str(walk.entry("release")["uri"]))
    assert release.is_relative_to(champion.home)
    bundle = release / "bundle"
    # Whether the release is seen to be no whole entry, before it is promoted.
    damages: dict[str, tuple[Callable[[], None], bool]] = {
        "a byte of the model": (lambda: flip(bundle / "spec.json"), False),
        "a byte of the golden rows": (lambda: flip(bundle / "golden.json"), False),
        "a byte of the snapshot": (lambda: flip(release / "snapshot.bin"), False),
        "another cut-off": (lambda: flip(release / "release.json"), False),
        "a file less": ((bundle / "card.json").unlink, True),
        "no bundle": (lambda: shutil.rmtree(bundle), True),
        "no snapshot": ((release / "snapshot.bin").unlink, True),
        "no release": (lambda: shutil.rmtree(release), True),
    }
    whole = champion.home.with_name("whole")
    shutil.copytree(release, whole)
    wrong = {}
    for what, (damage, seen) in damages.items():
        shutil.rmtree(release, ignore_errors=True)
        shutil.copytree(whole, release)
        damage()
        before = promotions_of(champion.home)
        walk.run = f"deploy {what}"
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            walk.deploy(new)
        assert caught.value.code == 1
        error = capsys.readouterr().err
        assert deployment.read_bytes() == served
        added = promotions_of(champion.home)[len(before) :]
        number = len(before)
        expected = [] if seen else [(number + 1, new), (number + 2, former)]
        if "Traceback" in error or added != expected:
            wrong[what] = error.splitlines()[-1], added
        _win_again(champion.home, new)
    assert wrong == {}
    assert load_deployed("card-default").release.id == former


def _win_again(home: Path, release: str) -> None:
    """Put on record that a release won its challenge of the present champion."""
    database = database_of(home)
    number = len(database.promotions("card-default"))
    decision = {"kind": "challenge", "release": release, "champion": number, "passed": True}
    database.record_evaluation("card-default", f"win {number}", run="r", decision=decision)


def test_a_release_that_another_run_overtook_is_not_promoted_over_it(
    champion: Champion, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = won(champion)
    promote = Database.promote

    def overtaken(self: Database, scenario: str, release: str, **rest: object) -> object:
        promote(self, scenario, "f" * 64, **{**rest, "who": "another"})  # type: ignore[arg-type]
        return promote(self, scenario, release, **rest)  # type: ignore[arg-type]

    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(Database, "promote", overtaken)
        with pytest.raises(SystemExit):
            walk.deploy()
    assert f"the champion is {'f' * 12} by another" in capsys.readouterr().err
    assert promotions_of(champion.home)[1:] == [(2, "f" * 64)]


def test_a_run_that_was_overtaken_does_not_take_serving_back(
    champion: Champion, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = won(champion)
    served = deployed("card-default")
    promote = Database.promote

    def overtaken(self: Database, scenario: str, release: str, **rest: object) -> object:
        mine = promote(self, scenario, release, **rest)  # type: ignore[arg-type]
        promote(self, scenario, "f" * 64, after=2, run="x", who="x", why="x", figures={})
        return mine

    with monkeypatch.context() as patch:
        patch.setattr(Database, "promote", overtaken)
        with pytest.raises(SystemExit):
            walk.deploy()
    assert "to be the champion still, found ffffffffffff by run x" in capsys.readouterr().err
    assert deployed("card-default") == served
    assert [number for number, _ in promotions_of(champion.home)] == [1, 2, 3]


def test_looking_at_a_damaged_champion_destroys_nothing(champion: Champion) -> None:
    folder = deployed("card-default")
    (folder / "snapshot.bin").write_bytes(b"cut")
    with pytest.raises(VintageError, match="found none or a part"):
        deployed("card-default")
    assert sorted(p.name for p in folder.iterdir()) == [
        "_entry.json", "bundle", "release.json", "snapshot.bin",
    ]  # fmt: skip
    assert champion.home.exists()


@pytest.mark.usefixtures("champion")
def test_a_release_in_the_place_of_another_does_not_serve() -> None:
    folder = deployed("card-default")
    text = (folder / "release.json").read_text()
    other = replace(Release.read(folder), policy=CutOff(1, 0.4)).to_json()
    (folder / "release.json").write_text(other + " " * (len(text) - len(other)))
    with pytest.raises(BundleError, match="card-default: expected release"):
        deployed("card-default")

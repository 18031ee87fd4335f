"""What the tests of whole walks through the pipelines ask of an installation."""

from pathlib import Path

from components.contracts.families import LogisticFamily, XGBoostFamily
from components.contracts.policy import Gate, Rule
from components.contracts.scenario import Scenario
from components.scoring.release import Release
from components.storage.database import Database
from components.storage.settings import Settings
from pipelines.scenarios import load
from tests.support import Champion, Walk

CARD = load("card-default")


def database_of(home: Path) -> Database:
    return Database(Settings.from_environment({"VINTAGE_HOME": str(home)}).database)


def promotions_of(home: Path) -> list[tuple[int, str]]:
    """Number and release of every promotion so far."""
    return [(one.number, one.release) for one in database_of(home).promotions("card-default")]


def release_of(home: Path, identity: str) -> Release:
    return Release.read(home / "store" / "card-default" / "releases" / identity)


def facts_of(walk: Walk, name: str) -> dict[str, object]:
    found = walk.entry(name)["facts"]
    assert isinstance(found, dict)
    return found


def quick(seed: int = 7, **changes: object) -> Scenario:
    """The scenario with a model of its own that is quickly trained, and passes easily."""
    families = (XGBoostFamily(rounds=20, search={}), LogisticFamily(search={}))
    training = CARD.training.model_copy(update={"families": families, "seed": seed})
    easy = Gate(rules=(Rule(metric="auc", floor=0.6),))
    return CARD.model_copy(update={"training": training, "gate": easy, **changes})


def won(champion: Champion) -> Walk:
    """A second candidate that is registered, and on record as the winner of its challenge."""
    walk = Walk(quick(), champion.data, "second")
    assert walk.to_gate()
    walk.register()
    release = str(facts_of(walk, "release")["release"])
    decision = {"kind": "challenge", "release": release, "champion": 1, "passed": True}
    database_of(champion.home).record_evaluation(
        "card-default", "a win", run="second", decision=decision
    )
    assert [number for number, _ in promotions_of(champion.home)] == [1]
    return walk


def flip(path: Path) -> None:
    """Damage a file: one bit in its middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))

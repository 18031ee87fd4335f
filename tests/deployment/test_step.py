"""The pipelines on sample data, step by step: once in full, then reused, refused, damaged."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from components.contracts.errors import BundleError, VintageError
from components.contracts.families import LogisticFamily, XGBoostFamily
from components.contracts.policy import FixedCutoff, Gate, Policy, Rule
from components.contracts.scenario import Scenario
from components.deployment.step import deployed, deployed_scenarios, load_deployed
from components.evaluation.step import read_summary
from components.scoring.release import CutOff, Release
from components.storage.database import Database
from components.storage.settings import Settings
from pipelines.scenarios import load
from tests.support import Champion, Walk, fingerprint, python, user_environment

STAGES = (
    "ingest", "features", "train", "evaluate", "gate", "register", "challenge", "deploy",
)  # fmt: skip
CARD = load("card-default")


def _database(home: Path) -> Database:
    return Database(Settings.from_environment({"VINTAGE_HOME": str(home)}).database)


def _promotions(home: Path) -> list[tuple[int, str]]:
    """Number and release of every promotion so far."""
    return [(one.number, one.release) for one in _database(home).promotions("card-default")]


def _release(home: Path, identity: str) -> Release:
    return Release.read(home / "store" / "card-default" / "releases" / identity)


def _facts(walk: Walk, name: str) -> dict[str, object]:
    found = walk.entry(name)["facts"]
    assert isinstance(found, dict)
    return found


def _quick(seed: int = 7, **changes: object) -> Scenario:
    """The scenario with a model of its own that is quickly trained, and passes easily."""
    families = (XGBoostFamily(rounds=20, search={}), LogisticFamily(search={}))
    training = CARD.training.model_copy(update={"families": families, "seed": seed})
    easy = Gate(rules=(Rule(metric="auc", floor=0.6),))
    return CARD.model_copy(update={"training": training, "gate": easy, **changes})


def test_the_champion_serves_and_its_summary_says_so(champion: Champion) -> None:
    summary = read_summary("first")
    assert summary is not None
    assert (summary.status, summary.champion, summary.error) == ("deployed", 1, "")
    assert [stage.stage for stage in summary.stages] == list(STAGES)
    assert not any(stage.reused for stage in summary.stages)
    assert all(rule.passed for rule in summary.gate)
    assert _promotions(champion.home) == [(1, summary.release)]
    assert deployed_scenarios() == ["card-default"]
    scorer = load_deployed("card-default")
    assert scorer.release.id == summary.release
    answer = scorer.score([scorer.entity("17")])[0]
    assert 0 < answer.pd < 1
    assert answer.release == summary.release
    report = (champion.home / "store" / "runs" / "first" / "report.html").read_text()
    assert "The gate: passed" in report


def test_what_the_sample_planted_is_what_the_facts_count(champion: Champion) -> None:
    planted = champion.planted
    walk = Walk(CARD, champion.data, "again")
    walk.ingest()
    walk.features()
    bronze, silver = _facts(walk, "bronze"), _facts(walk, "silver")
    replaced = bronze["profile"]["replaced"]  # type: ignore[index]
    assert sum(replaced["EDUCATION"].values()) == planted["education_undocumented"]
    assert sum(replaced["MARRIAGE"].values()) == planted["marriage_undocumented"]
    layers = {line["table"]: line for line in silver["layers"]}  # type: ignore[attr-defined]
    assert layers["profile"]["landed"] == layers["profile"]["kept"] == planted["profile_rows"]
    assert layers["transactions"]["landed"] == planted["transactions_rows"]
    assert layers["customers"]["landed"] == planted["rows"]
    assert [list(line) for line in silver["quarantine"]] == [  # type: ignore[attr-defined]
        ["customers", "identical", planted["duplicates"]],
        ["customers", "no row in profile", planted["transactions_only"]],
        ["customers", "no row in transactions", planted["profile_only"]],
    ]
    kept = (
        planted["rows"]
        - planted["duplicates"]
        - planted["transactions_only"]
        - planted["profile_only"]
    )
    assert silver["rows"] == _facts(walk, "gold")["rows"] == kept
    assert _facts(walk, "snapshot")["rows"] == kept


_AGAIN = """
import json, sys
from pathlib import Path
from pipelines.scenarios import load
from tests.support import Walk
walk = Walk(load("card-default"), sys.argv[1], "again")
walk.to_deployed()
heavy = ("pyspark", "py4j", "xgboost", "sklearn", "mlflow", "onnxruntime", "pandas", "matplotlib")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


def test_a_second_pass_reuses_everything_and_loads_no_library(champion: Champion) -> None:
    before = fingerprint(champion.home / "store" / "card-default")
    root = Path(__file__).parents[2]
    environment = user_environment(VINTAGE_HOME=str(champion.home), PYTHONPATH=str(root))
    done = python("-c", _AGAIN, str(champion.data), cwd=root, environment=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
    summary = read_summary("again")
    assert summary is not None
    assert summary.status == "deployed"
    assert [s.stage for s in summary.stages if not s.reused] == []
    assert len(summary.stages) == len(STAGES)
    assert fingerprint(champion.home / "store" / "card-default") == before
    assert [number for number, _ in _promotions(champion.home)] == [1]


def test_a_refused_candidate_is_on_record_and_the_champion_stays(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    served = (champion.home / "store" / "deployments" / "card-default").read_bytes()
    promotions = _promotions(champion.home)
    strict = CARD.model_copy(
        update={"gate": Gate(rules=(Rule(metric="auc", floor=0.99), Rule(metric="ks", floor=0)))}
    )
    walk = Walk(strict, champion.data, "strict")
    assert walk.to_gate() is False
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        walk.refuse()
    assert caught.value.code == 1
    walk.finish("FAILED")
    auc = read_summary("first").metrics["auc"]  # type: ignore[union-attr]
    error = capsys.readouterr().err
    assert error.startswith("refuse: card-default: the gate refused ")
    assert error.endswith(f"nothing was deployed\n  - auc >= 0.99: found {auc:.4f}, FAILED\n")
    summary = read_summary("strict")
    assert summary is not None
    assert (summary.status, summary.release, summary.champion) == ("refused", "", 0)
    assert [(r.metric, r.passed) for r in summary.gate] == [
        ("auc", False), ("ks", True), ("reasons", True),
    ]  # fmt: skip
    assert f"auc >= 0.99: found {auc:.4f}, FAILED" in summary.error
    report = (champion.home / "store" / "runs" / "strict" / "report.html").read_text()
    assert "The gate: refused" in report
    database = Database(Settings.from_environment().database)
    audit = [(row["run"], row["passed"]) for row in database.evaluations("card-default")]
    assert audit == [("first", 1), ("first", 1), ("strict", 0)]  # a gate, a challenge, a gate
    assert _promotions(champion.home) == promotions
    deployment = champion.home / "store" / "deployments" / "card-default"
    assert deployment.read_bytes() == served


def test_an_end_that_is_no_success_notifies(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    del champion
    walk = Walk(CARD, "", "first")
    walk.finish("SUCCEEDED")
    assert "[notify]" not in capsys.readouterr().out
    walk.finish("FAILED")
    assert "[notify] failed card-default first" in capsys.readouterr().out


def _cutoff(version: int, approve_below: float) -> Policy:
    return Policy(version=version, cutoff=FixedCutoff(approve_below=approve_below))


def test_another_policy_is_another_release_of_the_same_bundle(champion: Champion) -> None:
    walk = Walk(
        CARD.model_copy(update={"policy": _cutoff(2, 0.2)}),
        champion.data,
        "policy",
    )
    walk.to_deployed()
    summary, first = read_summary("policy"), read_summary("first")
    assert summary is not None
    assert first is not None
    assert summary.champion == 2
    assert summary.release != first.release
    reused = {stage.stage for stage in summary.stages if stage.reused}
    assert reused == {"ingest", "features", "train"}
    served, former = load_deployed("card-default").release, _release(champion.home, first.release)
    assert (served.id, served.policy.approve_below) == (summary.release, 0.2)
    assert (served.bundle, served.snapshot) == (former.bundle, former.snapshot)


def _won(champion: Champion) -> Walk:
    """A second candidate that is registered, and on record as the winner of its challenge."""
    walk = Walk(_quick(), champion.data, "second")
    assert walk.to_gate()
    walk.register()
    release = str(_facts(walk, "release")["release"])
    decision = {"kind": "challenge", "release": release, "champion": 1, "passed": True}
    _database(champion.home).record_evaluation(
        "card-default", "a win", run="second", decision=decision
    )
    assert [number for number, _ in _promotions(champion.home)] == [1]
    return walk


def test_a_registered_release_says_what_it_was_made_from(champion: Champion) -> None:
    walk = _won(champion)
    facts, decision = _facts(walk, "release"), json.loads(
        (Path(str(walk.entry("decision")["uri"])) / "decision.json").read_text()
    )  # fmt: skip
    made = _release(champion.home, str(facts["release"]))
    assert (facts["family"], facts["bundle"]) == (made.family, made.bundle)
    assert (made.bundle, facts["evaluated"]) == (decision["bundle"], decision["evaluated"])
    assert facts["approve_below"] == made.policy.approve_below
    assert facts["approve_below"] == decision["cutoff"]["approve_below"]
    for role, folder in (("models", facts["folder"]), ("gold", "."), ("evaluation", ".")):
        assert facts[role] == walk.entry(role)["key"]
        assert (champion.home / "store" / str(facts[role]) / str(folder)).is_dir()
    judged = _facts(walk, "decision")
    assert (facts["metrics"], facts["mlflow_run"]) == (judged["metrics"], judged["mlflow_run"])
    assert facts["run"] == "second"
    assert str(facts["registered_at"]).endswith("+00:00")


def test_a_registered_release_is_the_challenger_in_mlflow_and_serves_nobody(
    champion: Champion,
) -> None:
    from mlflow.tracking import MlflowClient

    served = deployed("card-default")
    walk = _won(champion)
    assert deployed("card-default") == served
    tracking = Settings.from_environment().tracking
    client = MlflowClient(tracking, tracking)

    def aliases() -> dict[str, str]:
        model = client.get_registered_model("card-default")
        versions = {
            alias: client.get_model_version("card-default", str(number))
            for alias, number in model.aliases.items()
        }
        return {alias: version.tags["release"] for alias, version in versions.items()}

    first, second = _promotions(champion.home)[0][1], str(_facts(walk, "release")["release"])
    assert aliases() == {"champion": first, "challenger": second}
    walk.deploy(second)
    assert aliases() == {"champion": second}
    walk.run = "back"
    walk.deploy(first)
    assert aliases() == {"champion": first}
    assert len(client.search_model_versions("name = 'card-default'")) == 2


def test_to_register_again_changes_nothing_but_which_is_the_latest(champion: Champion) -> None:
    walk = _won(champion)
    before = fingerprint(champion.home / "store" / "card-default")
    walk.register()
    assert walk.record("register")["reused"] is True
    first = Walk(CARD, champion.data, "again")
    assert first.to_gate()
    first.register()
    assert first.record("register")["reused"] is False
    assert _facts(first, "release")["run"] == "first"
    assert fingerprint(champion.home / "store" / "card-default") == before
    first.deploy()
    assert [number for number, _ in _promotions(champion.home)] == [1]


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def test_a_release_that_does_not_load_is_not_deployed_and_is_rolled_back(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment = champion.home / "store" / "deployments" / "card-default"
    served, former = deployment.read_bytes(), _promotions(champion.home)[0][1]
    walk = _won(champion)
    new = str(_facts(walk, "release")["release"])
    release = Path(str(walk.entry("release")["uri"]))
    assert release.is_relative_to(champion.home)
    bundle = release / "bundle"
    # Whether the release is seen to be no whole entry, before it is promoted.
    damages: dict[str, tuple[Callable[[], None], bool]] = {
        "a byte of the model": (lambda: _flip(bundle / "spec.json"), False),
        "a byte of the golden rows": (lambda: _flip(bundle / "golden.json"), False),
        "a byte of the snapshot": (lambda: _flip(release / "snapshot.bin"), False),
        "another cut-off": (lambda: _flip(release / "release.json"), False),
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
        before = _promotions(champion.home)
        walk.run = f"deploy {what}"
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            walk.deploy(new)
        assert caught.value.code == 1
        error = capsys.readouterr().err
        assert deployment.read_bytes() == served
        added = _promotions(champion.home)[len(before) :]
        number = len(before)
        expected = [] if seen else [(number + 1, new), (number + 2, former)]
        if "Traceback" in error or added != expected:
            wrong[what] = error.splitlines()[-1], added
        _win_again(champion.home, new)
    assert wrong == {}
    assert load_deployed("card-default").release.id == former


def _win_again(home: Path, release: str) -> None:
    """Put on record that a release won its challenge of the present champion."""
    database = _database(home)
    number = len(database.promotions("card-default"))
    decision = {"kind": "challenge", "release": release, "champion": number, "passed": True}
    database.record_evaluation("card-default", f"win {number}", run="r", decision=decision)


def test_a_damaged_candidate_is_not_registered(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    latest = (champion.home / "store" / "registered" / "card-default").read_text()
    walk = Walk(_quick(), champion.data, "second")
    assert walk.to_gate()
    for spec in Path(str(walk.entry("models")["uri"])).rglob("spec.json"):
        _flip(spec)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        walk.register()
    assert "spec.json: expected sha256" in capsys.readouterr().err
    assert len(list((champion.home / "store" / "card-default" / "releases").iterdir())) == 1
    assert (champion.home / "store" / "registered" / "card-default").read_text() == latest


def test_a_release_that_another_run_overtook_is_not_promoted_over_it(
    champion: Champion, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = _won(champion)
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
    assert _promotions(champion.home)[1:] == [(2, "f" * 64)]


def test_a_run_that_was_overtaken_does_not_take_serving_back(
    champion: Champion, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = _won(champion)
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
    assert [number for number, _ in _promotions(champion.home)] == [1, 2, 3]


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

"""The pipelines on sample data, step by step: once in full, then reused, refused."""

import json
from collections import Counter
from pathlib import Path

import pytest

from components.contracts.policy import FixedCutoff, Gate, Policy, Rule
from components.deployment.step import deployed_scenarios, load_deployed
from components.evaluation.step import read_summary
from components.storage.database import Database
from components.storage.settings import Settings
from tests.deployment.walking import CARD, facts_of, promotions_of, release_of
from tests.support import Champion, Walk, fingerprint, python, user_environment

STAGES = (
    "ingest", "features", "train", "evaluate", "gate", "register", "challenge", "deploy",
)  # fmt: skip


def test_the_champion_serves_and_its_summary_says_so(champion: Champion) -> None:
    summary = read_summary("first")
    assert summary is not None
    assert (summary.status, summary.champion, summary.error) == ("deployed", 1, "")
    assert [stage.stage for stage in summary.stages] == list(STAGES)
    assert not any(stage.reused for stage in summary.stages)
    assert all(rule.passed for rule in summary.gate)
    assert promotions_of(champion.home) == [(1, summary.release)]
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
    silver = facts_of(walk, "silver")
    replaced = Counter[str]()
    for line in silver["cleaning"]:  # type: ignore[attr-defined]
        assert line["what"].startswith("replaced ")
        replaced[line["column"]] += line["rows"]
    assert replaced == {
        "EDUCATION": planted["education_undocumented"],
        "MARRIAGE": planted["marriage_undocumented"],
    }
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
    assert silver["rows"] == facts_of(walk, "gold")["rows"] == kept
    assert facts_of(walk, "snapshot")["rows"] == kept


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
    assert [number for number, _ in promotions_of(champion.home)] == [1]


def test_a_refused_candidate_is_on_record_and_the_champion_stays(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    served = (champion.home / "store" / "deployments" / "card-default").read_bytes()
    promotions = promotions_of(champion.home)
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
    assert promotions_of(champion.home) == promotions
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
    served, former = load_deployed("card-default").release, release_of(champion.home, first.release)
    assert (served.id, served.policy.approve_below) == (summary.release, 0.2)
    assert (served.bundle, served.snapshot) == (former.bundle, former.snapshot)

"""The steps of evaluation on an installation: what they publish, record and tell."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from components.contracts.policy import Challenge, Gate, Policy, ProfitCutoff, Rule
from components.contracts.results import (
    Candidates,
    ChallengeReport,
    Evaluation,
    RunSummary,
)
from components.contracts.scenario import Scenario
from components.evaluation import step
from components.evaluation.gate import judge
from components.scoring.bundle import SCORECARD
from components.storage.database import Database
from components.storage.objects import Entry, FolderStore
from components.storage.registry import note_registered, release_key
from components.storage.settings import Settings
from components.storage.steps import take
from tests.evaluation.test_policy import LOAN
from tests.making import FEATURES, Models, scenario, write_gold
from tests.support import Paper

RULE = Challenge(resamples=200)
SCENARIO = scenario(
    gate=Gate(rules=(Rule(metric="auc", floor=0.6),), challenge=RULE),
    policy=Policy(cutoff=ProfitCutoff(), economics=LOAN),
    segments=("REGION",),
)


@dataclass
class Place:
    """An installation with one gold table and the models of it; every step is one call."""

    home: Path
    models: Models
    papers: dict[str, Paper] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = FolderStore(self.home / "store")
        self.database = Database(Settings.from_environment().database)

    def paper(self, name: str) -> Paper:
        return self.papers.setdefault(name, Paper(str(self.home / "papers" / name)))

    def hand_in(self, name: str, key: str, folder: Path, **facts: object) -> Entry:
        """Publish an entry and hand it to the next step."""
        entry = self.store.publish(key, folder, facts)
        paper = Path(self.paper(name).path)
        paper.parent.mkdir(parents=True, exist_ok=True)
        paper.write_text(entry.to_json())
        return entry

    def folder(self, **files: str) -> Path:
        made = self.store.scratch()
        for name, text in files.items():
            (made / name).write_text(text)
        return made

    def prepare(self, chosen: str = "xgboost", name: str = "gold") -> None:
        """Everything that comes before evaluation."""
        gold = self.folder()
        write_gold(gold / "final-dataset", self.models.data)
        (gold / "note").write_text(name)
        self.hand_in("gold", f"small-loans/gold/{name}", gold)
        models = self.folder()
        copytree(self.models.folder, models, dirs_exist_ok=True)
        candidates = self.models.candidates.model_copy(update={"chosen": chosen})
        (models / "candidates.json").write_text(candidates.model_dump_json())
        self.hand_in("models", f"small-loans/models/{chosen}", models)
        bronze = self.folder(**{"contract.json": "[]"})
        self.hand_in("bronze", "small-loans/raw/1", bronze)
        self.hand_in("silver", "small-loans/cleaned/1", self.folder(x=""), layers=[], quarantine=[])

    def evaluate(self, declared: Scenario = SCENARIO, run: str = "run") -> Entry:
        step.evaluate(
            spec=declared.evaluate().model_dump_json(),
            run=run,
            timeout_minutes=5,
            gold=self.paper("gold"),
            models=self.paper("models"),
            evaluation=self.paper("evaluation"),
        )
        return take(self.paper("evaluation"))

    def gate(self, declared: Scenario = SCENARIO, run: str = "run") -> bool:
        names = ("bronze", "silver", "models", "evaluation", "decision")
        return step.gate(
            spec=declared.judge().model_dump_json(),
            run=run,
            timeout_minutes=5,
            **{name: self.paper(name) for name in names},  # type: ignore[arg-type]
        )

    def register(self, declared: Scenario = SCENARIO) -> str:
        """A release of what the gate would let pass, as register makes it."""
        found = Evaluation.model_validate_json(self.file("evaluation", "evaluation.json"))
        candidates = Candidates.model_validate_json(self.file("models", "candidates.json"))
        judged = judge(found, candidates, declared.judge())
        text = f"{judged.bundle}{judged.cutoff.approve_below}{take(self.paper('gold')).digest}"
        identity = hashlib.sha256(text.encode()).hexdigest()
        candidate = self.models.of(judged.family)
        facts = {
            "release": identity,
            "family": judged.family,
            "bundle": judged.bundle,
            "evaluated": judged.evaluated,
            "folder": candidate.folder,
            "approve_below": judged.cutoff.approve_below,
            **{name: take(self.paper(name)).key for name in ("gold", "models", "evaluation")},
        }
        self.store.publish(release_key(declared.name, identity), self.folder(x=identity), facts)
        note_registered(self.store, declared.name, identity)
        return identity

    def released(self, chosen: str, declared: Scenario = SCENARIO, name: str = "gold") -> str:
        """A release of one family."""
        self.prepare(chosen, name)
        self.evaluate(declared)
        return self.register(declared)

    def promote(self, release: str, after: int = 0) -> None:
        self.database.promote(
            "small-loans", release, after=after, run="r", who="w", why="y", figures={}
        )

    def challenge(self, release: str = "", declared: Scenario = SCENARIO, run: str = "run") -> bool:
        return step.challenge(
            spec=declared.challenge().model_dump_json(),
            run=run,
            timeout_minutes=5,
            release=release,
            decision=self.paper("challenge"),
        )

    def file(self, paper: str, name: str) -> str:
        return (self.store.local(take(self.paper(paper))) / name).read_text()

    def record(self, stage: str, run: str = "run") -> dict[str, object]:
        path = self.home / "store" / "runs" / run / "stages" / f"{stage}.json"
        found: dict[str, object] = json.loads(path.read_text())
        return found

    def report(self) -> ChallengeReport:
        return ChallengeReport.model_validate_json(self.file("challenge", "challenge.json"))


@pytest.fixture
def place(home: Path, models: Models) -> Place:
    """An installation before evaluation."""
    made = Place(home, models)
    made.prepare()
    return made


def test_an_evaluation_is_handed_over_with_the_frozen_rows_and_not_made_again(
    place: Place,
) -> None:
    first = place.evaluate()
    assert set(first.files) == {"evaluation.json", "frozen.parquet"}
    found = Evaluation.model_validate_json(place.file("evaluation", "evaluation.json"))
    assert first.facts == {
        "chosen": "xgboost", "auc": round(found.of_chosen().metrics["auc"], 4),
    }  # fmt: skip
    assert place.record("evaluate")["reused"] is False
    assert place.evaluate(run="again") == first
    assert place.record("evaluate", "again")["reused"] is True


def test_a_decision_has_a_report_and_a_card_and_is_recorded_once(place: Place) -> None:
    place.evaluate()
    assert place.gate()
    entry = take(place.paper("decision"))
    assert set(entry.files) == {"decision.json", "report.html", "model_card.md"}
    assert '<h2 id="scorecard">' not in place.file("decision", "report.html")
    assert place.models.of("xgboost").released in place.file("decision", "model_card.md")
    facts = place.record("gate")["facts"]
    assert isinstance(facts, dict)
    assert {"auc", "psi", "approval_ratio", "accuracy"} <= set(facts["metrics"])
    assert [rule["metric"] for rule in facts["rules"]] == ["auc", "reasons"]
    assert place.gate(run="again")
    assert place.record("gate", "again")["reused"] is True
    (audit,) = place.database.evaluations("small-loans")
    assert audit["passed"] == 1


def test_the_report_of_a_scorecard_shows_its_table(place: Place) -> None:
    place.prepare("scorecard")
    assert (place.models.folder / place.models.of("scorecard").folder / SCORECARD).exists()
    place.evaluate()
    assert place.gate()
    assert '<h2 id="scorecard">' in place.file("decision", "report.html")


def test_a_feature_without_a_reason_is_refused_and_every_one_is_named(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = tuple(
        f.model_copy(update={"reason": None}) if f.name in {"INCOME", "REGION"} else f
        for f in FEATURES
    )
    declared = SCENARIO.model_copy(update={"features": silent})
    place.evaluate()
    assert not place.gate(declared)
    with pytest.raises(SystemExit):
        step.refuse(
            scenario="small-loans", run="run", timeout_minutes=5, decision=place.paper("decision")
        )
    said = "reasons: expected a text for every feature, found none for INCOME, REGION: FAILED"
    assert said in capsys.readouterr().err


def test_the_first_release_wins_without_a_champion(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    release = place.released("xgboost")
    assert place.challenge()
    found = place.report()
    assert (found.won, found.why, found.champion) == (True, "no other champion to beat", None)
    assert place.record("challenge")["facts"] == {
        "passed": True, "why": "no other champion to beat", "release": release, "champion": 0,
        "entry": take(place.paper("challenge")).key,
    }  # fmt: skip
    assert f"[notify] challenge won small-loans run: release {release[:12]}: no other champion" in (
        capsys.readouterr().out
    )


def test_the_champion_itself_and_the_same_model_win_without_a_comparison(place: Place) -> None:
    champion = place.released("xgboost")
    place.promote(champion)
    assert place.challenge(champion[:12])
    assert place.report().why == "no other champion to beat"
    # Another gold table, so another snapshot; the bundle is the same.
    other = place.released("xgboost", name="later")
    assert other != champion
    assert place.challenge()
    assert place.report().why == "same model, another policy or snapshot"


def test_a_challenger_is_compared_on_its_frozen_rows_and_the_audit_says_how_it_went(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    champion = place.released("scorecard")
    place.promote(champion)
    challenger = place.released("xgboost")
    won = place.challenge()
    found = place.report()
    assert found.decision is not None
    assert (found.won, found.left_out) == (won, 0)
    assert (found.challenger.family, found.challenger.bundle) == (
        "xgboost", place.models.of("xgboost").bundle,
    )  # fmt: skip
    assert found.champion is not None
    assert found.champion.bundle == place.models.of("scorecard").bundle
    assert found.decision.profit is not None
    audit = place.database.evaluations("small-loans")[-1]
    assert audit["decision"] == {
        "kind": "challenge", "release": challenger, "champion": 1, "passed": won,
        "why": found.why, "entry": take(place.paper("challenge")).key,
    }  # fmt: skip
    word = "won" if won else "lost"
    assert f"[notify] challenge {word} small-loans" in capsys.readouterr().out

    rows = len(place.database.evaluations("small-loans"))
    assert place.challenge(challenger, run="again") == won
    assert place.record("challenge", "again")["reused"] is True
    assert len(place.database.evaluations("small-loans")) == rows
    assert "[notify] challenge" not in capsys.readouterr().out


def test_another_rule_is_another_decision_and_is_recorded_too(place: Place) -> None:
    place.promote(place.released("scorecard"))
    place.released("xgboost")
    place.challenge()
    gate = Gate(rules=(Rule(metric="auc", floor=0.6),), challenge=Challenge(level=0.4999))
    place.challenge(declared=SCENARIO.model_copy(update={"gate": gate}), run="loose")
    kinds = [row["decision"] for row in place.database.evaluations("small-loans")]
    challenges = [k for k in kinds if isinstance(k, dict) and k.get("kind") == "challenge"]
    assert len({c["entry"] for c in challenges}) == len(challenges) == 2


def test_rows_that_the_champion_was_fitted_on_are_left_out_where_its_table_is_another(
    place: Place, models: Models
) -> None:
    # In the champion's table a third of today's test rows were train rows.
    split = models.data.split.copy()
    split[np.flatnonzero(split == "test")[:20]] = "train"
    place.models = replace(models, data=replace(models.data, split=split))
    place.promote(place.released("scorecard", name="earlier"))
    place.models = models
    place.released("xgboost")
    place.challenge()
    assert place.report().left_out == 20


def test_where_the_champions_table_is_gone_that_is_said(place: Place) -> None:
    place.promote(place.released("scorecard", name="earlier"))
    place.released("xgboost")
    (place.home / "store" / "small-loans" / "gold" / "earlier" / "_entry.json").unlink()
    place.challenge()
    assert place.report().left_out is None


@pytest.mark.parametrize("what", ["models", "evaluation", "gold"])
def test_a_challenger_whose_making_is_gone_is_named(
    place: Place, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place.promote(place.released("scorecard", name="earlier"))
    release = place.released("xgboost")
    key = take(place.paper(what)).key
    (place.home / "store" / key / "_entry.json").unlink()
    with pytest.raises(SystemExit):
        place.challenge()
    said = f"challenge: expected the {what} of release {release[:12]} at {key} in "
    assert said in capsys.readouterr().err


def test_a_challenge_without_a_release_says_what_to_do(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        place.challenge()
    assert "small-loans: expected a registered release in " in capsys.readouterr().err


def finish(run: str = "run", state: str = "SUCCEEDED") -> RunSummary:
    """The summary of a run."""
    step.finish(scenario="small-loans", run=run, state=state, timeout_minutes=5)
    found = step.read_summary(run)
    assert found is not None
    return found


def test_a_run_that_trained_and_challenged_has_both_pages(place: Place) -> None:
    place.promote(place.released("scorecard", name="earlier"))
    place.released("xgboost")
    assert place.gate()
    place.challenge()
    found = finish()
    assert found.challenge == place.report().why
    folder = place.home / "store" / "runs" / "run"
    assert found.report == str(folder / "report.html")
    assert "The gate: passed" in (folder / "report.html").read_text()
    assert "small-loans: challenge" in (folder / "challenge.html").read_text()


def test_a_run_that_only_challenged_has_the_page_of_the_challenge(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.promote(place.released("scorecard", name="earlier"))
    release = place.released("xgboost")
    place.challenge(run="alone")
    capsys.readouterr()
    found = finish("alone")
    assert (found.status, found.release, found.champion) == ("registered", release, 0)
    assert "small-loans: challenge" in Path(found.report).read_text()
    assert "[notify]" not in capsys.readouterr().out


def test_a_run_that_failed_has_a_page_that_says_so_and_somebody_is_told(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        place.challenge(run="alone")
    found = finish("alone", "FAILED")
    assert found.status == "failed"
    assert "the run failed" in Path(found.report).read_text()
    assert "[notify] failed small-loans alone: challenge: small-loans: expected a registered" in (
        capsys.readouterr().out
    )


def test_records_come_in_the_order_of_the_pipelines(place: Place) -> None:
    place.released("xgboost")
    place.challenge()
    assert [r["stage"] for r in step.read_records("run")] == ["evaluate", "challenge"]
    assert step.read_records("nobody") == []
    assert step.read_summary("nobody") is None

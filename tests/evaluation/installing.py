"""An installation on which the steps of evaluation run, each by one call."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree

from components.contracts.policy import Challenge, Gate, Policy, ProfitCutoff, Rule
from components.contracts.results import (
    Candidates,
    ChallengeReport,
    Evaluation,
)
from components.contracts.scenario import Scenario
from components.evaluation import step
from components.evaluation.gate import judge
from components.storage.database import Database
from components.storage.objects import Entry, FolderStore
from components.storage.registry import note_registered, release_key
from components.storage.settings import Settings
from components.storage.steps import take
from tests.evaluation.test_policy import LOAN
from tests.making import Models, scenario, write_gold
from tests.support import Paper

RULE = Challenge(level=0.025, resamples=200)
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
    gold_facts: dict[str, object] = field(default_factory=dict)

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
        self.hand_in("gold", f"small-loans/gold/{name}", gold, **self.gold_facts)
        models = self.folder()
        copytree(self.models.folder, models, dirs_exist_ok=True)
        candidates = self.models.candidates.model_copy(update={"chosen": chosen})
        (models / "candidates.json").write_text(candidates.model_dump_json())
        self.hand_in("models", f"small-loans/models/{chosen}", models)
        silver = self.folder(**{"contract.json": "[]"})
        facts: dict[str, object] = {"layers": [], "quarantine": [], "cleaning": []}
        self.hand_in("silver", "small-loans/cleaned/1", silver, **facts)

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
        names = ("silver", "models", "evaluation", "decision")
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

    def facts(self, stage: str) -> dict[str, object]:
        found = self.record(stage)["facts"]
        assert isinstance(found, dict)
        return found

    def page(self) -> str:
        return self.file("challenge", "challenge.html")

    def report(self) -> ChallengeReport:
        return ChallengeReport.model_validate_json(self.file("challenge", "challenge.json"))

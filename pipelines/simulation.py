"""A scenario's months one after the other, in one process and one Spark session.

The steps are those of the monthly pipeline. Tables are made once, as of the last day; each month
looks back at them (docs/decisions/0022-gold-of-an-earlier-day.md).
"""

import contextlib
import os
import shutil
import time
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.contracts.errors import VintageError
from components.contracts.history import AsOfColumn
from components.contracts.results import RuleResult
from components.contracts.scenario import Scenario
from components.contracts.simulated import Lived, Simulated
from components.contracts.watching import FIRST, TRAIN
from components.deployment import step as deployment
from components.etl import step as etl
from components.evaluation import step as evaluation
from components.monitoring import months as monitoring_months
from components.monitoring import step as monitoring
from components.monitoring.retrain import retraining
from components.training import step as training

#: What an installation is told to keep elsewhere; a simulation keeps all of it in its own folder.
_ELSEWHERE = (
    "VINTAGE_STORE", "VINTAGE_DATABASE", "VINTAGE_TRACKING", "VINTAGE_WEBHOOK",
    "VINTAGE_NAMESPACE", "VINTAGE_PUSHGATEWAY",
)  # fmt: skip


def months_between(first: str, last: str) -> list[str]:
    """Every month from one to another."""
    (year, month), end = map(int, first.split("-")), last
    found = []
    while (name := f"{year}-{month:02d}") <= end:
        found.append(name)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004 - a year's
    return found


def last_day(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{month}-{monthrange(year, number)[1]}"


def own_home(home: Path, scenario: str) -> Path:
    """A new installation of the simulation's own; an earlier one of the scenario goes."""
    folder = home / "simulations" / scenario
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Java and Spark's drivers are had once.
    os.environ.setdefault("VINTAGE_JARS", str(home / "jars"))
    for name in _ELSEWHERE:
        os.environ.pop(name, None)
    os.environ["VINTAGE_HOME"] = str(folder)
    return folder


@dataclass
class _Paper:
    """What a step hands over to the next one, where KFP would keep it."""

    path: str
    metadata: dict[str, object] = field(default_factory=dict)


class Simulation:
    """One walk through the months of a scenario on the files at `data`."""

    def __init__(self, scenario: Scenario, data: str, run: str, home: Path) -> None:
        if not isinstance(scenario.as_of, AsOfColumn):
            raise VintageError(
                f"{scenario.name}: expected a scenario whose rows have a date each, found none; "
                "only there every month has its own rows"
            )
        self._scenario, self._data, self._run, self._home = scenario, data, run, home
        self._minutes = scenario.limits.timeout_minutes
        self._number = 0  # of the champion

    def walk(self, first: str, last: str, tell: Callable[[Lived], None]) -> Simulated:
        """Live through the months; each is told once it is over."""
        from components.etl.session import spark_session

        started, lived = time.monotonic(), []
        size = sum(p.stat().st_size for p in Path(self._data).rglob("*") if p.is_file())
        name = f"{self._scenario.name} simulation"
        with self._quietly(), spark_session(name, self._home, size):
            known = self._prepare(months_between(first, last))
            preparing = time.monotonic() - started
            for month, labelled in known.items():
                began = time.monotonic()
                one = self._live(month, labelled)
                lived.append(one.model_copy(update={"seconds": time.monotonic() - began}))
                tell(lived[-1])
        return Simulated(
            scenario=self._scenario.name,
            title=self._scenario.title,
            run=self._run,
            first=first,
            last=last,
            preparing=preparing,
            months=tuple(lived),
        )

    @contextlib.contextmanager
    def _quietly(self) -> Iterator[None]:
        """What steps say goes into the run's log, and so does what their Java says."""
        log = deployment.log_of(self._run)
        log.parent.mkdir(parents=True, exist_ok=True)
        errors = os.dup(2)
        try:
            with log.open("a") as stream:
                os.dup2(stream.fileno(), 2)  # Java knows no other standard error
                with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
                    yield
        finally:
            os.dup2(errors, 2)
            os.close(errors)

    def _prepare(self, months: list[str]) -> dict[str, int]:
        """Make the tables as of the last month; how many months have labels at each one's end."""
        scenario, days = self._scenario, [last_day(month) for month in months]
        with self._step(months[-1]):
            etl.ingest(
                spec=scenario.ingest().brief(), data=self._data, as_of=days[-1],
                bronze=self._paper("bronze"), silver=self._paper("silver"), **self._common(),
            )  # fmt: skip
            etl.features(
                spec=scenario.gold().brief(), silver=self._paper("silver"),
                gold=self._paper("gold"), snapshot=self._paper("snapshot"), **self._common(),
            )  # fmt: skip
            found = etl.months_known(
                spec=scenario.gold().brief(), gold=self._paper("gold"), days=days, **self._common()
            )
        return {month: found[day] for month, day in zip(months, days, strict=True)}

    def _live(self, month: str, labelled: int) -> Lived:
        scenario = self._scenario
        early = retraining(
            scenario.watch(), as_of=month, trained=None, labelled=labelled, drift=False
        )
        if not early.due and scenario.name not in deployment.deployed_scenarios():
            return Lived(
                month=month, labelled=labelled, due=early.why, outcome="skipped", seconds=0
            )
        with self._step(month):
            asked = self._look_back(month)
            if asked >= TRAIN:
                self._train(month, first=asked == FIRST)
            if scenario.name in deployment.deployed_scenarios():
                self._watch(month, asked)
            evaluation.finish(scenario=scenario.name, state="SUCCEEDED", **self._common(month))
        return self._told(month, labelled)

    def _look_back(self, month: str) -> int:
        etl.look_back(
            spec=self._scenario.gold().brief(), gold=self._paper("gold"), day=last_day(month),
            earlier=self._paper("gold", month), snapshot=self._paper("snapshot", month),
            **self._common(month),
        )  # fmt: skip
        asked, _ = monitoring_months.due(
            spec=self._scenario.watch().brief(), gold=self._paper("gold", month),
            **self._common(month),
        )  # fmt: skip
        return asked

    def _train(self, month: str, *, first: bool) -> None:
        scenario, gold = self._scenario, self._paper("gold", month)
        models, figures = self._paper("models", month), self._paper("evaluation", month)
        decision, common = self._paper("decision", month), self._common(month)
        training.train(spec=scenario.train().brief(), gold=gold, models=models, **common)
        evaluation.evaluate(
            spec=scenario.evaluate().brief(), gold=gold, models=models, evaluation=figures, **common
        )
        if evaluation.gate(
            spec=scenario.judge().brief(), silver=self._paper("silver"), models=models,
            evaluation=figures, decision=decision, **common,
        ):  # fmt: skip
            deployment.register(
                scenario=scenario.name, models=models, gold=gold, evaluation=figures,
                decision=decision, snapshot=self._paper("snapshot", month),
                release=self._paper("release", month), **common,
            )  # fmt: skip
            if first:
                self._deploy(month)

    def _watch(self, month: str, asked: int) -> None:
        scenario, common = self._scenario, self._common(month)
        etl.decide(
            spec=scenario.decide().brief(), silver=self._paper("silver"),
            gold=self._paper("gold", month), decisions=self._paper("decisions", month), **common,
        )  # fmt: skip
        monitoring.monitor(
            spec=scenario.watch().brief(), month=month, report=self._paper("report", month),
            **common,
        )  # fmt: skip
        if asked < FIRST and evaluation.challenge(
            spec=scenario.challenge().brief(), release="",
            decision=self._paper("challenge", month), **common,
        ):  # fmt: skip
            self._deploy(month)

    def _deploy(self, month: str) -> None:
        deployment.deploy(scenario=self._scenario.name, release="", why="", **self._common(month))

    @contextlib.contextmanager
    def _step(self, month: str) -> Iterator[None]:
        """A step that fails has said why; the walk says in which month."""
        try:
            yield
        except SystemExit:
            found = (*evaluation.read_records(self._name(month)),
                     *evaluation.read_records(self._run))  # fmt: skip
            why = next((str(r["error"]) for r in found if r["error"]), "a step failed")
            raise VintageError(f"{self._scenario.name}: {month}: {why}") from None

    def _told(self, month: str, labelled: int) -> Lived:
        facts = {str(r["stage"]): r["facts"] for r in evaluation.read_records(self._name(month))}
        judged, report = facts.get("gate", {}), monitoring.read_report(self._scenario.name, month)
        champion = next((r for r in deployment.releases(self._scenario.name) if r.champion), None)
        number = champion.promotions[-1].number if champion else 0
        promoted, self._number = number != self._number, number
        return Lived(
            month=month,
            labelled=labelled,
            due=str(facts["due"]["why"]),
            outcome="promoted"
            if promoted
            else "watched"
            if judged.get("passed", True)
            else "refused",
            family=str(judged.get("family", "")),
            metrics=judged.get("metrics", {}),
            refused=tuple(
                rule.sentence()
                for rule in (RuleResult(**one) for one in judged.get("rules", ()))
                if not rule.passed
            ),
            # Where the gate refused, an earlier release challenged: that is said if it won.
            challenge=str(facts.get("challenge", {}).get("why", ""))
            if judged.get("passed") or promoted
            else "",
            champion=champion.release if champion else "",
            number=number,
            decided=int(facts.get("decide", {}).get("rows", 0)),
            outcomes=int(facts.get("decide", {}).get("outcomes", 0)),
            raised=tuple(
                f"{one.name} ({', '.join(one.by)})"
                for found in (report.verdicts.values() if report else ())
                for one in found.raised
            ),
            lower=tuple(
                one.month for one in (report.against if report else ()) if one.verdict == "lower"
            ),
            seconds=0,
        )

    def _paper(self, name: str, month: str = "") -> _Paper:
        return _Paper(str(self._home / "kfp" / self._name(month) / name))

    def _common(self, month: str = "") -> dict[str, Any]:
        return {"run": self._name(month), "timeout_minutes": self._minutes}

    def _name(self, month: str) -> str:
        """A month is a run of its own."""
        return f"{self._run}-{month}" if month else self._run

"""What the tests of several rooms share: paper artifacts, the steps in a row, a command line."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from components.contracts.scenario import Scenario
from components.deployment import step as deployment
from components.etl import step as etl
from components.evaluation import step as evaluation
from components.training import step as training

T = TypeVar("T")


@dataclass
class Paper:
    """A KFP artifact as far as a step sees it."""

    path: str
    metadata: dict[str, object] = field(default_factory=dict)


class Walk:
    """One run of the three pipelines: their steps called in this process, one by one."""

    def __init__(
        self,
        scenario: Scenario,
        data: Path | str,
        run: str,
        *,
        as_of: str = "",
        minutes: float = 5,
    ) -> None:
        self.scenario, self.data, self.run, self.minutes = scenario, str(data), run, minutes
        self.as_of = as_of
        self.home = Path(os.environ["VINTAGE_HOME"])
        self._papers: dict[str, Paper] = {}

    def paper(self, name: str) -> Paper:
        """The artifact of this name; always the same one."""
        path = self.home / "papers" / self.run / name
        return self._papers.setdefault(name, Paper(str(path)))

    def ingest(self) -> None:
        etl.ingest(
            spec=self.scenario.ingest().brief(),
            data=self.data,
            as_of=self.as_of,
            run=self.run,
            timeout_minutes=self.minutes,
            bronze=self.paper("bronze"),
            silver=self.paper("silver"),
        )

    def features(self) -> bool:
        return etl.features(
            spec=self.scenario.gold().brief(),
            run=self.run,
            timeout_minutes=self.minutes,
            silver=self.paper("silver"),
            gold=self.paper("gold"),
            snapshot=self.paper("snapshot"),
        )

    def look_back(self, day: str) -> bool:
        """Gold of an earlier day, as the artifacts `gold-DAY` and `snapshot-DAY`."""
        return etl.look_back(
            spec=self.scenario.gold().brief(),
            run=self.run,
            timeout_minutes=self.minutes,
            gold=self.paper("gold"),
            day=day,
            earlier=self.paper(f"gold-{day}"),
            snapshot=self.paper(f"snapshot-{day}"),
        )

    def decide(self, gold: str = "gold") -> None:
        etl.decide(
            spec=self.scenario.decide().brief(),
            run=self.run,
            timeout_minutes=self.minutes,
            silver=self.paper("silver"),
            gold=self.paper(gold),
            decisions=self.paper("decisions"),
        )

    def train(self) -> None:
        training.train(
            spec=self.scenario.train().brief(),
            run=self.run,
            timeout_minutes=self.minutes,
            gold=self.paper("gold"),
            models=self.paper("models"),
        )

    def evaluate(self) -> None:
        evaluation.evaluate(
            spec=self.scenario.evaluate().brief(),
            run=self.run,
            timeout_minutes=self.minutes,
            gold=self.paper("gold"),
            models=self.paper("models"),
            evaluation=self.paper("evaluation"),
        )

    def gate(self) -> bool:
        return evaluation.gate(
            spec=self.scenario.judge().brief(),
            run=self.run,
            timeout_minutes=self.minutes,
            silver=self.paper("silver"),
            models=self.paper("models"),
            evaluation=self.paper("evaluation"),
            decision=self.paper("decision"),
        )

    def refuse(self) -> None:
        evaluation.refuse(scenario=self.scenario.name, run=self.run, timeout_minutes=self.minutes)

    def register(self) -> None:
        deployment.register(
            scenario=self.scenario.name,
            run=self.run,
            timeout_minutes=self.minutes,
            models=self.paper("models"),
            gold=self.paper("gold"),
            evaluation=self.paper("evaluation"),
            decision=self.paper("decision"),
            snapshot=self.paper("snapshot"),
            release=self.paper("release"),
        )

    def challenge(self, release: str = "") -> bool:
        return evaluation.challenge(
            spec=self.scenario.challenge().brief(),
            run=self.run,
            timeout_minutes=self.minutes,
            release=release,
            decision=self.paper("challenge"),
        )

    def deploy(self, release: str = "", why: str = "") -> None:
        deployment.deploy(
            scenario=self.scenario.name,
            run=self.run,
            timeout_minutes=self.minutes,
            release=release,
            why=why,
        )

    def finish(self, state: str) -> None:
        evaluation.finish(
            scenario=self.scenario.name, run=self.run, state=state, timeout_minutes=self.minutes
        )

    def to_gate(self) -> bool:
        """Everything up to the gate; what it said."""
        self.ingest()
        self.features()
        self.train()
        self.evaluate()
        return self.gate()

    def to_deployed(self) -> None:
        """All three pipelines of a candidate that passes, and wins its challenge."""
        assert self.to_gate()
        self.register()
        assert self.challenge()
        self.deploy()
        self.finish("SUCCEEDED")

    def record(self, stage: str) -> dict[str, object]:
        """What a step left about itself."""
        path = self.home / "store" / "runs" / self.run / "stages" / f"{stage}.json"
        found: dict[str, object] = json.loads(path.read_text())
        return found

    def entry(self, name: str) -> dict[str, object]:
        """The reference that a step handed over."""
        found: dict[str, object] = json.loads(Path(self.paper(name).path).read_text())
        return found


@dataclass(frozen=True)
class Champion:
    """An installation with one deployed champion, and the data that it was trained on."""

    home: Path
    data: Path
    planted: dict[str, int]


@dataclass(frozen=True)
class MinioServer:
    """A running server and its keys."""

    endpoint: str
    access: str
    secret: str


@dataclass(frozen=True)
class PostgresServer:
    """A running server and its superuser."""

    host: str
    port: int
    user: str
    password: str

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A connection of the superuser, each of whose statements is done when it returns."""
        return psycopg.connect(
            host=self.host, port=self.port, user=self.user, password=self.password,
            dbname=database, autocommit=True, connect_timeout=5,
        )  # fmt: skip

    def url(self, user: str, password: str, database: str) -> str:
        """The SQLAlchemy URL of a database, as somebody reaches it."""
        return f"postgresql+psycopg://{user}:{password}@{self.host}:{self.port}/{database}"


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(holds: Callable[[], T], seconds: float = 20.0) -> T:
    """What is found, as soon as there is something; so many seconds at most."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def user_environment(**changes: str) -> dict[str, str]:
    """This process's environment as a user has it: nothing of ours is set."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VINTAGE_", "AWS_"))}
    return {**clean, **changes}


def python(
    *args: str,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    text: str | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run this interpreter to its end."""
    return subprocess.run(  # noqa: S603 - our own interpreter on our own words
        [sys.executable, *args],
        cwd=cwd,
        env=dict(user_environment() if environment is None else environment),
        input=text,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run_tasks_here(patch: pytest.MonkeyPatch) -> None:
    """Let local pipelines run their tasks in this process, and not in one each."""
    patch.setattr("kfp.local.subprocess_task_handler.run_local_subprocess", _run_here)


def _run_here(full_command: Sequence[str], env_vars: Mapping[str, str] | None = None) -> int:
    """Run the task of a command that KFP starts; its exit status."""
    from kfp.dsl.executor import Executor

    assert not env_vars
    code, _, given, _, name = full_command[3:]
    found: dict[str, object] = {}
    exec(code, found)  # noqa: S102 - KFP's copy of a component of ours
    try:
        with contextlib.redirect_stderr(sys.stdout):
            Executor(json.loads(given), found[name]).execute()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file below a folder with the hash of its bytes."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

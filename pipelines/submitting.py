"""Pipelines on a KFP: compiled, told their parameters, followed to their end.

A version is named by the hash of its compiled IR, so that what has not changed is not uploaded
again.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from kfp import compiler

from components.contracts.errors import EnvironmentFaultError, VintageError
from pipelines.kinds import make

if TYPE_CHECKING:
    from components.contracts.scenario import Scenario
    from pipelines.remote import Kfp
    from pipelines.steps import Step

_ENDED = {"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"}
_POD = "executor"  # KFP's name for what is below a task
_POLL_S = 3.0
_PATIENCE = 10  # looks in a row that may fail before a run is no longer followed


@dataclass(frozen=True)
class Compiled:
    """One pipeline of a scenario as KFP takes it."""

    kind: str
    name: str
    title: str
    path: Path
    version: str
    #: Each parameter, and whether a run has to have it.
    parameters: Mapping[str, bool]
    #: The names of tasks that are a pod each; all else is KFP's own.
    tasks: frozenset[str]


def compiled(scenario: "Scenario", kind: str, folder: Path) -> Compiled:
    """Compile a pipeline into a folder."""
    pipeline = make(scenario, kind)
    path = folder / f"{pipeline.name}.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    spec = next(yaml.load_all(path.read_text(), yaml.CSafeLoader))
    declared = spec["root"]["inputDefinitions"]["parameters"]
    return Compiled(
        kind=kind,
        name=pipeline.name,
        title=scenario.title,
        path=path,
        version=sha256(path.read_bytes()).hexdigest()[:12],
        parameters={name: not one.get("isOptional") for name, one in declared.items()},
        tasks=frozenset(
            name
            for part in (spec["root"], *spec["components"].values())
            for name, task in part.get("dag", {}).get("tasks", {}).items()
            if "dag" not in spec["components"][task["componentRef"]["name"]]
        ),
    )


def arguments(pipeline: Compiled, given: Mapping[str, str | None]) -> dict[str, str]:
    """What a run is told, of what the user said; refused where the pipeline does not ask for it."""
    said = {name: text for name, text in given.items() if text is not None}
    for name, text in said.items():
        if name not in pipeline.parameters:
            takes = ", ".join(_option(n) for n in given if n in pipeline.parameters)
            raise VintageError(
                f"{_option(name)}: expected with a pipeline that has this parameter, found "
                f"--pipeline {pipeline.kind}, which takes {takes}"
            )
        if not text.strip():
            raise VintageError(f"{_option(name)}: expected a value, found an empty word")
    for name, needed in pipeline.parameters.items():
        if needed and name not in said:
            raise VintageError(f"{_option(name)}: expected with --pipeline {pipeline.kind}")
    return said


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def follow(
    kfp: "Kfp", run: str, tasks: frozenset[str], tell: Callable[["Step"], None], *, minutes: float
) -> tuple[str, list["Step"]]:
    """Look at a run until it ends, and tell each task as it does; or until time is up.

    Returns the run's state, its tasks and what is below them.
    """
    told: set[str] = set()
    end, failures = time.monotonic() + minutes * 60, 0
    while True:
        try:
            state, steps = kfp.look(run)
            failures = 0
        except EnvironmentFaultError:
            failures += 1
            if failures >= _PATIENCE:
                raise
            state, steps = "", []
        for step in steps:
            if step.name in tasks and step.state in _ENDED - {"SKIPPED"} and step.id not in told:
                told.add(step.id)
                tell(step)
        if state in _ENDED:
            return state, [step for step in steps if step.name in tasks or step.name == _POD]
        if time.monotonic() >= end:
            raise VintageError(
                f"run {run}: expected its end within {minutes:g} minutes, found it "
                f"{state or 'not to be seen'}; it goes on: {kfp.page(run)}"
            )
        time.sleep(_POLL_S)

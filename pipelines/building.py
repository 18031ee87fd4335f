"""What the pipelines of a scenario share: how a task is set up, and who ends the run."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from components.contracts.scenario import Scenario
from components.evaluation.component import finish
from pipelines.cluster import equip


class Builder:
    """Sets up the tasks of one pipeline, inside KFP's function of it."""

    def __init__(self, scenario: Scenario, run: Any) -> None:
        """`run` is the pipeline's parameter; where it is empty, KFP's job id names the run."""
        self._scenario = scenario
        self.common = {
            "run": run,
            "job": dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            "timeout_minutes": scenario.limits.timeout_minutes,
        }

    def __call__(
        self, task: dsl.PipelineTask, *, database: bool = False, retries: int | None = None
    ) -> Any:
        """A task with settings, keys, room and retries; `database`: it asks the SQL tables."""
        equip(task, database=database)
        task.set_caching_options(False)  # KFP's cache does not see content; ours does
        retries = self._scenario.limits.retries if retries is None else retries
        if retries:
            task.set_retry(num_retries=retries, backoff_duration="0s")
        return task

    def whatever_happens(self, name: str) -> dsl.ExitHandler:
        """The part of the pipeline after which `finish` runs, however that part ends."""
        last = self(finish(scenario=self._scenario.name, **self.common))
        return dsl.ExitHandler(last, name=name)


def pipeline_of(scenario: Scenario, kind: str, body: Callable[..., None]) -> Any:
    """KFP's pipeline of one kind of a scenario, from the function that builds it."""
    return dsl.pipeline(name=f"{scenario.name}-{kind}", description=scenario.title)(body)

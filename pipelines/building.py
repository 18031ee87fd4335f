"""What the pipelines of a scenario share: how a task is set up, and who ends the run."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from components.contracts.scenario import Scenario
from components.etl.component import features, ingest
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
        self,
        task: dsl.PipelineTask,
        *,
        database: bool = False,
        sources: bool = False,
        spark: bool = False,
        retries: int | None = None,
    ) -> Any:
        """A task with settings, keys, room and retries; `database`: it asks the SQL tables;
        `sources`: it reads the lender's database; `spark`: executors do its work, where the
        scenario has any.
        """
        executors = self._scenario.limits.executors if spark else 0
        equip(task, database=database, sources=sources, executors=executors)
        task.set_caching_options(False)  # KFP's cache does not see content; ours does
        retries = self._scenario.limits.retries if retries is None else retries
        if retries:
            task.set_retry(num_retries=retries, backoff_duration="0s")
        return task

    def whatever_happens(self, name: str) -> dsl.ExitHandler:
        """The part of the pipeline after which `finish` runs, however that part ends."""
        last = self(finish(scenario=self._scenario.name, **self.common))
        return dsl.ExitHandler(last, name=name)


def to_gold(task: Builder, scenario: Scenario, data: Any, as_of: Any) -> tuple[Any, Any]:
    """From the lender's files to the gold table: silver, and the task that made gold."""
    landed = task(
        ingest(spec=scenario.ingest().brief(), data=data, as_of=as_of, **task.common),
        sources=any(source.table for source in scenario.sources),
        spark=True,
    )
    silver = landed.outputs["silver"]
    made = features(spec=scenario.gold().brief(), silver=silver, **task.common)
    return silver, task(made, spark=True)


def pipeline_of(scenario: Scenario, kind: str, body: Callable[..., None]) -> Any:
    """KFP's pipeline of one kind of a scenario, from the function that builds it."""
    return dsl.pipeline(name=f"{scenario.name}-{kind}", description=scenario.title)(body)

"""The training pipeline: from the lender's files to a registered release.

ingest -> features -> train -> evaluate -> gate -> register
                                               \\-> refuse
whatever happens: finish
"""

from typing import Any

from kfp import dsl

from components.contracts.outcomes import OutOfTimeSplit
from components.contracts.scenario import Scenario
from components.deployment.component import register
from components.evaluation.component import evaluate, gate, refuse
from components.training.component import train
from pipelines.building import Builder, pipeline_of, to_gold


def training_pipeline(scenario: Scenario) -> Any:  # kfp's type of a pipeline is private
    """The pipeline of one scenario: its declaration's slices, retries and time-outs are in it."""

    def pipeline(data: str, as_of: str = "", run: str = "") -> None:
        """Train a scenario on the files at `data`, as they were known on the day `as_of` (none: on
        the last); `run` names the run, else KFP's job id does.
        """
        task = Builder(scenario, run)
        with task.whatever_happens("training"):
            silver, made = to_gold(task, scenario, data, as_of)
            if isinstance(scenario.split, OutOfTimeSplit):  # only there can history be too short
                with dsl.If(made.outputs["Output"] == True, name="enough-history"):  # noqa: E712 - kfp's own
                    _model(task, scenario, silver, made)
            else:
                _model(task, scenario, silver, made)

    return pipeline_of(scenario, "training", pipeline)


def _model(task: Builder, scenario: Scenario, silver: Any, made: Any) -> None:
    """From the gold table to a registered release, or to a run that failed."""
    gold, snapshot = made.outputs["gold"], made.outputs["snapshot"]
    candidate = Candidate(task, scenario, silver, gold)
    with dsl.If(candidate.passed == True, name="passed"):  # noqa: E712 - kfp's own
        candidate.register(snapshot)
    with dsl.Else(name="refused"):
        task(refuse(scenario=scenario.name, **task.common), retries=0)


class Candidate:
    """The tasks from a gold table to a judged model, and the one that registers it."""

    def __init__(self, task: Builder, scenario: Scenario, silver: Any, gold: Any) -> None:
        self._task, self._scenario, self._gold = task, scenario, gold
        trained = task(train(spec=scenario.train().brief(), gold=gold, **task.common))
        self._models = trained.outputs["models"]
        scored = task(
            evaluate(
                spec=scenario.evaluate().brief(), gold=gold, models=self._models, **task.common
            )
        )
        self._evaluation = scored.outputs["evaluation"]
        judged = task(
            gate(
                spec=scenario.judge().brief(),
                silver=silver,
                models=self._models,
                evaluation=self._evaluation,
                **task.common,
            ),
            database=True,
        )
        self.passed, self._decision = judged.outputs["Output"], judged.outputs["decision"]

    def register(self, snapshot: Any) -> Any:
        """The task that makes it a release."""
        return self._task(
            register(
                scenario=self._scenario.name,
                models=self._models,
                gold=self._gold,
                evaluation=self._evaluation,
                decision=self._decision,
                snapshot=snapshot,
                **self._task.common,
            )
        )

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
    """From the gold table to a registered release, or to none."""
    gold = made.outputs["gold"]
    trained = task(train(spec=scenario.train().brief(), gold=gold, **task.common))
    models = trained.outputs["models"]
    scored = task(
        evaluate(spec=scenario.evaluate().brief(), gold=gold, models=models, **task.common)
    )
    evaluation = scored.outputs["evaluation"]
    judged = task(
        gate(
            spec=scenario.judge().brief(),
            silver=silver,
            models=models,
            evaluation=evaluation,
            **task.common,
        ),
        database=True,
    )
    decision = judged.outputs["decision"]
    with dsl.If(judged.outputs["Output"] == True, name="passed"):  # noqa: E712 - kfp's own
        task(
            register(
                scenario=scenario.name,
                models=models,
                gold=gold,
                evaluation=evaluation,
                decision=decision,
                snapshot=made.outputs["snapshot"],
                **task.common,
            )
        )
    with dsl.Else(name="refused"):
        task(refuse(scenario=scenario.name, decision=decision, **task.common), retries=0)

"""The training pipeline: from the lender's files to a registered release.

ingest -> features -> train -> evaluate -> gate -> register
                                               \\-> refuse
whatever happens: finish
"""

from typing import Any

from kfp import dsl

from components.contracts.scenario import Scenario
from components.deployment.component import register
from components.etl.component import features, ingest
from components.evaluation.component import evaluate, gate, refuse
from components.training.component import train
from pipelines.building import Builder, pipeline_of


def training_pipeline(scenario: Scenario) -> Any:  # kfp's type of a pipeline is private
    """The pipeline of one scenario: its declaration's slices, retries and time-outs are in it."""

    def pipeline(data: str, run: str = "") -> None:
        """Train a scenario on the files at `data`; `run` names the run, else KFP's job id does."""
        task = Builder(scenario, run)
        with task.whatever_happens("training"):
            landed = task(
                ingest(spec=scenario.ingest().model_dump_json(), data=data, **task.common)
            )
            silver = landed.outputs["silver"]
            made = task(
                features(spec=scenario.gold().model_dump_json(), silver=silver, **task.common)
            )
            gold = made.outputs["gold"]
            trained = task(train(spec=scenario.train().model_dump_json(), gold=gold, **task.common))
            models = trained.outputs["models"]
            scored = task(
                evaluate(
                    spec=scenario.evaluate().model_dump_json(),
                    gold=gold,
                    models=models,
                    **task.common,
                )
            )
            evaluation = scored.outputs["evaluation"]
            judged = task(
                gate(
                    spec=scenario.judge().model_dump_json(),
                    bronze=landed.outputs["bronze"],
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

    return pipeline_of(scenario, "training", pipeline)

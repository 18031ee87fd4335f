"""The training pipeline: from the lender's files to a deployed champion.

ingest -> features -> train -> evaluate -> gate -> register -> deploy
                                               \\-> refuse
whatever happens: finish
"""

from typing import Any

from kfp import dsl

from components.contracts.scenario import Scenario
from components.deployment.component import deploy, register
from components.etl.component import features, ingest
from components.evaluation.component import evaluate, finish, gate, refuse
from components.training.component import train
from pipelines.cluster import equip

JOB = dsl.PIPELINE_JOB_ID_PLACEHOLDER


def training_pipeline(scenario: Scenario) -> Any:  # kfp's type of a pipeline is private
    """The pipeline of one scenario: its declaration's slices, retries and time-outs are in it."""
    limits = scenario.limits

    @dsl.pipeline(name=f"{scenario.name}-training", description=scenario.title)
    def pipeline(data: str, run: str = "") -> None:
        """Train a scenario on the files at `data`; `run` names the run, else KFP's job id does."""
        common = {"run": run, "job": JOB, "timeout_minutes": limits.timeout_minutes}

        def task(
            made: dsl.PipelineTask, retries: int = limits.retries, *, database: bool = False
        ) -> Any:
            equip(made, database=database)
            made.set_caching_options(False)  # KFP's cache does not see content; ours does
            if retries:
                made.set_retry(num_retries=retries, backoff_duration="0s")
            return made

        last = task(finish(scenario=scenario.name, **common))
        with dsl.ExitHandler(last, name="training"):
            landed = task(ingest(spec=_text(scenario.ingest()), data=data, **common))
            silver = landed.outputs["silver"]
            made = task(features(spec=_text(scenario.gold()), silver=silver, **common))
            gold = made.outputs["gold"]
            trained = task(train(spec=_text(scenario.train()), gold=gold, **common))
            models = trained.outputs["models"]
            scored = task(
                evaluate(spec=_text(scenario.evaluate()), gold=gold, models=models, **common)
            )
            judged = task(
                gate(
                    spec=_text(scenario.judge()),
                    bronze=landed.outputs["bronze"],
                    silver=silver,
                    models=models,
                    evaluation=scored.outputs["evaluation"],
                    **common,
                ),
                database=True,
            )
            decision = judged.outputs["decision"]
            with dsl.If(judged.outputs["Output"] == True, name="passed"):  # noqa: E712 - kfp's own
                registered = task(
                    register(
                        spec=_text(scenario.release()),
                        models=models,
                        decision=decision,
                        snapshot=made.outputs["snapshot"],
                        **common,
                    ),
                    database=True,
                )
                task(
                    deploy(scenario=scenario.name, release=registered.outputs["release"], **common),
                    database=True,
                )
            with dsl.Else(name="refused"):
                task(refuse(scenario=scenario.name, decision=decision, **common), retries=0)

    return pipeline


def _text(spec: Any) -> str:
    return str(spec.model_dump_json())

"""The monthly pipeline: a month in the life of a scenario, once it is over.

ingest -> features -> due -> [train -> evaluate -> gate -> register -> deploy the first]
                          -> [decide -> monitor -> challenge -> deploy the winner] -> refuse
whatever happens: finish

Each bracket is a pipeline of its own. A candidate that the gate refused fails the run, and does so
last: the month is decided on and watched all the same.
"""

from typing import Any

from kfp import dsl

from components.contracts.scenario import Scenario
from components.contracts.watching import FIRST, TRAIN, WATCH
from components.deployment.component import deploy
from components.etl.component import decide
from components.evaluation.component import challenge, refuse
from components.monitoring.component import due, monitor
from pipelines.building import Builder, pipeline_of, to_gold
from pipelines.training import Candidate


def monthly_pipeline(scenario: Scenario) -> Any:  # kfp's type of a pipeline is private
    """The pipeline of one scenario; it needs sources with dates."""
    training, watching = _training(scenario), _watching(scenario)

    def pipeline(data: str, as_of: str = "", run: str = "") -> None:
        """Live through the month of the day `as_of` (none: the last that is known of) from a
        scenario's files at `data`; `run` names the run, else KFP's job id does.
        """
        task = Builder(scenario, run)
        with task.whatever_happens("month"):
            silver, made = to_gold(task, scenario, data, as_of)
            gold, snapshot = made.outputs["gold"], made.outputs["snapshot"]
            month = task(due(spec=scenario.watch().brief(), gold=gold, **task.common))
            asked = month.outputs["asked"]
            trained = training(asked=asked, silver=silver, gold=gold, snapshot=snapshot, run=run)
            watched = watching(
                asked=asked, month=month.outputs["month"], silver=silver, gold=gold, run=run
            )
            for part in (trained, watched):
                part.set_caching_options(False)  # as of every task
            watched.after(trained)
            last = task(refuse(scenario=scenario.name, **task.common), retries=0)
            last.after(watched)

    return pipeline_of(scenario, "monthly", pipeline)


def _training(scenario: Scenario) -> Any:
    """A training where one is due; the first that passes its gate is champion at once."""

    def pipeline(
        asked: int,
        silver: dsl.Input[dsl.Dataset],
        gold: dsl.Input[dsl.Dataset],
        snapshot: dsl.Input[dsl.Dataset],
        run: str = "",
    ) -> None:
        task = Builder(scenario, run)
        with dsl.If(asked >= TRAIN, name="due"):
            candidate = Candidate(task, scenario, silver, gold)
            with dsl.If(candidate.passed == True, name="passed"):  # noqa: E712 - kfp's own
                release = candidate.register(snapshot)
                with dsl.If(asked == FIRST, name="first"):
                    task(_promotion(task, scenario), database=True).after(release)
            with dsl.Else(name="refused"), dsl.If(asked == FIRST, name="nobody"):
                # Without a champion there is nobody to decide with: the month ends here.
                task(refuse(scenario=scenario.name, **task.common), retries=0)

    return pipeline_of(scenario, "training-if-due", pipeline)


def _watching(scenario: Scenario) -> Any:
    """What the champion decides of the month, what came of all before, and who is next."""

    def pipeline(
        asked: int,
        month: str,
        silver: dsl.Input[dsl.Dataset],
        gold: dsl.Input[dsl.Dataset],
        run: str = "",
    ) -> None:
        task = Builder(scenario, run)
        with dsl.If(asked >= WATCH, name="champion"):
            spec = scenario.decide().brief()
            made = decide(spec=spec, silver=silver, gold=gold, **task.common)
            decided = task(made, spark=True)
            watched = task(
                monitor(spec=scenario.watch().brief(), month=month, **task.common), database=True
            ).after(decided)
            with dsl.If(asked < FIRST, name="contested"):  # the first has nobody to beat
                spec = scenario.challenge().brief()
                fought = task(challenge(spec=spec, release="", **task.common), database=True)
                fought.after(watched)
                with dsl.If(fought.outputs["Output"] == True, name="won"):  # noqa: E712 - kfp's own
                    task(_promotion(task, scenario), database=True)

    return pipeline_of(scenario, "watching", pipeline)


def _promotion(task: Builder, scenario: Scenario) -> Any:
    """The latest registered release becomes champion, where it may."""
    return deploy(scenario=scenario.name, release="", why="", **task.common)

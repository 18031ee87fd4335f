"""The exploration pipeline: from the lender's files to a page about the rows that there are.

ingest -> features -> explore
whatever happens: finish
"""

from typing import Any

from components.contracts.scenario import Scenario
from components.evaluation.component import explore
from pipelines.building import Builder, pipeline_of, to_gold


def exploration_pipeline(scenario: Scenario) -> Any:  # kfp's type of a pipeline is private
    """The pipeline of one scenario. What it shares with training is made once for both."""

    def pipeline(data: str, as_of: str = "", run: str = "") -> None:
        """Explore a scenario's files at `data`, as they were known on the day `as_of` (none: on
        the last); `run` names the run, else KFP's job id does.
        """
        task = Builder(scenario, run)
        with task.whatever_happens("exploration"):
            silver, made = to_gold(task, scenario, data, as_of)
            task(
                explore(
                    spec=scenario.explore().brief(),
                    silver=silver,
                    gold=made.outputs["gold"],
                    **task.common,
                )
            )

    return pipeline_of(scenario, "exploration", pipeline)

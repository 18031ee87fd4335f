"""The scoring pipeline: a month's rows, decided on by the champion that serves.

ingest -> features -> decide
whatever happens: finish
"""

from typing import Any

from components.contracts.scenario import Scenario
from components.etl.component import decide
from pipelines.building import Builder, pipeline_of, to_gold


def scoring_pipeline(scenario: Scenario) -> Any:  # kfp's type of a pipeline is private
    """The pipeline of one scenario. What it shares with training is made once for both."""

    def pipeline(data: str, as_of: str = "", run: str = "") -> None:
        """Decide on the month of the day `as_of` (none: the last that is known of) from a
        scenario's files at `data`; `run` names the run, else KFP's job id does.
        """
        task = Builder(scenario, run)
        with task.whatever_happens("scoring"):
            silver, made = to_gold(task, scenario, data, as_of)
            task(
                decide(
                    spec=scenario.decide().brief(),
                    silver=silver,
                    gold=made.outputs["gold"],
                    **task.common,
                ),
                spark=True,
            )

    return pipeline_of(scenario, "scoring", pipeline)

"""The monitoring pipeline: what was decided in a month, and what came of all before.

monitor; whatever happens: finish
"""

from typing import Any

from components.contracts.scenario import Scenario
from components.monitoring.component import monitor
from pipelines.building import Builder, pipeline_of


def monitoring_pipeline(scenario: Scenario) -> Any:  # kfp's type of a pipeline is private
    """The pipeline of one scenario; which month is a parameter."""

    def pipeline(month: str, run: str = "") -> None:
        """Report on a month that is over; `run` names the run, else KFP's job id does."""
        task = Builder(scenario, run)
        with task.whatever_happens("monitoring"):
            watch = monitor(spec=scenario.watch().brief(), month=month, **task.common)
            task(watch, database=True)

    return pipeline_of(scenario, "monitoring", pipeline)

"""The challenge pipeline: a registered release against the champion, on the same frozen rows.

challenge; whatever happens: finish
"""

from typing import Any

from components.contracts.scenario import Scenario
from components.evaluation.component import challenge
from pipelines.building import Builder, pipeline_of


def challenge_pipeline(scenario: Scenario) -> Any:  # kfp's type of a pipeline is private
    """The pipeline of one scenario: how to compare is in it, whom to compare is a parameter."""

    def pipeline(release: str = "", run: str = "") -> None:
        """Compare a release (by default the latest registered) with the champion, and decide."""
        task = Builder(scenario, run)
        with task.whatever_happens("comparison"):
            spec = scenario.challenge().brief()
            task(challenge(spec=spec, release=release, **task.common), database=True)

    return pipeline_of(scenario, "challenge", pipeline)

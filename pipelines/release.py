"""The release pipeline: a registered release becomes champion and serves; so does a former one.

deploy; whatever happens: finish
"""

from typing import Any

from components.contracts.scenario import Scenario
from components.deployment.component import deploy
from pipelines.building import Builder, pipeline_of


def release_pipeline(scenario: Scenario) -> Any:  # kfp's type of a pipeline is private
    """The pipeline of one scenario; which release, and why, are parameters."""

    def pipeline(release: str = "", why: str = "", run: str = "") -> None:
        """Promote and deploy a release (by default the latest registered)."""
        task = Builder(scenario, run)
        with task.whatever_happens("release"):
            made = deploy(scenario=scenario.name, release=release, why=why, **task.common)
            task(made, database=True)

    return pipeline_of(scenario, "release", pipeline)

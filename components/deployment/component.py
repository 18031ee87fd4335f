"""KFP shells of release."""

from kfp import dsl

from components.images import MODEL


@dsl.component(base_image=MODEL, install_kfp_package=False)
def register(
    spec: str,
    run: str,
    job: str,
    timeout_minutes: float,
    models: dsl.Input[dsl.Model],
    decision: dsl.Input[dsl.Artifact],
    snapshot: dsl.Input[dsl.Dataset],
    release: dsl.Output[dsl.Artifact],
) -> None:
    """Make bundle, policy and snapshot a release, and promote it."""
    from components.deployment.step import register as step

    step(
        spec=spec, run=run or job, timeout_minutes=timeout_minutes,
        models=models, decision=decision, snapshot=snapshot, release=release,
    )  # fmt: skip


@dsl.component(base_image=MODEL, install_kfp_package=False)
def deploy(
    scenario: str, run: str, job: str, timeout_minutes: float, release: dsl.Input[dsl.Artifact]
) -> None:
    """Make the champion's release the one that serves."""
    from components.deployment.step import deploy as step

    step(scenario=scenario, run=run or job, timeout_minutes=timeout_minutes, release=release)

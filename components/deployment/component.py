"""KFP shells of release."""

from kfp import dsl

from components.images import MODEL


@dsl.component(base_image=MODEL, install_kfp_package=False)
def register(
    scenario: str,
    run: str,
    job: str,
    timeout_minutes: float,
    models: dsl.Input[dsl.Model],
    gold: dsl.Input[dsl.Dataset],
    evaluation: dsl.Input[dsl.Artifact],
    decision: dsl.Input[dsl.Artifact],
    snapshot: dsl.Input[dsl.Dataset],
    release: dsl.Output[dsl.Artifact],
) -> None:
    """Make bundle, cut-off and snapshot a release, ready to be promoted."""
    from components.deployment.step import register as step

    step(
        scenario=scenario, run=run or job, timeout_minutes=timeout_minutes,
        models=models, gold=gold, evaluation=evaluation, decision=decision, snapshot=snapshot,
        release=release,
    )  # fmt: skip


@dsl.component(base_image=MODEL, install_kfp_package=False)
def deploy(
    scenario: str, run: str, job: str, timeout_minutes: float, release: str, why: str
) -> None:
    """Make a registered release champion, and the one that serves."""
    from components.deployment.step import deploy as step

    step(
        scenario=scenario, run=run or job, timeout_minutes=timeout_minutes,
        release=release, why=why,
    )  # fmt: skip

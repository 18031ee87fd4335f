"""KFP shells of evaluation."""

from kfp import dsl

from components.images import MODEL


@dsl.component(base_image=MODEL, install_kfp_package=False)
def evaluate(
    spec: str,
    run: str,
    job: str,
    timeout_minutes: float,
    gold: dsl.Input[dsl.Dataset],
    models: dsl.Input[dsl.Model],
    evaluation: dsl.Output[dsl.Artifact],
) -> None:
    """Score the test rows with every candidate."""
    from components.evaluation.step import evaluate as step

    step(
        spec=spec, run=run or job, timeout_minutes=timeout_minutes,
        gold=gold, models=models, evaluation=evaluation,
    )  # fmt: skip


@dsl.component(base_image=MODEL, install_kfp_package=False)
def gate(
    spec: str,
    run: str,
    job: str,
    timeout_minutes: float,
    silver: dsl.Input[dsl.Dataset],
    models: dsl.Input[dsl.Model],
    evaluation: dsl.Input[dsl.Artifact],
    decision: dsl.Output[dsl.Artifact],
) -> bool:
    """Judge the chosen candidate; record the evaluation whichever way it goes."""
    from components.evaluation.step import gate as step

    return step(
        spec=spec, run=run or job, timeout_minutes=timeout_minutes,
        silver=silver, models=models, evaluation=evaluation, decision=decision,
    )  # fmt: skip


@dsl.component(base_image=MODEL, install_kfp_package=False)
def refuse(scenario: str, run: str, job: str, timeout_minutes: float) -> None:
    """Fail the run with the rules that its candidate broke, where it broke any."""
    from components.evaluation.step import refuse as step

    step(scenario=scenario, run=run or job, timeout_minutes=timeout_minutes)


@dsl.component(base_image=MODEL, install_kfp_package=False)
def challenge(
    spec: str,
    run: str,
    job: str,
    timeout_minutes: float,
    release: str,
    decision: dsl.Output[dsl.Artifact],
) -> bool:
    """Compare a registered release with the champion on the same frozen rows."""
    from components.evaluation.step import challenge as step

    return step(
        spec=spec, run=run or job, timeout_minutes=timeout_minutes,
        release=release, decision=decision,
    )  # fmt: skip


@dsl.component(base_image=MODEL, install_kfp_package=False)
def explore(
    spec: str,
    run: str,
    job: str,
    timeout_minutes: float,
    silver: dsl.Input[dsl.Dataset],
    gold: dsl.Input[dsl.Dataset],
    exploration: dsl.Output[dsl.Artifact],
) -> None:
    """Look at the gold table before anything is learned from it."""
    from components.evaluation.step import explore as step

    step(
        spec=spec, run=run or job, timeout_minutes=timeout_minutes,
        silver=silver, gold=gold, exploration=exploration,
    )  # fmt: skip


@dsl.component(base_image=MODEL, install_kfp_package=False)
def finish(
    scenario: str, run: str, job: str, timeout_minutes: float, status: dsl.PipelineTaskFinalStatus
) -> None:
    """Write the run's summary and report, and notify where it was refused or failed."""
    from components.evaluation.step import finish as step

    step(
        scenario=scenario, run=run or job, state=status.state, timeout_minutes=timeout_minutes
    )  # fmt: skip

"""KFP shell of training."""

from kfp import dsl

from components.images import MODEL


@dsl.component(base_image=MODEL, install_kfp_package=False)
def train(
    spec: str,
    run: str,
    job: str,
    timeout_minutes: float,
    gold: dsl.Input[dsl.Dataset],
    models: dsl.Output[dsl.Model],
) -> None:
    """Train every declared family and write its bundle."""
    from components.training.step import train as step

    step(spec=spec, run=run or job, timeout_minutes=timeout_minutes, gold=gold, models=models)

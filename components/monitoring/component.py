"""KFP shells of monitoring."""

from typing import NamedTuple

from kfp import dsl

from components.images import MODEL


@dsl.component(base_image=MODEL, install_kfp_package=False)
def monitor(
    spec: str,
    month: str,
    run: str,
    job: str,
    timeout_minutes: float,
    report: dsl.Output[dsl.Artifact],
) -> bool:
    """Report on a month that is over; say whether it alarms."""
    from components.monitoring.step import monitor as step

    return step(
        spec=spec, month=month, run=run or job, timeout_minutes=timeout_minutes, report=report
    )


@dsl.component(base_image=MODEL, install_kfp_package=False)
def due(
    spec: str, run: str, job: str, timeout_minutes: float, gold: dsl.Input[dsl.Dataset]
) -> NamedTuple("Asked", [("asked", int), ("month", str)]):  # type: ignore[valid-type]
    """Say what a month asks for: a training or none; and which month it is."""
    from components.monitoring.months import due as step

    return step(spec=spec, run=run or job, timeout_minutes=timeout_minutes, gold=gold)

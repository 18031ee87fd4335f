"""KFP shells of monitoring."""

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

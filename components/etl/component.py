"""KFP shells of ETL. KFP ships their source as text: a signature, a docstring, one call."""

from kfp import dsl

from components.images import SPARK


@dsl.component(base_image=SPARK, install_kfp_package=False)
def ingest(
    spec: str,
    data: str,
    as_of: str,
    run: str,
    job: str,
    timeout_minutes: float,
    bronze: dsl.Output[dsl.Dataset],
    silver: dsl.Output[dsl.Dataset],
) -> None:
    """Land the sources, check their data contract, clean and merge them."""
    from components.etl.step import ingest as step

    step(
        spec=spec, data=data, as_of=as_of, run=run or job, timeout_minutes=timeout_minutes,
        bronze=bronze, silver=silver,
    )  # fmt: skip


@dsl.component(base_image=SPARK, install_kfp_package=False)
def features(
    spec: str,
    run: str,
    job: str,
    timeout_minutes: float,
    silver: dsl.Input[dsl.Dataset],
    gold: dsl.Output[dsl.Dataset],
    snapshot: dsl.Output[dsl.Dataset],
) -> bool:
    """Make the gold table with label and split, and the snapshot for look-ups.

    Says whether there is history enough to train on.
    """
    from components.etl.step import features as step

    return step(
        spec=spec, run=run or job, timeout_minutes=timeout_minutes,
        silver=silver, gold=gold, snapshot=snapshot,
    )  # fmt: skip


@dsl.component(base_image=SPARK, install_kfp_package=False)
def decide(
    spec: str,
    run: str,
    job: str,
    timeout_minutes: float,
    silver: dsl.Input[dsl.Dataset],
    gold: dsl.Input[dsl.Dataset],
    decisions: dsl.Output[dsl.Dataset],
) -> None:
    """Decide on every row of the run's month with the champion that serves; take in what came of
    the months before.
    """
    from components.etl.step import decide as step

    step(
        spec=spec, run=run or job, timeout_minutes=timeout_minutes,
        silver=silver, gold=gold, decisions=decisions,
    )  # fmt: skip

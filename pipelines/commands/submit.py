"""`vintage submit`: run a scenario's pipeline on a KFP, now or every month."""

import argparse
import os
import re
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from components.contracts.errors import VintageError
from components.etl.asof import LAST_MONTH, day_of
from pipelines.kinds import KINDS

if TYPE_CHECKING:
    from components.contracts.scenario import Scenario
    from pipelines.remote import Kfp
    from pipelines.steps import Step
    from pipelines.submitting import Compiled

HELP = "run a scenario's pipeline on a KFP, and follow it to its end"
EXAMPLE = "vintage submit card-default --pipeline training"
_MONTH = re.compile("[1-9][0-9]{3}-(0[1-9]|1[0-2])")
_CRON = "second minute hour day month weekday"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="one of: vintage scenarios")
    parser.add_argument(
        "--pipeline", choices=KINDS, default="training", help="which one (default: training)"
    )
    parser.add_argument(
        "--data",
        metavar="URI",
        help="where pods find the source files (default: s3://vintage/data/SCENARIO/)",
    )
    parser.add_argument(
        "--as-of", metavar="DAY", help=f"2024-08, 2024-08-15 or {LAST_MONTH!r} (default: all data)"
    )
    parser.add_argument("--month", help="the month to report on, with --pipeline monitoring")
    parser.add_argument(
        "--release", help="its id, with --pipeline challenge or release (default: the latest)"
    )
    parser.add_argument(
        "--why", metavar="TEXT", help="the reason for a release, with --pipeline release"
    )
    parser.add_argument(
        "--host",
        metavar="URL",
        help="where KFP is (default: VINTAGE_KFP, or the KFP of KUBECONFIG's cluster)",
    )
    parser.add_argument(
        "--timeout",
        metavar="MINUTES",
        type=float,
        default=60.0,
        help="how long to follow the run (default 60); it goes on after that",
    )
    parser.add_argument(
        "--every",
        metavar="CRON",
        help=f"run it again and again, as of {LAST_MONTH!r}: six fields in UTC ({_CRON})",
    )
    parser.add_argument("--stop", action="store_true", help="disable what --every made")


def main(args: argparse.Namespace) -> int:
    from pipelines.kinds import kinds_of
    from pipelines.scenarios import load

    scenario = load(args.scenario)
    if args.pipeline not in kinds_of(scenario):
        raise VintageError(
            f"--pipeline {args.pipeline}: expected a scenario whose sources have dates, found "
            f"{scenario.name}"
        )
    if args.every and not scenario.as_of:
        raise VintageError(f"--every: expected sources with dates, found {scenario.name}")
    given = {name: getattr(args, name) for name in ("data", "as_of", "month", "release", "why")}
    _check(given, args)
    host = args.host or os.environ.get("VINTAGE_KFP", "")
    from pipelines.remote import Kfp
    from pipelines.submitting import arguments, compiled

    name = f"{scenario.name}-{args.pipeline}"
    if args.stop:
        Kfp(host).stop(scenario.name, name)
        sys.stdout.write(f"{name} no longer recurs\n")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        pipeline = compiled(scenario, args.pipeline, Path(folder))
        if "data" in pipeline.parameters and args.data is None:
            given["data"] = f"s3://vintage/data/{scenario.name}/"
        if args.every and "as_of" not in pipeline.parameters:
            raise VintageError(
                f"--every: expected a pipeline with an as-of, found --pipeline {args.pipeline}"
            )
        told = arguments(pipeline, given)
        kfp = Kfp(host)
        version, new = kfp.upload(name, pipeline.title, pipeline.version, pipeline.path)
    said = f"version {pipeline.version}, {'uploaded' if new else 'which is there already'}"
    if args.every:
        replaced = kfp.recur(scenario.name, version, name, told, args.every)
        sys.stdout.write(
            f"{name} recurs at {args.every!r} UTC, as of {LAST_MONTH}; {said}"
            f"{'; the former one is gone' if replaced else ''}\n"
        )
        return 0
    run = kfp.start(scenario.name, version, f"{name} {_now()}", told)
    sys.stdout.write(f"{name}: run {run}; {said}\n  {'page':<12}{kfp.page(run)}\n")
    if kfp.forwarding:
        sys.stdout.write(f"  {'':<12}after: {kfp.forwarding}\n")
    sys.stdout.flush()
    return _follow(kfp, scenario, pipeline, run, args.timeout)


def _check(given: dict[str, str | None], args: argparse.Namespace) -> None:
    """Refuse what no pod could make sense of, before anything is begun."""
    data, as_of, month = given["data"], given["as_of"], given["month"]
    if data and not data.startswith(("s3://", "s3a://")):
        raise VintageError(
            f"--data: expected a URI that pods can read, such as s3://vintage/data/"
            f"{args.scenario}/, found {data!r}"
        )
    if as_of:
        day_of(as_of, datetime.now(UTC).date())
    if month and not _MONTH.fullmatch(month):
        raise VintageError(f"--month: expected a month such as 2024-08, found {month!r:.20}")
    if args.timeout <= 0:
        raise VintageError(f"--timeout: expected more than 0 minutes, found {args.timeout:g}")
    if args.every is None:
        return
    if args.stop:
        raise VintageError("--every: expected without --stop, found both")
    # Of five fields KFP would take the first for seconds, and run a monthly pipeline every day.
    if len(args.every.split()) != len(_CRON.split()):
        raise VintageError(f"--every: expected six fields ({_CRON}), found {args.every!r}")
    if as_of not in {None, LAST_MONTH}:
        raise VintageError(f"--as-of: expected {LAST_MONTH!r} with --every, found {as_of!r}")
    given["as_of"] = LAST_MONTH


def _follow(
    kfp: "Kfp", scenario: "Scenario", pipeline: "Compiled", run: str, minutes: float
) -> int:
    from pipelines.submitting import follow

    started = time.monotonic()

    def tell(step: "Step") -> None:
        word = step.state.lower()
        sys.stdout.write(f"  {step.name:<12}{step.seconds:7.1f} s  {word}\n")
        sys.stdout.flush()

    state, steps = follow(kfp, run, pipeline.tasks, tell, minutes=minutes)
    sys.stdout.write(
        f"\n  {'status':<12}{state.lower()}\n  {'took':<12}{time.monotonic() - started:.1f} s\n"
    )
    sys.stdout.flush()
    if state == "SUCCEEDED":
        return 0
    words = kfp.last_words(run, steps)
    ended = f"{scenario.name}: run {run} ended as {state.lower()}"
    raise VintageError("\n".join([ended, *words]))


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"

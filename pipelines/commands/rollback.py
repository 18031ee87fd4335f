"""`vintage rollback`: make a former champion the champion again, by the release pipeline."""

import argparse
import sys

from components.contracts.errors import VintageError

HELP = "make a former champion serve again"
EXAMPLE = "vintage rollback card-default --why 'complaints from the branches'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="one of: vintage scenarios")
    parser.add_argument(
        "--to",
        metavar="RELEASE",
        default="",
        help="a former champion, see: vintage releases (default: the one before this one)",
    )
    parser.add_argument("--why", metavar="TEXT", default="", help="for the promotions table")


def main(args: argparse.Namespace) -> int:
    from components.deployment.step import log_of, release_to_go_back_to
    from pipelines.local import home, new_run
    from pipelines.scenarios import load

    scenario = load(args.scenario)
    home()
    release = release_to_go_back_to(scenario.name, args.to)
    from components.evaluation.step import read_summary
    from pipelines.local import run_locally
    from pipelines.release import release_pipeline

    run = new_run()
    sys.stdout.write(f"{scenario.name}: run {run} makes release {release[:12]} champion again\n")
    sys.stdout.flush()
    run_locally(release_pipeline(scenario), run=run, release=release, why=args.why)
    summary = read_summary(run)
    if summary is None or summary.status != "deployed":
        said = f"the run left no summary; its log: {log_of(run)}"
        raise VintageError(summary.error if summary else f"{scenario.name}: {said}")
    sys.stdout.write(
        f"{scenario.name}: release {release[:12]} serves again, champion number "
        f"{summary.champion}\n"
    )
    return 0

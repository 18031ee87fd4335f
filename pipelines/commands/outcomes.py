"""`vintage outcomes`: take in what came of decisions, as a lender has it."""

import argparse
import sys
from pathlib import Path

HELP = "take in what came of decisions: files with decision, known and bad"
EXAMPLE = "vintage outcomes card-default outcomes-2024-09.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="one of: vintage scenarios")
    parser.add_argument("files", nargs="+", metavar="FILE", help="CSV or Parquet")


def main(args: argparse.Namespace) -> int:
    from components.monitoring.step import deliver
    from pipelines.scenarios import check_name

    check_name(args.scenario)
    rows, new = deliver(args.scenario, [Path(file) for file in args.files])
    said = "taken in" if new else "that were taken in before: nothing changed"
    sys.stdout.write(f"{args.scenario}: {rows:,} outcomes {said}\n")
    return 0

"""`vintage verify`: does a bundle hold what it says, and score as it recorded?"""

import argparse
import sys
from pathlib import Path

HELP = "check that a bundle is whole and scores as recorded"
EXAMPLE = "vintage verify path/to/bundle"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", help="a bundle's folder")


def main(args: argparse.Namespace) -> int:
    from components.scoring.bundle import Bundle

    bundle = Bundle.load(Path(args.bundle))
    rows = bundle.verify()
    sys.stdout.write(
        f"bundle {bundle.id}\n{bundle.spec.scenario}, {bundle.spec.family}: all files as recorded, "
        f"all parts fit, {rows} golden rows score to the bit\n"
    )
    return 0

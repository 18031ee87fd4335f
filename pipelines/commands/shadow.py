"""`vintage shadow`: let another release score beside the champion, and perhaps answer for some."""

import argparse
import sys

from components.contracts.errors import VintageError

HELP = "let a challenger score beside the champion"
EXAMPLE = "vintage shadow card-default 3f9a61 --share 0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="one of: vintage scenarios")
    parser.add_argument(
        "release", nargs="?", default="", help="the challenger, see: vintage releases"
    )
    parser.add_argument(
        "--share",
        type=float,
        default=0.0,
        help="of the entities, whom the challenger answers (default 0: it is only logged)",
    )
    parser.add_argument("--off", action="store_true", help="end it")


def main(args: argparse.Namespace) -> int:
    from components.deployment.shadow import declare_shadow
    from pipelines.scenarios import check_name

    check_name(args.scenario)
    if args.off == bool(args.release):
        raise VintageError("shadow: expected a release, or --off; see: vintage shadow --help")
    found = declare_shadow(args.scenario, args.release, args.share)
    if not found:
        sys.stdout.write(f"{args.scenario}: the champion is alone\n")
        return 0
    what = f"answers {args.share:.1%} of the entities" if args.share else "is only logged"
    sys.stdout.write(
        f"{args.scenario}: release {found[:12]} scores beside the champion and {what}\n"
    )
    return 0

"""`vintage data`: sample data in a scenario's own schema, dirt included."""

import argparse
import sys
from pathlib import Path

from components.contracts.errors import VintageError

HELP = "write sample data in a scenario's own schema"
EXAMPLE = "vintage data card-default --rows 30000 --out my-files/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="one of: vintage scenarios")
    parser.add_argument(
        "--rows", type=int, help="rows to write (default: as many as the real data has)"
    )
    parser.add_argument("--seed", type=int, default=42, help="same seed, same bytes (default 42)")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder to write to")


def main(args: argparse.Namespace) -> int:
    import samples
    from pipelines.scenarios import check_name

    check_name(args.scenario)
    try:
        rows = samples.real_size(args.scenario) if args.rows is None else args.rows
        planted = samples.write(args.scenario, Path(args.out), rows=rows, seed=args.seed)
    except ValueError as error:
        raise VintageError(f"data: {error}") from None
    except OSError as error:
        raise VintageError(
            f"--out {args.out}: expected a folder to write to, found: {error.strerror}"
        ) from None
    sys.stdout.write(f"{args.out}: " + ", ".join(f"{k} {v:,}" for k, v in planted.items()) + "\n")
    return 0

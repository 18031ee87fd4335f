"""The command line: `vintage COMMAND`. Each command is a module of `pipelines.commands`."""

# Nothing heavy is imported here: `vintage --help` answers at once.

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from components.contracts.errors import VintageError

COMMANDS = (
    "run", "score", "features", "serve", "replay", "outcomes", "monitor", "simulate", "releases",
    "rollback", "shadow", "ui", "verify", "compile", "submit", "data", "scenarios",
)  # fmt: skip


class _Parser(argparse.ArgumentParser):
    """Bad usage is bad input like any other: one message, exit status 1."""

    def error(self, message: str) -> NoReturn:
        raise VintageError(f"{message}; see: {self.prog} --help")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Parser(
        prog="vintage",
        description="Credit-risk models, from raw tables to a served, watched champion.",
        epilog="State lives in one folder: --home, or VINTAGE_HOME, or .vintage.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = import_module(f"pipelines.commands.{name}")
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.HELP,
            epilog=f"example: {module.EXAMPLE}",
        )
        module.add_arguments(command)
        command.add_argument(
            "--home", metavar="DIR", help="the folder with all state (default .vintage)"
        )
        command.set_defaults(main=module.main)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    try:
        args = build_parser().parse_args(argv)
        if args.home:
            os.environ["VINTAGE_HOME"] = args.home
        return int(args.main(args))
    except VintageError as error:
        sys.stderr.write(f"vintage: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nvintage: interrupted; the same command goes on where it was\n")
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:  # a disk, a right, a file in the way: its own words name the place
        sys.stderr.write(f"vintage: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""`vintage compile`: a scenario's pipelines as KFP IR YAML."""

import argparse
import sys
from pathlib import Path

from components.contracts.errors import VintageError

HELP = "write a scenario's pipelines as KFP IR YAML"
EXAMPLE = "vintage compile card-default --out build/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenarios", nargs="*", help="which to compile (default: all)")
    parser.add_argument("--out", metavar="DIR", default="build", help="folder to write to")


def main(args: argparse.Namespace) -> int:
    from kfp import compiler

    from pipelines.kinds import kinds_of, make
    from pipelines.scenarios import load, names

    declared = [load(name) for name in args.scenarios or names()]
    out = Path(args.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VintageError(
            f"--out {out}: expected a folder to write to, found: {error.strerror}"
        ) from None
    for scenario in declared:
        for kind in kinds_of(scenario):
            pipeline = make(scenario, kind)
            path = out / f"{pipeline.name}.yaml"
            compiler.Compiler().compile(pipeline, str(path))
            sys.stdout.write(f"{path}\n")
    return 0

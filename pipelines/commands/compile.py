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

    from pipelines.challenge import challenge_pipeline
    from pipelines.exploration import exploration_pipeline
    from pipelines.monitoring import monitoring_pipeline
    from pipelines.monthly import monthly_pipeline
    from pipelines.release import release_pipeline
    from pipelines.scenarios import load, names
    from pipelines.scoring import scoring_pipeline
    from pipelines.training import training_pipeline

    declared = [load(name) for name in args.scenarios or names()]
    out = Path(args.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VintageError(
            f"--out {out}: expected a folder to write to, found: {error.strerror}"
        ) from None
    for scenario in declared:
        for make in (
            training_pipeline, challenge_pipeline, release_pipeline, exploration_pipeline,
            scoring_pipeline, monitoring_pipeline, *([monthly_pipeline] if scenario.as_of else []),
        ):  # fmt: skip
            pipeline = make(scenario)
            path = out / f"{pipeline.name}.yaml"
            compiler.Compiler().compile(pipeline, str(path))
            sys.stdout.write(f"{path}\n")
    return 0

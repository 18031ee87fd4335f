"""`vintage scenarios`: what there is, and what of it is deployed."""

import argparse
import sys

HELP = "list the scenarios, and which have a champion"
EXAMPLE = "vintage scenarios"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser  # nothing to choose


def main(args: argparse.Namespace) -> int:
    del args
    from components.deployment.step import deployed, deployed_scenarios
    from components.scoring.release import Release
    from pipelines.scenarios import load, names

    there = deployed_scenarios()
    titles = {name: load(name).title for name in names()}
    wide = max(map(len, titles.values())) + 2
    for name, title in titles.items():
        state = (
            f"release {Release.read(deployed(name)).id[:12]}" if name in there else "no champion"
        )
        sys.stdout.write(f"{name:<18}{title:<{wide}}{state}\n")
    return 0

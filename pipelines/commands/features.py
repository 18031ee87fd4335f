"""`vintage features`: what is known of one client, from the snapshot of the champion's release."""

import argparse
import json
import sys

HELP = "show a client's features as of the latest row there is, without scoring"
EXAMPLE = "vintage features repeat-loans --id 5000001"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="one of: vintage scenarios")
    parser.add_argument("--id", required=True, help="a client of the snapshot")


def main(args: argparse.Namespace) -> int:
    from components.deployment.step import load_deployed
    from pipelines.scenarios import check_name

    check_name(args.scenario)
    scorer = load_deployed(args.scenario)
    inputs = scorer.entity(args.id)
    bundle = scorer.bundle
    (values,) = bundle.features(bundle.rows([inputs])).tolist()
    computed = {
        feature.name: None if value != value else value  # noqa: PLR0124 - what is not itself is missing
        for feature, value in zip(bundle.spec.features, values, strict=True)
        if feature.expression is not None
    }
    answer = {
        "scenario": args.scenario, "id": args.id, "inputs": inputs, "computed": computed,
        "release": scorer.release.id,
    }  # fmt: skip
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0

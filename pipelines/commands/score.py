"""`vintage score`: one client's PD and decision from the champion, without a server."""

import argparse
import json
import sys
from dataclasses import asdict

from components.contracts.errors import VintageError

HELP = "score a client with the champion, without a server"
EXAMPLE = "vintage score card-default --id 17"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="one of: vintage scenarios")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--id", help="a client of the snapshot")
    what.add_argument("--json", metavar="ROW", help="named inputs, or a list of such rows")


def main(args: argparse.Namespace) -> int:
    from components.deployment.step import load_deployed
    from pipelines.scenarios import check_name

    check_name(args.scenario)
    rows = None if args.json is None else _parse(args.json)
    scorer = load_deployed(args.scenario)
    if rows is None:
        rows, heads = [dict(scorer.entity(args.id))], [{"scenario": args.scenario, "id": args.id}]
    else:
        heads = [{"scenario": args.scenario} for _ in rows]
    for head, answer in zip(heads, scorer.score(rows), strict=True):
        sys.stdout.write(json.dumps({**head, **asdict(answer)}) + "\n")
    return 0


def _parse(text: str) -> list[dict[str, object]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise VintageError(
            f"--json: expected a JSON object, found {text[:60]!r}: {error}"
        ) from None
    rows = value if isinstance(value, list) else [value]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise VintageError(f"--json: expected an object of named inputs, found {text[:60]!r}")
    return rows

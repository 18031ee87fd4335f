"""`vintage simulate`: walk month by month over a scenario's history, and write one report."""

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from components.contracts.errors import VintageError

if TYPE_CHECKING:
    from components.contracts.simulated import Lived

HELP = "live through a scenario's months, one after the other, as they would have gone"
EXAMPLE = "vintage simulate loan-default --from 2023-01 --to 2025-11"
_MONTH = re.compile("[1-9][0-9]{3}-(0[1-9]|1[0-2])")
_NAMED = 3  # names that a line has


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="one of: vintage scenarios")
    parser.add_argument(
        "--from", dest="first", required=True, metavar="MONTH", help="such as 2023-01"
    )
    parser.add_argument("--to", dest="last", required=True, metavar="MONTH", help="such as 2025-11")
    parser.add_argument(
        "--data", metavar="DIR", help="the folder with the source files (default: sample data)"
    )


def main(args: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from pipelines.local import as_typed, home, new_run
    from pipelines.sample_data import data_for
    from pipelines.scenarios import load

    scenario = load(args.scenario)
    for option, month in (("--from", args.first), ("--to", args.last)):
        if not _MONTH.fullmatch(month):
            raise VintageError(f"{option}: expected a month such as 2024-08, found {month!r:.20}")
    if args.first > args.last:
        raise VintageError(f"--to: expected {args.first} or later, found {args.last}")
    if args.last >= datetime.now(UTC).date().isoformat()[:7]:
        raise VintageError(f"--to: expected a month that is over, found {args.last}")
    if args.data is not None and not args.data:
        raise VintageError("--data: expected a folder, found an empty word")
    from pipelines.simulation import Simulation, own_home

    run, folder = new_run(), home()
    data = data_for(scenario.name, folder, args.data)
    if not Path(data).is_dir():  # before the earlier simulation makes room for this one
        there = "a file" if Path(data).exists() else "nothing"
        raise VintageError(f"data {data}: expected a folder with the source files, found {there}")
    walk = Simulation(scenario, data, run, own_home(folder, scenario.name))
    out = sys.stdout
    out.write(f"{scenario.name}: simulation {run}, {args.first} to {args.last}, on {data}\n")
    out.flush()

    def tell(one: "Lived") -> None:
        out.write(f"  {one.month} {one.seconds:6.1f} s  {_line(one)}\n")
        out.flush()

    found = walk.walk(args.first, args.last, tell)
    from components.monitoring.months import recount

    report = as_typed(recount(found))
    spent = found.preparing + sum(one.seconds for one in found.months)
    out.write(f"\n  took        {spent:.1f} s\n  report      {report}\n")
    return 0


def _line(one: "Lived") -> str:
    """A month in a line."""
    parts = [one.due]
    if one.family:
        parts.append(f"{one.family}, AUC {one.metrics['auc']:.4f}")
    parts += [f"refused: {rule}" for rule in one.refused]
    parts += [one.challenge] if one.challenge else []
    if one.outcome == "promoted":
        parts.append(f"champion {one.number} is {one.champion[:12]}")
    if one.champion:
        parts.append(f"{one.decided:,} decided, {one.outcomes:,} outcomes")
    if one.raised:
        more = f" and {len(one.raised) - _NAMED} more" if len(one.raised) > _NAMED else ""
        parts.append(f"ALARM {', '.join(one.raised[:_NAMED])}{more}")
    return "; ".join(parts)

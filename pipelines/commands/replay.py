"""`vintage replay`: a logged decision, made anew from its inputs by the release that made it."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.deployment.replay import Decision

HELP = "make a logged decision again, and compare to the bit"
EXAMPLE = "vintage replay 019f2d0a1b3c5e6f708192a3b4c5d6-0"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("decision", help="its id, as the answer had it")


def main(args: argparse.Namespace) -> int:
    from components.deployment.replay import replay_decision
    from components.deployment.step import deployed_scenarios

    found = replay_decision(args.decision, deployed_scenarios())
    sys.stdout.write("\n".join(_page(args.decision, found)) + "\n")
    return 1 if found.replayed.differences else 0


def _page(identity: str, found: "Decision") -> list[str]:
    from components.scoring.replay import shown_inputs

    record, replayed = found.record, found.replayed
    role = "challenger" if found.release == found.header.challenger else "champion"
    entity = None if record.entities is None else record.entities[found.row]
    lines = [
        f"decision {identity} of {found.header.scenario}",
        f"made     {str(record.at).replace('T', ' ')} UTC on {found.header.host}",
        f"by       release {found.release.id[:12]}, the {role}",
        f"entity   {'not said' if entity is None else entity}",
        f"logged   in {found.place}",
        "",
    ]
    lines += _table("input", shown_inputs(found.header, record, found.row))
    lines += _table("feature", _named(found, replayed.features))
    lines += [f"{reason.code}: {reason.text}" for reason in replayed.reasons]
    lines += ["", _line("", "logged", "came out")]
    differences = replayed.differences
    for name, logged, came_out in replayed.compared:
        mark = "  differs" if name in differences else ""
        lines.append(_line(name, _text(logged), _text(came_out)) + mark)
    said = f"differ: {', '.join(differences)}" if differences else "equal to the bit"
    return [*lines, "", said]


def _named(found: "Decision", features: "dict[str, float]") -> "dict[str, object]":
    """Features; those that are a category's input have its value's name, and not its place."""
    cells = found.record.inputs[found.row].tolist()
    values = {
        column.name: (cell, column.values)
        for column, cell in zip(found.header.inputs, cells, strict=True)
        if column.values
    }
    named: dict[str, object] = {}
    for name, value in features.items():
        cell, names = values.get(name, (None, ()))
        named[name] = names[int(value)] if value == cell else value
    return named


def _table(head: str, values: "dict[str, object]") -> list[str]:
    return [f"{head} {name} = {_text(value)}" for name, value in values.items()] + [""]


def _line(*words: str) -> str:
    return f"{words[0]:<10}{words[1]:<26}{words[2]}".rstrip()


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return repr(value) if isinstance(value, float) else str(value)

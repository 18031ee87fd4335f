"""Generators of sample data, each in its scenario's schema, with its dirt and planted truths."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import cast

from components.contracts.errors import VintageError


def real_size(scenario: str) -> int:
    """The rows of the data that a scenario's samples imitate."""
    return cast("int", _generator(scenario).ROWS)


def write(scenario: str, out: Path, *, rows: int, seed: int) -> dict[str, int]:
    """Write a scenario's source files; returns what was planted. Same seed, same bytes."""
    return cast("dict[str, int]", _generator(scenario).write(out, rows=rows, seed=seed))


def _generator(scenario: str) -> ModuleType:
    name = f"{__name__}.{scenario.replace('-', '_')}"
    if find_spec(name) is None:
        raise VintageError(
            f"sample data of {scenario}: expected a generator in samples/, found none; "
            "the scenario takes files of your own (--data)"
        )
    return import_module(name)

"""Generators of sample data, each in its scenario's schema, with its dirt and planted truths."""

from importlib import import_module
from pathlib import Path
from typing import cast


def write(scenario: str, out: Path, *, rows: int, seed: int) -> dict[str, int]:
    """Write a scenario's source files; returns what was planted. Same seed, same bytes."""
    module = import_module(f"{__name__}.{scenario.replace('-', '_')}")
    return cast("dict[str, int]", module.write(out, rows=rows, seed=seed))

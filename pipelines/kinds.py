"""The kinds of pipelines that a scenario has. Nothing heavy is imported before one is made."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.contracts.scenario import Scenario

KINDS = (
    "training", "challenge", "release", "exploration", "scoring", "monitoring", "monthly",
)  # fmt: skip


def kinds_of(scenario: "Scenario") -> tuple[str, ...]:
    """Those that a scenario has: a month needs sources with dates."""
    return KINDS if scenario.as_of else tuple(kind for kind in KINDS if kind != "monthly")


def make(scenario: "Scenario", kind: str) -> Any:  # kfp's type of a pipeline is private
    """The pipeline of one kind of a scenario, as `pipelines/KIND.py` builds it."""
    return getattr(import_module(f"pipelines.{kind}"), f"{kind}_pipeline")(scenario)

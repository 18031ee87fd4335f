"""The scenarios: one file each, data only. A file here is all that a further one needs."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from components.contracts.errors import VintageError

if TYPE_CHECKING:
    from components.contracts.scenario import Scenario


def names() -> list[str]:
    """The names of all scenarios; cheap, nothing is imported."""
    files = [file for folder in __path__ for file in Path(folder).glob("[a-z]*.py")]
    return sorted(file.stem.replace("_", "-") for file in files)


def check_name(name: str) -> None:
    """Raise where there is no scenario of this name."""
    if name not in names():
        raise VintageError(f"scenario {name!r}: expected one of {', '.join(names())}")


def load(name: str) -> "Scenario":
    """The declaration of one scenario."""
    check_name(name)
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    found: Scenario = module.SCENARIO
    if found.name != name:
        raise VintageError(f"scenario {name!r}: its file declares {found.name!r}")
    return found

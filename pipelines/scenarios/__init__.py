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
    file = f"{name.replace('-', '_')}.py"
    try:
        module = import_module(f"{__name__}.{file.removesuffix('.py')}")
        found: Scenario = module.SCENARIO
        _check_expressions(found)
    except (VintageError, ImportError, SyntaxError, TypeError, NameError, AttributeError) as error:
        raise VintageError(f"scenario {name}: {file}: {error}") from None
    except ValueError as error:
        raise VintageError(f"scenario {name}: {file}: {_faults(name, error)}") from None
    if found.name != name:
        raise VintageError(f"scenario {name!r}: its file declares {found.name!r}")
    return found


def _check_expressions(scenario: "Scenario") -> None:
    """Compile every expression as scoring does, so that none is refused after the data was read."""
    from components.scoring.expressions import compile_expression

    categories = {column.name: column.values for column in scenario.inputs() if column.values}
    faults = []
    for feature in scenario.features:
        if feature.expression is not None:
            try:
                compile_expression(feature.expression, categories)
            except VintageError as error:
                faults.append(f"feature {feature.name}: {error}")
    if faults:
        raise VintageError("; ".join(faults))


def _faults(name: str, error: ValueError) -> str:
    """What is wrong, in one line; pydantic tells every fault of a declaration."""
    told = getattr(error, "errors", None)
    if told is None:
        return str(error)
    pairs = [(fault["loc"], str(fault["msg"]).removeprefix("Value error, ")) for fault in told()]
    return "; ".join(
        ": ".join([*map(str, place), said.removeprefix(f"scenario {name}: ")])
        for place, said in pairs
    )

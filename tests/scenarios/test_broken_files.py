"""A scenario's file that is wrong is refused by name, in one message."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.contracts.errors import VintageError
from pipelines import scenarios

GOOD = (Path(scenarios.__file__).parent / "card_default.py").read_text()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A further scenario's file, in a folder of its own."""
    monkeypatch.setattr(scenarios, "__path__", [*scenarios.__path__, str(tmp_path)])
    yield tmp_path / "broken_one.py"
    sys.modules.pop("pipelines.scenarios.broken_one", None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("SCENARIO = Scenario(", "OTHER = Scenario("), "has no attribute 'SCENARIO'"),
        (("SCENARIO = Scenario(", "SCENARIO = Scenario("), "declares 'card-default'"),
        (("SCENARIO = Scenario(", "SCENARIO = Scenario(montly=True, "), "montly: Extra inputs"),
        (("SCENARIO = Scenario(", "SCENARIO = Scenario(("), "never closed"),
        (("SCENARIO = Scenario(", "SCENARIO = Scenarios("), "name 'Scenarios' is not defined"),
        (("import Scenario\n", "import Scenery\n"), "cannot import name 'Scenery'"),
    ],
)
def test_a_scenario_s_file_that_is_wrong_is_named(
    file: Path, change: tuple[str, str], message: str
) -> None:
    assert change[0] in GOOD
    file.write_text(GOOD.replace(*change))
    with pytest.raises(VintageError, match=r"^scenario '?broken-one") as caught:
        scenarios.load("broken-one")
    said = str(caught.value)
    assert message in said
    assert "\n" not in said
    assert "pydantic.dev" not in said

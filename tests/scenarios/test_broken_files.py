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


def test_a_part_that_does_not_fit_is_named_once_with_its_scenario_and_file(file: Path) -> None:
    named = GOOD.replace('name="card-default"', 'name="broken-one"')
    file.write_text(named.replace('column="DEFAULTPAYMENTNEXTMONTH"', 'column="AGED"'))
    with pytest.raises(VintageError) as caught:
        scenarios.load("broken-one")
    assert str(caught.value) == "scenario broken-one: broken_one.py: AGED is in no source"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            "log(BILL_AMT2)",
            "'log(BILL_AMT2)' is not allowed; allowed are column names, numbers, + ",
        ),
        ("where(BILL_AMT2 > 0, 1)", "where takes 3 arguments, found 2"),
        ("EDUCATION * 2", "EDUCATION is a category: expected a comparison as EDUCATION == '1'"),
        ("EDUCATION == 'PhD'", "expected EDUCATION compared with one of 1, 2, 3, 4, found 'PhD'"),
        ("rank(LIMIT_BAL)", "expected a category to rank, found LIMIT_BAL"),
        (" + ".join(["LIMIT_BAL"] * 2_000), "expected a shorter one"),
    ],
)
def test_every_expression_that_scoring_would_refuse_is_named_when_the_file_is_read(
    file: Path, expression: str, message: str
) -> None:
    declared = GOOD.replace('name="card-default"', 'name="broken-one"')
    others = {
        '"BILL_AMT2 / LIMIT_BAL"': repr(expression),
        '"(BILL_AMT1 - BILL_AMT6': '"(BILL_AMT1 % BILL_AMT6',
    }
    for right, wrong in others.items():
        assert right in declared
        declared = declared.replace(right, wrong)
    file.write_text(declared)
    with pytest.raises(
        VintageError, match=r"^scenario broken-one: broken_one.py: feature "
    ) as caught:
        scenarios.load("broken-one")
    first, second = str(caught.value).split("; feature ")
    assert f"expression {expression!r}"[:60] in first
    assert message in first
    assert "'BILL_AMT1 % BILL_AMT6' is not allowed" in second

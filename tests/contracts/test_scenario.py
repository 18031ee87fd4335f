"""A scenario: its names must be known, and each task's slice changes only with what it needs."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from components.contracts.base import Contract
from components.contracts.errors import VintageError
from components.contracts.modelling import (
    Feature,
    Gate,
    GivenLabel,
    Limits,
    Policy,
    Rule,
    StratifiedSplit,
    Training,
    XGBoostFamily,
)
from components.contracts.scenario import Scenario
from components.contracts.sources import Merge
from pipelines import scenarios
from tests.making import FEATURES, LOANS, LOGISTIC, PEOPLE, scenario

NEVER = "; protected columns, the label and the key are never features"


def slices(declared: Scenario) -> dict[str, Contract]:
    """Every task's slice."""
    return {
        "ingest": declared.ingest(),
        "gold": declared.gold(),
        "train": declared.train(),
        "evaluate": declared.evaluate(),
        "judge": declared.judge(),
        "release": declared.release(),
    }


def feature(expression: str | None, name: str = "SHARE") -> Feature:
    """A feature of this expression."""
    return Feature(name=name, title="share", expression=expression)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"features": (feature(None, "AGE"),)},
            f"scenario small-loans: feature AGE reads ['AGE']{NEVER}",
        ),
        (
            {"features": (feature("INCOME / AGE"),)},
            f"scenario small-loans: feature SHARE reads ['AGE']{NEVER}",
        ),
        (
            {"features": (feature("INCOME * BAD"),)},
            f"scenario small-loans: feature SHARE reads ['BAD']{NEVER}",
        ),
        (
            {"features": (feature("ID + BAD"),)},
            f"scenario small-loans: feature SHARE reads ['BAD', 'ID']{NEVER}",
        ),
        (
            {"features": (feature("INCOME / WEALTH"),)},
            "scenario small-loans: feature SHARE reads ['WEALTH'], which no source declares; "
            "known: ['AGE', 'AMOUNT', 'BAD', 'ID', 'INCOME', 'REGION', 'SPARE', 'VISITS']",
        ),
        (
            {"features": (feature("INCOME"), feature("AMOUNT"))},
            "scenario small-loans: a feature is declared twice in ['SHARE', 'SHARE']",
        ),
        (
            {"training": Training(families=(XGBoostFamily(monotone={"WEALTH": 1, "ID": -1}),))},
            "scenario small-loans: monotone names no number feature: ['ID', 'WEALTH']",
        ),
        (
            {"features": (feature("INCOME * REGION"),)},
            "scenario small-loans: feature SHARE computes with ['REGION'], "
            "which are categories, not numbers",
        ),
        (
            {"training": Training(families=(XGBoostFamily(monotone={"REGION": 1}),))},
            "scenario small-loans: monotone names no number feature: ['REGION']",
        ),
        ({"label": GivenLabel(column="LATE")}, "scenario small-loans: LATE is in no source"),
        (
            {"merge": Merge(table="people", grain="", key="NUMBER")},
            "scenario small-loans: expected NUMBER in the key of source people, found ('ID',)",
        ),
        ({"protected": ("SEX",)}, "scenario small-loans: SEX is in no source"),
        ({"name": "Small Loans"}, "String should match pattern"),
        ({"surprise": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_scenario_with_a_wrong_name_in_it_is_refused(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        scenario(**change)


def test_a_scenario_never_changes() -> None:
    with pytest.raises(ValidationError, match="Instance is frozen"):
        scenario().title = "Other"  # type: ignore[misc]


def test_the_inputs_are_what_the_features_read_in_the_order_of_the_sources() -> None:
    assert [c.name for c in scenario().inputs()] == ["INCOME", "VISITS", "REGION", "AMOUNT"]


def test_a_protected_column_is_carried_beside_the_inputs() -> None:
    assert scenario().gold().carried == ("AGE",)


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        ({"policy": Policy(approve_below=0.2)}, {"release"}),
        ({"policy": Policy(version=2, approve_below=0.3)}, {"release"}),
        ({"features": (*FEATURES, feature("INCOME - AMOUNT", "LEFT"))}, {"train"}),
        ({"features": (*FEATURES, feature("SPARE / 2", "LEFT"))}, {"gold", "train"}),
        ({"features": FEATURES[1:]}, {"train"}),
        ({"features": (*FEATURES[:2], *FEATURES[3:])}, {"gold", "train"}),
        ({"training": Training(families=(LOGISTIC,))}, {"train"}),
        ({"split": StratifiedSplit(seed=1)}, {"gold"}),
        ({"gate": Gate(rules=(Rule(metric="auc", floor=0.9),))}, {"judge"}),
        ({"gate": Gate(rules=(Rule(metric="f1", floor=0.1, cutoff=0.2),))}, {"judge", "evaluate"}),
        ({"title": "Other"}, {"evaluate"}),
        ({"protected": ()}, {"gold", "evaluate"}),
        (
            {"merge": Merge(table="people", grain="", key="ID", drop_identical=True)},
            {"ingest"},
        ),
        ({"sources": (LOANS, PEOPLE)}, {"ingest", "gold", "train"}),
        ({"limits": Limits(retries=3)}, set()),
        ({"name": "other"}, {"ingest", "gold", "train", "evaluate", "judge", "release"}),
    ],
    ids=lambda given: "+".join(sorted(given)) if isinstance(given, set) else next(iter(given)),
)
def test_a_change_touches_only_the_slices_that_need_it(
    change: dict[str, Any], touched: set[str]
) -> None:
    before, after = slices(scenario()), slices(scenario(**change))
    assert {name for name, kept in before.items() if after[name] != kept} == touched


@pytest.mark.parametrize(
    ("rules", "cutoffs"),
    [
        ((Rule(metric="auc", floor=0.7),), (0.5,)),
        ((Rule(metric="recall", floor=0.7),), (0.5,)),
        (
            (
                Rule(metric="recall", floor=0.7, cutoff=0.9),
                Rule(metric="f1", floor=0.1, cutoff=0.2),
            ),
            (0.2, 0.5, 0.9),
        ),
        ((Rule(metric="recall", floor=0.7, cutoff=0.0),), (0.0, 0.5)),
    ],
)
def test_the_evaluation_is_at_every_cut_off_that_the_gate_names(
    rules: tuple[Rule, ...], cutoffs: tuple[float, ...]
) -> None:
    assert scenario(gate=Gate(rules=rules)).evaluate().cutoffs == cutoffs


@pytest.mark.parametrize("name", ["ingest", "gold", "train", "evaluate", "judge", "release"])
@pytest.mark.parametrize("declared", [scenario(), scenarios.load("card-default")])
def test_a_slice_comes_back_from_its_text(declared: Scenario, name: str) -> None:
    made = slices(declared)[name]
    text = made.model_dump_json()
    again = type(made).model_validate_json(text)
    assert again == made
    assert again.model_dump_json() == text


@pytest.mark.parametrize("name", scenarios.names())
def test_every_scenario_of_the_repository_loads_and_comes_back_from_its_text(name: str) -> None:
    declared = scenarios.load(name)
    assert declared.name == name
    assert Scenario.model_validate_json(declared.model_dump_json()) == declared


def test_card_default_is_among_the_scenarios_and_keeps_its_protected_columns_out() -> None:
    assert "card-default" in scenarios.names()
    declared = scenarios.load("card-default")
    assert not {c.name for c in declared.inputs()} & {"SEX", "MARRIAGE", "AGE"}


@pytest.mark.parametrize("name", ["mortgage", "card_default", "", "../card-default"])
def test_an_unknown_scenario_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(VintageError, match=f"^scenario {name!r}: expected one of .*card-default"):
        scenarios.load(name)


def test_a_file_that_declares_another_scenario_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.scenarios.card_default.SCENARIO", scenario())
    with pytest.raises(VintageError, match="'card-default': its file declares 'small-loans'"):
        scenarios.load("card-default")

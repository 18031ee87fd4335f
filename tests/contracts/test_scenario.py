"""A scenario: its names must be known, and each task's slice changes only with what it needs."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from components.contracts.base import Contract
from components.contracts.errors import VintageError
from components.contracts.families import Training
from components.contracts.modelling import Feature, Limits, Reason
from components.contracts.outcomes import (
    GivenLabel,
    GroupedSplit,
    OutOfTimeSplit,
    StratifiedSplit,
)
from components.contracts.policy import (
    Challenge,
    Economics,
    FixedCutoff,
    Gate,
    Points,
    Policy,
    ProfitCutoff,
    Rule,
)
from components.contracts.scenario import Scenario
from components.contracts.sources import Merge
from components.contracts.watching import Monitoring
from pipelines import scenarios
from tests.making import FEATURES, LOANS, LOGISTIC, PEOPLE, scenario

SLICES = ("ingest", "gold", "train", "evaluate", "judge", "challenge", "watch")
AUC = Rule(metric="auc", floor=0.6)
ECONOMICS = Economics(lgd=0.5, margin=0.1, ead=1000)


def slices(declared: Scenario) -> dict[str, Contract]:
    """Every task's slice."""
    return {name: getattr(declared, name)() for name in SLICES}


def feature(expression: str | None, name: str = "SHARE", **more: Any) -> Feature:
    """A feature of this expression."""
    return Feature(name=name, title="share", expression=expression, **more)


def policy(approve_below: float = 0.3, **more: Any) -> Policy:
    """A policy with a fixed cut-off."""
    return Policy(cutoff=FixedCutoff(approve_below=approve_below), **more)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"features": (feature(None, "AGE"),)},
            "scenario small-loans: feature AGE reads AGE (protected): no feature may",
        ),
        (
            {"features": (feature("INCOME / AGE"),)},
            "scenario small-loans: feature SHARE reads AGE (protected): no feature may",
        ),
        (
            {"features": (feature("INCOME * BAD"),)},
            "scenario small-loans: feature SHARE reads BAD (the label): no feature may",
        ),
        (
            {"features": (feature("ID + BAD"),)},
            "scenario small-loans: feature SHARE reads BAD (the label), ID (a key): no feature may",
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
            {"features": (feature(None, "REGION", monotone=1),)},
            "scenario small-loans: feature REGION is a category; monotone and special are for",
        ),
        (
            {"features": (feature(None, "REGION", special=(1,)),)},
            "scenario small-loans: feature REGION is a category; monotone and special are for",
        ),
        (
            {
                "features": (
                    feature("INCOME", reason=Reason(code="SAME", text="One")),
                    feature("AMOUNT", "OTHER", reason=Reason(code="SAME", text="Two")),
                )
            },
            "scenario small-loans: a reason's code is declared twice in ['SAME', 'SAME']",
        ),
        ({"label": GivenLabel(column="LATE")}, "scenario small-loans: LATE is in no source"),
        (
            {"merge": Merge(table="people", grain="", key="NUMBER")},
            "scenario small-loans: expected NUMBER in the key of source people, found ('ID',)",
        ),
        (
            {"sources": (PEOPLE, PEOPLE.model_copy(update={"name": "others"}))},
            "scenario small-loans: column AGE is in source people and in others",
        ),
        ({"protected": ("SEX",)}, "scenario small-loans: SEX is in no source"),
        ({"segments": ("CITY",)}, "scenario small-loans: CITY is in no source"),
        ({"split": GroupedSplit(by=("HOUSE",))}, "scenario small-loans: HOUSE is in no source"),
        ({"split": OutOfTimeSplit()}, "scenario small-loans: an out-of-time split needs an as-of"),
        ({"entity": "NOBODY"}, "scenario small-loans: entity NOBODY is not a column of applicants"),
        ({"most_reasons": 0}, "greater than or equal to 1"),
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


def test_numbers_may_be_monotone_and_have_special_codes_computed_ones_too() -> None:
    features = (
        feature(None, "AMOUNT", monotone=1, special=(0, -1)),
        feature("INCOME / VISITS", monotone=-1, special=(0,)),
    )
    assert scenario(features=features).train().features == features


@pytest.mark.parametrize(
    ("change", "carried"),
    [
        ({}, ("AGE",)),
        ({"protected": ()}, ()),
        ({"segments": ("SPARE",)}, ("AGE", "SPARE")),
        ({"segments": ("AGE",)}, ("AGE",)),
        # An input is there anyway, and so is the key.
        ({"segments": ("REGION",)}, ("AGE",)),
        ({"split": GroupedSplit(by=("SPARE",))}, ("AGE", "SPARE")),
        ({"split": GroupedSplit(by=("ID",))}, ("AGE",)),
        ({"split": GroupedSplit(by=("REGION",)), "segments": ("SPARE",)}, ("AGE", "SPARE")),
    ],
)
def test_what_is_needed_beside_the_inputs_is_carried_once(
    change: dict[str, Any], carried: tuple[str, ...]
) -> None:
    declared = scenario(**change)
    assert declared.gold().carried == carried
    assert not set(carried) & {column.name for column in declared.train().inputs}


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        ({"policy": policy(0.2)}, {"evaluate"}),
        ({"policy": policy(version=2)}, {"evaluate"}),
        ({"policy": policy(economics=ECONOMICS)}, {"evaluate", "challenge"}),
        (
            {"policy": Policy(cutoff=ProfitCutoff(), economics=ECONOMICS)},
            {"evaluate", "challenge"},
        ),
        ({"points": Points(pdo=40)}, {"train"}),
        ({"most_reasons": 2}, {"train"}),
        ({"segments": ("REGION",)}, {"evaluate", "challenge", "watch"}),
        ({"segments": ("SPARE",)}, {"gold", "evaluate", "challenge", "watch"}),
        ({"split": GroupedSplit(by=("SPARE",))}, {"gold", "train"}),
        ({"split": GroupedSplit(by=("AMOUNT",))}, {"gold", "train"}),
        ({"entity": "ID"}, set()),
        ({"gate": Gate(rules=(AUC,), challenge=Challenge(level=0.1))}, {"challenge"}),
        ({"features": (*FEATURES, feature("INCOME - AMOUNT", "LEFT"))}, {"train", "judge"}),
        ({"features": (*FEATURES, feature("SPARE / 2", "LEFT"))}, {"gold", "train", "judge"}),
        ({"features": FEATURES[1:]}, {"train"}),
        ({"features": (*FEATURES[:2], *FEATURES[3:])}, {"gold", "train"}),
        ({"training": Training(families=(LOGISTIC,))}, {"train"}),
        ({"training": Training(families=(LOGISTIC,), refit=True)}, {"train"}),
        (
            {"training": Training(families=(LOGISTIC,), seed=1)},
            {"train", "evaluate", "challenge", "watch"},
        ),
        ({"split": StratifiedSplit(seed=1)}, {"gold"}),
        ({"gate": Gate(rules=(Rule(metric="auc", floor=0.9),))}, {"judge"}),
        ({"gate": Gate(rules=(Rule(metric="f1", floor=0.1, cutoff=0.2),))}, {"judge", "evaluate"}),
        ({"title": "Other"}, {"evaluate", "watch"}),
        ({"monitoring": Monitoring(retrain_after=1)}, {"watch"}),
        ({"protected": ()}, {"gold", "evaluate"}),
        (
            {"merge": Merge(table="applicants", grain="", key="ID", drop_identical=True)},
            {"ingest"},
        ),
        ({"sources": (LOANS, PEOPLE)}, {"ingest", "gold", "train"}),
        ({"limits": Limits(retries=3)}, set()),
        ({"name": "other"}, set(SLICES)),
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


def test_features_without_a_reason_are_told_to_the_gate() -> None:
    declared = scenario(features=(*FEATURES, feature("INCOME - AMOUNT", "LEFT")))
    assert (scenario().judge().silent, declared.judge().silent) == ((), ("LEFT",))


@pytest.mark.parametrize("name", SLICES)
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

"""A slice as a task is handed it: short, and the same when it is read."""

import json

import pytest

from components.contracts.base import Contract
from components.contracts.families import Between, Choice, LogisticFamily, Training, XGBoostFamily
from components.contracts.scenario import Scenario
from pipelines.scenarios import load, names

SLICES = (
    Scenario.ingest, Scenario.gold, Scenario.decide, Scenario.explore, Scenario.train,
    Scenario.evaluate, Scenario.judge, Scenario.challenge, Scenario.watch,
)  # fmt: skip


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("cut", SLICES, ids=lambda cut: cut.__name__)
def test_what_a_task_reads_is_what_was_declared(name: str, cut: object) -> None:
    assert callable(cut)
    handed = cut(load(name))
    assert isinstance(handed, Contract)
    assert type(handed).model_validate_json(handed.brief()) == handed
    assert len(handed.brief()) <= len(handed.model_dump_json())


@pytest.mark.parametrize("name", names())
def test_a_brief_says_which_label_split_and_families_are_meant(name: str) -> None:
    scenario = load(name)
    gold, train = json.loads(scenario.gold().brief()), json.loads(scenario.train().brief())
    assert gold["label"]["kind"] == scenario.label.kind
    assert gold["split"]["kind"] == scenario.split.kind
    told = [family["kind"] for family in train["training"]["families"]]
    assert told == [family.kind for family in scenario.training.families]


def test_a_brief_says_kinds_and_nothing_else_that_is_by_default() -> None:
    spaces = {"eta": Between(low=0.1, high=0.2), "max_depth": Choice(values=(3, 4))}
    families = (LogisticFamily(scaler="standard"), XGBoostFamily(search=spaces))
    assert json.loads(Training(families=families).brief()) == {
        "families": [
            {"kind": "logistic"},
            {
                "kind": "xgboost",
                "search": {
                    "eta": {"low": 0.1, "high": 0.2, "kind": "between"},
                    "max_depth": {"values": [3, 4], "kind": "choice"},
                },
            },
        ]
    }


def test_a_kind_is_added_to_a_brief_only() -> None:
    assert XGBoostFamily().model_dump(include={"eta"}) == {"eta": 0.2}
    assert "kind" not in XGBoostFamily().parameters()

"""The monthly IR as the end-to-end tests run it on a cluster, with paper in the place of pods."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.contracts.watching import FIRST, TRAIN, WATCH
from pipelines.scenarios import load
from pipelines.submitting import compiled
from tests.e2e.backend import Backend, Ran, holds

MADE = ["ingest", "features", "due"]
TRAINED = ["train", "evaluate", "gate"]
WATCHED = ["decide", "monitor"]


class _OnPaper(Backend):
    """A backend whose pods say what they are told to say, and fail where they are told to."""

    def __init__(self, ir: Path, said: Mapping[str, Mapping[str, Any]], failing: set[str]) -> None:
        super().__init__(ir)
        self._said, self._failing = said, failing
        self.given: dict[str, tuple[Mapping[str, Any], dict[str, str]]] = {}

    def pod(
        self, name: str, component: Any, values: Mapping[str, Any], artifacts: Any, **_: Any
    ) -> Ran:
        _, told = self._outputs(component, name)
        made = {key: value["artifacts"][0] for key, value in told["artifacts"].items()}
        self.given[name] = values, {key: one["uri"] for key, one in artifacts.items()}
        self.ran.append(
            Ran(name, name, name not in self._failing, "", self._said.get(name, {}), made)
        )
        return self.ran[-1]


@pytest.fixture(scope="module")
def monthly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(load("loan-default"), "monthly", tmp_path_factory.mktemp("ir")).path


def _month(ir: Path, asked: int, *, passed: bool = True, won: bool = False) -> tuple[str, _OnPaper]:
    said = {
        "features": {"Output": True},
        "due": {"asked": asked, "month": "2024-08"},
        "gate": {"Output": passed},
        "monitor": {"Output": False},
        "challenge": {"Output": won},
    }
    refused = asked >= TRAIN and not passed
    backend = _OnPaper(ir, said, {"refuse"} if refused else set())
    return backend.run({"data": "s3://a/", "as_of": "2024-08"}), backend


@pytest.mark.parametrize(
    ("asked", "passed", "won", "tasks", "state"),
    [
        (0, True, False, ["refuse"], "SUCCEEDED"),
        (WATCH, True, False, [*WATCHED, "challenge", "refuse"], "SUCCEEDED"),
        (WATCH, True, True, [*WATCHED, "challenge", "deploy", "refuse"], "SUCCEEDED"),
        (TRAIN, True, True,
         [*TRAINED, "register", *WATCHED, "challenge", "deploy", "refuse"], "SUCCEEDED"),
        # A candidate that is refused fails the run, last: the month is decided on and watched.
        (TRAIN, False, False, [*TRAINED, *WATCHED, "challenge", "refuse"], "FAILED"),
        (FIRST, True, False, [*TRAINED, "register", "deploy", *WATCHED, "refuse"], "SUCCEEDED"),
        # Without a champion there is nobody to decide with.
        (FIRST, False, False, [*TRAINED, "refuse"], "FAILED"),
    ],
)  # fmt: skip
def test_a_month_is_the_tasks_that_it_asks_for(
    asked: int, passed: bool, won: bool, tasks: list[str], state: str, monthly: Path
) -> None:
    found, backend = _month(monthly, asked, passed=passed, won=won)
    assert [ran.task for ran in backend.ran] == [*MADE, *tasks, "finish"]
    assert found == state
    told = backend.given["finish"][0]["status"]["state"]
    assert told == ("FAILED" if state == "FAILED" else "RUNNING")


def test_what_one_part_of_a_month_makes_reaches_the_others(monthly: Path) -> None:
    _, backend = _month(monthly, TRAIN)
    assert backend.given["monitor"][0]["month"] == "2024-08"
    assert backend.given["ingest"][0]["as_of"] == "2024-08"
    taken = {name: artifacts for name, (_, artifacts) in backend.given.items()}
    root = "minio://vintage/kfp"
    assert taken["register"] == {
        "decision": f"{root}/gate/decision",
        "evaluation": f"{root}/evaluate/evaluation",
        "gold": f"{root}/features/gold",
        "models": f"{root}/train/models",
        "snapshot": f"{root}/features/snapshot",
    }
    assert taken["decide"] == {"silver": f"{root}/ingest/silver", "gold": f"{root}/features/gold"}


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ("inputs.parameter_values['x'] == true", True, True),
        ("inputs.parameter_values['x'] == true", False, False),
        ("!(inputs.parameter_values['x'] == true)", False, True),
        ("inputs.parameter_values['x'] == false", False, True),
        ("int(inputs.parameter_values['x']) >= 2", 1, False),
        ("int(inputs.parameter_values['x']) >= 2", 2, True),
        ("int(inputs.parameter_values['x']) < 3", 3, False),
        ("int(inputs.parameter_values['x']) == 3", 3, True),
        ("!(int(inputs.parameter_values['x']) == 3)", 3, False),
    ],
)
def test_a_condition_holds_or_does_not(condition: str, value: object, expected: bool) -> None:
    assert holds(condition, {"x": value}) is expected


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("inputs.parameter_values['x'] == 'a'", "a"),
        ("int(inputs.parameter_values['x']) == true", True),
        ("int(inputs.parameter_values['x']) >= 1", True),
        ("inputs.parameter_values['x'] == true", "true"),
    ],
)
def test_a_condition_of_another_form_is_no_condition_here(condition: str, value: object) -> None:
    with pytest.raises(AssertionError):
        holds(condition, {"x": value})

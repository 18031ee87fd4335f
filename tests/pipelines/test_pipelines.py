"""The compiled pipelines: several IRs a scenario, each watched by a golden file."""

import json
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler

from components.contracts.outcomes import OutOfTimeSplit
from components.contracts.policy import FixedCutoff
from components.contracts.scenario import Scenario
from pipelines.challenge import challenge_pipeline
from pipelines.exploration import exploration_pipeline
from pipelines.monitoring import monitoring_pipeline
from pipelines.monthly import monthly_pipeline
from pipelines.release import release_pipeline
from pipelines.scenarios import load, names
from pipelines.scoring import scoring_pipeline
from pipelines.training import training_pipeline

GOLDEN = Path(__file__).parents[1] / "golden"
PIPELINES = {
    "training": training_pipeline, "challenge": challenge_pipeline, "release": release_pipeline,
    "exploration": exploration_pipeline, "scoring": scoring_pipeline,
    "monitoring": monitoring_pipeline, "monthly": monthly_pipeline,
}  # fmt: skip
#: The tasks of each beside `finish`, and those of them that ask the SQL tables.
BODY = {
    "training": ["ingest", "features", "train", "evaluate", "gate", "refuse", "register"],
    "challenge": ["challenge"],
    "release": ["deploy"],
    "exploration": ["ingest", "features", "explore"],
    "scoring": ["ingest", "features", "decide"],
    "monitoring": ["monitor"],
    "monthly": [
        "ingest",
        "features",
        "due",
        "train",
        "evaluate",
        "gate",
        "register",
        "deploy",
        "refuse",
        "decide",
        "monitor",
        "challenge",
        "deploy",
        "refuse",
    ],
}
ASKING = {
    "training": {"gate"}, "challenge": {"challenge"}, "release": {"deploy"}, "exploration": set(),
    "scoring": set(), "monitoring": {"monitor"},
    "monthly": {"gate", "deploy", "monitor", "challenge"},
}  # fmt: skip
LIMIT = str(load("card-default").limits.timeout_minutes)
#: A month holds what the others do once more: one scenario's is enough to look at.
EVERY = [
    (name, kind)
    for name in names()
    for kind in PIPELINES
    if kind != "monthly" or name == "loan-default"
]


def compiled(scenario: Scenario, kind: str) -> Any:
    """The IR of a pipeline, without what has its own tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{kind}.yaml"
        compiler.Compiler().compile(PIPELINES[kind](scenario), str(path))
        return _without_source(path.read_text())


@cache
def of_scenario(name: str, kind: str) -> Any:
    """The same of a scenario as it is declared: compiled once, for all that look at it."""
    return compiled(load(name), kind)


def _without_source(text: str) -> Any:
    """The IR without the shells' source text, the SDK's version and the images' tags.

    Those have their own tests. What Kubernetes is told of each task is beside it, as `platform`.
    """
    spec, platform = yaml.load_all(text, yaml.CSafeLoader)
    spec.pop("sdkVersion")
    for executor in spec["deploymentSpec"]["executors"].values():
        executor["container"].pop("command")
        executor["container"]["image"] = executor["container"]["image"].split(":")[0]
        for pair in executor["container"].get("env", []):
            if pair["name"] == "VINTAGE_EXECUTOR_IMAGE":
                pair["value"] = pair["value"].split(":")[0]
    return {**spec, "platform": platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]}


@pytest.fixture(params=EVERY, ids="-".join)
def ir(request: pytest.FixtureRequest) -> tuple[str, Any]:
    """A pipeline's kind and IR."""
    name, kind = request.param
    return kind, of_scenario(name, kind)


@pytest.fixture
def training() -> Any:
    return of_scenario("card-default", "training")


def _tasks(spec: Any) -> dict[str, Any]:
    """Every task that is no group of others, by its name."""
    return dict(_each_task(spec))


def _each_task(spec: Any) -> list[tuple[str, Any]]:
    """The same, also those whose name another one has."""
    return [
        (task["taskInfo"]["name"], task)
        for part in (spec["root"], *spec["components"].values())
        for task in part.get("dag", {}).get("tasks", {}).values()
        if "dag" not in spec["components"][task["componentRef"]["name"]]
    ]


def _task_of(label: str) -> str:
    """The task of an executor; the second one of a task has a number."""
    return label.removeprefix("exec-").removesuffix("-2")


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_each_pipeline_is_the_golden_one(name: str, kind: str) -> None:
    spec = of_scenario(name, kind)
    golden = yaml.load((GOLDEN / f"{name}-{kind}.yaml").read_text(), yaml.CSafeLoader)
    assert spec["pipelineInfo"]["name"] == f"{name}-{kind}"
    assert spec.keys() == golden.keys()
    assert spec["components"].keys() == golden["components"].keys()
    assert spec == golden, "if meant: python -m tests.pipelines.write_golden, and read its diff"


def test_every_golden_file_is_of_a_pipeline() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == {"-".join(pair) for pair in EVERY}


def test_a_pipeline_is_its_tasks_and_the_one_that_ends_the_run(ir: tuple[str, Any]) -> None:
    kind, spec = ir
    assert sorted(name for name, _ in _each_task(spec)) == sorted([*BODY[kind], "finish"])
    last = spec["root"]["dag"]["tasks"]["finish"]
    assert last["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}


def test_what_a_pipeline_asks_for_has_a_default_but_the_data(ir: tuple[str, Any]) -> None:
    kind, spec = ir
    asked = {
        name: definition.get("defaultValue")
        for name, definition in spec["root"]["inputDefinitions"]["parameters"].items()
    }
    assert asked == {
        "training": {"data": None, "as_of": "", "run": ""},
        "exploration": {"data": None, "as_of": "", "run": ""},
        "scoring": {"data": None, "as_of": "", "run": ""},
        "monthly": {"data": None, "as_of": "", "run": ""},
        "monitoring": {"month": None, "run": ""},
        "challenge": {"release": "", "run": ""},
        "release": {"release": "", "why": "", "run": ""},
    }[kind]  # fmt: skip


def test_every_task_is_tried_once_more_but_a_refusal(ir: tuple[str, Any]) -> None:
    tries = [
        (name, task.get("retryPolicy", {}).get("maxRetryCount", 0))
        for name, task in _each_task(ir[1])
    ]
    assert tries == [(name, int(name != "refuse")) for name, _ in tries]


def test_every_task_knows_its_time_out(ir: tuple[str, Any]) -> None:
    kind, spec = ir
    text = yaml.safe_dump(spec)
    constant = r"timeout_minutes:\n\s+runtimeValue:\n\s+constant: ([\d.]+)"
    assert re.findall(constant, text) == [LIMIT] * (len(BODY[kind]) + 1)


def test_every_task_has_the_image_of_its_work_and_bounded_memory(ir: tuple[str, Any]) -> None:
    containers = {
        _task_of(label): executor["container"]
        for label, executor in ir[1]["deploymentSpec"]["executors"].items()
    }
    images = {task: c["image"].rsplit("/", 1)[1] for task, c in containers.items()}
    spark = {"ingest", "features", "decide"}
    assert images == {t: "python-spark" if t in spark else "python-model" for t in containers}
    assert {c["resources"]["resourceMemoryLimit"] for c in containers.values()} == {"4Gi"}


def test_every_task_gets_the_store_s_keys_and_few_the_database_s(ir: tuple[str, Any]) -> None:
    kind, spec = ir
    secrets = {
        _task_of(label): {s["secretName"] for s in equipment["secretAsEnv"]}
        for label, equipment in spec["platform"].items()
    }
    assert secrets.keys() == {*BODY[kind], "finish"}
    assert all("vintage-store" in names for names in secrets.values())
    asking = {task for task, names in secrets.items() if "vintage-database" in names}
    assert asking == ASKING[kind]


def test_kfp_caches_nothing(ir: tuple[str, Any]) -> None:
    assert "enableCache" not in yaml.safe_dump(ir[1])


def test_the_gate_is_a_condition_on_a_bool(training: Any) -> None:
    assert training["components"]["comp-gate"]["outputDefinitions"]["parameters"]["Output"] == {
        "parameterType": "BOOLEAN"
    }
    conditions = [
        task["triggerPolicy"]["condition"]
        for component in training["components"].values()
        for task in component.get("dag", {}).get("tasks", {}).values()
        if "triggerPolicy" in task
    ]
    passed = "inputs.parameter_values['pipelinechannel--gate-Output'] == true"
    assert conditions == [passed, f"!({passed})"]


def test_only_where_history_can_be_too_short_is_training_a_condition_on_it() -> None:
    for name in names():
        text = json.dumps(of_scenario(name, "training"))
        asked = "inputs.parameter_values['pipelinechannel--features-Output'] == true"
        assert (asked in text) == isinstance(load(name).split, OutOfTimeSplit)


def test_no_task_is_handed_more_than_a_command_may_be_long(ir: tuple[str, Any]) -> None:
    for name, task in _tasks(ir[1]).items():
        constants = [
            source["runtimeValue"]["constant"]
            for source in task.get("inputs", {}).get("parameters", {}).values()
            if isinstance(source.get("runtimeValue", {}).get("constant"), str)
        ]
        assert len(json.dumps(json.dumps(constants))) < 100_000, name  # of 131,072


def test_only_a_lenders_table_asks_for_the_key_of_a_lenders_database(ir: tuple[str, Any]) -> None:
    for label, equipment in ir[1]["platform"].items():
        found = [s for s in equipment["secretAsEnv"] if s["secretName"] == "vintage-sources"]
        has_table = ir[1]["pipelineInfo"]["name"].startswith("card-default")
        assert bool(found) == (has_table and label == "exec-ingest")
        assert all(source["optional"] for source in found)


def test_a_task_gets_its_own_slice_of_the_declaration_only(training: Any) -> None:
    scenario = load("card-default")
    policy = scenario.policy.model_copy(update={"cutoff": FixedCutoff(approve_below=0.11)})
    after = _tasks(compiled(scenario.model_copy(update={"policy": policy}), "training"))
    differing = {name for name, task in _tasks(training).items() if task != after[name]}
    assert differing == {"evaluate"}


def test_a_shell_is_a_signature_a_docstring_and_one_call() -> None:
    import ast

    for file in Path("components").resolve().parent.glob("components/*/component.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                kinds = [type(part).__name__ for part in node.body]
                assert kinds[:2] == ["Expr", "ImportFrom"], f"{file.parent.name}.{node.name}"
                assert kinds[2:] in (["Expr"], ["Return"]), f"{file.parent.name}.{node.name}"

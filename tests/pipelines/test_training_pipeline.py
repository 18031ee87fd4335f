"""The compiled pipeline: one IR a scenario, watched by a golden file."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler

from pipelines.scenarios import load, names
from pipelines.training import training_pipeline

GOLDEN = Path(__file__).parents[1] / "golden"
BODY = ["ingest", "features", "train", "evaluate", "gate", "register", "deploy"]


def _compiled(name: str, folder: Path) -> str:
    path = folder / f"{name}.yaml"
    compiler.Compiler().compile(training_pipeline(load(name)), str(path))
    return path.read_text()


def _without_source(text: str) -> Any:
    """The IR without the shells' source text, the SDK's version and the images' tags.

    Those have their own tests. What Kubernetes is told of each task is beside it, as `platform`.
    """
    spec, platform = yaml.safe_load_all(text)
    spec.pop("sdkVersion")
    for executor in spec["deploymentSpec"]["executors"].values():
        executor["container"].pop("command")
        executor["container"]["image"] = executor["container"]["image"].split(":")[0]
    return {**spec, "platform": platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]}


@pytest.fixture(params=names())
def ir(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Any]:
    return request.param, _without_source(_compiled(request.param, tmp_path))


def test_the_pipeline_is_the_golden_one(ir: tuple[str, Any]) -> None:
    name, spec = ir
    golden = yaml.safe_load((GOLDEN / f"{name}.yaml").read_text())
    assert spec.keys() == golden.keys()
    assert spec["components"].keys() == golden["components"].keys()
    assert spec == golden, "if meant: python -m tests.pipelines.write_golden, and read its diff"


def test_every_task_is_tried_once_more_but_a_refusal(ir: tuple[str, Any]) -> None:
    retries = {}
    for part in (ir[1]["root"], *ir[1]["components"].values()):
        for task in part.get("dag", {}).get("tasks", {}).values():
            if task["componentRef"]["name"].startswith("comp-") and "taskInfo" in task:
                retries[task["taskInfo"]["name"]] = task.get("retryPolicy", {}).get("maxRetryCount")
    assert {name: retries[name] for name in BODY} == dict.fromkeys(BODY, 1)
    assert retries["refuse"] is None


def test_every_task_knows_its_time_out(ir: tuple[str, Any]) -> None:
    text = yaml.safe_dump(ir[1])
    assert text.count("timeout_minutes:\n") >= 2 * (len(BODY) + 2)
    assert re.findall(r"timeout_minutes:\n\s+runtimeValue:\n\s+constant: ([\d.]+)", text) == [
        "10.0"
    ] * (len(BODY) + 2)


def test_every_task_has_the_image_of_its_work_and_bounded_memory(ir: tuple[str, Any]) -> None:
    containers = {
        label.removeprefix("exec-"): executor["container"]
        for label, executor in ir[1]["deploymentSpec"]["executors"].items()
    }
    images = {task: c["image"].rsplit("/", 1)[1] for task, c in containers.items()}
    spark = {"ingest", "features"}
    assert images == {t: "python-spark" if t in spark else "python-model" for t in containers}
    assert {c["resources"]["resourceMemoryLimit"] for c in containers.values()} == {"4Gi"}


def test_every_task_gets_the_store_s_keys_and_few_the_database_s(ir: tuple[str, Any]) -> None:
    secrets = {
        label.removeprefix("exec-"): {s["secretName"] for s in equipment["secretAsEnv"]}
        for label, equipment in ir[1]["platform"].items()
    }
    assert secrets.keys() >= {*BODY, "refuse", "finish"}
    assert all("vintage-store" in names for names in secrets.values())
    assert {task for task, names in secrets.items() if "vintage-database" in names} == {
        "gate", "register", "deploy",
    }  # fmt: skip


def test_kfp_caches_nothing(ir: tuple[str, Any]) -> None:
    assert "enableCache" not in yaml.safe_dump(ir[1])


def test_the_gate_is_a_condition_on_a_bool(ir: tuple[str, Any]) -> None:
    spec = ir[1]
    assert spec["components"]["comp-gate"]["outputDefinitions"]["parameters"]["Output"] == {
        "parameterType": "BOOLEAN"
    }
    conditions = [
        task["triggerPolicy"]["condition"]
        for component in spec["components"].values()
        for task in component.get("dag", {}).get("tasks", {}).values()
        if "triggerPolicy" in task
    ]
    passed = "inputs.parameter_values['pipelinechannel--gate-Output'] == true"
    assert conditions == [passed, f"!({passed})"]


def test_a_task_gets_its_own_slice_of_the_declaration_only(tmp_path: Path) -> None:
    before = _without_source(_compiled("card-default", tmp_path))
    scenario = load("card-default")
    policy = scenario.policy.model_copy(update={"approve_below": 0.11})
    changed = scenario.model_copy(update={"policy": policy})
    path = tmp_path / "changed.yaml"
    compiler.Compiler().compile(training_pipeline(changed), str(path))
    after = _without_source(path.read_text())
    differing = {
        (name, task)
        for name, component in before["components"].items()
        for task, body in component.get("dag", {}).get("tasks", {}).items()
        if body != after["components"][name]["dag"]["tasks"][task]
    }
    assert {task for _, task in differing} == {"register"}


def test_a_shell_is_a_signature_a_docstring_and_one_call() -> None:
    import ast

    for file in Path("components").resolve().parent.glob("components/*/component.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                kinds = [type(part).__name__ for part in node.body]
                assert kinds[:2] == ["Expr", "ImportFrom"], f"{file.parent.name}.{node.name}"
                assert kinds[2:] in (["Expr"], ["Return"]), f"{file.parent.name}.{node.name}"

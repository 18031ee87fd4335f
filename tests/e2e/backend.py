"""Run a compiled pipeline on a cluster, one pod a task, as KFP's backend would have them.

Images, commands, inputs, settings, secrets, memory, retries, conditions and the exit handler are
those of the IR. A pod fetches its input artifacts from MinIO, runs the task's own container,
and stores its output artifacts; what KFP's launcher does inside the container, two containers
beside it do here.
"""

import json
import operator
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from components.etl.executors import LOCKED
from tests.e2e.kube import NAMESPACE, apply, get, kubectl

_ROOT = "minio://vintage/kfp"
_METADATA = "/tmp/kfp_outputs/output_metadata.json"  # noqa: S108 - in the pod
_CONDITION = re.compile(
    r"(?P<int>int\()?inputs\.parameter_values\['(?P<name>[^']+)'\](?(int)\)) "
    r"(?P<compared>==|!=|<=|>=|<|>) (?(int)(?P<number>\d+)|(?P<bool>true|false))"
)
_COMPARED = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_DEADLINE_S = 600
_MOUNTS = [{"name": "minio", "mountPath": "/minio"}, {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
_CARRY = """
import json, os, sys
from pathlib import Path
from minio import Minio
plan = json.loads(sys.argv[1])
client = Minio(endpoint=os.environ["AWS_ENDPOINT_URL"].split("://")[1],
    access_key=os.environ["AWS_ACCESS_KEY_ID"], secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    secure=False)
for uri in plan["artifacts"]:
    bucket, name = uri.removeprefix("minio://").split("/", 1)
    path = "/minio/" + bucket + "/" + name
    if plan["fetch"]:
        client.fget_object(bucket_name=bucket, object_name=name, file_path=path)
    elif Path(path).exists():
        client.fput_object(bucket_name=bucket, object_name=name, file_path=path)
said = Path(plan.get("said", "/nowhere"))
print(said.read_text() if said.exists() else "{}")
"""


@dataclass(frozen=True)
class Ran:
    """One pod that came to its end."""

    task: str
    pod: str
    succeeded: bool
    log: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, dict[str, Any]] = field(default_factory=dict)


class TaskFailedError(Exception):
    """A task failed as often as it may."""


class Backend:
    """Runs of one compiled pipeline."""

    def __init__(self, compiled: Path) -> None:
        self.spec, platform = yaml.safe_load_all(compiled.read_text())
        self._equipment = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        self.job = f"job-{uuid.uuid4().hex[:8]}"
        self.ran: list[Ran] = []

    def run(self, arguments: Mapping[str, Any]) -> str:
        """Run the pipeline to its end. Returns KFP's word for how it went."""
        defined = self.spec["root"]["inputDefinitions"]["parameters"]
        given = {n: arguments.get(n, d.get("defaultValue")) for n, d in defined.items()}
        try:
            self._dag(self.spec["root"]["dag"]["tasks"], given, {})
        except TaskFailedError:
            return "FAILED"
        return "SUCCEEDED"

    def task(self, name: str) -> Ran:
        """The last pod of a task."""
        return [ran for ran in self.ran if ran.task == name][-1]

    def component(self, name: str) -> tuple[Any, dict[str, Any]]:
        """A task's component, and the values that a run gives it."""
        for part in (self.spec["root"], *self.spec["components"].values()):
            task = part.get("dag", {}).get("tasks", {}).get(name)
            if task is not None and "dag" not in self.spec["components"][f"comp-{name}"]:
                values = {
                    key: source.get("runtimeValue", {}).get("constant", "")
                    for key, source in task["inputs"]["parameters"].items()
                }
                return self.spec["components"][f"comp-{name}"], {**values, "job": self.job}
        raise AssertionError(name)

    def _dag(
        self, tasks: dict[str, Any], parameters: Mapping[str, Any], artifacts: Mapping[str, Any]
    ) -> None:
        done: dict[str, Ran] = {}
        states: dict[str, str] = {}
        failure: TaskFailedError | None = None
        for name in _ordered(tasks):
            task = tasks[name]
            trigger = task.get("triggerPolicy", {})
            if failure is not None and trigger.get("strategy") != "ALL_UPSTREAM_TASKS_COMPLETED":
                continue
            values = {
                key: self._parameter(source, parameters, done, states)
                for key, source in task.get("inputs", {}).get("parameters", {}).items()
            }
            taken = {
                key: artifacts[source["componentInputArtifact"]]
                if "componentInputArtifact" in source
                else _produced(source["taskOutputArtifact"], done)
                for key, source in task.get("inputs", {}).get("artifacts", {}).items()
            }
            if "condition" in trigger and not holds(trigger["condition"], values):
                continue
            component = self.spec["components"][task["componentRef"]["name"]]
            try:
                if "dag" in component:
                    self._dag(component["dag"]["tasks"], values, taken)
                else:
                    tries = 1 + task.get("retryPolicy", {}).get("maxRetryCount", 0)
                    done[name] = self._task(name, component, values, taken, tries)
                states[name] = "SUCCEEDED"
            except TaskFailedError as error:
                states[name] = "FAILED"
                failure = error
        if failure is not None:
            raise failure

    def _parameter(
        self, source: Any, given: Mapping[str, Any], done: Mapping[str, Ran], states: Any
    ) -> Any:
        if "runtimeValue" in source:
            constant = source["runtimeValue"]["constant"]
            return self.job if constant == "{{$.pipeline_job_uuid}}" else constant
        if "taskOutputParameter" in source:
            asked = source["taskOutputParameter"]
            return done[asked["producerTask"]].parameters[asked["outputParameterKey"]]
        if "taskFinalStatus" in source:
            producer = source["taskFinalStatus"]["producerTask"]
            return {
                # KFP's own says so while the graph is not noted as ended, which it seldom is.
                "state": "FAILED" if states[producer] == "FAILED" else "RUNNING",
                "pipelineJobResourceName": self.job,
                "pipelineTaskName": producer,
                "error": {"code": 0, "message": ""},
            }
        return given[source["componentInputParameter"]]

    def _task(self, name: str, component: Any, values: Any, artifacts: Any, tries: int) -> Ran:
        for _ in range(tries):
            ran = self.pod(name, component, values, artifacts)
            if ran.succeeded:
                return ran
        raise TaskFailedError(f"{name}:\n{ran.log}")

    def pod(
        self,
        name: str,
        component: Any,
        values: Mapping[str, Any],
        artifacts: Mapping[str, Any],
        *,
        environment: Mapping[str, str] | None = None,
        account: str = "pipeline-runner",
        deadline_s: int = _DEADLINE_S,
    ) -> Ran:
        """Run one task's pod. `environment` and `account` stand in for what a fault would be."""
        pod = f"{self.job}-{name}-{uuid.uuid4().hex[:4]}"
        wanted, outputs = self._outputs(component, pod)
        executor_input = {
            "inputs": {
                "parameterValues": dict(values),
                "artifacts": {key: {"artifacts": [value]} for key, value in artifacts.items()},
            },
            "outputs": outputs,
        }
        label = component["executorLabel"]
        container = self.spec["deploymentSpec"]["executors"][label]["container"]
        text = json.dumps(executor_input)
        said = {pair["name"]: pair["value"] for pair in container.get("env", [])}
        main = {
            "name": "main",
            "image": container["image"],
            "command": container["command"],
            "args": [text if word == "{{$}}" else word for word in container["args"]],
            "env": _environment(self._equipment[label], said | (environment or {})),
            "resources": {
                "requests": {
                    "cpu": container["resources"]["resourceCpuRequest"],
                    "memory": container["resources"]["resourceMemoryRequest"],
                },
                "limits": {"memory": container["resources"]["resourceMemoryLimit"]},
            },
        }
        # What carries artifacts is KFP's own launcher, with keys of its own.
        carry = _environment(self._equipment[label], {})
        fetch = _carrier("fetch", carry, {"fetch": True, "artifacts": _uris(artifacts)})
        store = _carrier("store", carry, {"fetch": False, **wanted})
        _run(pod, account, deadline_s, [fetch, main], store)
        ran = _result(name, pod, outputs)
        self.ran.append(ran)
        return ran

    def _outputs(self, component: Any, pod: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What to carry off after the task, and what the task is told of it."""
        defined = component.get("outputDefinitions", {})
        files = {key: f"/tmp/kfp/outputs/{key}" for key in defined.get("parameters", {})}  # noqa: S108
        made = {
            key: {"name": key, "type": value["artifactType"], "uri": f"{_ROOT}/{pod}/{key}"}
            for key, value in defined.get("artifacts", {}).items()
        }
        told = {
            "parameters": {key: {"outputFile": path} for key, path in files.items()},
            "artifacts": {key: {"artifacts": [value]} for key, value in made.items()},
            "outputFile": _METADATA,
        }
        return {"artifacts": _uris(made), "said": _METADATA}, told


def _uris(artifacts: Mapping[str, Any]) -> list[str]:
    return [artifact["uri"] for artifact in artifacts.values()]


def _ordered(tasks: Mapping[str, Any]) -> list[str]:
    """Names, each after what it depends on."""
    waiting, ordered = dict(tasks), list[str]()
    while waiting:
        free = sorted(
            name
            for name, task in waiting.items()
            if not set(task.get("dependentTasks", [])) & waiting.keys()
        )
        ordered += free
        for name in free:
            del waiting[name]
    return ordered


def _produced(source: Any, done: Mapping[str, Ran]) -> dict[str, Any]:
    return done[source["producerTask"]].artifacts[source["outputArtifactKey"]]


def holds(condition: str, values: Mapping[str, Any]) -> bool:
    """Whether a task's condition holds for its inputs: a bool or an int, compared to a constant."""
    negated = condition.startswith("!(")
    found = _CONDITION.fullmatch(condition[2:-1] if negated else condition)
    assert found is not None, f"a condition of another form: {condition}"
    value = values[found["name"]]
    wanted = int(found["number"]) if found["int"] else found["bool"] == "true"
    assert isinstance(value, bool) != bool(found["int"]), f"{condition}: not for {value!r}"
    return bool(_COMPARED[found["compared"]](value, wanted)) != negated


def _environment(equipment: Any, changes: Mapping[str, str]) -> list[dict[str, Any]]:
    """The variables that the IR's Kubernetes part takes from ConfigMaps, Secrets and the pod."""
    found: dict[str, dict[str, Any]] = {}
    for source in equipment.get("configMapAsEnv", []):
        for pair in source["keyToEnv"]:
            place = {"name": source["configMapName"], "key": pair["configMapKey"]}
            found[pair["envVar"]] = {"valueFrom": {"configMapKeyRef": place}}
    for source in equipment.get("secretAsEnv", []):
        for pair in source["keyToEnv"]:
            place = {
                "name": source["secretName"],
                "key": pair["secretKey"],
                "optional": source.get("optional", False),
            }
            found[pair["envVar"]] = {"valueFrom": {"secretKeyRef": place}}
    for told in equipment.get("fieldPathAsEnv", []):
        found[told["name"]] = {"valueFrom": {"fieldRef": {"fieldPath": told["fieldPath"]}}}
    for name, value in changes.items():
        found[name] = {"value": value}
    return [{"name": name, **value} for name, value in found.items()]


def _carrier(name: str, environment: list[dict[str, Any]], plan: dict[str, Any]) -> dict[str, Any]:
    from components.images import MODEL

    return {
        "name": name,
        "image": MODEL,
        "command": ["python3", "-c", _CARRY, json.dumps(plan)],
        "env": environment,
        "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "512Mi"}},
    }


def _run(
    pod: str, account: str, deadline_s: int, before: list[dict[str, Any]], last: dict[str, Any]
) -> None:
    """Make a pod, and wait for its end."""
    for container in (*before, last):
        container |= {"volumeMounts": _MOUNTS, "securityContext": LOCKED}
    apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": pod,
                "labels": {"pipelines.kubeflow.org/v2_component": "true"},
            },
            "spec": {
                "restartPolicy": "Never",
                "serviceAccountName": account,
                "activeDeadlineSeconds": deadline_s,
                "initContainers": before,
                "containers": [last],
                "volumes": [{"name": m["name"], "emptyDir": {}} for m in _MOUNTS],
            },
        }
    )
    end = time.monotonic() + deadline_s + 60
    while get("pod", pod)["status"]["phase"] not in {"Succeeded", "Failed"}:
        assert time.monotonic() < end, f"pod {pod} does not end"
        time.sleep(1)


def _result(name: str, pod: str, outputs: Mapping[str, Any]) -> Ran:
    succeeded = get("pod", pod)["status"]["phase"] == "Succeeded"
    log = kubectl("-n", NAMESPACE, "logs", pod, "-c", "main")
    if not succeeded:
        return Ran(name, pod, False, log)
    said = json.loads(kubectl("-n", NAMESPACE, "logs", pod, "-c", "store"))
    noted = said.get("artifacts", {})
    artifacts = {
        key: {**value["artifacts"][0], **noted.get(key, {"artifacts": [{}]})["artifacts"][0]}
        for key, value in outputs["artifacts"].items()
    }
    return Ran(name, pod, True, log, said.get("parameterValues", {}), artifacts)

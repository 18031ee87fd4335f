"""A run's tasks as their pods tell of them, where the cluster itself can be asked.

KFP's own API tells less: of a long run it names no tasks, as soon as Argo has packed their graph,
and a KFP of one user reads no logs.
"""

import re
from typing import Any

import kubernetes.client
import urllib3.exceptions

from pipelines.steps import Step, words_of

NAMESPACE = "kubeflow"  # where KFP is installed, and runs tasks
_TIMEOUT_S = 30
_TAIL = 500  # lines of a log
_NODE = "workflows.argoproj.io/node-name"
#: A task's node in Argo's graph: RUN.root.GROUP.TASK.executor(TRY)
_PATH = re.compile(r"(?P<task>.*\.(?P<name>[^.]+))\.executor(\(\d+\))?")
_FAULTS = (kubernetes.client.ApiException, urllib3.exceptions.HTTPError)


def steps(run: str) -> list[Step]:
    """Every try of every task of a run that has a pod, in the order in which they began."""
    found = kubernetes.client.CoreV1Api().list_namespaced_pod(
        NAMESPACE, label_selector=f"pipeline/runid={run}", _request_timeout=_TIMEOUT_S
    )
    made = sorted(found.items, key=lambda pod: pod.metadata.creation_timestamp)
    return [step for pod in made if (step := _step(pod)) is not None]


def last_words(tries: list[Step]) -> list[str]:
    """What each task said that failed for good, or why its pod ended where it said nothing."""
    last = {step.task: step for step in tries}
    failed = [step for step in last.values() if step.state == "FAILED"]
    return [_log(step.id) or f"{step.name}: {step.why or 'it said nothing'}" for step in failed]


def _step(pod: Any) -> Step | None:
    found = _PATH.fullmatch((pod.metadata.annotations or {}).get(_NODE, ""))
    if found is None or "-container-impl-" not in pod.metadata.name:
        return None
    ended = next(
        (
            status.state.terminated
            for status in pod.status.container_statuses or []
            if status.name == "main" and status.state.terminated
        ),
        None,
    )
    seconds = (ended.finished_at - ended.started_at).total_seconds() if ended else 0.0
    return Step(
        id=pod.metadata.name,
        task=found["task"],
        name=found["name"],
        state=str(pod.status.phase).upper(),
        seconds=seconds,
        why=str(
            pod.status.message or (f"{ended.reason}, status {ended.exit_code}" if ended else "")
        ),
    )


def _log(pod: str) -> str:
    try:
        text = kubernetes.client.CoreV1Api().read_namespaced_pod_log(
            pod, NAMESPACE, container="main", tail_lines=_TAIL, _request_timeout=_TIMEOUT_S
        )
    except _FAULTS:
        return ""
    return words_of(text)

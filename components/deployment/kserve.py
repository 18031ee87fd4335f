"""A release as an InferenceService: what it says, when it serves, what is wrong with it.

Plain documents in, plain documents out; `cluster.py` talks to the API server.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.contracts.errors import VintageError

Document = Mapping[str, Any]

RELEASE = "vintage/release"  # the annotation that says which one an object is at
_GROUP = "serving.kserve.io"
_REPLICAS = 2  # one may be killed and the other answers
_BUSY = 70  # percent of the processors that a pod asked for: from there on more pods are made
_OF = f"{_GROUP}/inferenceservice"  # KServe's label on the pods of one
#: A container in one of these states does not get better by waiting.
_STUCK = {
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
    "CreateContainerConfigError", "CreateContainerError", "CrashLoopBackOff", "RunContainerError",
}  # fmt: skip


def inference_service(
    scenario: str, namespace: str, *, release: str, uri: str, most_replicas: str = ""
) -> dict[str, Any]:
    """The InferenceService of a scenario at one release, whose folder is at `uri`.

    It has two pods, or as many up to `most_replicas` as their processors' load asks for.
    """
    most = _most(most_replicas)
    scales = most > _REPLICAS
    scaled = {"maxReplicas": most, "scaleMetric": "cpu", "scaleTarget": _BUSY} if scales else {}
    return {
        "apiVersion": f"{_GROUP}/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": scenario,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "vintage"},
            "annotations": {
                f"{_GROUP}/deploymentMode": "Standard",
                # Without a metrics server the one that KServe makes by default does nothing.
                f"{_GROUP}/autoscalerClass": "hpa" if scales else "none",
                RELEASE: release,
            },
        },
        "spec": {
            "predictor": {
                "minReplicas": _REPLICAS,
                **scaled,
                # An old pod goes once a new one answers, however many there are.
                "deploymentStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"},
                },
                # On nodes of their own, where there are such; the new ones apart from the old.
                "topologySpreadConstraints": [
                    {
                        "maxSkew": 1,
                        "topologyKey": "kubernetes.io/hostname",
                        "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": {"matchLabels": {_OF: scenario}},
                        "matchLabelKeys": ["pod-template-hash"],
                    }
                ],
                "serviceAccountName": "serving",
                "storageContainerName": "vintage",
                "model": {
                    "modelFormat": {"name": "vintage"},
                    # KServe matches prefixes: without the slash a longer name would come too.
                    "storageUri": uri.rstrip("/") + "/",
                    # The server refuses a folder with another release in it.
                    "env": [{"name": "VINTAGE_RELEASE", "value": release}],
                },
            }
        },
    }


def _most(text: str) -> int:
    if text and not (text.isdecimal() and int(text) >= _REPLICAS):
        raise VintageError(
            f"VINTAGE_MOST_REPLICAS: expected a whole number of at least {_REPLICAS}, "
            f"found {text!r:.60}"
        )
    return int(text or _REPLICAS)


def placed_over(wanted: Document, former: Document) -> dict[str, Any]:
    """The wanted object as a replacement of a former one, with what others noted on that."""
    metadata, noted = wanted["metadata"], former["metadata"]
    # Left out of a replacement they would be taken off.
    kept = {key: noted[key] for key in ("finalizers", "ownerReferences") if key in noted}
    return {
        **wanted,
        "metadata": {
            **kept,
            **metadata,
            "labels": {**noted.get("labels", {}), **metadata["labels"]},
            "annotations": {**noted.get("annotations", {}), **metadata["annotations"]},
            "resourceVersion": noted["resourceVersion"],
        },
    }


def restored(former: Document, now: Document) -> dict[str, Any]:
    """The object that puts a former one back over what is there now: spec, labels, annotations."""
    kept = ("labels", "annotations", "finalizers", "ownerReferences")
    metadata = {key: value for key, value in former["metadata"].items() if key in kept}
    identity = {key: now["metadata"][key] for key in ("name", "namespace", "resourceVersion")}
    return {
        "apiVersion": now["apiVersion"],
        "kind": now["kind"],
        "metadata": {**metadata, **identity},
        "spec": former["spec"],
    }


def rolled_out(service: Document, deployment: Document | None, *, release: str) -> bool:
    """Whether every pod that serves is of this release, and the InferenceService says Ready.

    Its own word is not enough: while new pods come up, the old ones keep it Ready.
    """
    status = service.get("status", {})
    ready = any(
        c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", [])
    )
    if not ready or deployment is None or release_of(deployment) != release:
        return False
    wanted, now = deployment["spec"].get("replicas", 1), deployment.get("status", {})
    return _observed(deployment) and all(
        now.get(key, 0) == wanted for key in ("replicas", "updatedReplicas", "availableReplicas")
    )


def _observed(deployment: Document) -> bool:
    """Whether a Deployment's status is about its spec, and not about what it was before."""
    seen: int = deployment.get("status", {}).get("observedGeneration", 0)
    return seen >= int(deployment["metadata"]["generation"])


def release_of(deployment: Document) -> str | None:
    """The release that a predictor's Deployment, or one of its pods, is made for."""
    template = deployment["spec"].get("template", deployment)
    for container in template["spec"]["containers"]:
        for variable in container.get("env", []):
            if variable["name"] == "VINTAGE_RELEASE":
                return str(variable["value"])
    return None


def stuck(pods: Sequence[Document], deployment: Document | None, *, release: str) -> str | None:
    """Why the pods of this release will not come up by waiting, with the last words of one."""
    if deployment is not None and release_of(deployment) == release and _observed(deployment):
        for condition in deployment["status"].get("conditions", []):
            # A quota, Pod Security, an account that is not there.
            if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
                return str(condition.get("message"))
    for pod, container in _containers(pods, release):
        if (said := _trouble(container)) is not None:
            return f"pod {pod['metadata']['name']}, container {container['name']}: {said}"
    return None


def waiting_for(pods: Sequence[Document], *, release: str) -> str:
    """What the pods of this release are at, for the message of a time-out."""
    states = []
    for pod in pods:
        if release_of(pod) == release:
            conditions = pod.get("status", {}).get("conditions", [])
            why = [str(c.get("message", c["type"])) for c in conditions if c["status"] == "False"]
            states.append(f"{pod['metadata']['name']}: {'; '.join(why) or pod['status']['phase']}")
    return ", ".join(states) or "no pod of it"


def _containers(pods: Sequence[Document], release: str) -> Iterator[tuple[Document, Document]]:
    for pod in pods:
        if release_of(pod) == release:
            status = pod.get("status", {})
            for kind in ("initContainerStatuses", "containerStatuses"):
                for container in status.get(kind, []):
                    yield pod, container


def _trouble(container: Document) -> str | None:
    """What is wrong with a container that failed, was started again, and failed or waits."""
    state = container.get("state", {})
    waiting = state.get("waiting", {})
    ended = container.get("lastState", {}).get("terminated", {})
    # One that runs again, or ended well at its second try, may have mended.
    mended = "running" in state or state.get("terminated", {}).get("exitCode") == 0
    if ended.get("exitCode") and not mended:
        words = str(ended.get("message") or "").strip()
        reason = f"{ended.get('reason') or 'Error'}, exit status {ended['exitCode']}"
        return f"{reason}: {words}" if words else reason
    if waiting.get("reason") in _STUCK:
        return f"{waiting['reason']}: {waiting.get('message') or 'no more is said'}"
    return None

"""A pod that asks the served champion without a pause worth the name, and counts what it hears."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from components.images import MODEL
from tests.e2e import kube

#: Each turn asks on a connection of its own and on one that is kept; what fails is asked once more.
_SCRIPT = """
import http.client, json, os, time
host, path = "card-default-predictor", "/v1/models/card-default:predict"
kept = http.client.HTTPConnection(host, timeout=10)
told = {"asked": 0, "again": 0, "failed": 0, "faults": [], "releases": []}
def ask(connection):
    connection.request("POST", path, BODY, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise OSError(f"{answer.status} {text[:200]}")
    return [one["release"] for one in json.loads(text)["predictions"]]
def persist(connection):
    told["asked"] += 1
    try:
        return ask(connection)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        told["again"] += 1
        told["faults"] = [*told["faults"], f"{time.time():.1f} {error!r}"][-20:]
    time.sleep(1)
    try:
        return ask(connection)
    except (OSError, http.client.HTTPException):
        connection.close()
        told["failed"] += 1
        return []
print("asking", flush=True)
while not os.path.exists("/tmp/over"):
    fresh = http.client.HTTPConnection(host, timeout=10)
    heard = persist(kept) + persist(fresh)
    fresh.close()
    told["releases"] = sorted({*told["releases"], *heard})
    time.sleep(0.01)
print(json.dumps(told))
"""
ROW = {
    **{"LIMIT_BAL": 50000, "EDUCATION": 2},
    **{f"PAY_{n}": 0 for n in (0, 2, 3, 4, 5, 6)},
    **{f"{kind}{n}": 1000 for kind in ("BILL_AMT", "PAY_AMT") for n in range(1, 7)},
}
_LOCKED = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass
class Told:
    """What the pod counted; there once it has ended."""

    asked: int = 0
    #: Requests that failed, and those of them that failed again.
    again: int = 0
    failed: int = 0
    faults: list[str] = field(default_factory=list)
    releases: list[str] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, Any]:
        return {"asked": self.asked, "again": self.again, "failed": self.failed}


@contextmanager
def asking() -> Iterator[Told]:
    """Requests flow from inside the cluster, through the Service, while this is open."""
    name, told = f"asker-{uuid.uuid4().hex[:4]}", Told()
    body = json.dumps({"instances": [ROW]})
    container = {
        "name": "asker",
        "image": MODEL,
        "command": ["python3", "-c", f"BODY = {body!r}{_SCRIPT}"],
        "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "128Mi"}},
        "securityContext": _LOCKED,
    }
    # As a task it is let out to the predictors.
    labels = {"pipelines.kubeflow.org/v2_component": "true"}
    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels},
            "spec": {"restartPolicy": "Never", "containers": [container]},
        }
    )
    kube.until("the asking pod asks", lambda: "asking" in _log(name), seconds=60)
    yield told
    kube.kubectl("-n", kube.NAMESPACE, "exec", name, "--", "touch", "/tmp/over")  # noqa: S108
    kube.until("the asking pod ends", lambda: _log(name).endswith("}\n"), seconds=60)
    vars(told).update(json.loads(_log(name).splitlines()[-1]))


def _log(name: str) -> str:
    return kube.said("-n", kube.NAMESPACE, "logs", name)

"""A cluster in memory that behaves as one: old pods serve until new ones are ready."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from components.contracts.errors import EnvironmentFaultError
from components.deployment import rollout
from components.deployment.kserve import Document, inference_service
from components.scoring.bundle import Bundle

NAME, NAMESPACE = "small-loans", "lender"
OLD, NEW = "0" * 64, "f" * 64
LAST_WORDS = "serving: bundle 0123: 3 of 8 golden rows score otherwise than recorded"
QUOTA = 'pods "small-loans-predictor-x" is forbidden: exceeded quota: pods'
_FINALIZER = "inferenceservice.finalizers"  # KServe's controller puts it on every object


def wanted(release: str = NEW) -> dict[str, Any]:
    """The InferenceService of a release, as the deploy step makes it."""
    return inference_service(NAME, NAMESPACE, release=release, uri=f"s3://vintage/{release}")


def noted_by_others(release: str = OLD) -> dict[str, Any]:
    """One that others noted things on, and that somebody scaled."""
    service = wanted(release)
    service["metadata"]["labels"]["team"] = "risk"
    service["metadata"]["annotations"]["example.com/ticket"] = "17"
    service["spec"]["predictor"]["minReplicas"] = 3
    return service


@dataclass
class _Pod:
    release: str
    age: int = 0


@dataclass
class FakeCluster:
    """One service of one namespace; `tick` is a second of the cluster's own work.

    `faults` says what becomes of a release's pods: crash, image, quota, never (ready). After
    the pods have changed, `deaf` questions find no endpoint and `stale` ones an old pod.
    """

    answers: Mapping[str, Bundle]
    faults: dict[str, str] = field(default_factory=dict)
    shifted: dict[str, float] = field(default_factory=dict)  # by how much a release's PDs are off
    ready_after: int = 3
    deaf: int = 0
    stale: int = 0
    #: Called with the cluster and a method's name, before and after its effect; it may raise.
    disturb: "Callable[[FakeCluster, str, str], None]" = lambda _cluster, _method, _moment: None

    def __post_init__(self) -> None:
        self.calls: list[str] = []
        self.object: dict[str, Any] | None = None
        self._pods: list[_Pod] = []
        self._version = 100
        self._generation = self._observed = 0
        self._template: tuple[str, int] | None = None
        self._retired: str | None = None

    @staticmethod
    def serving(
        service: Document | None, *, answers: Mapping[str, Bundle], **behaviour: Any
    ) -> "FakeCluster":
        """A cluster on which a service (None: nothing) is up."""
        cluster = FakeCluster(answers)
        if service is not None:
            cluster.create(service)
            for _ in range(cluster.ready_after + 3):
                cluster.tick()
        cluster.calls.clear()
        for name, value in behaviour.items():
            setattr(cluster, name, value)
        return cluster

    # What a roll-out asks.

    def service(self, name: str) -> dict[str, Any] | None:
        def look() -> dict[str, Any] | None:
            assert name == NAME
            if self.object is None:
                return None
            ready = "True" if self._ready() else "False"
            status = {"conditions": [{"type": "Ready", "status": ready}]}
            return copy.deepcopy({**self.object, "status": status})

        return self._call("service", look)

    def create(self, service: Document) -> None:
        def make() -> None:
            if self.object is not None:
                raise EnvironmentFaultError("409 already exists")
            self._store(service)

        self._call("create", make)

    def replace(self, service: Document) -> None:
        def put() -> None:
            if self.object is None:
                raise EnvironmentFaultError("404 not found")
            if service["metadata"]["resourceVersion"] != self.object["metadata"]["resourceVersion"]:
                raise EnvironmentFaultError("409 the object has been modified")
            self._store(service)

        self._call("replace", put)

    def delete(self, name: str) -> None:
        def remove() -> None:
            assert name == NAME
            if self.object is None:
                raise EnvironmentFaultError("404 not found")
            self.object, self._template = None, None
            self._pods.clear()

        self._call("delete", remove)

    def deployment(self, name: str) -> dict[str, Any] | None:
        def look() -> dict[str, Any] | None:
            assert name == NAME
            return None if self._template is None else self._deployment(*self._template)

        return self._call("deployment", look)

    def pods(self, name: str) -> list[dict[str, Any]]:
        def look() -> list[dict[str, Any]]:
            assert name == NAME
            return [self._document(number, pod) for number, pod in enumerate(self._pods)]

        return self._call("pods", look)

    def predict(self, name: str, rows: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
        def answer() -> list[dict[str, Any]]:
            assert name == NAME
            ready = self._ready()
            if not ready:
                raise EnvironmentFaultError("expected a prediction, found: no endpoint")
            release = ready[0].release
            if self.deaf > 0:
                self.deaf -= 1
                raise EnvironmentFaultError("expected a prediction, found: connection refused")
            if self.stale > 0 and self._retired is not None:
                self.stale -= 1
                release = self._retired
            bundle, off = self.answers[release], self.shifted.get(release, 0.0)
            scored = bundle.score(bundle.rows(rows)).pd.tolist()
            return [{"pd": pd + off, "decision": "approve", "release": release} for pd in scored]

        return self._call("predict", answer)

    # What the cluster does by itself.

    def tick(self) -> None:
        if self.object is None:
            return
        (variable,) = self.object["spec"]["predictor"]["model"]["env"]
        release = str(variable["value"])
        if self._template != (release, self._replicas()):
            self._template, self._generation = (release, self._replicas()), self._generation + 1
        elif self._observed != self._generation:
            self._observed = self._generation
            if self.faults.get(release) != "quota":
                self._scale(release)
        else:
            for pod in self._pods:
                pod.age += 1
            new = [pod for pod in self._pods if pod.release == release]
            if new and all(pod in self._ready() for pod in new) and len(new) < len(self._pods):
                self._retired = next(p.release for p in self._pods if p.release != release)
                self._pods = new

    def _call(self, method: str, effect: Callable[[], Any]) -> Any:
        self.calls.append(method)
        self.disturb(self, method, "before")
        result = effect()
        self.disturb(self, method, "after")
        return result

    def _store(self, service: Document) -> None:
        self._version += 1
        self.object = copy.deepcopy(dict(service))
        self.object.pop("status", None)
        metadata = self.object["metadata"]
        metadata["resourceVersion"] = str(self._version)
        metadata.setdefault("finalizers", [_FINALIZER])

    def _replicas(self) -> int:
        assert self.object is not None
        return int(self.object["spec"]["predictor"]["minReplicas"])

    def _ready(self) -> list[_Pod]:
        return [p for p in self._pods if p.age >= self.ready_after and p.release not in self.faults]

    def _scale(self, release: str) -> None:
        same = [pod for pod in self._pods if pod.release == release]
        kept = same[: self._replicas()]
        made = [_Pod(release) for _ in range(self._replicas() - len(kept))]
        self._pods = [pod for pod in self._pods if pod.release != release] + kept + made

    def _deployment(self, release: str, replicas: int) -> dict[str, Any]:
        refused = self.faults.get(release) == "quota" and self._observed == self._generation
        failure = {"type": "ReplicaFailure", "status": "True", "message": QUOTA}
        return {
            "metadata": {"generation": self._generation},
            "spec": {
                "replicas": replicas,
                "template": {"spec": _containers(release)},
            },
            "status": {
                "observedGeneration": self._observed,
                "replicas": len(self._pods),
                "updatedReplicas": sum(pod.release == release for pod in self._pods),
                "availableReplicas": len(self._ready()),
                "conditions": [failure] if refused else [],
            },
        }

    def _document(self, number: int, pod: _Pod) -> dict[str, Any]:
        ready = pod in self._ready()
        unready = {"type": "Ready", "status": "False", "message": "containers with unready status"}
        state = _STATES[self.faults.get(pod.release, "never")]
        return {
            "metadata": {"name": f"{NAME}-predictor-{number}"},
            "spec": _containers(pod.release),
            "status": {
                "phase": "Running" if ready else "Pending",
                "conditions": [] if ready else [unready],
                "containerStatuses": [
                    {"name": "kserve-container", **state[min(pod.age, len(state) - 1)]}
                ],
            },
        }


def _containers(release: str) -> dict[str, Any]:
    variable = {"name": "VINTAGE_RELEASE", "value": release}
    return {"containers": [{"name": "kserve-container", "env": [variable]}]}


_RUNNING: Mapping[str, Any] = {"running": {"startedAt": "a moment ago"}}
_DIED = {"terminated": {"exitCode": 1, "reason": "Error", "message": f"{LAST_WORDS}\n"}}
_STARTING = {"state": {"waiting": {"reason": "ContainerCreating"}}}
#: What the kubelet says of a container, second by second; the last goes on.
_STATES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "never": [_STARTING, {"state": _RUNNING}],
    "crash": [
        _STARTING,
        {"state": _DIED},
        {"state": _RUNNING, "lastState": _DIED},
        {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": _DIED},
    ],
    "image": [
        _STARTING,
        {"state": {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}}},
    ],
}


@dataclass
class Clock:
    """The time that a roll-out sees: it goes on, and the cluster with it, as somebody sleeps."""

    cluster: FakeCluster
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.cluster.tick()


def on_the_clock_of(cluster: FakeCluster, patch: pytest.MonkeyPatch) -> Clock:
    """From now on a roll-out's pauses are this cluster's seconds."""
    clock = Clock(cluster)
    patch.setattr(rollout, "time", clock)
    return clock

"""KFP's HTTP API in memory, as far as its own client is asked to use it.

A run is a script: what KFP tells of it, look by look; the last one stays.
"""

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

START = "2024-09-02T06:00:00Z"


def node(name: str, state: str, seconds: int = 0, *, below: Sequence[str] = ()) -> dict[str, Any]:
    """A node of a run's graph, as KFP 2.16 tells of it; it has no name of its own in that graph."""
    return {
        "task_id": f"id-of-{name}-{'-'.join(below)}",
        "display_name": name,
        "create_time": START,
        "start_time": START,
        "end_time": f"2024-09-02T06:{seconds // 60:02d}:{seconds % 60:02d}Z",
        "state": state,
        "child_tasks": [{"pod_name": name} for name in below],
    }


def task(name: str, state: str, seconds: int = 0) -> list[dict[str, Any]]:
    """A task and what KFP makes for it: the driver's pod, and the pods that do the work."""
    return [
        node(f"{name}-driver", "SUCCEEDED", 6),
        node(name, state, seconds, below=[f"wf-{name}"]),
        node("executor", state, seconds, below=[f"wf-{name}_0", f"wf-{name}_1"]),
        node("executor(0)", state, seconds),
    ]


def pod(name: str, retry: int) -> str:
    """The pod of a task."""
    return f"wf-retry-system-container-impl-{name}_{retry}"


def tried(name: str, attempt: int, phase: str, seconds: int = 0, status: int = 0) -> dict[str, Any]:
    """A pod of a task, as the cluster tells of it; `status`: with which its container ended."""
    began = datetime(2024, 9, 2, 6, tzinfo=UTC) + timedelta(minutes=attempt)
    ended = {"terminated": {
        "exitCode": status,
        "reason": {0: "Completed", 137: "OOMKilled"}.get(status, "Error"),
        "startedAt": began.isoformat(),
        "finishedAt": (began + timedelta(seconds=seconds)).isoformat(),
    }}  # fmt: skip
    main = {"name": "main", "image": "i", "imageID": "i", "ready": False, "restartCount": 0}
    path = f"wf.root.exit-handler-1.{name}.executor({attempt})"
    return {
        "metadata": {
            "name": pod(name, attempt),
            "creationTimestamp": began.isoformat(),
            "annotations": {"workflows.argoproj.io/node-name": path},
        },
        "status": {
            "phase": phase,
            "containerStatuses": [{**main, "state": {} if phase == "Running" else ended}],
        },
    }


def look(state: str, *tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """What KFP says of a run at one time."""
    details = [node("root", state), *(one for nodes in tasks for one in nodes)]
    return {"state": state, "run_details": {"task_details": details}}


@dataclass
class FakeKfp:
    """What is there, by kind and id; `refuses` says no to what a message is for."""

    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    recurringruns: dict[str, dict[str, Any]] = field(default_factory=dict)
    uploads: list[bytes] = field(default_factory=list)
    looks: list[dict[str, Any]] = field(default_factory=lambda: [look("SUCCEEDED")])
    logs: dict[str, str] = field(default_factory=dict)
    #: Of the one run, look by look; the last one stays.
    pods: list[list[dict[str, Any]]] = field(default_factory=lambda: [[]])
    #: (method, part of the path) -> status, message
    refuses: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        path = path.removeprefix(_PROXY).replace("//", "/")
        self.asked.append(f"{method} {path}")
        for (refused, part), (status, message) in list(self.refuses.items()):
            if refused == method and part in path:
                return status, {"code": 3, "error": message, "message": message}
        for pattern, handler in _ROUTES:
            if found := re.fullmatch(pattern, f"{method} {path}"):
                return 200, handler(self, query, body, *found.groups())
        return 404, {"code": 5, "message": f"Not Found: {path}"}

    def health(self, _query: Any, _body: bytes) -> Any:
        return {"multi_user": False, "tag_name": "2.16.1"}

    def list_of(self, query: dict[str, str], _body: bytes, kind: str) -> Any:
        return {kind: _filtered(getattr(self, kind).values(), query), "total_size": 1}

    def recurring(self, query: dict[str, str], _body: bytes) -> Any:
        return {"recurringRuns": _filtered(self.recurringruns.values(), query)}

    def versions_of(self, query: dict[str, str], _body: bytes, pipeline: str) -> Any:
        of_it = [one for one in self.versions.values() if one["pipeline_id"] == pipeline]
        return {"pipeline_versions": _filtered(of_it, query)}

    def upload(self, query: dict[str, str], body: bytes) -> Any:
        self.uploads.append(body)
        version = {"display_name": query["name"], "pipeline_id": query["pipelineid"]}
        return _kept(self.versions, "pipeline_version_id", version)

    def create(self, _query: Any, body: bytes, kind: str) -> Any:
        identity = {"recurringruns": "recurring_run_id"}.get(kind, f"{kind[:-1]}_id")
        return _kept(getattr(self, kind), identity, json.loads(body))

    def get_run(self, _query: Any, _body: bytes, run: str) -> Any:
        found = self.looks[0]
        if len(self.looks) > 1:
            self.looks.pop(0)
        return {**self.runs[run], **found}

    def delete(self, _query: Any, _body: bytes, run: str) -> Any:
        del self.recurringruns[run]
        return {}

    def disable(self, _query: Any, _body: bytes, run: str) -> Any:
        self.recurringruns[run]["mode"] = "DISABLE"
        return {}

    def log(self, _query: Any, _body: bytes, _run: str, name: str) -> Any:
        return self.logs.get(name, "")

    def pods_of(self, query: dict[str, str], _body: bytes) -> Any:
        assert query["labelSelector"] == f"pipeline/runid={next(reversed(self.runs))}"
        return {"items": self.pods[0] if len(self.pods) == 1 else self.pods.pop(0)}

    def log_of(self, query: dict[str, str], _body: bytes, name: str) -> Any:
        assert query["container"] == "main"
        return self.logs.get(name, "")


_V2, _POD = "/apis/v2beta1", "/api/v1/namespaces/kubeflow/pods"
#: The API server leads here from a path of its own.
_PROXY = "/api/v1/namespaces/kubeflow/services/ml-pipeline:http/proxy"
_ROUTES = [
    (f"GET {_V2}/healthz", FakeKfp.health),
    (f"GET {_V2}/(pipelines|experiments)", FakeKfp.list_of),
    (f"GET {_V2}/recurringruns", FakeKfp.recurring),
    (f"GET {_V2}/pipelines/([^/]+)/versions", FakeKfp.versions_of),
    (f"POST {_V2}/pipelines/upload_version", FakeKfp.upload),
    (f"POST {_V2}/(pipelines|experiments|runs|recurringruns)", FakeKfp.create),
    (f"GET {_V2}/runs/([^/]+)", FakeKfp.get_run),
    (f"DELETE {_V2}/recurringruns/([^/]+)", FakeKfp.delete),
    (f"POST {_V2}/recurringruns/([^/:]+):disable", FakeKfp.disable),
    (f"GET {_POD}", FakeKfp.pods_of),
    (f"GET {_POD}/([^/]+)/log", FakeKfp.log_of),
    ("GET /apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log", FakeKfp.log),
]


def _kept(there: dict[str, dict[str, Any]], identity: str, made: dict[str, Any]) -> dict[str, Any]:
    name = f"{identity}-{len(there) + 1}"
    there[name] = {identity: name, **made}
    return there[name]


def _filtered(there: Any, query: dict[str, str]) -> list[dict[str, Any]]:
    """Those that a filter by name leaves."""
    (wanted,) = json.loads(query["filter"])["predicates"]
    assert (wanted["operation"], wanted["key"]) == ("EQUALS", "display_name")
    return [one for one in there if one["display_name"] == wanted["stringValue"]]


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def _respond(self) -> None:
        parts = urlparse(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        status, said = self.server.kfp.answer(self.command, parts.path, query, body)
        text = said if isinstance(said, str) else json.dumps(said)
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if text is said else "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_DELETE = _respond

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


class _Server(ThreadingHTTPServer):
    kfp: FakeKfp
    daemon_threads = True


@contextmanager
def serving(kfp: FakeKfp) -> Iterator[FakeKfp]:
    """A KFP at an address of loopback."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.kfp = kfp
        kfp.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield kfp
        finally:
            server.shutdown()
            thread.join()

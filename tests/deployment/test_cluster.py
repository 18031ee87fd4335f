"""The API server on loopback, with canned answers: what it refuses is told in words."""

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import kubernetes.config
import pytest
import yaml

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.deployment.cluster import Cluster
from tests.deployment.faking import NAME, NAMESPACE, wanted
from tests.support import free_port

SERVICES = f"/apis/serving.kserve.io/v1beta1/namespaces/{NAMESPACE}/inferenceservices"
SERVICE = f"{SERVICES}/{NAME}"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAME}-predictor"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=serving.kserve.io%2Finferenceservice%3D"
PREDICT = f"http://{NAME}-predictor.{NAMESPACE}/v1/models/{NAME}:predict"
STRICT = "?fieldValidation=Strict"
NO_KIND = "404 page not found\n"


@dataclass
class ApiServer:
    """What was asked, and what is answered: a status and a text for everything."""

    url: str
    status: int = 200
    text: str = "{}"
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)

    def says(self, status: int, answer: object) -> None:
        self.status = status
        self.text = answer if isinstance(answer, str) else json.dumps(answer)


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        api: ApiServer = self.server.api  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        api.asked.append((self.command, self.path, json.loads(body) if body else None))
        api.tokens.add(self.headers.get("Authorization"))
        self.send_response(api.status)
        kind = "application/json" if api.text.startswith(("{", "[")) else "text/plain"
        self.send_header("Content-Type", kind)
        data = api.text.encode()
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        made = ApiServer(f"http://127.0.0.1:{server.server_port}")
        server.api = made  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def _known_by(path: Path, patch: pytest.MonkeyPatch) -> None:
    """Make a file the KUBECONFIG; the client reads the variable once, when it is imported."""
    patch.setattr(kubernetes.config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    patch.setattr(kubernetes.config.kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))


def _cluster(url: str, folder: Path, patch: pytest.MonkeyPatch) -> Cluster:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "swordfish"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    _known_by(path, patch)
    return Cluster(NAMESPACE)


@pytest.fixture
def cluster(api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return _cluster(api.url, tmp_path, monkeypatch)


def _status(code: int, message: str) -> dict[str, object]:
    """The document that comes with a refusal."""
    return {"kind": "Status", "apiVersion": "v1", "code": code, "message": message}


Act = Callable[[Cluster], object]
ASKING: dict[str, Act] = {
    "service": lambda c: c.service(NAME),
    "deployment": lambda c: c.deployment(NAME),
    "pods": lambda c: c.pods(NAME),
}
CHANGING: dict[str, Act] = {
    "create": lambda c: c.create(wanted()),
    "replace": lambda c: c.replace(wanted()),
    "delete": lambda c: c.delete(NAME),
}
ALL = {**ASKING, **CHANGING}
SUBJECTS = {
    **dict.fromkeys(ALL, f"InferenceService {NAME}"),
    "deployment": f"Deployment {NAME}-predictor",
    "pods": f"pods of InferenceService {NAME}",
}


@pytest.mark.parametrize(
    ("act", "method", "path", "body"),
    [
        ("service", "GET", SERVICE, None),
        ("create", "POST", SERVICES + STRICT, wanted()),
        ("replace", "PUT", SERVICE + STRICT, wanted()),
        ("delete", "DELETE", SERVICE, None),
        ("deployment", "GET", DEPLOYMENT, None),
        ("pods", "GET", PODS + NAME, None),
    ],
)
def test_each_act_is_one_request_with_the_token(
    act: str, method: str, path: str, body: object, api: ApiServer, cluster: Cluster
) -> None:
    api.says(200, {"items": []})
    ALL[act](cluster)
    assert api.asked == [(method, path, body)]
    assert api.tokens == {"Bearer swordfish"}


def test_documents_come_with_the_names_that_kubernetes_gives(
    api: ApiServer, cluster: Cluster
) -> None:
    document = {"metadata": {"resourceVersion": "7"}, "status": {"observedGeneration": 1}}
    api.says(200, document)
    assert cluster.service(NAME) == cluster.deployment(NAME) == document
    api.says(200, {"items": [document, document]})
    assert cluster.pods(NAME) == [document, document]


@pytest.mark.parametrize("act", ["service", "deployment"])
def test_an_object_that_is_not_there_is_none(act: str, api: ApiServer, cluster: Cluster) -> None:
    api.says(404, _status(404, f"{NAME} not found"))
    assert ALL[act](cluster) is None


@pytest.mark.parametrize("act", ["service", "create", "replace", "delete"])
def test_a_cluster_without_kserve_is_told(act: str, api: ApiServer, cluster: Cluster) -> None:
    api.says(404, NO_KIND)
    with pytest.raises(VintageError) as caught:
        ALL[act](cluster)
    assert str(caught.value) == (
        f"InferenceService {NAME} in namespace {NAMESPACE}: "
        "expected a cluster with KServe (InferenceService v1beta1), found none"
    )
    assert not caught.value.transient


@pytest.mark.parametrize("act", ["create", "replace"])
def test_a_kserve_that_is_too_old_is_told_with_what_it_does_not_know(
    act: str, api: ApiServer, cluster: Cluster
) -> None:
    said = 'strict decoding error: unknown field "spec.predictor.storageContainerName"'
    api.says(400, _status(400, said))
    with pytest.raises(VintageError) as caught:
        ALL[act](cluster)
    assert str(caught.value) == (
        f"InferenceService {NAME} in namespace {NAMESPACE}: expected KServe 0.20 or newer, "
        f"found one that does not know all that is said: {said}"
    )
    assert not caught.value.transient


@pytest.mark.parametrize("act", ALL)
def test_a_refusal_names_the_role_that_allows_it(
    act: str, api: ApiServer, cluster: Cluster
) -> None:
    api.says(403, _status(403, "pipeline-runner cannot do that"))
    with pytest.raises(VintageError) as caught:
        ALL[act](cluster)
    assert str(caught.value) == (
        f"{SUBJECTS[act]} in namespace {NAMESPACE}: refused; pipeline-runner cannot do that; "
        "expected what the Role deployer allows"
    )
    assert not caught.value.transient


@pytest.mark.parametrize(
    ("act", "status", "answer", "words"),
    [
        ("replace", 409, _status(409, "the object has been modified"), "409 the object has been"),
        ("create", 409, _status(409, "already exists"), "409 already exists"),
        ("create", 404, _status(404, 'namespaces "lender" not found'), '404 namespaces "lender"'),
        ("delete", 404, _status(404, "not found"), "404 not found"),
        ("create", 422, _status(422, "minReplicas: Invalid value"), "422 minReplicas: Invalid"),
        *((act, 500, _status(500, "etcd is away"), "500 etcd is away") for act in ALL),
        *((act, 503, "no healthy upstream\n", "503 no healthy upstream") for act in ALL),
        *((act, 401, _status(401, "Unauthorized"), "401 Unauthorized") for act in ALL),
        ("pods", 500, "", "500 Internal Server Error"),
        ("service", 500, "[]", "500 []"),
    ],
)
def test_any_other_trouble_is_told_as_the_api_server_tells_it(
    act: str, status: int, answer: object, words: str, api: ApiServer, cluster: Cluster
) -> None:
    api.says(status, answer)
    with pytest.raises(EnvironmentFaultError) as caught:
        ALL[act](cluster)
    assert str(caught.value).startswith(f"{SUBJECTS[act]} in namespace {NAMESPACE}: {words}")
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize("act", ALL)
def test_an_api_server_out_of_reach_is_told(
    act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = _cluster(f"http://127.0.0.1:{free_port()}", tmp_path, monkeypatch)
    with pytest.raises(EnvironmentFaultError, match="API server: cannot be reached: "):
        ALL[act](cluster)


def _no_config(folder: Path) -> Path:
    return folder / "none"


def _other_yaml(folder: Path) -> Path:
    (folder / "config").write_text("kind: Config\n")
    return folder / "config"


def _no_yaml(folder: Path) -> Path:
    (folder / "config").write_text("{\n")
    return folder / "config"


def _no_text(folder: Path) -> Path:
    (folder / "config").write_bytes(b"\xff\xfe\x00")
    return folder / "config"


@pytest.mark.parametrize("write", [_no_config, _other_yaml, _no_yaml, _no_text])
def test_where_no_cluster_is_configured_the_two_ways_are_named(
    write: Callable[[Path], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _known_by(write(tmp_path), monkeypatch)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(VintageError) as caught:
        Cluster(NAMESPACE)
    expected = "cluster: expected a service account's token or a KUBECONFIG, found none: "
    assert str(caught.value).startswith(expected)
    assert capsys.readouterr().out == ""


def _names_lead_to(url: str, patch: pytest.MonkeyPatch) -> None:
    """Make a server the proxy on the way to the cluster's own names: no test can resolve them."""
    patch.setenv("http_proxy", url)
    patch.setattr(urllib.request, "_opener", None)  # the one of before knows no such proxy


@pytest.fixture
def asking(api: ApiServer, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    _names_lead_to(api.url, monkeypatch)
    return cluster


def test_a_prediction_is_asked_over_the_service_and_v1(api: ApiServer, asking: Cluster) -> None:
    answers = [{"pd": 0.25, "decision": "approve", "release": "r"}]
    api.says(200, {"predictions": answers})
    assert asking.predict(NAME, [{"AMOUNT": 1.0}]) == answers
    assert api.asked == [("POST", PREDICT, {"instances": [{"AMOUNT": 1.0}]})]
    assert api.tokens == {None}


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (503, "no endpoints", "HTTP Error 503"),
        (400, {"error": "not as declared"}, "HTTP Error 400"),
        (200, "hello", "Expecting value"),
        (200, {}, "'predictions'"),
        (200, "[]", "list indices"),
        (200, {"predictions": None}, "not iterable"),
    ],
)
def test_an_answer_that_is_no_prediction_is_told(
    status: int, answer: object, words: str, api: ApiServer, asking: Cluster
) -> None:
    api.says(status, answer)
    with pytest.raises(EnvironmentFaultError) as caught:
        asking.predict(NAME, [{}])
    assert str(caught.value).startswith(f"{NAME}-predictor.{NAMESPACE}: expected a prediction")
    assert words in str(caught.value)


def test_a_service_that_is_out_of_reach_is_told(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    _names_lead_to(f"http://127.0.0.1:{free_port()}", monkeypatch)
    with pytest.raises(EnvironmentFaultError, match=r"expected a prediction, found: .*refused"):
        cluster.predict(NAME, [{}])

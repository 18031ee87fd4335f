"""What befalls a task that is at work: its memory ends, its store is full, or goes and comes."""

import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from minio import Minio
from minio.error import S3Error
from urllib3.exceptions import HTTPError

from tests.e2e import kube
from tests.e2e.backend import Backend, Ran
from tests.e2e.conftest import DATA

pytestmark = pytest.mark.usefixtures("lent")
_FULL = "full"


def _ingest(backend: Backend, **environment: str) -> Ran:
    """The task on a store of its own, where there is nothing to reuse."""
    component, values = backend.component("ingest")
    return backend.pod("ingest", component, {**values, "data": DATA}, {}, environment=environment)


def _own_words(ran: Ran) -> str:
    return "\n".join(line for line in ran.log.splitlines() if line.startswith("ingest: "))


def test_a_task_whose_memory_ends_says_so_or_its_pod_does(compiled: dict[str, Path]) -> None:
    backend = Backend(compiled["training"])
    component, _ = backend.component("ingest")
    executors = backend.spec["deploymentSpec"]["executors"]
    room = executors[component["executorLabel"]]["container"]["resources"]
    room |= {"resourceMemoryRequest": "64Mi", "resourceMemoryLimit": "420Mi"}
    ran = _ingest(backend, VINTAGE_STORE="s3://vintage/narrow")
    assert not ran.succeeded
    statuses = kube.get("pod", ran.pod)["status"]["initContainerStatuses"]
    [ended] = [one["state"]["terminated"] for one in statuses if one["name"] == "main"]
    named = "expected its Java to go on working, found that it ended" in _own_words(ran)
    assert named or ended["reason"] == "OOMKilled", ran.log[-3000:]


@pytest.fixture
def full() -> Iterator[dict[str, str]]:
    """What leads to an object store that has the lender's files, and no room for another."""
    keys = kube.secret("minio")
    labels = {"app.kubernetes.io/name": _FULL}
    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": _FULL, "labels": labels},
            "spec": {
                "automountServiceAccountToken": False,
                "securityContext": {
                    "runAsUser": 10001,
                    "runAsGroup": 10001,
                    "fsGroup": 10001,
                    "runAsNonRoot": True,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "minio",
                        "image": _image_of_minio(),
                        "args": ["server", "/data", "--certs-dir", "/data/.certs"],
                        "envFrom": [{"secretRef": {"name": "minio"}}],
                        "env": [{"name": "HOME", "value": "/data"}],
                        "readinessProbe": {"tcpSocket": {"port": 9000}, "periodSeconds": 1},
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "capabilities": {"drop": ["ALL"]},
                        },
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    }
                ],
                "volumes": [
                    {"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "48Mi"}}
                ],
            },
        }
    )
    kube.apply(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": _FULL},
            "spec": {
                "podSelector": {},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"ports": [{"protocol": "TCP", "port": 9000}]}],
                "egress": [{"ports": [{"protocol": "TCP", "port": 9000}]}],
            },
        }
    )
    kube.kubectl("-n", kube.NAMESPACE, "wait", "--for=condition=Ready", f"pod/{_FULL}")
    try:
        with kube.stores() as reached, _reached(keys) as small:
            small.make_bucket(bucket_name="vintage")
            name = "data/card-default/transactions.csv"
            found = reached.client.get_object(bucket_name="vintage", object_name=name).read()
            _put(small, name, found)
        for size in (4_000_000, 400_000, 40_000):  # what is refused one has room for less
            # A refusal cuts the connection, ends what forwards it, and may not be heard.
            with _reached(keys) as small, suppress(S3Error, HTTPError):
                for number in range(100):
                    _put(small, f"stone-{size}-{number}", b"0" * size)
        address = kube.get("pod", _FULL)["status"]["podIP"]
        yield {
            "AWS_ENDPOINT_URL": f"http://{address}:9000",
            "AWS_ACCESS_KEY_ID": keys["MINIO_ROOT_USER"],
            "AWS_SECRET_ACCESS_KEY": keys["MINIO_ROOT_PASSWORD"],
        }
    finally:
        kube.kubectl("-n", kube.NAMESPACE, "delete", "networkpolicy,pod", _FULL, "--now")


@contextmanager
def _reached(keys: dict[str, str]) -> Iterator[Minio]:
    """That store, from here."""
    with kube.forwarded(f"pod/{_FULL}", 9000) as port:
        yield Minio(
            endpoint=f"127.0.0.1:{port}",
            access_key=keys["MINIO_ROOT_USER"],
            secret_key=keys["MINIO_ROOT_PASSWORD"],
            secure=False,
        )


def _put(client: Minio, name: str, data: bytes) -> None:
    client.put_object(
        bucket_name="vintage", object_name=name, data=io.BytesIO(data), length=len(data)
    )


def _image_of_minio() -> str:
    spec = kube.get("statefulset", "minio")["spec"]["template"]["spec"]
    return str(spec["containers"][0]["image"])


def test_a_full_bucket_is_named(compiled: dict[str, Path], full: dict[str, str]) -> None:
    ran = _ingest(Backend(compiled["training"]), **full)
    assert not ran.succeeded
    assert "object store s3://vintage/store: XMinioStorageFull: " in _own_words(ran), ran.log


def test_a_store_that_goes_and_comes_while_a_task_works_costs_a_try(
    compiled: dict[str, Path],
) -> None:
    backend = Backend(compiled["training"])
    store = {"VINTAGE_STORE": "s3://vintage/restarted"}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(_ingest, backend, **store)
        kube.until("the task is at work", lambda: _at_work(backend.job), seconds=180)
        kube.kubectl("-n", kube.NAMESPACE, "delete", "pod", "minio-0", "--now")
        ran = first.result()
    kube.kubectl("-n", kube.NAMESPACE, "rollout", "status", "statefulset/minio")
    words = _own_words(ran)
    assert ran.succeeded or not words or "object store s3://vintage/" in words, ran.log
    again = ran if ran.succeeded else _ingest(backend, **store)
    assert again.succeeded, again.log


def _at_work(job: str) -> bool:
    """Whether a container of a run's task is at it for some seconds."""
    pods = kube.get("pods", "-l", "pipelines.kubeflow.org/v2_component=true")["items"]
    mine = [pod["status"] for pod in pods if pod["metadata"]["name"].startswith(job)]
    found = [
        status
        for one in mine
        for status in one.get("initContainerStatuses", [])
        if status["name"] == "main" and "running" in status["state"]
    ]
    if found:
        time.sleep(5)  # it has read its files, and not yet published
    return bool(found)

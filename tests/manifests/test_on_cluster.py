"""A real API server takes every object, and its Pod Security every pod; nothing is kept there."""

import copy
import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from components.deployment.kserve import inference_service
from tests.manifests.renders import OVERLAYS, Document, golden, label, of_kind, pods
from tests.manifests.schemas import namespaced

pytestmark = pytest.mark.skipif(
    os.environ.get("VINTAGE_E2E") != "1",
    reason="VINTAGE_E2E is not 1: no cluster is given for tests",
)
PATIENCE_S = 60


def _kubectl(*words: str, given: list[Document] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the tester's own kubectl
        ["kubectl", *words],  # noqa: S607
        input=None if given is None else yaml.safe_dump_all(given),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def _dry(*given: Document) -> subprocess.CompletedProcess[str]:
    """What the API server says to objects, without keeping them."""
    return _kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-",
        given=list(given),
    )  # fmt: skip


def _moved(document: Document, place: str) -> Document:
    """The same object elsewhere, so that what is installed on the cluster does not matter."""
    made = copy.deepcopy(document)
    if namespaced(document):
        made["metadata"]["namespace"] = place
    else:
        made["metadata"]["name"] = place
    return made


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    """A throwaway namespace with our namespace's labels."""
    name = f"vintage-test-{secrets.token_hex(4)}"
    [namespace] = of_kind(golden("kind"), "Namespace")
    made = _kubectl("create", "-f", "-", given=[_moved(namespace, name)])
    assert made.returncode == 0, made.stderr
    try:
        until = time.monotonic() + PATIENCE_S
        # Without it no pod is admitted; a controller makes it in a moment.
        while _kubectl("get", "serviceaccount", "default", "-n", name).returncode:
            assert time.monotonic() < until, "the namespace has got no account"
            time.sleep(0.2)
        yield name
    finally:
        _kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_server_takes_every_object_without_a_warning(place: str, overlay: str) -> None:
    objects = [_moved(document, place) for document in golden(overlay)]
    done = _dry(*objects)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(objects)


def test_kserve_takes_the_inference_service_of_a_release(place: str) -> None:
    done = _dry(inference_service("card-default", place, release="a" * 64, uri="s3://vintage/a"))
    assert (done.returncode, done.stderr) == (0, "")


def _pod(place: str, spec: Document) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one", "namespace": place},
        "spec": spec,
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pod_security_admits_every_pod(place: str, overlay: str) -> None:
    found = list(pods(of_kind(golden(overlay), "Deployment", "StatefulSet")))
    assert len(found) == 5
    for owner, _, spec in found:
        volumes = spec.get("volumes", [])
        claims = [  # what a StatefulSet adds
            {"name": mount["name"], "emptyDir": {}}
            for mount in spec["containers"][0]["volumeMounts"]
            if mount["name"] not in {volume["name"] for volume in volumes}
        ]
        done = _dry(_pod(place, {**spec, "volumes": volumes + claims}))
        assert (done.returncode, done.stderr) == (0, ""), owner


def test_pod_security_admits_a_predictor_with_the_container_that_kserve_adds(place: str) -> None:
    [runtime] = of_kind(golden("kind"), "ClusterServingRuntime")
    [storage] = of_kind(golden("kind"), "ClusterStorageContainer")
    spec = {
        "initContainers": [storage["spec"]["container"]],
        "containers": runtime["spec"]["containers"],
        "volumes": runtime["spec"]["volumes"],
    }
    done = _dry(_pod(place, spec))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "change",
    [
        {"runAsUser": 0, "runAsNonRoot": False},
        {"allowPrivilegeEscalation": True},
        {"capabilities": {"add": ["SYS_ADMIN"]}},
        {"seccompProfile": {"type": "Unconfined"}},
    ],
    ids=json.dumps,
)
def test_pod_security_refuses_a_pod_that_may_do_more(place: str, change: dict[str, Any]) -> None:
    [runtime] = of_kind(golden("kind"), "ClusterServingRuntime")
    container = copy.deepcopy(runtime["spec"]["containers"][0])
    container["securityContext"] |= change
    spec = {"containers": [container], "volumes": runtime["spec"]["volumes"]}
    done = _dry(_pod(place, spec))
    assert done.returncode != 0
    assert 'violates PodSecurity "restricted' in done.stderr


def _secret(place: str, field: str, **values: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "of-a-test", "namespace": place},
        field: values,
    }


@pytest.fixture(scope="module")
def judged(place: str) -> Iterator[str]:
    """The throwaway namespace under production's policy."""
    name = f"no-placeholders-{place}"
    production = golden("production")
    [policy] = copy.deepcopy(of_kind(production, "ValidatingAdmissionPolicy"))
    [binding] = copy.deepcopy(of_kind(production, "ValidatingAdmissionPolicyBinding"))
    policy["metadata"]["name"] = binding["metadata"]["name"] = name
    binding["spec"]["policyName"] = name
    chosen = policy["spec"]["matchConstraints"]["namespaceSelector"]["matchLabels"]
    chosen["kubernetes.io/metadata.name"] = place
    try:
        made = _kubectl("apply", "-f", "-", given=[policy, binding])
        assert (made.returncode, made.stderr) == (0, "")
        until = time.monotonic() + PATIENCE_S
        # An API server takes a new policy into account after some seconds.
        while _dry(_secret(place, "stringData", key="placeholder")).returncode == 0:
            assert time.monotonic() < until, "the policy does not become active"
            time.sleep(0.5)
        yield place
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            _kubectl("delete", kind, name, "--ignore-not-found")


def test_every_placeholder_secret_is_denied_by_name(judged: str) -> None:
    found = of_kind(golden("kind"), "Secret")
    assert len(found) == 6
    for secret in found:
        done = _dry(_moved(secret, judged))
        assert done.returncode != 0, label(secret)
        wanted = f"secret {secret['metadata']['name']}: expected values of your own"
        assert wanted in done.stderr, label(secret)


@pytest.mark.parametrize("before", ["", "x", "xy", "a user and a "])
def test_a_placeholder_within_a_value_is_denied(judged: str, before: str) -> None:
    done = _dry(_secret(judged, "stringData", own="mine", key=f"{before}placeholder-x"))
    assert done.returncode != 0
    assert "found a placeholder" in done.stderr


@pytest.mark.parametrize("value", ["mine", "", "place-holder", "a" * 2000])
def test_a_value_of_ones_own_is_admitted(judged: str, value: str) -> None:
    done = _dry(_secret(judged, "stringData", key=value))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_secret_without_values_is_admitted(judged: str) -> None:
    assert _dry(_secret(judged, "data")).returncode == 0


def test_a_secret_of_ones_own_does_not_become_a_placeholder_later(judged: str) -> None:
    made = _kubectl("apply", "-f", "-", given=[_secret(judged, "stringData", key="mine")])
    assert made.returncode == 0, made.stderr
    patch = json.dumps({"stringData": {"key": "placeholder"}})
    done = _kubectl("patch", "secret", "of-a-test", "-n", judged, "-p", patch)
    assert done.returncode != 0
    assert "found a placeholder" in done.stderr


def test_other_namespaces_are_not_judged(judged: str) -> None:
    del judged
    assert _dry(_secret("default", "stringData", key="placeholder")).returncode == 0

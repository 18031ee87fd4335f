"""Every object is what the API server takes: no field misspelt, missing, or of a wrong type."""

import copy
from typing import Any

import pytest

from components.deployment.kserve import inference_service
from tests.manifests.renders import NAMESPACE, OVERLAYS, Document, documented, golden, label
from tests.manifests.schemas import faults, kind_of, stored

SERVICE = inference_service(
    "card-default", NAMESPACE, release="0" * 64, uri="s3://vintage/store/releases/0"
)
OBJECTS = {label(d): d for overlay in OVERLAYS for d in golden(overlay)} | {label(SERVICE): SERVICE}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_of_an_overlay_fits_its_schema(overlay: str) -> None:
    assert {label(d): faults(d) for d in golden(overlay) if faults(d)} == {}


def test_every_object_of_the_page_on_clusters_fits_its_schema() -> None:
    assert {label(d): faults(d) for d in documented()} == {
        "InferenceService/card-default": [],
        "NetworkPolicy/sources": [],
    }


@pytest.mark.parametrize("uri", ["s3://vintage/a", "s3://vintage/a/"])
def test_the_inference_service_of_a_release_fits_its_schema(uri: str) -> None:
    for most in ("", "8"):
        made = inference_service("a", NAMESPACE, release="b", uri=uri, most_replicas=most)
        assert faults(made) == []


def test_a_kind_without_a_schema_is_not_let_through() -> None:
    [fault] = faults({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}})
    assert fault.startswith("no schema of batch/v1 Job is stored")


def _changed(name: str, path: tuple[Any, ...], change: Any) -> list[str]:
    document: Document = copy.deepcopy(OBJECTS[name])
    *above, last = path
    place: Any = document
    for step in above:
        place = place[step]
    change(place, last)
    return faults(document)


POD = ("spec", "template", "spec")
FIRST = (*POD, "containers", 0)


@pytest.mark.parametrize(
    ("name", "path", "misspelt"),
    [
        ("Deployment/mlflow", (*FIRST, "readinessProbe"), "readynessProbe"),
        ("Deployment/mlflow", (*FIRST, "securityContext", "runAsNonRoot"), "runAsNonroot"),
        ("StatefulSet/minio", (*FIRST, "resources", "limits"), "limit"),
        ("StatefulSet/postgres", (*POD, "automountServiceAccountToken"), "automountToken"),
        ("NetworkPolicy/default-deny", ("spec", "policyTypes"), "policytypes"),
        ("Role/deployer", ("rules", 0, "verbs"), "verb"),
        ("Service/minio", ("spec", "ports", 0, "port"), "Port"),
        ("ConfigMap/vintage", ("data",), "datas"),
        ("Secret/minio", ("data",), "Data"),
        ("ValidatingAdmissionPolicy/vintage-no-placeholders", ("spec", "failurePolicy"), "onFault"),
        ("ClusterServingRuntime/vintage", ("spec", "containers", 0, "startupProbe"), "startProbe"),
        ("ClusterStorageContainer/vintage", ("spec", "container", "securityContext"), "security"),
        ("InferenceService/card-default", ("spec", "predictor", "storageContainerName"), "storage"),
        ("InferenceService/card-default", ("spec", "predictor", "model", "modelFormat"), "format"),
    ],
)
def test_a_misspelt_field_is_caught(name: str, path: tuple[Any, ...], misspelt: str) -> None:
    def misspell(place: Any, field: str) -> None:
        place[misspelt] = place.pop(field, None)

    assert any(repr(misspelt) in fault for fault in _changed(name, path, misspell))


@pytest.mark.parametrize(
    ("name", "path", "wrong"),
    [
        ("Deployment/mlflow", (*FIRST, "ports", 0, "containerPort"), "5000"),
        ("Deployment/mlflow", (*FIRST, "command"), "mlflow server"),
        ("Deployment/mlflow", (*FIRST, "readinessProbe", "periodSeconds"), 1.5),
        ("StatefulSet/minio", (*POD, "securityContext", "runAsUser"), "root"),
        ("StatefulSet/minio", (*FIRST, "resources", "limits", "memory"), ["1Gi"]),
        ("ConfigMap/vintage", ("data", "VINTAGE_WEBHOOK"), None),
        ("ConfigMap/vintage", ("data", "VINTAGE_NAMESPACE"), 1),
        ("ServiceAccount/serving", ("automountServiceAccountToken",), "no"),
        ("ClusterServingRuntime/vintage", ("spec", "protocolVersions"), "v1"),
        ("ClusterStorageContainer/vintage", ("spec", "supportedUriFormats"), {"prefix": "s3://"}),
        ("InferenceService/card-default", ("spec", "predictor", "minReplicas"), "2"),
        ("InferenceService/card-default", ("metadata", "annotations", "vintage/release"), 1),
    ],
)
def test_a_value_of_a_wrong_type_is_caught(name: str, path: tuple[Any, ...], wrong: Any) -> None:
    assert _changed(name, path, lambda place, last: place.update({last: wrong})) != []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Deployment/mlflow", ("spec", "selector")),
        ("Deployment/mlflow", (*FIRST, "name")),
        ("Deployment/mlflow", (*FIRST, "env", 0, "name")),
        ("StatefulSet/minio", ("spec", "template")),
        ("StatefulSet/minio", (*FIRST, "volumeMounts", 0, "mountPath")),
        ("RoleBinding/deployer", ("roleRef",)),
        ("Role/deployer", ("rules", 0, "verbs")),
        ("Service/minio", ("spec", "ports", 0, "port")),
        ("ClusterServingRuntime/vintage", ("spec", "containers", 0, "name")),
        ("ClusterStorageContainer/vintage", ("spec", "supportedUriFormats")),
        ("InferenceService/card-default", ("spec", "predictor", "model", "modelFormat", "name")),
        ("ConfigMap/vintage", ("metadata",)),
        ("Secret/minio", ("metadata",)),
    ],
)
def test_a_missing_required_field_is_caught(name: str, path: tuple[Any, ...]) -> None:
    found = _changed(name, path, lambda place, last: place.pop(last))
    assert any("is a required property" in fault for fault in found)


@pytest.mark.parametrize("name", sorted({kind_of(d): name for name, d in OBJECTS.items()}.values()))
def test_a_field_that_no_schema_names_is_caught_in_every_kind(name: str) -> None:
    assert _changed(name, ("wrong",), lambda place, last: place.update({last: 1})) != []
    assert _changed(name, ("metadata", "wrong"), lambda p, last: p.update({last: 1})) != []


def test_the_stored_schemas_are_small_and_say_nothing_twice() -> None:
    assert set(stored()) == {"kinds", "definitions"}
    assert set(stored()["kinds"]) == {kind_of(document) for document in OBJECTS.values()}

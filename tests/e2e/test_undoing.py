"""Away with all of it. Runs last: the files' names are their order."""

from tests.e2e import kube
from tests.e2e.conftest import ROOT

_KINDS = (
    "namespaces,clusterservingruntimes,clusterstoragecontainers,clusterroles,clusterrolebindings"
)


def test_kubectl_delete_leaves_nothing_behind() -> None:
    kube.kubectl(
        "delete", "-k", str(ROOT / "manifests" / "overlays" / "kind"), "--timeout=120s",
        timeout=180,
    )  # fmt: skip
    left = kube.kubectl("get", _KINDS, "-o", "name").split()
    assert [name for name in left if "vintage" in name] == []
    assert "card-default" not in kube.kubectl("get", "inferenceservices", "-A", "-o", "name")
    volumes = kube.kubectl("get", "pods,services,persistentvolumeclaims", "-A", "-o", "name")
    assert [line for line in volumes.split() if "vintage" in line or "minio" in line] == []

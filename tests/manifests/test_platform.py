"""What a cluster with nothing on it is given first: each part pinned, none of them followed."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.renders import ROOT, golden, of_kind

PLATFORM = ROOT / "manifests" / "platform"
PARTS = ("cert-manager", "kserve", "kfp")
VERSION = r"v?\d+\.\d+\.\d+"


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_fetched_at_one_version_with_a_reason_beside_it(part: str) -> None:
    path = PLATFORM / part / "kustomization.yaml"
    sources = _read(path)["resources"]
    versions = set()
    for source in sources:
        found = re.fullmatch(
            rf"https://github\.com/[\w./-]+?(?:\?ref=({VERSION})&timeout=\d+m"
            rf"|/releases/download/({VERSION})/[\w.-]+\.yaml)",
            source,
        )
        assert found, source
        versions |= {version for version in found.groups() if version}
    assert len(versions) == 1
    before_the_sources = path.read_text().split("- https://")[0].splitlines()
    assert before_the_sources[-1].startswith("# "), "say why this version"


def test_kserve_runs_in_standard_mode_and_makes_no_ingress() -> None:
    data = _read(PLATFORM / "kserve" / "config.yaml")["data"]
    settings = {key: yaml.safe_load(value) for key, value in data.items()}
    assert settings["deploy"] == {"defaultDeploymentMode": "Standard"}
    assert settings["ingress"]["disableIngressCreation"] is True
    assert settings["ingress"]["disableIstioVirtualHost"] is True


def test_every_image_of_kserve_is_of_the_version_that_is_fetched() -> None:
    text = (PLATFORM / "kserve" / "kustomization.yaml").read_text()
    [version] = set(re.findall(rf"\?ref=({VERSION})", text))
    text += (PLATFORM / "kserve" / "config.yaml").read_text()
    images = re.findall(r"docker\.io/kserve/[a-z-]+:([\w.]+)", text)
    assert len(images) >= 6
    assert set(images) == {version}
    assert _read(PLATFORM / "kserve" / "kustomization.yaml")["images"][0]["newTag"] == version


def test_our_download_container_is_of_the_same_version() -> None:
    text = (PLATFORM / "kserve" / "kustomization.yaml").read_text()
    [wanted] = set(re.findall(rf"storage-initializer:({VERSION})", text))
    [ours] = of_kind(golden("kind"), "ClusterStorageContainer")
    assert ours["spec"]["container"]["image"].endswith(f":{wanted}")


def test_the_kind_cluster_is_one_node_of_a_pinned_kubernetes() -> None:
    cluster = _read(ROOT / "kind-config.yaml")
    assert cluster.keys() == {"apiVersion", "kind", "name", "nodes"}
    assert cluster["apiVersion"] == "kind.x-k8s.io/v1alpha4"
    assert (cluster["kind"], cluster["name"]) == ("Cluster", "vintage")
    [node] = cluster["nodes"]
    assert node.keys() == {"role", "image"}
    assert node["role"] == "control-plane"
    assert re.fullmatch(r"kindest/node:v1\.34\.\d+(@sha256:[0-9a-f]{64})?", node["image"])

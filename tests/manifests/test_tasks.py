"""What a task's pod is told to read is in the manifests, under the same names."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, dsl

from pipelines.cluster import equip
from tests.manifests.renders import OVERLAYS, golden, of_kind, placeholders, walk


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every mapping of the Kubernetes part of a pipeline with one fully equipped task."""

    @dsl.component(base_image="python", install_kfp_package=False)
    def nothing() -> None:
        pass

    @dsl.pipeline(name="one")
    def one() -> None:
        equip(nothing(), database=True)

    path: Path = tmp_path_factory.mktemp("one") / "one.yaml"
    compiler.Compiler().compile(one, str(path))
    return list(walk(list(yaml.safe_load_all(path.read_text()))))


def test_a_task_reads_secrets_and_keys_that_there_are(told: list[dict[str, Any]]) -> None:
    held = placeholders()
    read = [secret for node in told for secret in node.get("secretAsEnv", [])]
    assert len(read) == 2
    for secret in read:
        keys = {pair["secretKey"] for pair in secret["keyToEnv"]}
        assert keys <= held[secret["secretName"]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_task_reads_settings_that_there_are(told: list[dict[str, Any]], overlay: str) -> None:
    [settings] = of_kind(golden(overlay), "ConfigMap")
    read = [config for node in told for config in node.get("configMapAsEnv", [])]
    assert read
    for config in read:
        assert config["configMapName"] == settings["metadata"]["name"]
        assert {p["configMapKey"] for p in config["keyToEnv"]} == settings["data"].keys()


def test_a_task_gets_no_administrators_secret(told: list[dict[str, Any]]) -> None:
    read = {secret["secretName"] for node in told for secret in node.get("secretAsEnv", [])}
    assert read & {"minio", "postgres"} == set()

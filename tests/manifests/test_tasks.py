"""What a task's pod is told to read is in the manifests, under the same names."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, dsl

from components.images import SPARK
from pipelines.cluster import equip
from tests.manifests.renders import OVERLAYS, ROOT, golden, of_kind, placeholders, walk


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every mapping of the Kubernetes part of a pipeline with one fully equipped task."""

    @dsl.component(base_image="python", install_kfp_package=False)
    def nothing() -> None:
        pass

    @dsl.pipeline(name="one")
    def one() -> None:
        equip(nothing(), database=True, sources=True, executors=2)

    path: Path = tmp_path_factory.mktemp("one") / "one.yaml"
    compiler.Compiler().compile(one, str(path))
    return list(walk(list(yaml.safe_load_all(path.read_text()))))


def test_a_task_reads_secrets_and_keys_that_there_are(told: list[dict[str, Any]]) -> None:
    held = placeholders()
    read = [secret for node in told for secret in node.get("secretAsEnv", [])]
    must = [secret for secret in read if not secret.get("optional")]
    assert (len(read), len(must)) == (3, 2)
    for secret in must:
        assert _keys(secret) <= held[secret["secretName"]]


def _keys(secret: dict[str, Any]) -> set[str]:
    return {pair["secretKey"] for pair in secret["keyToEnv"]}


def test_the_secret_that_a_task_may_do_without_is_one_that_the_page_makes(
    told: list[dict[str, Any]],
) -> None:
    read = [secret for node in told for secret in node.get("secretAsEnv", [])]
    [secret] = [secret for secret in read if secret.get("optional")]
    assert secret["secretName"] not in placeholders()
    page = (ROOT / "docs" / "cluster.md").read_text()
    [made] = re.findall(rf"create secret generic {secret['secretName']}((?: .*\\\n)+.*)", page)
    assert set(re.findall(r"--from-[a-z]+=([A-Z_]+)=", made)) == _keys(secret)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_task_reads_settings_that_there_are(told: list[dict[str, Any]], overlay: str) -> None:
    held = of_kind(golden(overlay), "ConfigMap")
    [settings] = [one for one in held if one["metadata"]["name"] == "vintage"]
    read = [config for node in told for config in node.get("configMapAsEnv", [])]
    assert read
    for config in read:
        assert config["configMapName"] == settings["metadata"]["name"]
        assert {p["configMapKey"] for p in config["keyToEnv"]} == settings["data"].keys()


def test_a_task_gets_no_administrators_secret(told: list[dict[str, Any]]) -> None:
    read = {secret["secretName"] for node in told for secret in node.get("secretAsEnv", [])}
    assert read & {"minio", "postgres"} == set()


def test_a_task_with_executors_knows_how_many_and_itself(told: list[dict[str, Any]]) -> None:
    said = {pair["name"]: pair["value"] for node in told for pair in node.get("env", [])}
    own = {f["name"]: f["fieldPath"] for node in told for f in node.get("fieldPathAsEnv", [])}
    assert said == {"VINTAGE_EXECUTORS": "2", "VINTAGE_EXECUTOR_IMAGE": SPARK}
    assert own == {"VINTAGE_POD": "metadata.name", "VINTAGE_POD_ADDRESS": "status.podIP"}

"""Executors: what Spark is told of their pods, and what runs in one."""

import json
from pathlib import Path

import pytest

from components.contracts.errors import VintageError
from components.etl import executor, executors, jars
from components.etl.executors import Executors

_TOLD = {
    "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@10.0.0.9:7078",
    "SPARK_EXECUTOR_ID": "3",
    "SPARK_EXECUTOR_CORES": "1",
    "SPARK_APPLICATION_ID": "app",
    "SPARK_EXECUTOR_POD_IP": "10.0.0.7",
    "SPARK_RESOURCE_PROFILE_ID": "0",
    "SPARK_EXECUTOR_POD_NAME": "pod-exec-3",
    "SPARK_EXECUTOR_MEMORY": "1536m",
    "SPARK_CONF_DIR": "/opt/spark/conf",
    "SPARK_CLASSPATH": "/opt/jars/a.jar:/opt/jars/b.jar",
}


def _executors(home: Path, store: str = "s3://vintage/store") -> Executors:
    return Executors(
        count=2,
        image="vintage/python-spark:1",
        pod="run-ingest",
        address="10.0.0.9",
        store=store,
        endpoint="http://minio.vintage:9000",
        jars=Path("/opt/jars"),
        home=home,
    )


def test_an_executor_is_java_with_what_its_driver_told() -> None:
    options = {f"SPARK_JAVA_OPT_{n}": f"-Dn={n}" for n in (10, 2, 0)}
    found = executor.command({**_TOLD, **options}, Path("/java"), Path("/wheel"))
    assert found[:4] == ["/java", "-Dn=0", "-Dn=2", "-Dn=10"]  # in the order of the numbers
    assert found[4:8] == [
        "-Xms1536m", "-Xmx1536m", "-cp",
        "/opt/spark/conf:/opt/jars/a.jar:/opt/jars/b.jar:/wheel/jars/*",
    ]  # fmt: skip
    pairs = dict(zip(found[9::2], found[10::2], strict=True))
    assert pairs == {
        "--driver-url": "spark://CoarseGrainedScheduler@10.0.0.9:7078",
        "--executor-id": "3",
        "--cores": "1",
        "--app-id": "app",
        "--hostname": "10.0.0.7",
        "--resourceProfileId": "0",
        "--podName": "pod-exec-3",
    }


def test_a_variable_that_spark_did_not_set_is_named() -> None:
    with pytest.raises(KeyError, match="SPARK_DRIVER_URL"):
        executor.command({"SPARK_EXECUTOR_MEMORY": "1g"}, Path("/java"), Path("/wheel"))


def test_pods_have_an_owner_no_rights_and_keys_from_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = tmp_path / "namespace"
    namespace.write_text("vintage\n")
    monkeypatch.setattr(executors, "_NAMESPACE", namespace)
    monkeypatch.setattr(jars, "have", lambda wanted, folder, _: [folder / j.file for j in wanted])
    told = _executors(tmp_path).settings()
    assert told["spark.executor.extraClassPath"].startswith("/opt/jars/hadoop-aws-3.5.0.jar:")
    assert told["spark.kubernetes.namespace"] == "vintage"
    assert told["spark.kubernetes.driver.pod.name"] == "run-ingest"
    assert told["spark.driver.host"] == "10.0.0.9"
    assert "spark.driver.bindAddress" not in told  # executors would dial it
    assert told["spark.executor.instances"] == "2"
    assert told["spark.hadoop.fs.s3a.connection.ssl.enabled"] == "false"
    assert not [name for name, value in told.items() if "secret" in name or "key" in value.lower()]
    pod = json.loads(Path(told["spark.kubernetes.executor.podTemplateFile"]).read_text())
    [container] = pod["spec"]["containers"]
    assert {one["name"]: one["valueFrom"]["secretKeyRef"]["name"] for one in container["env"]} == {
        "AWS_ACCESS_KEY_ID": "vintage-store",
        "AWS_SECRET_ACCESS_KEY": "vintage-store",
    }
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["activeDeadlineSeconds"] == 86_400


def test_executors_need_a_store_that_they_can_reach(tmp_path: Path) -> None:
    with pytest.raises(VintageError) as caught:
        _executors(tmp_path, "/var/vintage")
    assert str(caught.value) == (
        "executors: expected VINTAGE_STORE in a bucket, s3://bucket/prefix, which they can reach, "
        "found /var/vintage"
    )

"""From nothing to a served champion: what a user of the README does."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from components.deployment.kserve import release_of
from components.scoring.scorer import Answer, Scorer
from tests.e2e import kube
from tests.e2e.backend import Backend
from tests.e2e.conftest import DATA, FIGURES, ROOT, deploy
from tests.support import python, user_environment

ENTITIES = 300


def test_without_secrets_production_is_refused_before_anything_is_there() -> None:
    namespaces = kube.kubectl("get", "namespaces", "-o", "name").split()
    assert "namespace/vintage" not in namespaces, "expected a cluster without one: make undeploy"
    done = deploy("production")
    assert done.returncode == 1
    assert "expected the secrets minio postgres vintage-store vintage-database" in done.stderr
    assert kube.get("pods")["items"] == []
    assert "vintage" not in kube.kubectl("get", "clusterservingruntimes", "-o", "name")


def test_an_overlay_that_is_not_there_is_named() -> None:
    done = deploy("nowhere")
    assert done.returncode == 1
    assert "overlay nowhere: expected one of: kind production" in done.stderr


@pytest.mark.usefixtures("installation")
def test_applying_again_changes_nothing() -> None:
    kube.kubectl("diff", "-k", str(ROOT / "manifests" / "overlays" / "kind"))


@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize(
    ("account", "verb", "what", "allowed"),
    [
        ("pipeline-runner", "create", "inferenceservices.serving.kserve.io", "yes"),
        ("pipeline-runner", "create", "pods", "yes"),
        ("pipeline-runner", "get", "secrets", "no"),
        ("pipeline-runner", "patch", "deployments.apps", "no"),
        ("pipeline-runner", "create", "clusterservingruntimes.serving.kserve.io", "no"),
        ("spark-executor", "get", "pods", "no"),
        ("serving", "get", "secrets", "no"),
        ("default", "get", "pods", "no"),
    ],
)
def test_every_account_may_do_what_it_must_and_no_more(
    account: str, verb: str, what: str, allowed: str
) -> None:
    who = f"system:serviceaccount:{kube.NAMESPACE}:{account}"
    said = kube.said("auth", "can-i", verb, what, "-n", kube.NAMESPACE, "--as", who)
    assert said.split()[0] == allowed


def test_the_pipeline_s_tasks_run_as_pods_to_a_champion_that_is_ready(trained: Backend) -> None:
    from kserve import KServeClient

    assert [ran.task for ran in trained.ran if ran.succeeded] == [
        "ingest", "features", "train", "evaluate", "gate", "register", "deploy", "finish",
    ]  # fmt: skip
    assert KServeClient().is_isvc_ready("card-default", namespace=kube.NAMESPACE)
    pods = kube.get("pods", "-l", "serving.kserve.io/inferenceservice=card-default")["items"]
    assert len(pods) == 2
    waits = [_since(pod, "PodScheduled", "Ready") for pod in pods]
    FIGURES.append(
        {"figure": "serving pod ready after scheduling, s", "ours": max(waits), "goal": 10}
    )


def _since(pod: Any, first: str, then: str) -> float:
    times = {c["type"]: c["lastTransitionTime"] for c in pod["status"]["conditions"]}
    begin, end = (datetime.fromisoformat(times[name]) for name in (first, then))
    return (end - begin).total_seconds()


def test_the_served_scores_are_the_embedded_ones_to_the_bit(
    trained: Backend, embedded: Path
) -> None:
    import requests

    folder = embedded / "store" / "card-default" / "releases"
    scorer = Scorer(next(path for path in folder.iterdir() if not path.name.startswith(".")))
    assert trained.task("deploy").succeeded
    known = (str(n) for n in range(1, ENTITIES + 1) if scorer.snapshot.row(str(n)) is not None)
    rows = [scorer.entity(entity) for entity in known]
    expected = scorer.score(rows)
    with kube.forwarded("svc/card-default-predictor", 80) as port:
        url = f"http://127.0.0.1:{port}"
        answer = requests.post(
            f"{url}/v1/models/card-default:predict", json={"instances": rows}, timeout=30
        )
        said = asyncio.run(_ask(url, {"instances": rows[:5]}))
    found = [Answer(**one) for one in answer.json()["predictions"]]
    # The same release, by its hash, and the same PD, to the last bit.
    assert found == expected
    assert [Answer(**one) for one in said["predictions"]] == expected[:5]


async def _ask(url: str, question: dict[str, Any]) -> Any:
    """What KServe's own client gets over V1."""
    from kserve import InferenceRESTClient, RESTConfig

    client = InferenceRESTClient(RESTConfig(protocol="v1", timeout=30))
    try:
        return await client.infer(url, question, model_name="card-default")
    finally:
        await client.close()


@pytest.mark.usefixtures("trained")
def test_the_command_line_scores_from_the_cluster_s_stores(tmp_path: Path) -> None:
    with kube.stores() as reached:
        done = python(
            "-m", "pipelines.cli", "score", "card-default", "--id", "17",
            cwd=ROOT,
            environment=user_environment(VINTAGE_HOME=str(tmp_path), **reached.environment),
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    service = kube.get("inferenceservice", "card-default")
    assert service["metadata"]["annotations"]["vintage/release"][:12] in done.stdout


def test_a_second_run_makes_nothing_anew(trained: Backend, compiled: Path) -> None:
    before = kube.get("inferenceservice", "card-default")
    pods = kube.get("pods", "-l", "serving.kserve.io/inferenceservice=card-default")["items"]
    again = Backend(compiled)
    assert again.run({"data": DATA}) == "SUCCEEDED"
    with kube.stores() as reached:
        text = reached.client.get_object(
            bucket_name="vintage", object_name=f"store/runs/{again.job}/summary.json"
        ).read()
    summary = json.loads(text)
    assert summary["status"] == "deployed"
    assert {s["stage"] for s in summary["stages"] if s["reused"]} >= {
        "ingest", "features", "train", "evaluate", "gate", "register",
    }  # fmt: skip
    after = kube.get("inferenceservice", "card-default")
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    still = kube.get("pods", "-l", "serving.kserve.io/inferenceservice=card-default")["items"]
    assert {p["metadata"]["name"] for p in still} == {p["metadata"]["name"] for p in pods}
    deployment = kube.get("deployment", "card-default-predictor")
    assert release_of(deployment) == summary["release"]
    assert trained.job != again.job

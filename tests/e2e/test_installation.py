"""From nothing to a served champion: what a user of the README does."""

import asyncio
import json
import re
import urllib.request
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from components.deployment.kserve import release_of
from components.scoring.release import CutOff, Release
from components.scoring.scorer import Scorer
from tests.e2e import kube, lending
from tests.e2e.asking import ROW, asking
from tests.e2e.backend import Backend
from tests.e2e.conftest import FIGURES, ROOT, deploy, run_all, summary
from tests.e2e.planting import installed, plant, promotions
from tests.serving.asking import as_json, scored
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


def test_the_pipelines_tasks_run_as_pods_to_a_champion_that_is_ready(
    trained: dict[str, Backend],
) -> None:
    from kserve import KServeClient

    ran = {kind: [r.task for r in backend.ran if r.succeeded] for kind, backend in trained.items()}
    assert ran == {
        "training": ["ingest", "features", "train", "evaluate", "gate", "register", "finish"],
        "challenge": ["challenge", "finish"],
        "release": ["deploy", "finish"],
    }
    assert KServeClient().is_isvc_ready("card-default", namespace=kube.NAMESPACE)
    pods = kube.get("pods", "-l", "serving.kserve.io/inferenceservice=card-default")["items"]
    assert len(pods) == 2
    waits = [_since(pod, "PodScheduled", "Ready") for pod in pods]
    FIGURES.append(
        {"figure": "serving pod ready after scheduling, s", "ours": max(waits), "goal": 10}
    )


@pytest.mark.usefixtures("trained")
def test_prometheus_asks_every_server_and_the_pushgateway_and_has_its_rules() -> None:
    with kube.forwarded("svc/prometheus", 9090) as port:

        def told(path: str) -> Any:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}") as answer:
                return json.load(answer)["data"]

        def up() -> dict[str, int]:
            found = told("query?query=sum%20by%20(job)%20(up)")["result"]
            return {one["metric"]["job"]: int(one["value"][1]) for one in found}

        kube.until("all that is asked answers", lambda: up() == {"vintage": 2, "pushgateway": 1})
        served = told("query?query=vintage_release_info")["result"]
        assert {one["metric"]["scenario"] for one in served} == {"card-default"}
        assert {group["name"] for group in told("rules")["groups"]} == {
            "vintage-months", "vintage-serving",
        }  # fmt: skip


def test_a_table_read_over_jdbc_cleans_to_what_the_file_does(
    trained: dict[str, Backend], embedded: Path, tmp_path: Path
) -> None:
    ingest = trained["training"].task("ingest")
    with installed(tmp_path) as (store, _):
        entry = store.find(ingest.artifacts["silver"]["metadata"]["key"])
        assert entry is not None
        read = store.local(entry)
    (landed,) = (embedded / "store" / "card-default" / "cleaned").iterdir()
    assert (read / "contract.json").read_bytes() == (landed / "contract.json").read_bytes()
    for table in ("customers", "quarantine"):
        # Their bytes differ by how two Javas order a set: the names of a column's encodings.
        assert pq.read_table(read / table).equals(pq.read_table(landed / table))
    assert kube.secret(lending.SECRET)["VINTAGE_SOURCES_PASSWORD"] not in ingest.log


def _since(pod: Any, first: str, then: str) -> float:
    times = {c["type"]: c["lastTransitionTime"] for c in pod["status"]["conditions"]}
    begin, end = (datetime.fromisoformat(times[name]) for name in (first, then))
    return (end - begin).total_seconds()


def test_the_served_scores_are_the_embedded_ones_to_the_bit(
    trained: dict[str, Backend], embedded: Path
) -> None:
    import requests

    folder = embedded / "store" / "card-default" / "releases"
    scorer = Scorer(next(path for path in folder.iterdir() if not path.name.startswith(".")))
    assert trained["release"].task("deploy").succeeded
    known = (str(n) for n in range(1, ENTITIES + 1) if scorer.snapshot.row(str(n)) is not None)
    rows = [scorer.entity(entity) for entity in known]
    expected = scorer.score(rows)
    with kube.forwarded("svc/card-default-predictor", 80) as port:
        url = f"http://127.0.0.1:{port}"
        answer = requests.post(
            f"{url}/v1/models/card-default:predict",
            json={"instances": rows, "reasons": True},  # so many rows have them on request
            timeout=60,
        )
        said = asyncio.run(_ask(url, {"instances": rows[:5]}))
    # The same release, by its hash, the same PD, to the last bit, and the same reasons.
    assert scored(answer.json()["predictions"]) == as_json(expected)
    assert scored(said["predictions"]) == as_json(expected[:5])


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


@pytest.mark.usefixtures("trained")
def test_a_pod_that_goes_leaves_its_decisions_in_the_store(tmp_path: Path) -> None:
    import requests

    with kube.forwarded("svc/card-default-predictor", 80) as port:
        url = f"http://127.0.0.1:{port}/v1/models/card-default:predict"
        (answer,) = requests.post(url, json={"instances": ["17"]}, timeout=60).json()["predictions"]
    label = "serving.kserve.io/inferenceservice=card-default"
    assert "deleted" in kube.kubectl("-n", kube.NAMESPACE, "delete", "pods", "-l", label)

    def replayed() -> bool:
        with kube.stores() as reached:
            environment = user_environment(VINTAGE_HOME=str(tmp_path), **reached.environment)
            identity = answer["decision_id"]
            done = python(
                "-m", "pipelines.cli", "replay", identity, cwd=ROOT, environment=environment
            )
        said.append(done.stdout + done.stderr)
        return done.returncode == 0

    said: list[str] = []
    kube.until("a decision in the store", replayed, seconds=120)
    assert answer["release"][:12] in said[-1]
    rolled = ("rollout", "status", "deployment/card-default-predictor", "--timeout=120s")
    kube.kubectl("-n", kube.NAMESPACE, *rolled, timeout=150)


def test_a_second_run_makes_nothing_anew(
    trained: dict[str, Backend], compiled: dict[str, Path]
) -> None:
    before = kube.get("inferenceservice", "card-default")
    pods = kube.get("pods", "-l", "serving.kserve.io/inferenceservice=card-default")["items"]
    again = run_all(compiled)
    summaries = {kind: summary(backend) for kind, backend in again.items()}
    assert {kind: one["status"] for kind, one in summaries.items()} == {
        "training": "registered", "challenge": "registered", "release": "deployed",
    }  # fmt: skip
    assert {s["stage"] for s in summaries["training"]["stages"] if s["reused"]} == {
        "ingest", "features", "train", "evaluate", "gate", "register",
    }  # fmt: skip
    assert summaries["release"]["champion"] == 1
    after = kube.get("inferenceservice", "card-default")
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    still = kube.get("pods", "-l", "serving.kserve.io/inferenceservice=card-default")["items"]
    assert {p["metadata"]["name"] for p in still} == {p["metadata"]["name"] for p in pods}
    deployment = kube.get("deployment", "card-default-predictor")
    assert release_of(deployment) == summaries["release"]["release"]
    assert trained["release"].job != again["release"].job


@pytest.mark.usefixtures("trained")
def test_another_release_wins_serves_and_is_rolled_back_without_a_request_lost(
    compiled: dict[str, Path], tmp_path: Path
) -> None:
    former = _serving()
    new = plant(tmp_path, _with_another_cut_off)
    with asking() as told:
        for kind in ("challenge", "release"):
            backend = Backend(compiled[kind])
            assert backend.run({"release": new}) == "SUCCEEDED", backend.ran[-1].log
        assert (_serving(), _champion_of_mlflow()) == (new, new)
        for release in (former, new, former, new):
            back = Backend(compiled["release"])
            said = back.run({"release": release, "why": "complaints"})
            assert (said, _serving()) == ("SUCCEEDED", release), back.ran[-1].log
    assert _champion_of_mlflow() == new
    FIGURES.append({"figure": "requests during 5 roll-outs", **told.figures})
    assert (told.again, told.faults) == (0, [])
    assert told.asked > 1000
    assert told.releases == sorted([former, new])
    last = promotions(tmp_path)[-5:]
    assert [(p.release, p.ground, p.why) for p in last] == [
        (new, "alike", "same model, another cut-off"),
        *((release, "rollback", "complaints") for release in (former, new, former, new)),
    ]  # fmt: skip


@pytest.mark.usefixtures("trained")
def test_a_challenger_answers_for_its_share_until_it_is_promoted(
    compiled: dict[str, Path], tmp_path: Path
) -> None:
    champion = _serving()
    other = plant(tmp_path, _with_a_third_cut_off)
    with kube.stores() as reached:
        place = user_environment(VINTAGE_HOME=str(tmp_path / "home"), **reached.environment)
        shadow = ("-m", "pipelines.cli", "shadow", "card-default", other, "--share", "0.5")
        done = python(*shadow, cwd=ROOT, environment=place)
        assert done.returncode == 0, done.stderr
    names = _pods()
    kube.until("every pod has it", lambda: all(_beside(name) == other for name in names))
    assert (_serving(), _pods()) == (champion, names)  # nothing was rolled out for it
    split = [_answers(name) for name in names]
    assert split[0] == split[1]  # the same entities on every pod
    assert set(split[0]) == {champion, other}
    logs = [kube.kubectl("-n", kube.NAMESPACE, "logs", name) for name in names]
    assert all(f"{other[:12]} beside it answers 50.0% of the entities" in log for log in logs)
    for kind in ("challenge", "release"):
        backend = Backend(compiled[kind])
        assert backend.run({"release": other}) == "SUCCEEDED", backend.ran[-1].log
    assert _serving() == other
    assert {_beside(name) for name in _pods()} == {""}
    assert set(_answers(_pods()[0])) == {other}


def _with_another_cut_off(folder: Path) -> Release:
    return replace(Release.read(folder), policy=CutOff(2, 0.123))


def _with_a_third_cut_off(folder: Path) -> Release:
    return replace(Release.read(folder), policy=CutOff(3, 0.321))


def _pods() -> list[str]:
    """The pods that serve, and are not about to go."""
    pods = kube.get("pods", "-l", "serving.kserve.io/inferenceservice=card-default")["items"]
    return sorted(p["metadata"]["name"] for p in pods if "deletionTimestamp" not in p["metadata"])


def _beside(pod: str) -> str:
    """The challenger that a pod says it serves; nothing where it has none."""
    import requests

    with kube.forwarded(f"pod/{pod}", 8080) as port:
        page = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text
    found = re.search(r'release_info\{release="([0-9a-f]+)",role="challenger"', page)
    return found[1] if found else ""


def _answers(pod: str) -> list[str]:
    """The releases that answer for 30 clients on a pod."""
    import requests

    with kube.forwarded(f"pod/{pod}", 8080) as port:
        url = f"http://127.0.0.1:{port}/v1/models/card-default:predict"
        question = {"instances": [ROW] * 30, "entities": [f"client {n}" for n in range(30)]}
        answer = requests.post(url, json=question, timeout=60)
    return [one["release"] for one in answer.json()["predictions"]]


def _serving() -> str:
    """The release that every pod of the service is of."""
    service = kube.get("inferenceservice", "card-default")
    release = str(service["metadata"]["annotations"]["vintage/release"])
    assert release_of(kube.get("deployment", "card-default-predictor")) == release
    return release


def _champion_of_mlflow() -> str:
    """The release that MLflow calls champion."""
    from mlflow.tracking import MlflowClient

    with kube.forwarded("svc/mlflow", 5000) as port:
        url = f"http://127.0.0.1:{port}"
        version = MlflowClient(url, url).get_model_version_by_alias("card-default", "champion")
    return str(version.tags["release"])

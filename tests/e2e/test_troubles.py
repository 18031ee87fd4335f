"""What goes wrong on a cluster is named where it can first be known, and the champion serves on."""

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from components.images import MODEL
from components.scoring.bundle import GOLDEN, write_manifest
from components.scoring.release import BUNDLE, Release
from tests.e2e import kube, lending
from tests.e2e.asking import asking
from tests.e2e.backend import Backend
from tests.e2e.conftest import DATA, FIGURES, ROOT, deploy
from tests.e2e.planting import installed, plant, promotions


def _failed_ingest(compiled: dict[str, Path], changes: Mapping[str, str]) -> tuple[str, str]:
    """The log of an ingest pod that failed in this environment, and the last line of its own."""
    backend = Backend(compiled["training"])
    component, values = backend.component("ingest")
    ran = backend.pod("ingest", component, {**values, "data": DATA}, {}, environment=changes)
    assert not ran.succeeded
    own = [line for line in ran.log.splitlines() if line.startswith("ingest: ")]
    assert own, ran.log[-2000:]
    return ran.log, own[-1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"AWS_ENDPOINT_URL": "http://minio.vintage:9999"},
            "s3://vintage/store: cannot be reached",
        ),
        ({"AWS_ENDPOINT_URL": "http://nowhere:9000"}, "s3://vintage/store: cannot be reached"),
        ({"VINTAGE_STORE": "s3://nowhere/store"}, "object store s3://nowhere/store: "),
        ({"AWS_SECRET_ACCESS_KEY": "not-the-key"}, "AWS_SECRET_ACCESS_KEY"),
        (
            # Keys that may read and not write, as on a read-only bucket.
            {"AWS_ACCESS_KEY_ID": "serving", "AWS_SECRET_ACCESS_KEY": "placeholder-serving"},
            "s3://vintage/store: AccessDenied",
        ),
    ],
)
@pytest.mark.usefixtures("installation")
def test_a_store_that_cannot_be_used_ends_the_first_task_by_name(
    compiled: dict[str, Path], changes: Mapping[str, str], said: str
) -> None:
    log, last = _failed_ingest(compiled, changes)
    assert said in last, log[-2000:]
    assert "Traceback" not in log.split(last)[0].split("ingest: ")[-1]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"VINTAGE_SOURCES_PASSWORD": "not-the-password"}, "password authentication failed"),
        (
            {"VINTAGE_SOURCES": "jdbc:postgresql://nowhere/lender"},
            "The connection attempt failed. (java.net.UnknownHostException: nowhere)",
        ),
    ],
)
@pytest.mark.usefixtures("lent")
def test_a_lender_s_database_that_lets_nobody_in_is_named_without_its_key(
    compiled: dict[str, Path], changes: Mapping[str, str], found: str
) -> None:
    log, last = _failed_ingest(compiled, changes)
    given = kube.secret(lending.SECRET) | changes
    place = f"expected table profile of {given['VINTAGE_SOURCES']}, found: "
    assert last.startswith(f"ingest: source profile: {place}"), log[-2000:]
    assert found in last
    assert given["VINTAGE_SOURCES_PASSWORD"] not in log


@pytest.mark.usefixtures("trained")
def test_a_task_without_the_right_to_deploy_says_which_role_it_wants(
    compiled: dict[str, Path],
) -> None:
    before = kube.get("inferenceservice", "card-default")
    backend = Backend(compiled["release"])
    component, values = backend.component("deploy")
    release = before["metadata"]["annotations"]["vintage/release"]
    ran = backend.pod("deploy", component, {**values, "release": release}, {}, account="default")
    assert not ran.succeeded
    assert "InferenceService card-default in namespace vintage: refused" in ran.log
    assert "the Role deployer" in ran.log
    assert kube.get("inferenceservice", "card-default")["spec"] == before["spec"]


def _with_wrong_golden_rows(folder: Path) -> Release:
    golden = json.loads((folder / BUNDLE / GOLDEN).read_text())
    golden["pd"][0] += 0.01
    (folder / BUNDLE / GOLDEN).write_text(json.dumps(golden))
    return replace(Release.read(folder), bundle=write_manifest(folder / BUNDLE))


@pytest.mark.usefixtures("trained")
def test_a_release_that_won_nothing_is_refused(compiled: dict[str, Path], tmp_path: Path) -> None:
    before = kube.get("inferenceservice", "card-default")
    bad = plant(tmp_path, _with_wrong_golden_rows)
    backend = Backend(compiled["release"])
    assert backend.run({"release": bad}) == "FAILED"
    assert "to have won a challenge of the champion" in backend.task("deploy").log
    assert kube.get("inferenceservice", "card-default")["spec"] == before["spec"]


@pytest.mark.usefixtures("trained")
def test_a_bad_bundle_is_rolled_back_and_the_former_one_serves_on(
    compiled: dict[str, Path], tmp_path: Path
) -> None:
    before = kube.get("inferenceservice", "card-default")
    former = before["metadata"]["annotations"]["vintage/release"]
    bad = plant(tmp_path, _with_wrong_golden_rows)
    with installed(tmp_path) as (_, database):
        number = len(database.promotions("card-default"))
        decision = {"kind": "challenge", "release": bad, "champion": number, "passed": True}
        database.record_evaluation(
            "card-default", f"planted-{number}", run="planted", decision=decision
        )
    backend = Backend(compiled["release"])
    component, values = backend.component("deploy")
    started = time.monotonic()
    ran = backend.pod("deploy", component, {**values, "release": bad}, {})
    seconds = round(time.monotonic() - started, 1)
    FIGURES.append({"figure": "a bad bundle found and rolled back", "seconds": seconds})
    assert not ran.succeeded
    assert f"release {bad[:12]}" in ran.log
    assert "golden rows score otherwise than recorded; row 0: expected PD" in ran.log
    after = kube.get("inferenceservice", "card-default")
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    *_, failed, champion = promotions(tmp_path)
    assert (failed.release, champion.release) == (bad, former)
    assert champion.ground == "failed"


@pytest.mark.usefixtures("trained")
def test_a_killed_pod_costs_no_request_that_is_sent_once_more() -> None:
    with asking() as told:
        time.sleep(2)
        victim = _predictors()[0]
        kube.kubectl("-n", kube.NAMESPACE, "delete", "pod", victim, "--grace-period=0", "--force")
        time.sleep(12)
        kube.kubectl("-n", kube.NAMESPACE, "delete", "pod", _predictors()[0], "--wait=false")
        time.sleep(12)
    FIGURES.append(
        {"figure": "requests while a pod was killed and another deleted", **told.figures}
    )
    assert told.failed == 0, told.faults
    assert told.asked > 300


def _predictors() -> list[str]:
    pods = kube.get("pods", "-l", "serving.kserve.io/inferenceservice=card-default")["items"]
    return [p["metadata"]["name"] for p in pods if "deletionTimestamp" not in p["metadata"]]


@pytest.mark.usefixtures("trained")
def test_an_image_that_is_not_there_is_named_and_what_runs_goes_on(tmp_path: Path) -> None:
    copy = tmp_path / "manifests"
    shutil.copytree(ROOT / "manifests", copy)
    pins = copy / "images" / "kustomization.yaml"
    tag = MODEL.split(":")[1]
    pins.write_text(pins.read_text().replace(tag, "not-there"))
    done = deploy("kind", folder=copy)
    assert done.returncode == 1
    assert "docker.io/vintage/python-model:not-there" in done.stderr
    assert "deployment/mlflow: expected to be ready" in done.stderr
    assert kube.get("deployment", "mlflow")["status"]["availableReplicas"] == 1
    assert deploy("kind").returncode == 0

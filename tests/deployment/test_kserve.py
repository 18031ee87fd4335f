"""An InferenceService as a document: what it says, when it serves, what is wrong with it."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contracts.errors import VintageError
from components.deployment.kserve import (
    inference_service,
    placed_over,
    release_of,
    restored,
    rolled_out,
    stuck,
    waiting_for,
)
from tests.deployment.faking import NAME, NEW, OLD, noted_by_others, wanted

READY = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}


def test_an_inference_service_names_its_release_thrice() -> None:
    made = inference_service("card", "lender", release=NEW, uri="s3://vintage/card/releases/f")
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("card", "lender")
    assert made["metadata"]["annotations"]["vintage/release"] == NEW
    model = made["spec"]["predictor"]["model"]
    assert model["storageUri"] == "s3://vintage/card/releases/f/"
    assert model["env"] == [{"name": "VINTAGE_RELEASE", "value": NEW}]
    assert made["spec"]["predictor"]["minReplicas"] == 2


@pytest.mark.parametrize("uri", ["s3://b/r", "s3://b/r/", "s3://b/r//"])
def test_a_storage_uri_ends_with_one_slash(uri: str) -> None:
    made = inference_service("card", "lender", release=NEW, uri=uri)
    assert made["spec"]["predictor"]["model"]["storageUri"] == "s3://b/r/"


def test_by_default_there_are_two_pods_whatever_the_load() -> None:
    made = inference_service("card", "lender", release=NEW, uri="s3://b/r")
    assert made["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "none"
    assert not {"maxReplicas", "scaleMetric", "scaleTarget"} & made["spec"]["predictor"].keys()
    two = inference_service("card", "lender", release=NEW, uri="s3://b/r", most_replicas="2")
    assert two == made


def test_more_pods_where_the_installation_says_so() -> None:
    made = inference_service("card", "lender", release=NEW, uri="s3://b/r", most_replicas="8")
    assert made["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "hpa"
    predictor = made["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (2, 8)
    assert (predictor["scaleMetric"], predictor["scaleTarget"]) == ("cpu", 70)


@pytest.mark.parametrize("text", ["1", "0", "-3", "two", "2.5", " 4", "\N{SUPERSCRIPT TWO}"])
def test_a_number_of_pods_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(VintageError, match="VINTAGE_MOST_REPLICAS: expected a whole number of at "):
        inference_service("card", "lender", release=NEW, uri="s3://b/r", most_replicas=text)


def test_an_old_pod_stays_until_a_new_one_answers_and_pods_of_a_release_stand_apart() -> None:
    predictor = inference_service("card", "lender", release=NEW, uri="s3://b/r")["spec"][
        "predictor"
    ]
    strategy = predictor["deploymentStrategy"]
    assert (strategy["type"], strategy["rollingUpdate"]["maxUnavailable"]) == ("RollingUpdate", 0)
    [spread] = predictor["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == {"serving.kserve.io/inferenceservice": "card"}
    # One node is enough: there they are, rather than nowhere.
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"


WORDS = st.text("abz/.-", max_size=6)
NOTES = st.dictionaries(WORDS, WORDS, max_size=3)
METADATA = st.fixed_dictionaries(
    {"resourceVersion": st.integers(1).map(str), "uid": WORDS, "generation": st.integers(1, 9)},
    optional={"labels": NOTES, "annotations": NOTES, "finalizers": st.lists(WORDS, max_size=2),
              "ownerReferences": st.just([{"name": "owner"}])},
)  # fmt: skip


def _held(metadata: dict[str, Any], replicas: int) -> dict[str, Any]:
    """An object as the API server holds it."""
    service = wanted(OLD)
    service["spec"]["predictor"]["minReplicas"] = replicas
    identity = {"name": NAME, "namespace": service["metadata"]["namespace"]}
    return {**service, "metadata": {**metadata, **identity}, **READY}


@given(METADATA, st.integers(1, 5))
def test_a_replacement_says_what_is_wanted_and_keeps_what_others_noted(
    metadata: dict[str, Any], replicas: int
) -> None:
    former, new = _held(metadata, replicas), wanted()
    before = copy.deepcopy((former, new))
    placed = placed_over(new, former)
    assert placed["spec"] == new["spec"]
    found = placed["metadata"]
    for kind in ("labels", "annotations"):
        assert found[kind] == {**metadata.get(kind, {}), **new["metadata"][kind]}
    for kind in ("finalizers", "ownerReferences", "resourceVersion"):
        assert found.get(kind) == metadata.get(kind)
    assert (former, new) == before


@given(METADATA, METADATA, st.integers(1, 5))
def test_what_is_restored_is_the_former_object_under_the_version_of_now(
    metadata: dict[str, Any], later: dict[str, Any], replicas: int
) -> None:
    former, now = _held(metadata, replicas), _held(later, 2)
    placed = restored(former, now)
    assert placed["spec"] == former["spec"]
    for kind in ("labels", "annotations", "finalizers", "ownerReferences"):
        assert placed["metadata"].get(kind) == metadata.get(kind)
    assert placed["metadata"]["resourceVersion"] == later["resourceVersion"]
    assert placed.keys() == {"apiVersion", "kind", "metadata", "spec"}
    assert "uid" not in placed["metadata"]


def test_what_is_placed_and_restored_is_what_was() -> None:
    former = noted_by_others()
    former["metadata"]["resourceVersion"] = "1"
    now = placed_over(wanted(), former)
    assert restored(former, now) == former


def _deployment(release: str = NEW, **changes: Any) -> dict[str, Any]:
    """A Deployment whose two pods are all of this release and available."""
    numbers = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    status = {**numbers, "observedGeneration": 4}
    return {
        "metadata": {"generation": 4},
        "spec": {"replicas": 2, "template": _pod(release)},
        "status": {**status, **changes},
    }


def _pod(release: str, *containers: dict[str, Any], **status: Any) -> dict[str, Any]:
    variable = {"name": "VINTAGE_RELEASE", "value": release}
    names = [{"name": "proxy"}, {"name": "server", "env": [{"name": "A"}, variable]}]
    return {
        "metadata": {"name": f"pod-{release[:2]}"},
        "spec": {"containers": names},
        "status": {"phase": "Pending", "containerStatuses": list(containers), **status},
    }


@pytest.mark.parametrize(
    ("service", "deployment", "expected"),
    [
        (READY, _deployment(), True),
        ({}, _deployment(), False),
        ({"status": {}}, _deployment(), False),
        (
            {"status": {"conditions": [{"type": "Ready", "status": "False"}]}},
            _deployment(),
            False,
        ),
        (
            {"status": {"conditions": [{"type": "IngressReady", "status": "True"}]}},
            _deployment(),
            False,
        ),
        (READY, None, False),
        # The old pods keep the InferenceService Ready.
        (READY, _deployment(OLD), False),
        (READY, _deployment(observedGeneration=3), False),
        (READY, _deployment(replicas=3), False),
        (READY, _deployment(updatedReplicas=1), False),
        (READY, _deployment(availableReplicas=1), False),
        (READY, {**_deployment(), "status": {}}, False),
    ],
)
def test_a_release_is_rolled_out_once_every_pod_is_of_it(
    service: dict[str, Any], deployment: dict[str, Any] | None, expected: bool
) -> None:
    assert rolled_out(service, deployment, release=NEW) is expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (_pod(NEW), NEW),
        (_deployment(OLD), OLD),
        ({"spec": {"containers": [{"name": "c"}]}}, None),
        ({"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "b"}]}]}}, None),
    ],
)
def test_a_deployment_and_a_pod_say_their_release(
    document: dict[str, Any], expected: str | None
) -> None:
    assert release_of(document) == expected


def _died(status: int = 1, **more: str) -> dict[str, Any]:
    return {"terminated": {"exitCode": status, **more}}


def _waits(reason: str, **more: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason, **more}}


RUNNING: dict[str, Any] = {"running": {}}
LOOPING = _waits("CrashLoopBackOff", message="back-off 10s")


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({}, None),
        ({"state": RUNNING}, None),
        ({"state": _waits("ContainerCreating")}, None),
        ({"state": _waits("PodInitializing")}, None),
        ({"state": _waits("ImagePullBackOff", message="no x")}, "ImagePullBackOff: no x"),
        ({"state": _waits("InvalidImageName")}, "InvalidImageName: no more is said"),
        (
            {"state": _waits("CreateContainerConfigError", message="secret")},
            "CreateContainerConfigError: secret",
        ),
        # Once may be a start too early; the kubelet tries again.
        ({"state": _died()}, None),
        ({"state": RUNNING, "lastState": _died()}, None),
        ({"state": _died(0), "lastState": _died()}, None),
        ({"state": RUNNING, "lastState": _died(137, reason="OOMKilled")}, None),
        ({"state": _died(), "lastState": _died()}, "Error, exit status 1"),
        ({"state": LOOPING, "lastState": _died(3)}, "Error, exit status 3"),
        (
            {"state": LOOPING, "lastState": _died(137, reason="OOMKilled")},
            "OOMKilled, exit status 137",
        ),
        (
            {"state": LOOPING, "lastState": _died(1, reason="Error", message=" last words\n")},
            "Error, exit status 1: last words",
        ),
        ({"state": LOOPING}, "CrashLoopBackOff: back-off 10s"),
        ({"state": LOOPING, "lastState": _died(0)}, "CrashLoopBackOff: back-off 10s"),
    ],
)
@pytest.mark.parametrize("kind", ["containerStatuses", "initContainerStatuses"])
def test_a_container_that_will_not_get_better_is_told(
    container: dict[str, Any], expected: str | None, kind: str
) -> None:
    pod = _pod(NEW, **{kind: [{"name": "server", **container}]})
    found = stuck([_pod(NEW), pod], _deployment(updatedReplicas=0), release=NEW)
    assert found == (expected and f"pod pod-ff, container server: {expected}")
    assert stuck([pod], None, release=OLD) is None


QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}


@pytest.mark.parametrize(
    ("deployment", "expected"),
    [
        (None, None),
        (_deployment(), None),
        (_deployment(conditions=[QUOTA]), "exceeded quota"),
        (_deployment(conditions=[{**QUOTA, "status": "False"}]), None),
        (_deployment(conditions=[{**QUOTA, "type": "Progressing"}]), None),
        # What was wrong with the former pods says nothing of the new ones.
        (_deployment(OLD, conditions=[QUOTA]), None),
        (_deployment(conditions=[QUOTA], observedGeneration=3), None),
    ],
)
def test_pods_that_may_not_be_made_are_told(
    deployment: dict[str, Any] | None, expected: str | None
) -> None:
    assert stuck([], deployment, release=NEW) == expected


UNSCHEDULED = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: no memory"}


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([], "no pod of it"),
        ([_pod(OLD)], "no pod of it"),
        ([_pod(NEW)], "pod-ff: Pending"),
        ([_pod(NEW, conditions=[UNSCHEDULED])], "pod-ff: 0/1 nodes: no memory"),
        (
            [_pod(NEW, conditions=[UNSCHEDULED, {"type": "Ready", "status": "False"}])],
            "pod-ff: 0/1 nodes: no memory; Ready",
        ),
        ([_pod(OLD), _pod(NEW), _pod(NEW)], "pod-ff: Pending, pod-ff: Pending"),
    ],
)
def test_a_time_out_tells_what_the_pods_are_at(pods: list[dict[str, Any]], expected: str) -> None:
    assert waiting_for(pods, release=NEW) == expected

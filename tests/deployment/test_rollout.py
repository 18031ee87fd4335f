"""A roll-out: it ends with what was wanted and checked, or with what served before."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.errors import (
    BundleError,
    EnvironmentFaultError,
    PromotionConflictError,
)
from components.deployment.rollout import NotUndoneError, roll_out
from components.scoring.bundle import Bundle
from tests.deployment.faking import (
    LAST_WORDS,
    NAME,
    NEW,
    OLD,
    QUOTA,
    FakeCluster,
    noted_by_others,
    on_the_clock_of,
    wanted,
)
from tests.making import Models

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def golden(models: Models) -> Bundle:
    return models.bundle("logistic")


@pytest.fixture(scope="module")
def answers(models: Models) -> dict[str, Bundle]:
    """What each release's pods score with."""
    return {OLD: models.bundle("xgboost"), NEW: models.bundle("logistic")}


Roll = Callable[..., FakeCluster]


@pytest.fixture
def roll(golden: Bundle, answers: dict[str, Bundle], monkeypatch: pytest.MonkeyPatch) -> Roll:
    """Roll NEW out over a former object on a cluster that behaves so; the cluster afterwards.

    An error is kept as the cluster's `error`, so that both can be looked at.
    """

    def go(
        former: dict[str, Any] | None = None,
        *,
        last_check: Callable[[], None] = lambda: None,
        release: str = NEW,
        **behaviour: Any,
    ) -> FakeCluster:
        cluster = FakeCluster.serving(former, answers=answers, **behaviour)
        return _rolled(cluster, golden, monkeypatch, last_check=last_check, release=release)

    return go


def _rolled(
    cluster: FakeCluster,
    golden: Bundle,
    patch: pytest.MonkeyPatch,
    *,
    last_check: Callable[[], None],
    release: str = NEW,
) -> FakeCluster:
    clock = on_the_clock_of(cluster, patch)
    began, before = clock.now, copy.deepcopy(cluster.object)
    cluster.error = None  # type: ignore[attr-defined]
    try:
        roll_out(
            cluster, wanted(release), before, golden=golden, patience_s=PATIENCE_S,
            last_check=last_check,
        )  # fmt: skip
    except BaseException as error:  # noqa: BLE001 - what the test is about
        cluster.error = error  # type: ignore[attr-defined]
    cluster.took = clock.now - began  # type: ignore[attr-defined]
    return cluster


def _error(cluster: FakeCluster) -> BaseException | None:
    found: BaseException | None = cluster.error  # type: ignore[attr-defined]
    return found


def _kept(service: Any) -> object:
    """What of an object must come back: all but what the API server counts."""
    if service is None:
        return None
    metadata = {k: v for k, v in service["metadata"].items() if k != "resourceVersion"}
    return metadata, service["spec"]


def _created(service: dict[str, Any] | None) -> object:
    """The same of an object that a cluster holds since it was created."""
    if service is None:
        return None
    finalizers = ["inferenceservice.finalizers"]
    return {**service["metadata"], "finalizers": finalizers}, service["spec"]


FORMERS = [None, wanted(OLD), noted_by_others()]
BY_FORMER = pytest.mark.parametrize("former", FORMERS, ids=["nothing", "plain", "noted on"])


@BY_FORMER
def test_what_was_wanted_serves_in_the_end(former: dict[str, Any] | None, roll: Roll) -> None:
    cluster = roll(former)
    assert _error(cluster) is None
    assert cluster.object is not None
    assert cluster.object["spec"] == wanted()["spec"]
    assert cluster.calls.count("create" if former is None else "replace") == 1
    assert cluster.calls[-1] == "predict"


def test_what_others_noted_on_the_former_object_stays(roll: Roll) -> None:
    cluster = roll(noted_by_others())
    assert cluster.object is not None
    metadata = cluster.object["metadata"]
    assert metadata["labels"]["team"] == "risk"
    assert metadata["annotations"]["example.com/ticket"] == "17"
    assert metadata["annotations"]["vintage/release"] == NEW
    assert metadata["finalizers"] == ["inferenceservice.finalizers"]


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        ({"faults": {NEW: "crash"}}, BundleError, f"Error, exit status 1: {LAST_WORDS}"),
        ({"faults": {NEW: "image"}}, BundleError, "ErrImagePull: manifest unknown"),
        ({"faults": {NEW: "quota"}}, BundleError, QUOTA),
        (
            {"faults": {NEW: "never"}},
            EnvironmentFaultError,
            f"expected release ffffffffffff to be ready after 60 s, found {NAME}-predictor-",
        ),
        ({"shifted": {NEW: 1e-9}}, BundleError, "golden rows score otherwise than recorded"),
        ({"deaf": 1000}, EnvironmentFaultError, "found: connection refused"),
    ],
    ids=["crash", "image", "quota", "never ready", "wrong PD", "no endpoint"],
)
@BY_FORMER
def test_a_release_that_fails_is_undone_and_its_trouble_told(
    former: dict[str, Any] | None,
    behaviour: dict[str, Any],
    kind: type[Exception],
    words: str,
    roll: Roll,
) -> None:
    cluster = roll(former, **behaviour)
    error = _error(cluster)
    assert type(error) is kind
    assert words in str(error)
    assert _kept(cluster.object) == _created(former)
    assert cluster.calls[-1] == ("delete" if former is None else "replace")
    assert cluster.took <= PATIENCE_S + 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", ["crash", "image", "quota", "never"])
def test_the_former_pods_serve_while_a_new_release_fails(fault: str, roll: Roll) -> None:
    cluster = roll(wanted(OLD), faults={NEW: fault})
    cluster.tick()
    answers = cluster.predict(NAME, cluster.answers[OLD].golden().rows)
    assert {answer["release"] for answer in answers} == {OLD}


def test_trouble_is_told_long_before_patience_ends(roll: Roll) -> None:
    assert roll(wanted(OLD), faults={NEW: "crash"}).took < 10  # type: ignore[attr-defined]


def test_the_message_names_the_pod_and_the_container(roll: Roll) -> None:
    cluster = roll(None, faults={NEW: "crash"})
    assert str(_error(cluster)) == (
        f"InferenceService {NAME}, release ffffffffffff: pod {NAME}-predictor-0, "
        f"container kserve-container: Error, exit status 1: {LAST_WORDS}"
    )


@pytest.mark.parametrize("behaviour", [{"stale": 5}, {"deaf": 5}, {"stale": 2, "deaf": 3}])
def test_endpoints_that_follow_a_moment_later_are_waited_for(
    behaviour: dict[str, int], roll: Roll
) -> None:
    cluster = roll(wanted(OLD), **behaviour)
    assert _error(cluster) is None
    assert cluster.calls.count("predict") == 6


def test_answers_of_another_release_for_ever_are_refused(roll: Roll) -> None:
    cluster = roll(wanted(OLD), stale=1000)
    assert isinstance(_error(cluster), BundleError)
    assert str(_error(cluster)).endswith(
        "expected answers of release ffffffffffff, found some of 000000000000"
    )
    assert _kept(cluster.object) == _created(wanted(OLD))


def test_the_same_release_again_is_checked_again_and_changes_nothing(roll: Roll) -> None:
    cluster = roll(wanted(NEW))
    assert _error(cluster) is None
    assert "predict" in cluster.calls
    assert _kept(cluster.object) == _created(wanted(NEW))


@BY_FORMER
def test_a_last_check_that_raises_undoes_the_roll_out(
    former: dict[str, Any] | None, roll: Roll
) -> None:
    raised = PromotionConflictError("overtaken")

    def overtaken() -> None:
        raise raised

    cluster = roll(former, last_check=overtaken)
    assert _error(cluster) is raised
    assert "predict" in cluster.calls
    assert _kept(cluster.object) == _created(former)


@pytest.mark.parametrize("moment", ["before", "after"])
@BY_FORMER
def test_what_somebody_else_put_there_meanwhile_is_left_alone(
    former: dict[str, Any] | None, moment: str, roll: Roll
) -> None:
    theirs = wanted("a" * 64)

    def disturb(cluster: FakeCluster, method: str, when: str) -> None:
        if (method, when) == ("predict", moment):
            cluster.object = {**theirs, "metadata": {**theirs["metadata"], "resourceVersion": "9"}}
            raise PromotionConflictError("overtaken")

    cluster = roll(former, disturb=disturb)
    assert isinstance(_error(cluster), PromotionConflictError)
    assert _kept(cluster.object) == (theirs["metadata"], theirs["spec"])


def test_what_somebody_deleted_meanwhile_stays_deleted(roll: Roll) -> None:
    def disturb(cluster: FakeCluster, method: str, when: str) -> None:
        if (method, when) == ("predict", "before"):
            cluster.object = None
            raise BundleError("wrong")

    cluster = roll(wanted(OLD), disturb=disturb)
    assert isinstance(_error(cluster), BundleError)
    assert cluster.object is None


def _refusing(method: str, count: int) -> Callable[[FakeCluster, str, str], None]:
    """Refuse a method from its nth call on."""

    def disturb(cluster: FakeCluster, called: str, moment: str) -> None:
        if (called, moment) == (method, "before") and cluster.calls.count(method) >= count:
            raise EnvironmentFaultError("the API server is away")

    return disturb


@pytest.mark.parametrize(
    ("former", "refused"),
    [(None, ("delete", 1)), (wanted(OLD), ("replace", 2))],
    ids=["first release", "later release"],
)
def test_where_undoing_fails_too_both_errors_are_told(
    former: dict[str, Any] | None, refused: tuple[str, int], roll: Roll
) -> None:
    cluster = roll(former, faults={NEW: "image"}, disturb=_refusing(*refused))
    error = _error(cluster)
    assert isinstance(error, NotUndoneError)
    assert "ErrImagePull: manifest unknown" in str(error)
    assert str(error).endswith(
        "; and what served before could not be put back: the API server is away"
    )
    assert isinstance(error.__cause__, BundleError)


def test_an_object_that_changed_before_it_was_replaced_is_not_overwritten(roll: Roll) -> None:
    theirs = {**wanted("a" * 64), "status": {}}

    def disturb(cluster: FakeCluster, method: str, moment: str) -> None:
        if (method, moment) == ("replace", "before"):
            cluster.object = {**theirs, "metadata": {**theirs["metadata"], "resourceVersion": "9"}}

    cluster = roll(wanted(OLD), disturb=disturb)
    assert "409" in str(_error(cluster))
    assert _kept(cluster.object) == (theirs["metadata"], theirs["spec"])


NAMES = st.sampled_from(["team", "example.com/ticket", "z"])
NOTES = st.dictionaries(NAMES, st.text(max_size=5), max_size=3)
RAISED = st.sampled_from(
    [BundleError("b"), EnvironmentFaultError("e"), RuntimeError("r"), KeyboardInterrupt()]
)


@st.composite
def formers(draw: st.DrawFn) -> dict[str, Any] | None:
    """Any object that may have been there before, or none; also one of the wanted release."""
    if draw(st.booleans()):
        return None
    service = wanted(draw(st.sampled_from([OLD, NEW])))
    service["metadata"]["labels"] |= draw(NOTES)
    service["metadata"]["annotations"] |= draw(NOTES)
    service["spec"]["predictor"]["minReplicas"] = draw(st.integers(1, 4))
    return service


@settings(deadline=None, max_examples=150)
@given(
    former=formers(),
    call=st.integers(1, 40),
    moment=st.sampled_from(["before", "after"]),
    raised=RAISED,
    at_last=st.booleans(),
)
def test_whatever_step_raises_what_was_there_before_is_there_in_the_end(
    former: dict[str, Any] | None,
    call: int,
    moment: str,
    raised: BaseException,
    at_last: bool,
    golden: Bundle,
    answers: dict[str, Bundle],
) -> None:
    def disturb(cluster: FakeCluster, _: str, when: str) -> None:
        if len(cluster.calls) == call and when == moment and not at_last:
            raise raised

    def last_check() -> None:
        if at_last:
            raise raised

    cluster = FakeCluster.serving(former, answers=answers, disturb=disturb)
    before = _kept(cluster.object)
    with pytest.MonkeyPatch.context() as patch:
        _rolled(cluster, golden, patch, last_check=last_check)
    error = _error(cluster)
    if error is None:
        # The call was never made, or it was a question that is asked again.
        assert not at_last
        assert cluster.object is not None
        assert cluster.object["spec"] == wanted()["spec"]
    else:
        assert error is raised
        assert _kept(cluster.object) == before

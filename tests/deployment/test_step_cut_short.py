"""A roll-out that is killed, cannot be undone, or is overtaken: the next one knows what served."""

import json
from typing import Any

import pytest

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.deployment.step import release_to_go_back_to
from components.storage.database import Database
from components.storage.registry import standing_champion
from tests.deployment.faking import NAME, FakeCluster, noted_by_others, wanted
from tests.deployment.installing import NOTE, Installation


def test_what_served_is_noted_before_anything_is_changed(second: Installation) -> None:
    seen: list[object] = []

    def disturb(cluster: FakeCluster, method: str, moment: str) -> None:
        if method in ("create", "replace") and moment == "before":
            note = json.loads(second.store.get(NOTE) or "null")
            seen.append(note and note["spec"] == (cluster.object or {})["spec"])

    second.cluster.disturb = disturb
    second.deploy(second.new)
    assert seen == [True]


def test_before_a_first_release_it_is_noted_that_nothing_served(
    installation: Installation,
) -> None:
    notes: list[str | None] = []

    def disturb(_: FakeCluster, method: str, moment: str) -> None:
        if (method, moment) == ("create", "before"):
            notes.append(installation.store.get(NOTE))

    installation.cluster.disturb = disturb
    installation.deploy(installation.new)
    assert notes == ["null"]


def _cut_short(installation: Installation, former: dict[str, Any] | None) -> None:
    """As if a roll-out had been killed after it replaced `former` by a third release."""
    installation.store.put(NOTE, json.dumps(former))
    third = wanted("a" * 64)
    third["metadata"]["resourceVersion"] = "7"
    installation.cluster.object = third


@pytest.mark.parametrize("fault", ["crash", "never"])
def test_a_roll_out_that_was_cut_short_is_undone_by_the_next_that_fails(
    fault: str, second: Installation
) -> None:
    former = noted_by_others(second.old)
    former["metadata"]["resourceVersion"] = "3"
    _cut_short(second, former)
    second.cluster.faults[second.new] = fault
    second.fails(second.new)
    found = second.cluster.object
    assert found is not None
    assert found["spec"] == former["spec"]
    for kind in ("labels", "annotations"):
        assert found["metadata"][kind] == former["metadata"][kind]
    assert second.store.get(NOTE) == ""


def test_a_first_roll_out_that_was_cut_short_is_deleted_by_the_next_that_fails(
    installation: Installation,
) -> None:
    _cut_short(installation, None)
    installation.cluster.faults[installation.new] = "image"
    installation.fails(installation.new)
    assert installation.cluster.object is None


def test_the_next_roll_out_that_succeeds_forgets_the_one_that_was_cut_short(
    second: Installation,
) -> None:
    _cut_short(second, noted_by_others(second.old))
    second.deploy(second.new)
    assert second.on_cluster() == second.new
    assert second.store.get(NOTE) == ""


def test_a_roll_out_that_could_not_be_undone_is_undone_by_the_next_that_fails(
    second: Installation,
) -> None:
    assert second.cluster.object is not None
    before = second.cluster.object["spec"]

    def disturb(cluster: FakeCluster, method: str, moment: str) -> None:
        if (method, moment) == ("replace", "before") and cluster.calls.count("replace") > 1:
            raise EnvironmentFaultError("the API server is away")

    second.cluster.calls.clear()
    second.cluster.faults[second.new] = "image"
    second.cluster.disturb = disturb
    assert "could not be put back: the API server is away" in second.fails(second.new)
    assert second.on_cluster() == second.new
    assert json.loads(second.store.get(NOTE) or "null")["spec"] == before

    second.cluster.disturb = lambda _cluster, _method, _moment: None
    second.promote(second.new)
    second.fails(second.new, "another")
    assert second.cluster.object["spec"] == before
    assert second.store.get(NOTE) == ""


@pytest.mark.parametrize("moment", ["service", "predict"])
def test_a_run_that_is_overtaken_puts_back_what_served(moment: str, second: Installation) -> None:
    theirs = "a" * 64
    assert second.cluster.object is not None
    before = second.cluster.object["spec"]

    def disturb(_: FakeCluster, method: str, when: str) -> None:
        if (method, when) == (moment, "after") and second.champion().release != theirs:
            second.promote(theirs)

    second.cluster.disturb = disturb
    error = second.fails(second.new)
    assert "to be the champion still, found aaaaaaaaaaaa by run r" in error
    assert second.cluster.object["spec"] == before
    assert second.deployed() == second.on_cluster() == second.old
    assert (second.champion().number, second.champion().release) == (3, theirs)


def test_a_run_that_was_cut_short_and_overtaken_asks_no_cluster(second: Installation) -> None:
    second.promote(second.new, run="run")
    second.promote("a" * 64)
    second.cluster.calls.clear()
    assert "to be the champion still, found aaaaaaaaaaaa by run r" in second.fails(second.new)
    assert second.cluster.calls == []
    assert second.champion().release == "a" * 64


def test_a_run_that_was_cut_short_after_its_promotion_goes_on(second: Installation) -> None:
    second.promote(second.new, run="run")
    second.deploy(second.new)
    assert second.deployed() == second.on_cluster() == second.new
    assert second.champion().number == 2


def test_what_was_overtaken_before_it_came_up_is_no_way_back(second: Installation) -> None:
    second.promote("a" * 64)
    second.promote(second.new)
    second.deploy(second.new, "theirs")
    assert [row.came_up for row in second.database.promotions(NAME)] == [True, False, True]
    assert release_to_go_back_to(NAME) == second.old


_STEPS = ("promote", "note_came_up", "put")


@pytest.mark.parametrize("place", ["here", "on a cluster"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", _STEPS)
def test_a_deployment_that_is_killed_at_any_point_is_finished_by_the_same_run(
    second: Installation, monkeypatch: pytest.MonkeyPatch, step: str, when: str, place: str
) -> None:
    if place == "here":
        monkeypatch.delenv("VINTAGE_NAMESPACE")
    owner: Any = type(second.store) if step == "put" else Database
    honest = getattr(owner, step)

    def killed(self: object, *args: object, **rest: object) -> object:
        if step == "put" and args[0] != f"deployments/{NAME}":
            return honest(self, *args, **rest)
        if when == "after":
            honest(self, *args, **rest)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, killed)
        with pytest.raises(KeyboardInterrupt):
            second.deploy(second.new)
    standing = standing_champion(second.database.promotions(NAME))
    assert standing is not None
    assert (standing.release == second.new) == ((step, when) != ("promote", "before"))
    second.deploy(second.new)
    rows = second.database.promotions(NAME)
    assert [(row.release, row.came_up) for row in rows] == [
        (second.old, True), (second.new, True),
    ]  # fmt: skip
    assert second.deployed() == second.new
    assert release_to_go_back_to(NAME) == second.old


def test_a_way_back_that_was_cut_short_is_gone_again(second: Installation) -> None:
    second.deploy(second.new)
    second.promote(second.old, run="killed", ground="rollback")
    assert release_to_go_back_to(NAME) == second.old
    second.deploy(second.old, "again")
    assert second.champion().came_up
    assert second.deployed() == second.on_cluster() == second.old
    with pytest.raises(VintageError, match="expected a champion before"):
        release_to_go_back_to(NAME)


def test_a_run_that_was_overtaken_leaves_what_the_other_one_put_there(
    second: Installation,
) -> None:
    theirs = wanted("a" * 64)
    theirs["metadata"]["resourceVersion"] = "7"

    def disturb(cluster: FakeCluster, method: str, when: str) -> None:
        if (method, when) == ("predict", "after"):
            second.promote("a" * 64)
            cluster.object = theirs

    second.cluster.disturb = disturb
    second.fails(second.new)
    assert second.cluster.object == theirs
    assert second.champion().release == "a" * 64

"""The deploy step on a cluster: store, promotions table and InferenceService tell one story."""

from pathlib import Path

import pytest

from components.contracts.errors import VintageError
from components.deployment import cluster as api
from components.scoring.release import Release
from components.storage.registry import declared_shadow, note_shadow, release_key
from tests.deployment.faking import NAME, FakeCluster
from tests.deployment.installing import MINUTES, NOTE, Installation


def test_a_first_release_serves_and_is_on_record(installation: Installation) -> None:
    installation.deploy(installation.new)
    assert installation.deployed() == installation.on_cluster() == installation.new
    record = installation.record()
    assert (record["status"], record["reused"]) == ("done", False)
    assert installation.champion().number == 1
    assert installation.store.get(NOTE) == ""


def test_the_cluster_is_told_where_the_release_s_folder_is(installation: Installation) -> None:
    installation.deploy(installation.new)
    assert installation.cluster.object is not None
    uri = installation.cluster.object["spec"]["predictor"]["model"]["storageUri"]
    assert Release.read(Path(uri)).id == installation.new


def test_a_second_release_takes_the_place_of_the_first(second: Installation) -> None:
    second.deploy(second.new)
    assert second.deployed() == second.on_cluster() == second.new
    assert second.champion().number == 2


def test_the_release_that_serves_is_checked_again(second: Installation) -> None:
    second.deploy(second.new)
    second.cluster.calls.clear()
    second.deploy(second.new, "again")
    assert "predict" in second.cluster.calls
    assert second.record("again")["reused"] is False
    assert second.champion().number == 2


def test_a_promotion_ends_what_scored_beside_the_former_champion(second: Installation) -> None:
    note_shadow(second.store, NAME, second.new, 0.1)
    second.deploy(second.old, "again")  # it serves already
    second.cluster.faults[second.new] = "image"
    second.fails(second.new)
    assert declared_shadow(second.store, NAME) == (second.new, 0.1)
    second.cluster.faults.clear()
    second.win(second.new)
    second.deploy(second.new, "better")
    assert declared_shadow(second.store, NAME) == ("", 0.0)
    second.deploy(second.old, "back")
    assert second.deployed() == second.old
    assert declared_shadow(second.store, NAME) == ("", 0.0)


def test_the_cluster_is_told_how_many_pods_there_may_be(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VINTAGE_MOST_REPLICAS", "5")
    installation.deploy(installation.new)
    assert installation.cluster.object is not None
    assert installation.cluster.object["spec"]["predictor"]["maxReplicas"] == 5
    monkeypatch.setenv("VINTAGE_MOST_REPLICAS", "1")
    assert "VINTAGE_MOST_REPLICAS: expected" in installation.fails(installation.new, "again")
    assert installation.on_cluster() == installation.new


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash", "3 of 8 golden rows score otherwise than recorded"),
        ("image", "ErrImagePull: manifest unknown"),
        ("quota", "exceeded quota"),
        ("never", "to be ready after 60 s"),
    ],
)
def test_a_release_that_does_not_come_up_is_rolled_back_everywhere(
    fault: str, words: str, second: Installation
) -> None:
    before = second.cluster.object
    assert before is not None
    second.cluster.faults[second.new] = fault
    assert words in second.fails(second.new)
    assert second.cluster.object is not None
    assert second.cluster.object["spec"] == before["spec"]
    assert second.deployed() == second.on_cluster() == second.old
    champion = second.champion()
    assert (champion.number, champion.release) == (3, second.old)
    assert champion.ground == "failed"
    assert champion.why == f"rolled back: release {second.new[:12]} could not be deployed"
    assert second.store.get(NOTE) == ""


def test_a_first_release_that_does_not_come_up_leaves_nothing(installation: Installation) -> None:
    installation.cluster.faults[installation.new] = "image"
    installation.fails(installation.new)
    assert installation.cluster.object is None
    assert installation.deployed() is None
    assert installation.champion().number == 1
    assert installation.store.get(NOTE) == ""


def test_a_first_release_that_never_came_up_has_not_to_be_beaten(
    installation: Installation,
) -> None:
    installation.cluster.faults[installation.old] = "image"
    installation.fails(installation.old)
    installation.deploy(installation.new, "another")
    champion = installation.champion()
    assert (champion.number, champion.release, champion.ground) == (2, installation.new, "first")
    assert installation.deployed() == installation.on_cluster() == installation.new
    assert "to have won a challenge" in installation.fails(installation.old, "later")


def test_a_roll_out_leaves_half_of_the_time_for_its_undoing(second: Installation) -> None:
    second.cluster.faults[second.new] = "never"
    began = second.clock.now
    second.fails(second.new)
    assert second.clock.now - began <= MINUTES * 60 / 2 + 5


def test_a_retry_after_a_roll_back_repeats_the_first_error(second: Installation) -> None:
    second.cluster.faults[second.new] = "never"
    first = second.fails(second.new)
    assert second.fails(second.new) == first
    assert second.champion().number == 3


def test_a_retry_where_nothing_was_rolled_back_is_a_second_chance(
    installation: Installation,
) -> None:
    installation.cluster.faults[installation.new] = "never"
    installation.fails(installation.new)
    installation.cluster.faults.clear()
    installation.deploy(installation.new)
    assert installation.deployed() == installation.on_cluster() == installation.new


def test_a_failed_check_of_what_serves_already_promotes_nothing(second: Installation) -> None:
    second.deploy(second.new)
    second.cluster.shifted[second.new] = 0.5
    assert "golden rows score otherwise" in second.fails(second.new, "again")
    assert second.champion().number == 2
    assert second.deployed() == second.on_cluster() == second.new


def test_a_damaged_release_never_reaches_the_cluster(second: Installation) -> None:
    entry = second.store.find(release_key(NAME, second.new))
    assert entry is not None
    card = Path(entry.uri) / "bundle" / "card.json"
    card.write_text(" " + card.read_text()[1:])
    second.cluster.calls.clear()
    assert "card.json: expected sha256" in second.fails(second.new)
    assert second.cluster.calls == []
    assert second.champion().release == second.old


def test_a_cluster_out_of_reach_changes_nothing_but_the_promotion(
    second: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> FakeCluster:
        raise VintageError("cluster: away")

    monkeypatch.setattr(api, "Cluster", away)
    assert second.fails(second.new) == "deploy: cluster: away"
    assert second.deployed() == second.on_cluster() == second.old
    assert second.champion().release == second.old
    assert second.store.get(NOTE) == ""


def test_without_a_namespace_no_cluster_is_asked(
    second: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VINTAGE_NAMESPACE")
    second.cluster.calls.clear()
    second.deploy(second.new)
    assert second.cluster.calls == []
    assert second.deployed() == second.new

"""What is registered: a release with all that it was made from, and who is told of it."""

import json
from pathlib import Path

import pytest

from components.deployment.step import deployed, releases
from components.storage.settings import Settings
from tests.deployment.walking import CARD, facts_of, flip, promotions_of, quick, release_of, won
from tests.support import Champion, Walk, fingerprint


def test_a_registered_release_says_what_it_was_made_from(champion: Champion) -> None:
    walk = won(champion)
    facts, decision = facts_of(walk, "release"), json.loads(
        (Path(str(walk.entry("decision")["uri"])) / "decision.json").read_text()
    )  # fmt: skip
    made = release_of(champion.home, str(facts["release"]))
    assert (facts["family"], facts["bundle"]) == (made.family, made.bundle)
    assert (made.bundle, facts["evaluated"]) == (decision["bundle"], decision["evaluated"])
    assert facts["approve_below"] == made.policy.approve_below
    assert facts["approve_below"] == decision["cutoff"]["approve_below"]
    for role, folder in (("models", facts["folder"]), ("gold", "."), ("evaluation", ".")):
        assert facts[role] == walk.entry(role)["key"]
        assert (champion.home / "store" / str(facts[role]) / str(folder)).is_dir()
    judged = facts_of(walk, "decision")
    assert (facts["metrics"], facts["mlflow_run"]) == (judged["metrics"], judged["mlflow_run"])
    assert facts["run"] == "second"
    assert str(facts["registered_at"]).endswith("+00:00")


def test_a_registered_release_is_the_challenger_in_mlflow_and_serves_nobody(
    champion: Champion,
) -> None:
    from mlflow.tracking import MlflowClient

    served = deployed("card-default")
    walk = won(champion)
    assert deployed("card-default") == served
    tracking = Settings.from_environment().tracking
    client = MlflowClient(tracking, tracking)

    def aliases() -> dict[str, str]:
        model = client.get_registered_model("card-default")
        versions = {
            alias: client.get_model_version("card-default", str(number))
            for alias, number in model.aliases.items()
        }
        return {alias: version.tags["release"] for alias, version in versions.items()}

    first, second = promotions_of(champion.home)[0][1], str(facts_of(walk, "release")["release"])
    assert aliases() == {"champion": first, "challenger": second}
    walk.deploy(second)
    assert aliases() == {"champion": second}
    walk.run = "back"
    walk.deploy(first)
    assert aliases() == {"champion": first}
    assert len(client.search_model_versions("name = 'card-default'")) == 2


def test_to_register_again_changes_which_is_the_latest_and_what_is_known_of_it(
    champion: Champion,
) -> None:
    walk = won(champion)
    before = fingerprint(champion.home / "store" / "card-default")
    walk.register()
    assert walk.record("register")["reused"] is True
    first = Walk(CARD, champion.data, "again")
    assert first.to_gate()
    first.register()
    assert first.record("register")["reused"] is False
    assert facts_of(first, "release")["run"] == "again"
    assert fingerprint(champion.home / "store" / "card-default") == before
    known = {str(one.facts["run"]) for one in releases(CARD.name)}
    assert known == {"again", "second"}
    first.deploy()
    assert [number for number, _ in promotions_of(champion.home)] == [1]


def test_a_damaged_candidate_is_not_registered(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    latest = (champion.home / "store" / "registered" / "card-default").read_text()
    walk = Walk(quick(), champion.data, "second")
    assert walk.to_gate()
    for spec in Path(str(walk.entry("models")["uri"])).rglob("spec.json"):
        flip(spec)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        walk.register()
    assert "spec.json: expected sha256" in capsys.readouterr().err
    assert len(list((champion.home / "store" / "card-default" / "releases").iterdir())) == 1
    assert (champion.home / "store" / "registered" / "card-default").read_text() == latest

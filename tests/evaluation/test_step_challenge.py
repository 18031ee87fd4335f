"""The challenge step: what it compares, what it cannot, and what the audit says of it."""

import json
from dataclasses import replace
from shutil import copytree

import numpy as np
import pytest

from components.contracts.policy import Challenge, Gate, Rule
from components.storage.registry import release_key
from components.storage.steps import take
from tests.evaluation.installing import SCENARIO, Place
from tests.making import Models


def test_the_first_release_needs_no_challenge(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    release = place.released("xgboost")
    assert place.challenge()
    found = place.report()
    assert (found.won, found.why, found.champion) == (True, "no other champion to beat", None)
    assert place.record("challenge")["facts"] == {
        "passed": True, "why": "no other champion to beat", "release": release, "champion": 0,
        "comparable": True, "compared": False, "stands": False,
        "entry": take(place.paper("challenge")).key,
    }  # fmt: skip
    said = f"[notify] no challenge needed small-loans run: release {release[:12]}: no other ch"
    assert said in capsys.readouterr().out


def test_the_champion_itself_and_the_same_model_pass_without_a_comparison(place: Place) -> None:
    champion = place.released("xgboost")
    place.promote(champion)
    assert place.challenge(champion[:12])
    assert place.report().why == "no other champion to beat"
    facts = place.facts("challenge")
    assert (facts["why"], facts["stands"]) == ("it is the champion already", True)
    assert "No comparison was needed" in place.page()
    # Another gold table, so another snapshot; the bundle is the same.
    other = place.released("xgboost", name="later")
    assert other != champion
    assert place.challenge()
    assert place.report().why == "same model, another snapshot"
    facts = place.facts("challenge")
    assert (facts["compared"], facts["stands"]) == (False, False)


def test_a_challenger_is_compared_on_its_frozen_rows_and_the_audit_says_how_it_went(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    champion = place.released("scorecard")
    place.promote(champion)
    challenger = place.released("xgboost")
    won = place.challenge()
    found = place.report()
    assert found.decision is not None
    assert (found.won, found.left_out) == (won, 0)
    assert (found.challenger.family, found.challenger.bundle) == (
        "xgboost", place.models.of("xgboost").bundle,
    )  # fmt: skip
    assert found.champion is not None
    assert found.champion.bundle == place.models.of("scorecard").bundle
    assert found.decision.profit is not None
    audit = place.database.evaluations("small-loans")[-1]
    assert audit["decision"] == {
        "kind": "challenge", "release": challenger, "champion": 1, "passed": won,
        "why": found.why, "comparable": True, "compared": True,
        "entry": take(place.paper("challenge")).key,
    }  # fmt: skip
    word = "won" if won else "lost"
    assert f"[notify] challenge {word} small-loans" in capsys.readouterr().out

    rows = len(place.database.evaluations("small-loans"))
    assert place.challenge(challenger, run="again") == won
    assert place.record("challenge", "again")["reused"] is True
    # Each run's verdict is recorded: the latest one counts.
    *_, last = place.database.evaluations("small-loans")
    assert len(place.database.evaluations("small-loans")) == rows + 1
    assert last["decision"] == audit["decision"]
    assert "[notify] challenge" not in capsys.readouterr().out


def test_another_rule_is_another_decision_and_is_recorded_too(place: Place) -> None:
    place.promote(place.released("scorecard"))
    place.released("xgboost")
    place.challenge()
    gate = Gate(rules=(Rule(metric="auc", floor=0.6),), challenge=Challenge(level=0.4999))
    place.challenge(declared=SCENARIO.model_copy(update={"gate": gate}), run="loose")
    kinds = [row["decision"] for row in place.database.evaluations("small-loans")]
    challenges = [k for k in kinds if isinstance(k, dict) and k.get("kind") == "challenge"]
    assert len({c["entry"] for c in challenges}) == len(challenges) == 2


def test_rows_that_the_champion_was_fitted_on_are_left_out_where_its_table_is_another(
    place: Place, models: Models
) -> None:
    # In the champion's table a third of today's test rows were train rows.
    split = models.data.split.copy()
    split[np.flatnonzero(split == "test")[:20]] = "train"
    place.models = replace(models, data=replace(models.data, split=split))
    place.promote(place.released("scorecard", name="earlier"))
    place.models = models
    place.released("xgboost")
    place.challenge()
    assert place.report().left_out == 20


def test_where_the_champions_table_is_gone_that_is_said(place: Place) -> None:
    place.promote(place.released("scorecard", name="earlier"))
    place.released("xgboost")
    (place.home / "store" / "small-loans" / "gold" / "earlier" / "_entry.json").unlink()
    place.challenge()
    assert place.report().left_out is None


@pytest.mark.parametrize("what", ["models", "evaluation", "gold"])
def test_a_challenger_whose_making_is_gone_is_named(
    place: Place, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place.promote(place.released("scorecard", name="earlier"))
    release = place.released("xgboost")
    key = take(place.paper(what)).key
    (place.home / "store" / key / "_entry.json").unlink()
    with pytest.raises(SystemExit):
        place.challenge()
    said = f"challenge: expected the {what} of release {release[:12]} at {key} in "
    assert said in capsys.readouterr().err


def forget(place: Place, release: str, *facts: str, **others: object) -> None:
    """Change the facts of a release, as an earlier version would have left them."""
    path = place.home / "store" / release_key("small-loans", release) / "_entry.json"
    entry = json.loads(path.read_text())
    kept = {k: v for k, v in entry["facts"].items() if k not in facts}
    path.write_text(json.dumps({**entry, "facts": {**kept, **others}}))


def assert_not_comparable(place: Place, release: str, said: str) -> None:
    """The challenge is not won, for this reason, and the audit says so."""
    assert not place.challenge()
    found = place.report()
    assert (found.won, found.comparable, found.champion, found.decision) == (
        False, False, None, None,
    )  # fmt: skip
    assert found.why.startswith("the champion cannot be compared: ")
    assert said in found.why
    audit = place.database.evaluations("small-loans")[-1]
    assert audit["passed"] == 0
    assert audit["decision"] == {
        "kind": "challenge", "release": release, "champion": 1, "passed": False,
        "comparable": False, "compared": False, "why": found.why,
        "entry": take(place.paper("challenge")).key,
    }  # fmt: skip


@pytest.mark.parametrize("fact", ["evaluated", "gold", "folder"])
def test_a_champion_of_an_earlier_version_cannot_be_compared(place: Place, fact: str) -> None:
    champion = place.released("scorecard", name="earlier")
    place.promote(champion)
    release = place.released("xgboost")
    forget(place, champion, fact)
    assert_not_comparable(place, release, f"release {champion[:12]} to say its {fact}, found")


def test_a_champion_that_is_gone_cannot_be_compared_until_it_is_back(place: Place) -> None:
    champion = place.released("scorecard", name="earlier")
    place.promote(champion)
    release = place.released("xgboost")
    path = place.home / "store" / release_key("small-loans", champion) / "_entry.json"
    text = path.read_text()
    path.unlink()
    assert_not_comparable(place, release, f"expected release {champion[:12]} in ")
    path.write_text(text)
    place.challenge(run="again")
    assert place.report().decision is not None


def test_a_refitted_champion_whose_models_are_gone_cannot_be_compared(place: Place) -> None:
    champion = place.released("scorecard", name="earlier")
    place.promote(champion)
    key = take(place.paper("models")).key
    release = place.released("xgboost")
    forget(place, champion, bundle="refitted")
    (place.home / "store" / key / "_entry.json").unlink()
    assert_not_comparable(place, release, f"models of release {champion[:12]} at {key} in ")


def test_a_champion_that_was_released_as_judged_is_scored_from_its_release(place: Place) -> None:
    place.prepare("scorecard", "earlier")
    place.evaluate()
    champion = place.register()
    place.promote(champion)
    key = take(place.paper("models")).key
    folder = place.home / "store" / release_key("small-loans", champion)
    judged = place.models.of("scorecard")
    copytree(place.models.folder / judged.folder, folder / "bundle")
    forget(place, champion, bundle=judged.bundle)
    place.released("xgboost")
    (place.home / "store" / key / "_entry.json").unlink()
    place.challenge()
    found = place.report()
    assert found.comparable
    assert found.decision is not None


def test_the_same_model_fitted_on_other_rows_is_not_compared(place: Place) -> None:
    champion = place.released("xgboost", name="earlier")
    place.promote(champion)
    place.released("xgboost")
    forget(place, champion, bundle="refitted")
    assert place.challenge()
    assert place.report().why == "same model, fitted on other rows"


def test_a_challenge_without_a_release_says_what_to_do(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        place.challenge()
    assert "small-loans: expected a registered release in " in capsys.readouterr().err

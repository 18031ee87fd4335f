"""A release at work: rows and entities of one scenario, and what the cut-off makes of them."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from components.contracts.errors import BundleError, InstanceError, VintageError
from components.scoring.release import RELEASE, Release
from components.scoring.scorer import Scorer
from tests.making import FAMILIES, Models, plain_rows


@pytest.fixture
def scorer(models: Models, tmp_path: Path) -> Scorer:
    """The boosted trees at work."""
    return Scorer(models.release("xgboost", tmp_path))


@pytest.mark.parametrize("family", FAMILIES)
def test_an_entity_scores_as_its_row_does(models: Models, tmp_path: Path, family: str) -> None:
    scorer = Scorer(models.release(family, tmp_path))
    rows = plain_rows(models.data.inputs[:40])
    assert scorer.score([scorer.entity(str(n)) for n in range(40)]) == scorer.score(rows)


def test_an_entity_comes_with_the_inputs_of_the_bundle_and_no_others(scorer: Scorer) -> None:
    assert list(scorer.entity("3")) == ["INCOME", "VISITS", "REGION", "AMOUNT"]


@pytest.mark.parametrize("entity", ["40", "", "x" * 200])
def test_an_unknown_entity_is_refused_by_its_id(scorer: Scorer, entity: str) -> None:
    with pytest.raises(
        VintageError,
        match=r"small-loans: expected an id among the snapshot's 40 entities \(such as (\d+)\), "
        f"found '{entity}'",
    ) as raised:
        scorer.entity(entity)
    example = re.search(r"such as (\d+)", str(raised.value))
    assert example is not None
    assert scorer.entity(example[1])


def test_a_pd_strictly_below_the_cut_off_is_approved(models: Models, tmp_path: Path) -> None:
    rows = plain_rows(models.data.inputs[:40])
    pds = [a.pd for a in Scorer(models.release("xgboost", tmp_path / "one")).score(rows)]
    at = sorted(pds)[20]
    scorer = Scorer(models.release("xgboost", tmp_path / "two", at))
    answers = scorer.score(rows)
    assert [answer.pd for answer in answers] == pds
    assert [a.decision for a in answers] == ["approve" if pd < at else "decline" for pd in pds]
    assert {"approve", "decline"} == {a.decision for a in answers}
    assert {a.release for a in answers} == {scorer.release.id}


@pytest.mark.parametrize(("below", "decision"), [(0.0, "decline"), (1.0, "approve")])
def test_a_cut_off_at_either_end_decides_all(
    models: Models, tmp_path: Path, below: float, decision: str
) -> None:
    scorer = Scorer(models.release("logistic", tmp_path, below))
    answers = scorer.score(plain_rows(models.data.inputs[:40]))
    assert {a.decision for a in answers} == {decision}


def test_no_rows_get_no_answers(scorer: Scorer) -> None:
    assert scorer.score([]) == []


def test_a_wrong_row_gets_every_fault_and_no_answer(scorer: Scorer) -> None:
    with pytest.raises(InstanceError) as refused:
        scorer.score([{"VISITS": 1, "AMOUNT": 1}, {"VISITS": 99, "AMOUNT": "1"}])
    assert len(refused.value.faults) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scenario": "card-default"}, "expected a bundle of card-default, found one of small-loa"),
        ({"bundle": "0" * 64}, "expected id 000000000000, found"),
        ({"snapshot": "0" * 64}, "expected sha256 000000000000, found"),
    ],
)
def test_a_release_of_other_parts_than_it_names_is_refused(
    models: Models, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    folder = models.release("xgboost", tmp_path)
    (folder / RELEASE).write_text(replace(Release.read(folder), **change).to_json())
    with pytest.raises(BundleError, match=message):
        Scorer(folder)


def test_a_release_under_another_id_is_refused(models: Models, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected id 000000000000, found"):
        Scorer(models.release("xgboost", tmp_path), "0" * 64)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "expected release.json, found none"),
        ("", "is no release"),
        ("[]", "is no release"),
        ("{}", "is no release"),
        ('{"format": 2, "id": ""}', "expected format 1, found 2"),
        ('{"format": 1, "id": ""}', "is no release"),
    ],
)
def test_a_spoiled_release_is_refused(
    models: Models, tmp_path: Path, text: str | None, message: str
) -> None:
    folder = models.release("logistic", tmp_path)
    if text is None:
        (folder / RELEASE).unlink()
    else:
        (folder / RELEASE).write_text(text)
    with pytest.raises(BundleError, match=message):
        Scorer(folder)


def test_a_release_whose_cut_off_was_changed_by_hand_is_refused(
    models: Models, tmp_path: Path
) -> None:
    folder = models.release("logistic", tmp_path)
    text = (folder / RELEASE).read_text()
    (folder / RELEASE).write_text(text.replace('"approve_below": 0.3', '"approve_below": 0.9'))
    with pytest.raises(BundleError, match="expected id"):
        Scorer(folder)

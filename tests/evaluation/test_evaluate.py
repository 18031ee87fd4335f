"""Every candidate on the test rows of a gold table, and nobody on any other row."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from components.contracts.errors import BundleError
from components.contracts.results import Candidates, Evaluation
from components.evaluation import evaluate as room
from tests.making import FAMILIES, Models, copy_of, scenario, write_gold


@pytest.fixture(scope="module")
def gold(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gold table that the bundles were trained on."""
    return write_gold(tmp_path_factory.mktemp("table") / "gold", models.data)


@pytest.fixture(scope="module")
def found(models: Models, gold: Path) -> Evaluation:
    """The evaluation of both families."""
    rows = room.read_test_rows(gold)
    return room.evaluate(rows, models.folder, models.candidates, scenario().evaluate())


def test_only_test_rows_are_read_and_the_target_is_of_all(models: Models, gold: Path) -> None:
    rows = room.read_test_rows(gold)
    sides = {name: models.data.rows(name) for name in ("train", "validation", "test")}
    assert np.array_equal(rows.label, models.data.label[sides["test"]])
    assert len(rows.columns["INCOME"]) == sides["test"].sum() == 120
    assert rows.target == {
        name: (side.sum(), models.data.label[side].sum()) for name, side in sides.items()
    }
    assert list(rows.target) == ["train", "validation", "test"]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_candidate_is_judged_by_its_own_bundle(
    models: Models, found: Evaluation, family: str
) -> None:
    (figures,) = [f for f in found.figures if f.family == family]
    test = models.data.rows("test")
    pd = models.bundle(family).score(models.data.inputs[test]).pd
    label = models.data.label[test]
    assert figures.bundle == models.of(family).bundle
    assert figures.metrics["auc"] == figures.auc.value == roc_auc_score(label, pd)
    assert figures.thresholds["0.5"]["accuracy"] == ((pd >= 0.5) == label).mean()
    assert np.sum(figures.confusion) == found.rows == len(label)
    assert found.bad == label.sum()


def test_the_chosen_candidate_is_shown_in_detail(models: Models, found: Evaluation) -> None:
    assert found.chosen == models.candidates.chosen == found.of_chosen().family
    names = [name for name, _ in found.curves.importance]
    assert sorted(names) == ["AMOUNT", "INCOME", "REGION", "VISITS"]
    assert names[0] == "AMOUNT"
    assert sum(found.curves.scores_good) + sum(found.curves.scores_bad) == found.rows
    assert sum(group["rows"] for group in found.protected["AGE"].values()) == found.rows


def test_an_evaluation_is_the_same_again_and_comes_back_from_its_text(
    models: Models, gold: Path, found: Evaluation
) -> None:
    rows = room.read_test_rows(gold)
    again = room.evaluate(rows, models.folder, models.candidates, scenario().evaluate())
    assert again == found == Evaluation.model_validate_json(found.model_dump_json())


def test_figures_are_at_every_cut_off_that_the_slice_names(models: Models, gold: Path) -> None:
    spec = scenario().evaluate().model_copy(update={"cutoffs": (0.0, 0.25, 0.5)})
    figures = room.evaluate(
        room.read_test_rows(gold), models.folder, models.candidates, spec
    ).of_chosen()
    assert list(figures.thresholds) == ["0", "0.25", "0.5"]
    assert figures.thresholds["0"]["recall"] == 1.0


def test_a_bundle_that_changed_since_training_is_not_evaluated(models: Models, gold: Path) -> None:
    with copy_of(models.folder) as folder:
        card = folder / "logistic" / "card.json"
        card.write_text(card.read_text() + " ")
        rows = room.read_test_rows(gold)
        with pytest.raises(BundleError, match=r"card\.json: expected sha256"):
            room.evaluate(rows, folder, models.candidates, scenario().evaluate())


def test_candidates_come_back_from_their_text(models: Models) -> None:
    text = models.candidates.model_dump_json(indent=1)
    assert Candidates.model_validate_json(text) == models.candidates

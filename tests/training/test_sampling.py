"""Large tables: a search over some of the rows, and what is fitted on all of them after it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.contracts.families import (
    Between,
    Choice,
    Family,
    LogisticFamily,
    Search,
    Training,
)
from components.contracts.scenario import TrainSpec
from components.scoring.bundle import CARD, Bundle
from components.training import fit, models
from components.training.fit import train
from tests.making import FOREST, TREE, data, silent, train_spec

GIVEN = LogisticFamily(search={"inverse_penalty": Between(low=0.01, high=1)})


def sampled(*chosen: Family, rows: int | None, refit: bool = False) -> TrainSpec:
    """The train slice of a search over some of the rows."""
    search = Search(trials=3, folds=3, rows=rows)
    return train_spec(training=Training(families=chosen, search=search, refit=refit))


def test_a_search_sees_the_rows_drawn_and_the_fits_after_it_see_all(tmp_path: Path) -> None:
    made = data(3_000)
    seen: list[int] = []
    cut = fit.cut

    def spy(label: Any, *given: Any, **more: Any) -> Any:
        seen.append(len(label))
        return cut(label, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "cut", spy)
        some = train(made, sampled(GIVEN, rows=1_000, refit=True), tmp_path / "some", silent)
        whole = train(made, sampled(GIVEN, rows=None, refit=True), tmp_path / "whole", silent)
    assert seen == [1_000, 1_800]
    (one,), (other,) = some.candidates, whole.candidates
    assert one.trials[0].folds != other.trials[0].folds
    for folder, rows in ((one.folder, 2_400), (one.released_folder, 3_000)):
        card = json.loads((tmp_path / "some" / folder / CARD).read_text())
        assert card["rows"] == rows
        assert card["search"]["rows"] == 1_000
        assert Bundle.load(tmp_path / "some" / folder).reference().rows == rows
    # The same parameters on the same rows: the weights are the same, whatever was searched on.
    again = LogisticFamily(inverse_penalty=one.parameters["inverse_penalty"], search={})
    train(made, sampled(again, rows=1_000), tmp_path / "again", silent)
    train(made, sampled(again, rows=None), tmp_path / "plain", silent)
    models = [
        Bundle.load(tmp_path / name / "logistic").spec.model for name in ("some", "again", "plain")
    ]
    assert models[0] == models[1] == models[2]


def test_rows_that_no_search_saw_and_every_model_did_have_no_say_in_calibration(
    tmp_path: Path,
) -> None:
    made = data(6_000)
    spec = sampled(TREE.at({"max_depth": 12, "least_share": 0.0005}), rows=1_000)
    fitted: list[int] = []
    fit_one = fit.calibrate.fit

    def spy(kind: str, margin: Any, label: Any) -> Any:
        assert np.isfinite(margin).all()
        fitted.append(len(margin))
        return fit_one(kind, margin, label)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit.calibrate, "fit", spy)
        train(made, spec, tmp_path, silent)
    assert fitted[-1] == 1_000 + 1_200  # those of the search, and those of the validation
    # An overgrown tree is sure of the rows it saw; its PDs are right for others all the same.
    test = made.rows("test")
    pd = Bundle.load(tmp_path / "tree").score(made.inputs[test]).pd
    sure = pd >= np.quantile(pd, 0.9)
    assert pd[sure].mean() == pytest.approx(made.label[test][sure].mean(), abs=0.07)


def test_a_search_may_compare_weights_with_rows_made_up(tmp_path: Path) -> None:
    family = LogisticFamily(
        imbalance="class-weights",
        method="grid",
        search={"imbalance": Choice(values=("class-weights", "smote"))},
    )
    search = Search(trials=2, folds=3)
    spec = train_spec(training=Training(families=(family,), search=search))
    (found,) = train(data(900), spec, tmp_path, silent).candidates
    assert {trial.parameters["imbalance"] for trial in found.trials} == {"class-weights", "smote"}
    assert found.parameters["imbalance"] in {"class-weights", "smote"}
    assert Bundle.load(tmp_path / "logistic").verify()


def test_a_tree_of_a_forest_sees_a_bounded_draw_of_many_rows(tmp_path: Path) -> None:
    made = data(3_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "_TREE_ROWS", 200)
        (few,) = train(made, train_spec(FOREST), tmp_path / "few", silent).candidates
    (all_of_them,) = train(made, train_spec(FOREST), tmp_path / "all", silent).candidates
    for name, drawn in (("few", 200), ("all", None)):
        assert json.loads((tmp_path / name / "forest" / CARD).read_text())["tree_rows"] == drawn
    assert few.bundle != all_of_them.bundle
    assert few.validation_auc == pytest.approx(all_of_them.validation_auc, abs=0.03)

"""Every candidate on the test rows of a gold table, and nobody on any other row."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from components.contracts.errors import BundleError, VintageError
from components.contracts.policy import ApprovalLimit, Economics, Policy
from components.contracts.results import Candidates, Evaluation
from components.contracts.scenario import EvaluateSpec
from components.evaluation import evaluate as room
from components.evaluation.bootstrap import Scores
from components.evaluation.frozen import FROZEN, check_frozen, write_frozen
from components.scoring.bundle import Bundle
from components.scoring.reference import psi
from tests.making import Models, copy_of, scenario, write_gold

FAMILIES = ("scorecard", "logistic", "xgboost")
LOAN = Economics(lgd=0.6, margin=0.5, ead=100)


def spec(**changes: object) -> EvaluateSpec:
    """The slice of the evaluate task."""
    given = scenario(segments=("REGION", "VISITS")).evaluate()
    return given.model_copy(update=changes)


@pytest.fixture(scope="module")
def gold(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gold table that the bundles were trained on."""
    return write_gold(tmp_path_factory.mktemp("table") / "gold", models.data)


@pytest.fixture(scope="module")
def rows(gold: Path) -> room.TestRows:
    """Its test rows."""
    return room.read_test_rows(gold)


@pytest.fixture(scope="module")
def both(models: Models, rows: room.TestRows) -> tuple[Evaluation, Scores]:
    """The evaluation of every family, and the chosen one's PDs."""
    policy = Policy(cutoff=ApprovalLimit(share=0.4), economics=LOAN)
    return room.evaluate(rows, models.folder, models.candidates, spec(policy=policy))


@pytest.fixture(scope="module")
def found(both: tuple[Evaluation, Scores]) -> Evaluation:
    """The evaluation alone."""
    return both[0]


def test_only_test_rows_are_read_and_the_target_is_of_all(
    models: Models, rows: room.TestRows
) -> None:
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
    bundle = models.bundle(family)
    pd = bundle.score(models.data.inputs[test]).pd
    label = models.data.label[test]
    reference = bundle.reference()
    assert figures.bundle == models.of(family).bundle
    assert figures.metrics["auc"] == figures.intervals["auc"].value == roc_auc_score(label, pd)
    assert figures.metrics["psi"] == psi(reference.score.expected, reference.score.shares(pd))
    assert figures.thresholds["0.5"]["accuracy"] == ((pd >= 0.5) == label).mean()
    assert np.sum(figures.confusion) == found.rows == len(label)
    assert found.bad == label.sum()
    below = figures.cutoff.approve_below
    assert below in reference.percentiles
    assert figures.at_policy["approved"] == (pd < below).mean()
    assert figures.at_policy["accuracy"] == ((pd >= below) == label).mean()
    assert np.sum(figures.confusion_at_policy, axis=1)[1] == label.sum()


def test_every_ranking_figure_has_an_interval_around_it(found: Evaluation) -> None:
    for figures in found.figures:
        assert set(figures.metrics) - set(figures.intervals) == {
            "approval_ratio", "equal_opportunity", "ece", "psi",
        }  # fmt: skip
        for name, interval in figures.intervals.items():
            assert interval.low <= interval.value == figures.metrics[name] <= interval.high


def test_the_chosen_candidate_is_shown_in_detail(models: Models, found: Evaluation) -> None:
    assert found.chosen == models.candidates.chosen == found.of_chosen().family
    names = [name for name, _ in found.curves.importance]
    assert sorted(names) == ["AMOUNT", "INCOME", "REGION", "VISITS"]
    assert names[0] == "AMOUNT"
    assert sum(found.curves.scores_good) + sum(found.curves.scores_bad) == found.rows
    (age,) = found.fairness
    assert sum(group.rows for group in age.groups) == found.rows
    # Fifths of 120 rows are too few to compare.
    assert not any(group.in_ratio for group in age.groups)
    assert np.isnan([age.approval_ratio, found.of_chosen().metrics["approval_ratio"]]).all()
    assert {one.name for one in found.stability.features} == {f.name for f in models.spec.features}
    assert found.stability.score.psi == found.of_chosen().metrics["psi"]
    assert sum(found.stability.found) == pytest.approx(1.0)


def test_segments_are_of_every_declared_column(found: Evaluation) -> None:
    assert [s.value for s in found.segments if s.column == "REGION"] == [
        "7", "(missing)", "north", "south",
    ]  # fmt: skip
    for column in ("REGION", "VISITS"):
        assert sum(s.rows for s in found.segments if s.column == column) == found.rows


def test_the_profit_curve_marks_the_policy_and_the_best(found: Evaluation) -> None:
    profit = found.curves.profit
    assert profit is not None
    assert profit.chosen[0] == found.of_chosen().cutoff.approve_below
    assert profit.chosen[1] <= profit.best[1] == max(value for _, value in profit.curve)


def test_top_reasons_are_those_of_the_declined_rows(
    models: Models, rows: room.TestRows, both: tuple[Evaluation, Scores]
) -> None:
    found, pd = both
    bundle = models.bundle(found.chosen)
    declined = bundle.columns(rows.columns)[pd >= found.of_chosen().cutoff.approve_below]
    tops = [worst[0].code for worst in bundle.reasons(bundle.features(declined)) if worst]
    assert found.reasons.rows == len(declined)
    assert {s.code: s.share for s in found.reasons.shares} == {
        code: tops.count(code) / len(declined) for code in set(tops)
    }
    shares = [s.share for s in found.reasons.shares]
    assert shares == sorted(shares, reverse=True)


def test_where_nobody_is_declined_there_are_no_reasons(models: Models, rows: room.TestRows) -> None:
    policy = Policy(cutoff=ApprovalLimit(share=1))
    found, _ = room.evaluate(rows, models.folder, models.candidates, spec(policy=policy))
    assert (found.reasons.rows, found.reasons.shares) == (0, ())
    assert found.of_chosen().at_policy["approved"] == 1.0
    assert found.curves.profit is None


def test_an_evaluation_is_the_same_again_and_comes_back_from_its_text(
    models: Models, rows: room.TestRows
) -> None:
    first, pd = room.evaluate(rows, models.folder, models.candidates, spec())
    again, same = room.evaluate(rows, models.folder, models.candidates, spec())
    text = first.model_dump_json()  # not equal to itself where it holds a NaN
    assert again.model_dump_json() == text
    assert Evaluation.model_validate_json(text).model_dump_json() == text
    assert np.array_equal(pd, same)


def test_figures_are_at_every_cut_off_that_the_slice_names(
    models: Models, rows: room.TestRows
) -> None:
    found, _ = room.evaluate(rows, models.folder, models.candidates, spec(cutoffs=(0.0, 0.25, 0.5)))
    thresholds = found.of_chosen().thresholds
    assert list(thresholds) == ["0.0", "0.25", "0.5"]
    assert thresholds["0.0"]["recall"] == 1.0


def test_a_bundle_that_changed_since_training_is_not_evaluated(
    models: Models, rows: room.TestRows
) -> None:
    with copy_of(models.folder) as folder:
        card = folder / models.of("logistic").folder / "card.json"
        card.write_text(card.read_text() + " ")
        with pytest.raises(BundleError, match=r"card\.json: expected sha256"):
            room.evaluate(rows, folder, models.candidates, spec())


def test_a_bundle_that_scores_no_number_is_named(
    models: Models, rows: room.TestRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = models.bundle("logistic")
    right = bundle.score(bundle.columns(rows.columns))
    right.pd[:3] = np.nan
    monkeypatch.setattr(Bundle, "score", lambda *_: right)
    with pytest.raises(BundleError, match="expected a PD for each of 120 test rows, found 3 that"):
        room.score_rows(bundle, rows.columns)


def test_candidates_come_back_from_their_text(models: Models) -> None:
    text = models.candidates.model_dump_json(indent=1)
    assert Candidates.model_validate_json(text) == models.candidates


def test_frozen_rows_are_the_test_rows_with_their_labels_and_pds(
    rows: room.TestRows, both: tuple[Evaluation, Scores], tmp_path: Path
) -> None:
    pd = both[1]
    write_frozen(tmp_path / FROZEN, rows, pd, "ID")
    table = pq.read_table(tmp_path / FROZEN)
    assert table.column_names == ["ID", "_label", "_pd"]
    assert table["ID"].to_pylist() == list(rows.columns["ID"])
    assert np.array_equal(table["_label"].to_numpy(), rows.label)
    assert np.array_equal(table["_pd"].to_numpy(), pd)
    check_frozen(tmp_path / FROZEN, rows, pd, "ID", "abc")


@pytest.mark.parametrize("what", ["pd", "label", "key"])
def test_frozen_rows_that_are_other_than_evaluated_are_refused(
    rows: room.TestRows, both: tuple[Evaluation, Scores], tmp_path: Path, what: str
) -> None:
    pd = both[1]
    write_frozen(tmp_path / FROZEN, rows, pd, "ID")
    other, label, columns = pd.copy(), rows.label.copy(), dict(rows.columns)
    if what == "pd":
        other[0] = np.nextafter(other[0], 1)
    elif what == "label":
        label[0] = 1 - label[0]
    else:
        columns["ID"] = columns["ID"][::-1]
    changed = room.TestRows(columns, label, rows.target)
    with pytest.raises(VintageError, match="expected bundle abc to score the test rows as in its"):
        check_frozen(tmp_path / FROZEN, changed, other, "ID", "abc")


def test_a_column_that_the_table_lacks_is_named(models: Models, rows: room.TestRows) -> None:
    declared = spec(segments=("REGION", "TOWN"))
    with pytest.raises(VintageError, match="expected column TOWN among the test rows, found INC"):
        room.evaluate(rows, models.folder, models.candidates, declared)


def test_the_cut_off_is_chosen_by_the_pds_of_the_bundle_to_be_released(
    models: Models, rows: room.TestRows
) -> None:
    # The scorecard's bundle stands in for another one of logistic, to be released.
    other, own = models.of("scorecard"), models.of("logistic")
    given = own.model_copy(update={"released": other.bundle, "released_folder": other.folder})
    only = models.candidates.model_copy(update={"candidates": (given,), "chosen": "logistic"})
    policy = Policy(cutoff=ApprovalLimit(share=0.4))
    found, pd = room.evaluate(rows, models.folder, only, spec(policy=policy))
    cutoff = found.of_chosen().cutoff
    assert cutoff.approve_below == models.bundle("scorecard").reference().percentiles[40]
    assert cutoff.approval_share == pytest.approx(0.4, abs=0.011)
    below = np.array(models.bundle("logistic").reference().percentiles) < cutoff.approve_below
    assert cutoff.judged_share == pytest.approx(below.mean(), abs=0.011)
    assert cutoff.judged_share != cutoff.approval_share
    assert found.of_chosen().at_policy["approved"] == (pd < cutoff.approve_below).mean()

"""Two bundles on the frozen rows: only rows that neither was fitted on, and only if both can."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from components.contracts.errors import VintageError
from components.contracts.policy import Challenge, Economics, Gate, Rule
from components.contracts.results import ChallengeReport
from components.contracts.scenario import ChallengeSpec
from components.evaluation.compare import Frozen, compare, developed_keys, walkover
from components.evaluation.evaluate import read_test_rows, score_rows
from components.evaluation.frozen import FROZEN, write_frozen
from components.evaluation.terms import NotComparableError
from components.scoring.bundle import Bundle
from components.training.fit import train
from components.training.matrix import RowFeatures, row_features, scoring_inputs
from tests.making import FEATURES, XGBOOST, Models, scenario, silent, train_spec, write_gold


@pytest.fixture
def frozen(models: Models, tmp_path: Path) -> Frozen:
    """XGBoost challenges the scorecard; the champion was fitted on the same table."""
    gold = write_gold(tmp_path / "gold", models.data)
    rows = read_test_rows(gold)
    pd = score_rows(models.bundle("xgboost"), rows.columns)
    write_frozen(tmp_path / FROZEN, rows, pd, "ID")
    folders = {name: models.folder / models.of(name).folder for name in ("xgboost", "scorecard")}
    return Frozen(gold, tmp_path, folders["xgboost"], folders["scorecard"], frozenset())


def spec(**changes: object) -> ChallengeSpec:
    """The slice of the challenge task."""
    rules = (Rule(metric="auc", floor=0.5),)
    given = scenario(gate=Gate(rules=rules, challenge=Challenge(level=0.025, resamples=200)))
    return given.challenge().model_copy(update=changes)


def opened(models: Models) -> ChallengeReport:
    """The report before anything was compared."""
    facts = [
        {"family": name, "evaluated": models.of(name).bundle, "approve_below": below}
        for name, below in (("xgboost", 0.3), ("scorecard", 0.25))
    ]
    return walkover("small-loans", "", facts)


def test_both_models_are_measured_on_the_frozen_rows(models: Models, frozen: Frozen) -> None:
    rows = read_test_rows(frozen.gold)
    economics = Economics(lgd=0.6, margin=0.5, ead=10)
    found = compare(opened(models), spec(segments=("REGION",), economics=economics), frozen)
    decision = found.decision
    assert decision is not None
    assert (decision.rows, found.left_out) == (120, 0)
    assert (found.won, found.why) == (decision.won, decision.why)
    for name, value in (
        ("xgboost", decision.auc.challenger),
        ("scorecard", decision.auc.champion),
    ):
        pd = score_rows(models.bundle(name), rows.columns)
        assert value == pytest.approx(roc_auc_score(rows.label, pd))
    assert [s.value for s in decision.segments] == ["7", "(missing)", "north", "south"]
    assert decision.profit is not None


def test_rows_that_the_champion_was_fitted_on_are_left_out(models: Models, frozen: Frozen) -> None:
    keys = read_test_rows(frozen.gold).columns["ID"]
    found = compare(
        opened(models), spec(), replace(frozen, seen=frozenset([*keys[:15], "somebody else"]))
    )
    assert found.left_out == 15
    assert found.decision is not None
    assert found.decision.rows == 105


def test_it_is_said_where_it_cannot_be_known_what_the_champion_was_fitted_on(
    models: Models, frozen: Frozen
) -> None:
    found = compare(opened(models), spec(), replace(frozen, seen=None))
    assert found.left_out is None
    assert found.decision is not None
    assert found.decision.rows == 120


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (99, "expected at least 100 frozen rows of both classes that the champion was not fitted "
         "on, found 99 of 120"),
        (0, "found 0 of 120, 0 of them bad"),
    ],
)  # fmt: skip
def test_too_few_rows_decide_nothing(models: Models, frozen: Frozen, kept: int, said: str) -> None:
    keys = read_test_rows(frozen.gold).columns["ID"]
    seen = frozenset(keys[: len(keys) - kept])
    with pytest.raises(NotComparableError, match=said):
        compare(opened(models), spec(), replace(frozen, seen=seen))


def test_rows_of_one_class_decide_nothing(models: Models, frozen: Frozen) -> None:
    bad = replace(models.data, label=np.ones_like(models.data.label))
    gold = write_gold(frozen.evaluation / "all-bad", bad)
    rows = read_test_rows(gold)
    pd = score_rows(models.bundle("xgboost"), rows.columns)
    write_frozen(frozen.evaluation / FROZEN, rows, pd, "ID")
    with pytest.raises(NotComparableError, match="found 120 of 120, 120 of them bad"):
        compare(opened(models), spec(), replace(frozen, gold=gold))


def test_a_champion_that_asks_for_a_column_that_is_gone_is_named_with_it(
    models: Models, frozen: Frozen, tmp_path: Path
) -> None:
    # The challenger does without the income, so its table has none; the champion needs it.
    features = tuple(f for f in FEATURES if "INCOME" not in f.columns())
    learned = train_spec(XGBOOST, features=features)
    inputs = models.data.inputs[:, [c.name != "INCOME" for c in models.spec.inputs]]
    compute = RowFeatures(scoring_inputs(learned.inputs), row_features(features))
    data = replace(models.data, inputs=inputs, features=compute(inputs))
    poorer = train(data, learned, tmp_path / "poorer", silent).of_chosen()
    (file,) = frozen.gold.iterdir()
    pq.write_table(pq.read_table(file).drop_columns(["INCOME"]), file)
    rows = read_test_rows(frozen.gold)
    folder = tmp_path / "poorer" / poorer.folder
    pd = score_rows(Bundle.load(folder), rows.columns)
    write_frozen(frozen.evaluation / FROZEN, rows, pd, "ID")
    report = opened(models)
    challenger = report.challenger.model_copy(update={"bundle": poorer.bundle})
    identity = models.of("scorecard").bundle[:12]
    with pytest.raises(
        NotComparableError,
        match=rf"challenge: expected the champion's bundle {identity} to score the frozen rows, "
        r"found that it cannot: columns: expected \['INCOME'\], found ",
    ):
        compare(
            report.model_copy(update={"challenger": challenger}),
            spec(),
            replace(frozen, challenger=folder),
        )


def test_the_keys_of_a_table_are_those_of_its_train_and_validation_rows(
    models: Models, frozen: Frozen
) -> None:
    found = developed_keys(frozen.gold, "ID")
    developed = np.flatnonzero(models.data.rows("train", "validation"))
    assert found == {str(number) for number in developed}


def test_a_walkover_is_won_and_says_why(models: Models) -> None:
    facts = {"family": "xgboost", "evaluated": models.of("xgboost").bundle, "approve_below": 0.3}
    found = walkover("small-loans", "first", [facts])
    assert (found.won, found.why, found.champion, found.decision) == (True, "first", None, None)
    assert found.challenger.approve_below == 0.3


def test_a_segment_that_the_table_lacks_is_named(models: Models, frozen: Frozen) -> None:
    with pytest.raises(VintageError, match="expected column TOWN among the test rows") as raised:
        compare(opened(models), spec(segments=("TOWN",)), frozen)
    assert not isinstance(raised.value, NotComparableError)


def test_a_champions_table_with_another_key_cannot_say_what_it_was_fitted_on(
    frozen: Frozen,
) -> None:
    with pytest.raises(NotComparableError, match="expected the key NUMBER in the champion's table"):
        developed_keys(frozen.gold, "NUMBER")

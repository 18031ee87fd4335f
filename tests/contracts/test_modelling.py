"""What is learned and how it is judged: what a declaration may say, and what each refusal says."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from components.contracts.base import Contract
from components.contracts.modelling import (
    Feature,
    Gate,
    LogisticFamily,
    Policy,
    Rule,
    StratifiedSplit,
    Training,
    XGBoostFamily,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Feature(name="RATIO", title="ratio", expression="A +"),
            "feature RATIO: expected an expression, found 'A +': invalid syntax",
        ),
        (lambda: Feature(name="1A", title="a"), "String should match pattern"),
        (lambda: Feature(name="A B", title="a"), "String should match pattern"),
        (
            lambda: Training(families=(LogisticFamily(), LogisticFamily())),
            "training: a family is declared twice in ['logistic', 'logistic']",
        ),
        (lambda: Training(families=()), "at least 1 item"),
        (
            lambda: Rule(metric="auc"),
            "gate rule on auc: give a floor or a ceiling, one of them",
        ),
        (
            lambda: Rule(metric="brier", floor=0.1, ceiling=0.2),
            "gate rule on brier: give a floor or a ceiling, one of them",
        ),
        (
            lambda: Rule(metric="auc", floor=0.7, cutoff=0.5),
            "gate rule on auc: a cutoff is for accuracy, f1, precision, recall",
        ),
        (lambda: Rule(metric="recall", floor=0.7, cutoff=1.5), "less than or equal to 1"),
        (lambda: Rule(metric="charm", floor=0.7), "Input should be 'auc', 'gini'"),
        (lambda: Gate(rules=()), "at least 1 item"),
        (lambda: Policy(approve_below=-0.1), "greater than or equal to 0"),
        (lambda: Policy(approve_below=float("nan")), "less than or equal to 1"),
        (lambda: Policy(approve_below=0.3, version=0), "greater than or equal to 1"),
        (lambda: XGBoostFamily(rounds=0), "greater than or equal to 1"),
        (lambda: XGBoostFamily(eta=0.0), "greater than 0"),
        (lambda: XGBoostFamily(monotone={"A": 0}), "Input should be -1 or 1"),
        (lambda: LogisticFamily(inverse_penalty=0.0), "greater than 0"),
        (lambda: StratifiedSplit(test=1.1), "less than or equal to 1"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_reason(
    make: Callable[[], Contract], message: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        (None, {"OWN"}),
        ("A / B", {"A", "B"}),
        ("A + A - 1", {"A"}),
        ("maximum(A, B) > missing(C)", {"A", "B", "C"}),
        ("where(where > 0, minimum(A, 2), B)", {"where", "A", "B"}),
        ("1 + 2", set()),
    ],
)
def test_a_feature_knows_the_columns_that_it_reads(
    expression: str | None, columns: set[str]
) -> None:
    assert Feature(name="OWN", title="own", expression=expression).columns() == columns


@pytest.mark.parametrize(
    ("rule", "at", "bound"),
    [
        (Rule(metric="auc", floor=0.7), None, ("floor", 0.7)),
        (Rule(metric="ece", ceiling=0.0), None, ("ceiling", 0.0)),
        (Rule(metric="recall", floor=0.0), 0.5, ("floor", 0.0)),
        (Rule(metric="f1", floor=0.4, cutoff=0.3), 0.3, ("floor", 0.4)),
        (Rule(metric="f1", floor=0.4, cutoff=0.0), 0.0, ("floor", 0.4)),
    ],
)
def test_a_rule_has_one_bound_and_a_cut_off_where_its_figure_has_one(
    rule: Rule, at: float | None, bound: tuple[str, float]
) -> None:
    assert (rule.at(), rule.bound()) == (at, bound)


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Feature, {"name": "A", "title": "a"}),
        (Rule, {"metric": "auc", "floor": 0.7}),
        (Policy, {"approve_below": 0.3}),
        (XGBoostFamily, {}),
        (LogisticFamily, {}),
        (StratifiedSplit, {}),
    ],
)
def test_no_declaration_takes_an_unknown_key_or_changes_later(
    model: type[Contract], values: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model(**values, surprise=1)
    made = model(**values)
    field = next(iter(model.model_fields))
    with pytest.raises(ValidationError, match="Instance is frozen"):
        setattr(made, field, getattr(made, field))


@pytest.mark.parametrize("kind", ["xgboost", "logistic"])
def test_a_family_is_told_by_its_kind(kind: str) -> None:
    made = Training.model_validate({"families": [{"kind": kind}]})
    assert made.families[0].kind == kind


def test_a_family_of_no_known_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="'xgboost', 'logistic'"):
        Training.model_validate({"families": [{"kind": "oracle"}]})

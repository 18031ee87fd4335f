"""How a model is judged and used: rules, the challenge, cut-offs and the scale of points."""

import re
from collections.abc import Callable
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from components.contracts.base import Contract
from components.contracts.policy import (
    THRESHOLD_METRICS,
    ApprovalLimit,
    Challenge,
    Economics,
    FixedCutoff,
    Gate,
    MetricName,
    Points,
    Policy,
    ProfitCutoff,
    Rule,
    least_resamples,
)

ECONOMICS = Economics(lgd=0.5, margin=0.1, ead=1000)
AUC = Rule(metric="auc", floor=0.7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rule(metric="auc"), "gate rule on auc: give a floor or a ceiling, one of them"),
        (
            lambda: Rule(metric="brier", floor=0.1, ceiling=0.2),
            "gate rule on brier: give a floor or a ceiling, one of them",
        ),
        (
            lambda: Rule(metric="auc", floor=0.7, cutoff=0.5),
            "gate rule on auc: a cutoff is for accuracy, f1, precision, recall",
        ),
        (
            lambda: Rule(metric="approval_ratio", floor=0.8, cutoff=0.5),
            "gate rule on approval_ratio: a cutoff is for accuracy, f1, precision, recall",
        ),
        (lambda: Rule(metric="recall", floor=0.7, cutoff=1.5), "less than or equal to 1"),
        (lambda: Rule(metric="charm", floor=0.7), "Input should be 'auc', 'gini'"),
        (lambda: Gate(rules=()), "at least 1 item"),
        (lambda: Challenge(level=0.5), "less than 0.5"),
        (lambda: Challenge(level=0), "greater than 0"),
        (lambda: Challenge(resamples=199), "greater than or equal to 200"),
        (
            lambda: Challenge(level=0.01, resamples=499),
            "challenge: expected at least 500 resamples for the level 0.01, found 499",
        ),
        (lambda: Challenge(least_bad=0), "greater than or equal to 1"),
        (
            lambda: Policy(cutoff=ProfitCutoff()),
            "policy: a cut-off by profit needs economics (lgd, margin, ead)",
        ),
        (lambda: Policy(cutoff=FixedCutoff(approve_below=0.3), version=0), "greater than or equal"),
        (lambda: FixedCutoff(approve_below=-0.1), "greater than or equal to 0"),
        (lambda: FixedCutoff(approve_below=float("nan")), "less than or equal to 1"),
        (lambda: ApprovalLimit(share=0.009), "greater than or equal to 0.01"),
        (
            lambda: ApprovalLimit(share=0.305),
            "approval limit: expected share to be a whole percentage, found 0.305",
        ),
        (lambda: ApprovalLimit(share=1.1), "less than or equal to 1"),
        (lambda: Economics(lgd=1.1, margin=0.1, ead=1), "less than or equal to 1"),
        (lambda: Economics(lgd=0.5, margin=0, ead=1), "greater than 0"),
        (lambda: Economics(lgd=0.5, margin=0.1, ead=0), "greater than 0"),
        (lambda: Economics(lgd=0.5, margin=0.1, ead=1, cost=-1), "greater than or equal to 0"),
        (lambda: Points(pdo=0), "greater than 0"),
        (lambda: Points(base_odds=0), "greater than 0"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_reason(
    make: Callable[[], Contract], message: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        make()


@pytest.mark.parametrize("metric", get_args(MetricName))
def test_every_metric_may_be_bound_and_those_of_a_decision_have_a_cut_off(
    metric: MetricName,
) -> None:
    rule = Rule(metric=metric, floor=0.1)
    assert rule.bound() == ("floor", 0.1)
    assert Rule(metric=metric, ceiling=0.1).bound() == ("ceiling", 0.1)
    assert rule.at() == (0.5 if metric in THRESHOLD_METRICS else None)


@pytest.mark.parametrize(
    ("rule", "at", "bound"),
    [
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
    ("rules", "cutoffs"),
    [
        ((AUC,), set()),
        ((AUC, Rule(metric="recall", floor=0.7)), {0.5}),
        ((Rule(metric="f1", floor=0.1, cutoff=0.2), Rule(metric="recall", floor=0)), {0.2, 0.5}),
    ],
)
def test_a_gate_looks_at_the_cut_offs_of_its_rules(
    rules: tuple[Rule, ...], cutoffs: set[float]
) -> None:
    assert Gate(rules=rules).cutoffs() == cutoffs


@pytest.mark.parametrize(
    "policy",
    [
        Policy(cutoff=FixedCutoff(approve_below=0.3)),
        Policy(cutoff=ApprovalLimit(share=0.6), version=2),
        Policy(cutoff=ProfitCutoff(), economics=ECONOMICS),
        Policy(cutoff=FixedCutoff(approve_below=0.3), economics=ECONOMICS),
    ],
)
def test_a_policy_comes_back_from_its_text(policy: Policy) -> None:
    assert Policy.model_validate_json(policy.model_dump_json()) == policy


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Rule, {"metric": "auc", "floor": 0.7}),
        (Gate, {"rules": (AUC,)}),
        (Challenge, {}),
        (Policy, {"cutoff": FixedCutoff(approve_below=0.3)}),
        (Economics, {"lgd": 0.5, "margin": 0.1, "ead": 1}),
        (Points, {}),
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


@pytest.mark.parametrize("percent", range(1, 101))
def test_an_approval_limit_is_any_whole_percentage(percent: int) -> None:
    assert ApprovalLimit(share=percent / 100).share == percent / 100


@pytest.mark.parametrize(
    ("level", "resamples"), [(0.01, 500), (0.025, 200), (0.1, 50), (0.03, 167)]
)
def test_five_resamples_at_least_lie_beyond_a_quantile(level: float, resamples: int) -> None:
    assert least_resamples(level) == resamples

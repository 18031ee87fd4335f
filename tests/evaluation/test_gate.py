"""The gate: every bound is judged on the chosen candidate's own figure."""

import math

import pytest

from components.contracts.policy import Rule
from components.contracts.results import Evaluation
from tests.evaluation.figures import CUTOFF, EVALUATED, RELEASED, decision, evaluation, figures


@pytest.mark.parametrize(
    ("rule", "found", "passed"),
    [
        (Rule(metric="auc", floor=0.7), 0.75, True),
        (Rule(metric="auc", floor=0.75), 0.75, True),
        (Rule(metric="auc", floor=math.nextafter(0.75, 1)), 0.75, False),
        (Rule(metric="auc", ceiling=0.75), 0.75, True),
        (Rule(metric="auc", ceiling=math.nextafter(0.75, 0)), 0.75, False),
        (Rule(metric="ece", ceiling=0.05), 0.02, True),
        (Rule(metric="brier", ceiling=0.1), 0.15, False),
        (Rule(metric="psi", ceiling=0.1), 0.03, True),
        (Rule(metric="approval_ratio", floor=0.8), 0.85, True),
        (Rule(metric="approval_ratio", floor=0.9), 0.85, False),
        (Rule(metric="equal_opportunity", ceiling=0.05), 0.07, False),
        (Rule(metric="recall", floor=0.5), 0.4, False),
        (Rule(metric="recall", floor=0.5, cutoff=0.3), 0.65, True),
        (Rule(metric="recall", floor=1.0, cutoff=0.0), 1.0, True),
        (Rule(metric="accuracy", floor=0.8), 0.8, True),
        (Rule(metric="precision", ceiling=0.6, cutoff=0.5), 0.7, False),
    ],
)
def test_a_rule_is_judged_on_its_figure_and_the_bound_itself_passes(
    rule: Rule, found: float, passed: bool
) -> None:
    judged = decision(rule)
    result, _ = judged.rules
    assert (result.found, result.passed, judged.passed) == (found, passed, passed)
    assert (result.metric, result.cutoff, (result.bound, result.limit)) == (
        rule.metric,
        rule.at(),
        rule.bound(),
    )


@pytest.mark.parametrize("found", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("rule", [Rule(metric="auc", floor=0.0), Rule(metric="auc", ceiling=1.0)])
def test_a_figure_that_is_no_finite_number_passes_no_rule(rule: Rule, found: float) -> None:
    assert not decision(rule, found=evaluation(figures(auc=found))).passed


def test_one_failing_rule_refuses_and_the_others_are_judged_all_the_same() -> None:
    rules = [
        Rule(metric="auc", floor=0.7),
        Rule(metric="ks", floor=0.9),
        Rule(metric="gini", floor=0.5),
    ]
    judged = decision(*rules)
    assert not judged.passed
    assert [rule.passed for rule in judged.rules] == [True, False, True, True]


@pytest.mark.parametrize(("chosen", "passed"), [("xgboost", True), ("logistic", False)])
def test_only_the_chosen_candidate_is_judged(chosen: str, passed: bool) -> None:
    found: Evaluation = evaluation(figures(), figures("logistic", auc=0.6), chosen=chosen)
    judged = decision(found=found)
    assert (judged.family, judged.passed) == (chosen, passed)


@pytest.mark.parametrize(
    ("silent", "passed", "sentence"),
    [
        ((), True, "reasons: expected a text for every feature: passed"),
        (
            ("A",),
            False,
            "reasons: expected a text for every feature, found none for A: FAILED",
        ),
        (
            ("A", "B"),
            False,
            "reasons: expected a text for every feature, found none for A, B: FAILED",
        ),
    ],
)
def test_a_feature_without_a_reason_text_fails_the_gate_by_its_name(
    silent: tuple[str, ...], passed: bool, sentence: str
) -> None:
    judged = decision(silent=silent)
    assert (judged.passed, judged.rules[-1].sentence()) == (passed, sentence)
    assert judged.rules[0].passed


def test_a_decision_names_what_was_judged_what_is_released_and_its_cut_off() -> None:
    judged = decision()
    assert (judged.evaluated, judged.bundle, judged.cutoff) == (EVALUATED, RELEASED, CUTOFF)

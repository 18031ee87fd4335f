"""The gate: declared bounds on the figures of the chosen candidate. All must hold."""

import math

from components.contracts.modelling import Gate, Rule
from components.contracts.results import Decision, Evaluation, Figures, RuleResult


def judge(evaluation: Evaluation, gate: Gate) -> Decision:
    """Every rule with its figure, and whether all passed."""
    figures = evaluation.of_chosen()
    rules = tuple(_judge_rule(rule, figures) for rule in gate.rules)
    return Decision(
        scenario=evaluation.scenario,
        family=figures.family,
        bundle=figures.bundle,
        passed=all(rule.passed for rule in rules),
        rules=rules,
    )


def _judge_rule(rule: Rule, figures: Figures) -> RuleResult:
    cutoff = rule.at()
    source = figures.metrics if cutoff is None else figures.thresholds[f"{cutoff:g}"]
    found = source[rule.metric]
    if rule.floor is not None:
        limit, passed = rule.floor, found >= rule.floor
    else:
        assert rule.ceiling is not None, "a rule has one bound"
        limit, passed = rule.ceiling, found <= rule.ceiling
    return RuleResult(
        metric=rule.metric,
        bound="floor" if rule.floor is not None else "ceiling",
        limit=limit,
        cutoff=cutoff,
        found=found,
        passed=passed and math.isfinite(found),
    )

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
    bound, limit = rule.bound()
    passed = found >= limit if bound == "floor" else found <= limit
    return RuleResult(
        metric=rule.metric,
        bound=bound,
        limit=limit,
        cutoff=cutoff,
        found=found,
        passed=passed and math.isfinite(found),
    )

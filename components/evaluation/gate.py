"""The gate: declared bounds on the figures of the chosen candidate, and a text for every reason.

All must hold.
"""

import math

from components.contracts.policy import Rule
from components.contracts.results import (
    REASONS,
    Candidates,
    Decision,
    Evaluation,
    Figures,
    RuleResult,
)
from components.contracts.scenario import GateSpec


def judge(evaluation: Evaluation, candidates: Candidates, spec: GateSpec) -> Decision:
    """Every rule with its figure, and whether all passed."""
    figures = evaluation.of_chosen()
    rules = (*(_judge_rule(rule, figures) for rule in spec.gate.rules), _judge_reasons(spec.silent))
    return Decision(
        scenario=evaluation.scenario,
        family=figures.family,
        bundle=candidates.of_chosen().released,
        evaluated=figures.bundle,
        cutoff=figures.cutoff,
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


def _judge_reasons(silent: tuple[str, ...]) -> RuleResult:
    return RuleResult(
        metric=REASONS,
        bound="ceiling",
        limit=0,
        cutoff=None,
        found=len(silent),
        passed=not silent,
        silent=silent,
    )

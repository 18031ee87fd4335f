"""The gate: declared bounds on the figures of the chosen candidate, and a text for every reason.

All must hold.
"""

import math
from collections.abc import Mapping
from typing import Any

from components.contracts.policy import Rule
from components.contracts.results import (
    REASONS,
    Candidates,
    Decision,
    Evaluation,
    Figures,
    RuleResult,
    cutoff_key,
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


def measured(metrics: Mapping[str, float]) -> dict[str, float]:
    """The figures that are numbers; JSON outside Python knows no other."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def audited(decision: Decision) -> dict[str, Any]:
    """A decision as JSON everywhere can hold it: null where there was nothing to measure."""
    body = decision.model_dump(mode="json")
    rules = [
        {**rule, "found": rule["found"] if math.isfinite(rule["found"]) else None}
        for rule in body["rules"]
    ]
    return {**body, "rules": rules}


def _judge_rule(rule: Rule, figures: Figures) -> RuleResult:
    cutoff = rule.at()
    source = figures.metrics if cutoff is None else figures.thresholds[cutoff_key(cutoff)]
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


def refusal(scenario: str, facts: Mapping[str, Any]) -> str:
    """Why the gate refused a candidate, from what its task left; empty where it did not."""
    if facts.get("passed") is not False:
        return ""
    rules = [RuleResult(**rule) for rule in facts["rules"]]
    failed = "\n".join(f"  - {rule.sentence()}" for rule in rules if not rule.passed)
    return (
        f"{scenario}: the gate refused {facts['family']} {facts['bundle'][:12]}; "
        f"nothing was deployed\n{failed}"
    )

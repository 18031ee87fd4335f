"""What figures are called where people read them."""

import math

from components.contracts.people import Persons
from components.contracts.results import REASONS, Candidate, Figures, Interval, RuleResult

#: PSI from which credit risk calls a change moderate, and significant.
MODERATE, SIGNIFICANT = 0.1, 0.25
RANKING = ("auc", "gini", "ks", "pr_auc", "brier", "log_loss", "ece", "psi")
AT_CUTOFF = ("accuracy", "precision", "recall", "f1")
NAMES = {
    "auc": "AUC", "gini": "Gini", "ks": "KS", "pr_auc": "PR-AUC", "brier": "Brier",
    "log_loss": "Log loss", "ece": "ECE", "psi": "PSI", "accuracy": "Accuracy",
    "precision": "Precision", "recall": "Recall", "f1": "F1", "approved": "Approved",
    "approval_ratio": "Approval ratio", "equal_opportunity": "Equal opportunity gap",
    REASONS: "Reason texts",
}  # fmt: skip


def rule_row(rule: RuleResult) -> tuple[str, str, str, str]:
    """A gate rule as a line of a table: name, bound, figure, verdict."""
    verdict = "passed" if rule.passed else "failed"
    if rule.metric == REASONS:
        return NAMES[REASONS], "for every feature", _silent(rule), verdict
    name = NAMES[rule.metric] + ("" if rule.cutoff is None else f" at {rule.cutoff}")
    bound = ("at least" if rule.bound == "floor" else "at most") + f" {rule.limit:g}"
    return name, bound, shown(rule.found), verdict


def shown(value: float) -> str:
    """A figure, where there is one."""
    return "-" if math.isnan(value) else f"{value:.4f}"


def searched(candidate: Candidate) -> str:
    """How its parameters were searched, and how often."""
    tried = len(candidate.trials)
    return "as declared" if tried == 1 else f"{candidate.method}, {tried} trials"


def noise(figures: Figures) -> str:
    """What to hold an ECE against."""
    return f"noise alone gives up to {figures.ece_noise:.4f}"


def _silent(rule: RuleResult) -> str:
    return f"none for {', '.join(rule.silent)}" if rule.silent else "all"


def span(interval: Interval) -> str:
    """A figure with its interval."""
    return f"{interval.value:.4f} ({interval.low:.4f} to {interval.high:.4f})"


def overlap(persons: Persons) -> str:
    """How many persons are on both sides."""
    test = persons.test
    return (
        f"{persons.both:,} of the {test.persons:,} persons of the test are in development too; "
        f"{persons.rows_of_both:,} of its {test.rows:,} rows are theirs."
    )

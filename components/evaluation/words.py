"""What figures are called where people read them."""

from components.contracts.results import REASONS, Interval, RuleResult

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
    name = NAMES[rule.metric] + ("" if rule.cutoff is None else f" at {rule.cutoff:g}")
    bound = ("at least" if rule.bound == "floor" else "at most") + f" {rule.limit:g}"
    return name, bound, f"{rule.found:.4f}", verdict


def _silent(rule: RuleResult) -> str:
    return f"none for {', '.join(rule.silent)}" if rule.silent else "all"


def span(interval: Interval) -> str:
    """A figure with its interval."""
    return f"{interval.value:.4f} ({interval.low:.4f} to {interval.high:.4f})"

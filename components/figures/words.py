"""What figures are called, where people read them."""

from components.contracts.results import REASONS

AT_CUTOFF = ("accuracy", "precision", "recall", "f1")
NAMES = {
    "auc": "AUC", "gini": "Gini", "ks": "KS", "pr_auc": "PR-AUC", "brier": "Brier",
    "log_loss": "Log loss", "ece": "ECE", "psi": "PSI", "accuracy": "Accuracy",
    "precision": "Precision", "recall": "Recall", "f1": "F1", "approved": "Approved",
    "approval_ratio": "Approval ratio", "equal_opportunity": "Equal opportunity gap",
    REASONS: "Reason texts",
}  # fmt: skip

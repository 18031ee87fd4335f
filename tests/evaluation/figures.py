"""Evaluations and decisions made by hand, for the gate and the report."""

from components.contracts.modelling import Gate, Rule
from components.contracts.results import Bin, Curves, Decision, Evaluation, Figures, Interval
from components.evaluation.gate import judge

METRICS = {
    "auc": 0.75, "gini": 0.5, "ks": 0.4, "pr_auc": 0.6, "brier": 0.15, "log_loss": 0.45,
    "ece": 0.02,
}  # fmt: skip
AT = {"accuracy": 0.8, "precision": 0.7, "recall": 0.4, "f1": 0.5}


def figures(family: str = "xgboost", **metrics: float) -> Figures:
    """One candidate's figures."""
    return Figures(
        family=family,
        bundle="0123456789abcdef",
        metrics={**METRICS, **metrics},
        thresholds={"0.5": AT, "0.3": {**AT, "recall": 0.65}, "0": {**AT, "recall": 1.0}},
        confusion=((700, 50), (150, 100)),
        auc=Interval(value=0.75, low=0.71, high=0.79),
    )


def evaluation(*candidates: Figures, **changes: object) -> Evaluation:
    """An evaluation whose first candidate is the chosen one."""
    curves = Curves(
        roc=((0.0, 0.0), (0.2, 0.6), (1.0, 1.0)),
        calibration=(
            Bin(rows=500, predicted=0.1, observed=0.12),
            Bin(rows=500, predicted=0.4, observed=0.38),
        ),
        score_edges=(0.0, 0.5, 1.0),
        scores_good=(600, 150),
        scores_bad=(100, 150),
        importance=(("AMOUNT", 0.1), ("INCOME", 0.02), ("VISITS", -0.001)),
        target={"train": (3000, 750), "test": (1000, 250)},
    )
    given = {
        "scenario": "small-loans",
        "title": "Small loans",
        "rows": 1000,
        "bad": 250,
        "chosen": (candidates or (figures(),))[0].family,
        "figures": candidates or (figures(), figures("logistic", auc=0.7)),
        "curves": curves,
        "protected": {
            "AGE": {"18 to 40": {"rows": 600.0, "bad_rate": 0.3, "mean_pd": 0.29,
                                 "below_cutoff": 0.9}},
        },
    }  # fmt: skip
    return Evaluation.model_validate({**given, **changes})


def decision(*rules: Rule, found: Evaluation | None = None) -> Decision:
    """The gate's decision on the evaluation."""
    kept = rules or (Rule(metric="auc", floor=0.7),)
    return judge(found or evaluation(), Gate(rules=kept))

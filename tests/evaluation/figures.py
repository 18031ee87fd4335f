"""Evaluations, decisions and challenges made by hand, for the gate, the report and the card."""

from typing import Any

from components.contracts.people import Cluster, Period, Persons
from components.contracts.policy import Gate, Rule
from components.contracts.results import (
    Bin,
    Candidate,
    Candidates,
    ChallengeDecision,
    ChallengeReport,
    Contender,
    Curves,
    CutoffDocument,
    Decision,
    Evaluation,
    Fairness,
    Figures,
    Gain,
    Group,
    Interval,
    Moved,
    Profit,
    Reasons,
    ReasonShare,
    Segment,
    SegmentGain,
    Stability,
    Tenth,
    Trial,
)
from components.contracts.scenario import GateSpec
from components.evaluation.gate import judge

METRICS = {
    "auc": 0.75, "gini": 0.5, "ks": 0.4, "pr_auc": 0.6, "brier": 0.15, "log_loss": 0.45,
    "ece": 0.02, "psi": 0.03, "approval_ratio": 0.85, "equal_opportunity": 0.07,
}  # fmt: skip
AT = {"accuracy": 0.8, "precision": 0.7, "recall": 0.4, "f1": 0.5}
EVALUATED, RELEASED = "0123456789abcdef", "fedcba9876543210"
CUTOFF = CutoffDocument(
    version=3,
    rule="as declared",
    approve_below=0.25,
    approval_share=0.62,
    judged_share=0.62,
    profit=12.5,
)


PERSONS = Persons(
    entity="CLIENT",
    development=Period(first="2023-01", last="2024-06", rows=3000, persons=2222),
    test=Period(first="2024-07", last="2024-08", rows=1000, persons=888),
    both=123,
    rows_of_both=131,
)
CLUSTERS = (
    Cluster(
        cluster=0,
        rows=700,
        recency=3.5,
        frequency=12.0,
        monetary=999.5,
        distance=-2.5,
        at_risk=False,
    ),
    Cluster(cluster=1, rows=300, recency=28.0, frequency=1.0, monetary=50.25, at_risk=True),
)


def moved(name: str, psi: float, by_chance: float = 0.02) -> Moved:
    """How far the score or a feature moved."""
    return Moved(name=name, psi=psi, by_chance=by_chance)


def figures(family: str = "xgboost", **metrics: float) -> Figures:
    """One candidate's figures."""
    return Figures(
        family=family,
        bundle=EVALUATED,
        metrics={**METRICS, **metrics},
        intervals={"auc": Interval(value=0.75, low=0.71, high=0.79)},
        ece_noise=0.0091,
        thresholds={"0.5": AT, "0.3": {**AT, "recall": 0.65}, "0.0": {**AT, "recall": 1.0}},
        confusion=((700, 50), (150, 100)),
        cutoff=CUTOFF,
        at_policy={**AT, "approved": 0.613},
        confusion_at_policy=((555, 195), (61, 189)),
    )


def group(value: str, **changes: Any) -> Group:
    """One group of a protected column."""
    given = {"value": value, "rows": 600, "good": 420, "bad_rate": 0.3, "mean_pd": 0.29,
             "approved": 0.9, "good_approved": 0.95, "in_ratio": True, "in_gap": True}  # fmt: skip
    return Group.model_validate({**given, **changes})


def evaluation(*candidates: Figures, **changes: object) -> Evaluation:
    """An evaluation whose first candidate is the chosen one."""
    curves = Curves(
        roc=((0.0, 0.0), (0.2, 0.6), (1.0, 1.0)),
        calibration=(
            Bin(rows=500, predicted=0.1, observed=0.12, low=0.09, high=0.16),
            Bin(rows=500, predicted=0.4, observed=0.38, low=0.33, high=0.43),
        ),
        lift=(
            Tenth(rows=500, bad=190, lift=1.52, captured=0.76),
            Tenth(rows=500, bad=60, lift=0.48, captured=1.0),
        ),
        profit=Profit(
            curve=((0.1, 0.0), (0.25, 11.25), (0.3, 13.75), (1.0, -9.5)),
            chosen=(0.25, 11.25),
            best=(0.3, 13.75),
        ),
        score_edges=(0.0, 0.5, 1.0),
        scores_good=(600, 150),
        scores_bad=(100, 150),
        importance=(("AMOUNT", 0.1), ("INCOME", 0.02), ("VISITS", -0.001)),
        target={"train": (3000, 750), "test": (1000, 250), "score": (80, 0)},
    )
    given = {
        "scenario": "small-loans",
        "title": "Small loans",
        "rows": 1000,
        "bad": 250,
        "chosen": (candidates or (figures(),))[0].family,
        "figures": candidates or (figures(), figures("logistic", auc=0.7)),
        "curves": curves,
        "stability": Stability(
            development=3000,
            test=1000,
            score=moved("the score", 0.03),
            expected=(0.5, 0.5, 0.0),
            found=(0.45, 0.55, 0.0),
            features=(
                moved("AMOUNT", 0.31), moved("INCOME", 0.12), moved("AGE", 0.11, 0.15),
                moved("VISITS", 0.001),
            ),
        ),
        "segments": (
            Segment(column="REGION", value="north", rows=700, bad=180, bad_rate=0.257,
                    mean_pd=0.25, gap=-0.007, auc=Interval(value=0.74, low=0.69, high=0.78)),
            Segment(column="REGION", value="south", rows=300, bad=0, bad_rate=0.0,
                    mean_pd=0.1, gap=0.1, auc=None),
        ),
        "fairness": (
            Fairness(column="AGE", groups=(group("18 to 40"), group("40 to 68", in_gap=False)),
                     approval_ratio=0.85, opportunity_gap=0.07),
        ),
        "reasons": Reasons(
            rows=387, declined=387, shares=(ReasonShare(feature="AMOUNT", code="AMT", share=0.66),)
        ),
    }  # fmt: skip
    return Evaluation.model_validate({**given, **changes})


def candidates_of(found: Evaluation, released: str = RELEASED) -> Candidates:
    """What training would have handed over for this evaluation."""
    trials = tuple(
        Trial(number=number, parameters={"eta": 0.1}, folds=(auc, auc + 0.02), pruned=pruned)
        for number, (auc, pruned) in enumerate([(0.7, False), (0.68, True), (0.72, False)])
    )
    return Candidates(
        scenario=found.scenario,
        chosen=found.chosen,
        candidates=tuple(
            Candidate(
                family=f.family,
                method="grid" if f.family == "logistic" else "tpe",
                bundle=f.bundle,
                folder=f.family,
                released=released,
                released_folder=f"{f.family}-released",
                validation_auc=0.7321,
                search_auc=0.7123,
                calibration="platt",
                parameters={"eta": 0.1, "max_depth": 3},
                trials=trials,
            )
            for f in found.figures
        ),
    )


def gate_spec(*rules: Rule, silent: tuple[str, ...] = ()) -> GateSpec:
    """The slice of the gate task."""
    kept = rules or (Rule(metric="auc", floor=0.7),)
    return GateSpec(scenario="small-loans", silent=silent, gate=Gate(rules=kept))


def decision(
    *rules: Rule, found: Evaluation | None = None, silent: tuple[str, ...] = ()
) -> Decision:
    """The gate's decision on the evaluation."""
    evaluated = found or evaluation()
    return judge(evaluated, candidates_of(evaluated), gate_spec(*rules, silent=silent))


def gain(**changes: Any) -> Gain:
    """What a challenger gained."""
    given = {"champion": 0.71, "challenger": 0.75, "gain": 0.04, "low": 0.0123, "high": 0.0677,
             "edges": (0.0, 0.04, 0.08), "counts": (480, 520)}  # fmt: skip
    return Gain.model_validate({**given, **changes})


def challenge_report(**changes: Any) -> ChallengeReport:
    """A challenge that was won."""
    segment = {
        "column": "REGION", "rows": 700, "bad": 180, "champion": 0.7, "challenger": 0.74,
        "gain": 0.04, "low": -0.0111, "high": 0.09, "judged": True, "worse": False,
    }  # fmt: skip
    gone = dict.fromkeys(("champion", "challenger", "gain", "low", "high"))
    given = {
        "scenario": "small-loans",
        "won": True,
        "why": "the AUC is better beyond chance",
        "challenger": Contender(family="xgboost", bundle=EVALUATED, approve_below=0.25),
        "champion": Contender(family="scorecard", bundle=RELEASED, approve_below=0.3),
        "left_out": 17,
        "decision": ChallengeDecision(
            rows=983,
            bad=246,
            resamples=1000,
            level=0.01,
            segment_level=0.005,
            segment_resamples=1234,
            auc=gain(),
            profit=gain(champion=9.0, challenger=12.0, gain=3.0, low=-1.0, high=7.0),
            segments=(
                SegmentGain.model_validate({**segment, "value": "north"}),
                SegmentGain.model_validate({**segment, "value": "south", "high": -0.001,
                                            "worse": True}),
                SegmentGain.model_validate({**segment, **gone, "value": "west", "bad": 0,
                                            "judged": False}),
            ),
            won=True,
            why="the AUC is better beyond chance",
        ),
    }  # fmt: skip
    return ChallengeReport.model_validate({**given, **changes})

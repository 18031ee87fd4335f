"""What the stages find out, as documents that outlive the run: read by people, tests and tools."""

import math
from typing import Literal

from components.contracts.base import Contract
from components.contracts.families import Method
from components.contracts.people import Cluster, Persons

#: The gate's own rule: every feature has a reason's text.
REASONS = "reasons"
#: Rows, and good rows, that a group of a protected column needs to be compared with others.
LEAST_ROWS = 30


class Interval(Contract):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Trial(Contract):
    """One set of parameters, tried on folds of the train rows."""

    number: int
    parameters: dict[str, object]
    #: AUC of each fold that was tried; a pruned trial did not see them all.
    folds: tuple[float, ...]
    pruned: bool

    @property
    def auc(self) -> float:
        """The mean over the folds that it saw."""
        return sum(self.folds) / len(self.folds)


class Candidate(Contract):
    """One trained family: its bundle, and how it did on the validation rows."""

    family: str
    method: Method
    bundle: str  # the id of the one that was fitted on development rows
    folder: str  # relative to the models entry
    #: What is released: the same, or the one that was fitted again on all labelled rows.
    released: str
    released_folder: str
    validation_auc: float
    #: Mean AUC over the folds of the best trial.
    search_auc: float
    calibration: str
    parameters: dict[str, object]
    trials: tuple[Trial, ...]


class Candidates(Contract):
    """What training hands over: every candidate, and the one that it chose."""

    scenario: str
    chosen: str
    candidates: tuple[Candidate, ...]

    def of_chosen(self) -> Candidate:
        return next(c for c in self.candidates if c.family == self.chosen)


class Bin(Contract):
    """A group of rows by predicted PD; the bad rate with its 95 % interval (Wilson's)."""

    rows: int
    predicted: float
    observed: float
    low: float
    high: float


class Tenth(Contract):
    """A tenth of the rows, those with the highest PDs first."""

    rows: int
    bad: int
    #: The bad rate of this tenth over that of all rows.
    lift: float
    #: The share of all bad rows that this tenth and those before it hold.
    captured: float


class Profit(Contract):
    """What each cut-off would have earned per applicant on the test rows."""

    #: Cut-off and profit, cut-offs ascending.
    curve: tuple[tuple[float, float], ...]
    #: At the policy's cut-off, and the most that any cut-off earned on these rows.
    chosen: tuple[float, float]
    best: tuple[float, float]


class Curves(Contract):
    """What the report draws. Counts are of test rows."""

    roc: tuple[tuple[float, float], ...]
    calibration: tuple[Bin, ...]
    lift: tuple[Tenth, ...]
    #: None where no economics are declared.
    profit: Profit | None
    score_edges: tuple[float, ...]
    scores_good: tuple[int, ...]
    scores_bad: tuple[int, ...]
    #: Input -> AUC lost when its values are shuffled, largest first; empty where the rows that
    #: it is measured on are of one class.
    importance: tuple[tuple[str, float], ...]
    #: Split -> (rows, bad rows).
    target: dict[str, tuple[int, int]]


class CutoffDocument(Contract):
    """The cut-off as it was chosen, and what is expected of it on rows like those developed on."""

    version: int
    #: How it was chosen, in words.
    rule: str
    #: Applicants with a PD below it are approved.
    approve_below: float
    #: Of the bundle to be released, and of the one that was judged at the same cut-off.
    approval_share: float
    judged_share: float
    #: Money per applicant, the declined ones included; None without economics.
    profit: float | None


Confusion = tuple[tuple[int, int], tuple[int, int]]


def cutoff_key(cutoff: float) -> str:
    """What `Figures.thresholds` calls a cut-off; no two of them the same."""
    return repr(float(cutoff))


class Figures(Contract):
    """A candidate's figures on the test rows."""

    family: str
    bundle: str
    #: By name. The fairness ones are at the policy's cut-off, NaN where nothing can be compared.
    metrics: dict[str, float]
    #: Not of ECE and PSI: noise alone makes them positive.
    intervals: dict[str, Interval]
    #: The ECE that PDs which are right stay below 95 times in 100 on as many rows.
    ece_noise: float
    #: Cut-off, see `cutoff_key` -> threshold metrics at it.
    thresholds: dict[str, dict[str, float]]
    confusion: Confusion  # at 0.5
    cutoff: CutoffDocument
    #: Threshold metrics, and the share approved, at the policy's cut-off.
    at_policy: dict[str, float]
    confusion_at_policy: Confusion


class Segment(Contract):
    """The rows that share a value of a column."""

    column: str
    value: str
    rows: int
    bad: int
    bad_rate: float
    mean_pd: float
    #: Mean PD less bad rate.
    gap: float
    #: None where a class has too few rows.
    auc: Interval | None


class Group(Contract):
    """The rows of one group of a protected column, at the policy's cut-off."""

    value: str
    rows: int
    good: int
    bad_rate: float
    mean_pd: float
    approved: float
    #: Share of the good rows that are approved; None where there is none.
    good_approved: float | None
    #: Whether there are rows enough for the ratio, and good rows enough for the gap.
    in_ratio: bool
    in_gap: bool


class Fairness(Contract):
    """One protected column: its groups, and how far they are apart."""

    column: str
    groups: tuple[Group, ...]
    #: Lowest over highest share approved; 1 is even. NaN, as below, where there are no two groups
    #: to compare, or nobody is approved.
    approval_ratio: float
    #: Highest less lowest share of good rows approved; 0 is even.
    opportunity_gap: float


class Moved(Contract):
    """The PSI of the score or a feature, and what rows that have not moved stay below."""

    name: str
    psi: float
    by_chance: float


class Stability(Contract):
    """Development to test: PSI, and the shares of the score's bins (missing last)."""

    #: Rows of each side.
    development: int
    test: int
    score: Moved
    expected: tuple[float, ...]
    found: tuple[float, ...]
    #: Largest first.
    features: tuple[Moved, ...]


class ReasonShare(Contract):
    """How often a feature is what hurt a declined row most."""

    feature: str
    code: str
    share: float


class Reasons(Contract):
    """The top reasons of declined test rows, of all or of some that are spread over them."""

    rows: int
    declined: int
    shares: tuple[ReasonShare, ...]


class Evaluation(Contract):
    """Every candidate on the same test rows, and the chosen one in detail."""

    scenario: str
    title: str
    rows: int
    bad: int
    chosen: str
    figures: tuple[Figures, ...]
    curves: Curves
    stability: Stability
    segments: tuple[Segment, ...]
    fairness: tuple[Fairness, ...]
    reasons: Reasons
    #: None where rows have no date of their own.
    persons: Persons | None = None
    #: Of a proxy label only.
    clusters: tuple[Cluster, ...] = ()
    #: Who is no row, as nothing was known of them before the as-of.
    unseen: int = 0
    #: Of a label from statuses: whom the table of statuses knows, and no row is of.
    strangers: int = 0

    def of_chosen(self) -> Figures:
        return next(f for f in self.figures if f.family == self.chosen)


class RuleResult(Contract):
    """One gate rule with its figure; `reasons` counts the features without a reason's text."""

    metric: str
    bound: Literal["floor", "ceiling"]
    limit: float
    cutoff: float | None
    found: float
    passed: bool
    #: Of the rule on reasons: the features without a text.
    silent: tuple[str, ...] = ()

    def sentence(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        if self.metric == REASONS:
            found = f", found none for {', '.join(self.silent)}: " if self.silent else ": "
            return f"{REASONS}: expected a text for every feature{found}{verdict}"
        sign = ">=" if self.bound == "floor" else "<="
        at = "" if self.cutoff is None else f" at {self.cutoff}"
        found = "nothing to measure" if math.isnan(self.found) else f"{self.found:.4f}"
        return f"{self.metric}{at} {sign} {self.limit:g}: found {found}, {verdict}"


class Decision(Contract):
    """What the gate said, and on what."""

    scenario: str
    family: str
    #: What would be released, and what was judged: the one fitted on development rows.
    bundle: str
    evaluated: str
    cutoff: CutoffDocument
    passed: bool
    rules: tuple[RuleResult, ...]


class Gain(Contract):
    """A figure of two models on the same rows; the gain is challenger less champion."""

    champion: float
    challenger: float
    gain: float
    #: The bootstrap's quantiles at the level, and at one less it.
    low: float
    high: float
    #: Histogram of the resampled gains.
    edges: tuple[float, ...]
    counts: tuple[int, ...]


class SegmentGain(Contract):
    """AUC of two models on the rows that share a value of a column; None for one class."""

    column: str
    value: str
    rows: int
    bad: int
    champion: float | None
    challenger: float | None
    gain: float | None
    low: float | None
    high: float | None
    #: Whether there are rows enough to judge it, and whether the challenger is worse.
    judged: bool
    worse: bool


class ChallengeDecision(Contract):
    """A challenger against the champion on the same frozen rows."""

    rows: int
    bad: int
    resamples: int
    level: float
    #: The level at which each judged segment is looked at, and the resamples that it takes.
    segment_level: float
    segment_resamples: int
    auc: Gain
    #: Money per applicant, each model at its own cut-off; None without economics.
    profit: Gain | None
    segments: tuple[SegmentGain, ...]
    won: bool
    why: str


class Contender(Contract):
    """A model in a challenge: the bundle that was fitted on development rows, and its cut-off."""

    family: str
    bundle: str
    approve_below: float


class ChallengeReport(Contract):
    """`challenge.json`: whether a release may replace the champion, and on what ground."""

    scenario: str
    won: bool
    why: str
    challenger: Contender
    #: Whether it could be compared; where not, it did not win, and only a person may overrule that.
    comparable: bool = True
    #: None where there is no champion, or too little is known of it.
    champion: Contender | None
    #: Frozen rows that were left out, because the champion was fitted on them; None: not known.
    left_out: int | None
    #: None where nothing had to be compared.
    decision: ChallengeDecision | None

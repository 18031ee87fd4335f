"""What the stages find out, as documents that outlive the run: read by people, tests and tools."""

from typing import Literal

from components.contracts.base import Contract


class Interval(Contract):
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class Candidate(Contract):
    """One trained family: its bundle, and how it did on the validation rows."""

    family: str
    bundle: str  # the id
    folder: str  # relative to the models entry
    validation_auc: float
    parameters: dict[str, object]


class Candidates(Contract):
    """What training hands over: every candidate, and the one that it chose."""

    scenario: str
    chosen: str
    candidates: tuple[Candidate, ...]


class Bin(Contract):
    """A group of rows by predicted PD."""

    rows: int
    predicted: float
    observed: float


class Curves(Contract):
    """What the report draws. Counts are of test rows."""

    roc: tuple[tuple[float, float], ...]
    calibration: tuple[Bin, ...]
    score_edges: tuple[float, ...]
    scores_good: tuple[int, ...]
    scores_bad: tuple[int, ...]
    #: Feature -> AUC lost when its values are shuffled, largest first.
    importance: tuple[tuple[str, float], ...]
    #: Split -> (rows, bad rows).
    target: dict[str, tuple[int, int]]


class Figures(Contract):
    """A candidate's figures on the test rows."""

    family: str
    bundle: str
    metrics: dict[str, float]
    #: Cut-off -> threshold metrics at it.
    thresholds: dict[str, dict[str, float]]
    confusion: tuple[tuple[int, int], tuple[int, int]]
    auc: Interval


class Evaluation(Contract):
    """Every candidate on the same test rows, and the chosen one in detail."""

    scenario: str
    title: str
    rows: int
    bad: int
    chosen: str
    figures: tuple[Figures, ...]
    curves: Curves
    protected: dict[str, dict[str, dict[str, float]]]

    def of_chosen(self) -> Figures:
        return next(f for f in self.figures if f.family == self.chosen)


class RuleResult(Contract):
    """One gate rule with its figure."""

    metric: str
    bound: Literal["floor", "ceiling"]
    limit: float
    cutoff: float | None
    found: float
    passed: bool

    def sentence(self) -> str:
        sign = ">=" if self.bound == "floor" else "<="
        at = "" if self.cutoff is None else f" at {self.cutoff:g}"
        verdict = "passed" if self.passed else "FAILED"
        return f"{self.metric}{at} {sign} {self.limit:g}: found {self.found:.4f}, {verdict}"


class Decision(Contract):
    """What the gate said, and on what."""

    scenario: str
    family: str
    bundle: str
    passed: bool
    rules: tuple[RuleResult, ...]


class Stage(Contract):
    """One task in a run's summary."""

    stage: str
    status: str
    reused: bool
    seconds: float


class RunSummary(Contract):
    """`summary.json`: what became of a run."""

    scenario: str
    run: str
    status: Literal["deployed", "refused", "skipped", "failed"]
    metrics: dict[str, float]
    gate: tuple[RuleResult, ...]
    release: str
    champion: int
    stages: tuple[Stage, ...]
    report: str
    error: str

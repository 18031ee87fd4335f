"""How a model is judged and used: the gate's rules, the challenge, the cut-off, the points."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.contracts.base import Contract, Share

#: What a gate rule may name: each is a figure on rows that were not trained on.
MetricName = Literal[
    "auc", "gini", "ks", "pr_auc", "brier", "log_loss", "accuracy", "precision", "recall", "f1",
    "ece", "psi", "approval_ratio", "equal_opportunity",
]  # fmt: skip
#: Figures of a decision at a cut-off.
THRESHOLD_METRICS = frozenset({"accuracy", "precision", "recall", "f1"})
#: Figures that compare the groups of protected columns.
FAIRNESS_METRICS = frozenset({"approval_ratio", "equal_opportunity"})


class Rule(Contract):
    """One bound on one figure. Threshold metrics are at 0.5 unless `cutoff` says otherwise.

    `psi` is of the score, development against test; `approval_ratio` and `equal_opportunity` are
    at the policy's cut-off, the worst over the protected columns; where one of these has no two
    groups to compare there is no figure, and no rule on it passes.
    """

    metric: MetricName
    floor: float | None = None
    ceiling: float | None = None
    cutoff: Share | None = None

    def at(self) -> float | None:
        """The cut-off that the figure is at; None for figures that have none."""
        if self.metric not in THRESHOLD_METRICS:
            return None
        return 0.5 if self.cutoff is None else self.cutoff

    def bound(self) -> tuple[Literal["floor", "ceiling"], float]:
        """Which bound the rule sets, and where."""
        if self.floor is not None and self.ceiling is None:
            return "floor", self.floor
        if self.ceiling is not None and self.floor is None:
            return "ceiling", self.ceiling
        raise ValueError(f"gate rule on {self.metric}: give a floor or a ceiling, one of them")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        self.bound()
        if self.metric not in THRESHOLD_METRICS and self.cutoff is not None:
            allowed = ", ".join(sorted(THRESHOLD_METRICS))
            raise ValueError(f"gate rule on {self.metric}: a cutoff is for {allowed}")
        return self


#: Resamples that must lie beyond a quantile, lest the most extreme ones decide.
LEAST_BEYOND = 5


class Challenge(Contract):
    """When a challenger replaces the champion: better on the same frozen rows beyond noise."""

    #: How often chance alone makes the AUC of an equal model look better.
    level: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    #: At least; more are drawn where many segments share the level.
    resamples: int = Field(default=1000, ge=200)
    #: A segment with fewer bad rows than this is shown, not judged.
    least_bad: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _is_not_decided_by_a_few(self) -> Self:
        if self.resamples < (needed := least_resamples(self.level)):
            raise ValueError(
                f"challenge: expected at least {needed:,} resamples for the level {self.level:g}, "
                f"found {self.resamples:,}"
            )
        return self


def least_resamples(level: float) -> int:
    """The fewest resamples of which enough lie beyond the quantile at a level."""
    return math.ceil(LEAST_BEYOND / level - 1e-9)


class Gate(Contract):
    """All rules must hold, or the run fails and nothing is registered."""

    rules: tuple[Rule, ...] = Field(min_length=1)
    challenge: Challenge = Challenge()

    def cutoffs(self) -> frozenset[float]:
        """The cut-offs that its rules look at."""
        return frozenset(at for rule in self.rules if (at := rule.at()) is not None)


class Economics(Contract):
    """What a decision earns or costs, as shares of the exposure, and the exposure of an account."""

    #: Lost of the exposure when it goes bad.
    lgd: Share
    #: Earned on the exposure when it stays good.
    margin: Annotated[float, Field(gt=0)]
    #: Exposure at default, in money.
    ead: Annotated[float, Field(gt=0)]
    #: Paid for every approved account, in money.
    cost: Annotated[float, Field(ge=0)] = 0.0


class FixedCutoff(Contract):
    """Approve below this PD."""

    kind: Literal["fixed"] = "fixed"
    approve_below: Share


class ProfitCutoff(Contract):
    """Approve whoever is expected to earn more than to cost."""

    kind: Literal["profit"] = "profit"


class ApprovalLimit(Contract):
    """Approve at most this share, those with the lowest PDs."""

    kind: Literal["approval-limit"] = "approval-limit"
    share: Annotated[float, Field(ge=0.01, le=1)]

    @model_validator(mode="after")
    def _is_a_percentage(self) -> Self:
        # A bundle knows the percentiles of its PDs, and nothing between them.
        if not math.isclose(self.share * 100, round(self.share * 100), abs_tol=1e-9):
            raise ValueError(
                f"approval limit: expected share to be a whole percentage, found {self.share:g}"
            )
        return self


Cutoff = Annotated[FixedCutoff | ProfitCutoff | ApprovalLimit, Field(discriminator="kind")]


class Policy(Contract):
    """The cut-off: applicants with a PD below it are approved. Business, not model."""

    version: int = Field(default=1, ge=1)
    cutoff: Cutoff
    economics: Economics | None = None

    @model_validator(mode="after")
    def _can_be_reckoned(self) -> Self:
        if self.cutoff.kind == "profit" and self.economics is None:
            raise ValueError("policy: a cut-off by profit needs economics (lgd, margin, ead)")
        return self


class Points(Contract):
    """The scale of the score: `base_points` at odds of `base_odds` good to one bad, `pdo` points
    to double the odds. More points are better.
    """

    base_points: float = 600.0
    base_odds: Annotated[float, Field(gt=0)] = 50.0
    pdo: Annotated[float, Field(gt=0)] = 20.0

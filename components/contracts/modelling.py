"""What is learned and how it is judged: features, label, split, families, gate, policy."""

import ast
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.contracts.base import ColumnName, Contract, Share


class Feature(Contract):
    """One model input: a column as it is, or an expression over columns of the same row.

    Expressions are Python arithmetic and comparisons over column names, with the functions
    `minimum`, `maximum`, `missing`, `where`; only `components/scoring` evaluates them.
    """

    name: ColumnName
    title: str
    expression: str | None = None

    @model_validator(mode="after")
    def _expression_parses(self) -> Self:
        if self.expression is not None:
            try:
                ast.parse(self.expression, mode="eval")
            except SyntaxError as error:
                raise ValueError(
                    f"feature {self.name}: expected an expression, found "
                    f"{self.expression!r}: {error.msg}"
                ) from None
        return self

    def columns(self) -> frozenset[str]:
        """The columns that the feature reads."""
        if self.expression is None:
            return frozenset({self.name})
        tree = ast.parse(self.expression, mode="eval")
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        return frozenset(
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and id(node) not in called
        )


class GivenLabel(Contract):
    """The label stands in a column: 1 is bad, 0 is good, empty is not known yet."""

    kind: Literal["given"] = "given"
    column: ColumnName


#: A new kind of label is one class here, one case in `components/etl/gold.py`.
Label = Annotated[GivenLabel, Field(discriminator="kind")]


class StratifiedSplit(Contract):
    """Shares of rows by label, in an order set by a hash of the key: seeded, whatever the order
    of the rows. New rows may move others across a border.
    """

    kind: Literal["stratified"] = "stratified"
    test: Share = 0.25
    #: Share of the development rows that selection is judged on.
    validation: Share = 0.2
    seed: int = 42


Split = Annotated[StratifiedSplit, Field(discriminator="kind")]


class XGBoostFamily(Contract):
    """Boosted trees; names follow XGBoost's own."""

    kind: Literal["xgboost"] = "xgboost"
    rounds: int = Field(default=100, ge=1, le=2000)
    max_depth: int = Field(default=5, ge=1, le=10)
    eta: float = Field(default=0.2, gt=0, le=1)
    gamma: float = Field(default=0.0, ge=0)
    min_child_weight: float = Field(default=1.0, ge=0)
    subsample: float = Field(default=1.0, gt=0, le=1)
    colsample_bytree: float = Field(default=1.0, gt=0, le=1)
    colsample_bynode: float = Field(default=1.0, gt=0, le=1)
    max_bin: int = Field(default=256, ge=2, le=1024)
    reg_lambda: float = Field(default=1.0, ge=0)
    reg_alpha: float = Field(default=0.0, ge=0)
    #: +1: a higher value may only raise the PD; -1: only lower it.
    monotone: dict[ColumnName, Literal[-1, 1]] = Field(default_factory=dict)


class LogisticFamily(Contract):
    """Logistic regression on inputs scaled to mean 0 and deviation 1, missing set to the median."""

    kind: Literal["logistic"] = "logistic"
    inverse_penalty: float = Field(default=1.0, gt=0)


Family = Annotated[XGBoostFamily | LogisticFamily, Field(discriminator="kind")]


class Training(Contract):
    """What is tried, and which of it is kept: the best AUC on the validation rows."""

    families: tuple[Family, ...] = Field(min_length=1)
    seed: int = 42

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        kinds = [family.kind for family in self.families]
        if len(set(kinds)) != len(kinds):
            raise ValueError(f"training: a family is declared twice in {kinds}")
        return self


#: What a gate rule may name: each is a figure on rows that were not trained on.
MetricName = Literal[
    "auc", "gini", "ks", "pr_auc", "brier", "log_loss", "accuracy", "precision", "recall", "f1",
    "ece",
]  # fmt: skip
THRESHOLD_METRICS = frozenset({"accuracy", "precision", "recall", "f1"})


class Rule(Contract):
    """One bound on one figure. Threshold metrics are at 0.5 unless `cutoff` says otherwise."""

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


class Gate(Contract):
    """All rules must hold, or the run fails and nothing is deployed."""

    rules: tuple[Rule, ...] = Field(min_length=1)

    def cutoffs(self) -> frozenset[float]:
        """The cut-offs that its rules look at."""
        return frozenset(at for rule in self.rules if (at := rule.at()) is not None)


class Policy(Contract):
    """The cut-off: applicants with a PD below it are approved. Business, not model."""

    version: int = Field(default=1, ge=1)
    approve_below: Share


class Limits(Contract):
    """What one task may take before it counts as failed."""

    retries: int = Field(default=1, ge=0, le=5)
    timeout_minutes: float = Field(default=10.0, gt=0)

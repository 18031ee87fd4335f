"""The model families, what of each is searched, and how: all that training tries."""

from math import prod
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, FiniteFloat, ValidationError, model_validator

from components.contracts.base import Contract, Share


class Choice(Contract):
    """One of these values."""

    kind: Literal["choice"] = "choice"
    values: tuple[float | int | str, ...] = Field(min_length=1)

    def grid(self) -> tuple[float | int | str, ...]:
        """The points of a grid search."""
        return self.values

    def holds(self, value: object) -> bool:
        """Whether a search may meet this value."""
        return value in self.values


class Between(Contract):
    """A number from `low` to `high`, both included; evenly in its logarithm where `log`."""

    kind: Literal["between"] = "between"
    low: FiniteFloat
    high: FiniteFloat
    log: bool = False
    whole: bool = False
    #: Points of a grid search.
    steps: int = Field(default=3, ge=2)

    @model_validator(mode="after")
    def _is_an_interval(self) -> Self:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(
                f"search: expected low below high{', above 0' if self.log else ''}, "
                f"found {self.low:g} to {self.high:g}"
            )
        if self.whole and (self.low % 1 or self.high % 1):
            raise ValueError(
                f"search: expected whole numbers as bounds, found {self.low:g} to {self.high:g}"
            )
        return self

    def grid(self) -> tuple[float | int, ...]:
        """The points of a grid search."""
        parts = [step / (self.steps - 1) for step in range(self.steps)]
        if self.log:
            points = [self.low * (self.high / self.low) ** part for part in parts]
        else:
            points = [self.low + (self.high - self.low) * part for part in parts]
        points[-1] = self.high  # which rounding may have passed
        if not self.whole:
            return tuple(points)
        return tuple(sorted({round(point) for point in points}))

    def holds(self, value: object) -> bool:
        """Whether a search may meet this value."""
        return isinstance(value, int | float) and self.low <= value <= self.high


Space = Annotated[Choice | Between, Field(discriminator="kind")]
#: Parameter -> where it may lie.
Spaces = dict[str, Space]

Imbalance = Literal["none", "class-weights", "smote"]
#: How categories become numbers.
Encoder = Literal["one-hot", "ordinal", "woe"]
#: What stands in for a missing number; `none` leaves it to the model.
Imputer = Literal["none", "median", "mode"]
Scaler = Literal["none", "standard", "min-max", "robust"]
#: How spaces are searched: near what did well so far, at random, or at every point of a grid.
Method = Literal["tpe", "random", "grid"]
#: Fields of a family that are no parameters of its models.
_HOW = {"kind", "method", "search"}


class _Family(Contract):
    """What every family has: how its columns are prepared, and what of it is searched."""

    #: What is searched unless the declaration says otherwise.
    SPACES: ClassVar[Spaces]

    encoder: Encoder = "one-hot"
    imputer: Imputer = "median"
    scaler: Scaler = "none"
    #: Rows are weighted, or made, inside the folds only; calibration brings the PDs back.
    imbalance: Imbalance = "none"
    method: Method = "tpe"
    #: None: the family's own spaces. Empty: the parameters as they are declared, tried once.
    search: Spaces | None = None

    def spaces(self) -> Spaces:
        """Where its parameters are searched."""
        return self.SPACES if self.search is None else self.search

    def parameters(self) -> dict[str, Any]:
        """All that it is but its name, and how it is searched."""
        return self.model_dump(exclude=_HOW)

    def at(self, values: dict[str, Any]) -> Self:
        """The family with these parameters."""
        return type(self).model_validate({**self.model_dump(), **values})

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        kind = str(getattr(self, "kind", ""))
        if self.imbalance == "smote" and self.imputer == "none":
            raise ValueError(f"{kind}: smote needs an imputer, it cannot mix missing values")
        for name, space in (self.search or {}).items():
            if name not in type(self).model_fields or name in _HOW:
                known = sorted(set(type(self).model_fields) - _HOW)
                raise ValueError(f"{kind}: search names {name}; expected one of {known}")
            field = type(self).model_fields[name]
            if field.annotation is int and isinstance(space, Between) and not space.whole:
                raise ValueError(f"{kind}: search of {name}: expected whole numbers; say whole")
            for point in space.grid():
                try:
                    type(self).model_validate({**self.model_dump(exclude={"search"}), name: point})
                except ValidationError as error:
                    why = error.errors()[0]["msg"]
                    raise ValueError(f"{kind}: search of {name} reaches {point}: {why}") from None
        return self


class ScorecardFamily(_Family):
    """Logistic regression on weight-of-evidence bins: every column is binned, missing values and
    special codes have bins of their own, and every bin is worth points.
    """

    kind: Literal["scorecard"] = "scorecard"
    SPACES: ClassVar[Spaces] = {
        "inverse_penalty": Between(low=0.01, high=10, log=True),
        "most_bins": Choice(values=(4, 6, 8, 10, 12)),
        "least_share": Between(low=0.01, high=0.06),
    }
    encoder: Literal["woe"] = "woe"
    imputer: Literal["none"] = "none"
    scaler: Literal["none"] = "none"
    imbalance: Literal["none", "class-weights"] = "none"
    inverse_penalty: float = Field(default=1.0, gt=0)
    most_bins: int = Field(default=8, ge=2, le=50)
    #: Share of the rows below which no bin goes.
    least_share: Share = 0.03


class LogisticFamily(_Family):
    """Logistic regression on imputed, scaled and encoded columns."""

    kind: Literal["logistic"] = "logistic"
    SPACES: ClassVar[Spaces] = {
        "inverse_penalty": Between(low=0.001, high=10, log=True),
        "scaler": Choice(values=("standard", "robust")),
    }
    imputer: Literal["median", "mode"] = "median"
    scaler: Scaler = "standard"
    inverse_penalty: float = Field(default=1.0, gt=0)


class TreeFamily(_Family):
    """One decision tree."""

    kind: Literal["tree"] = "tree"
    SPACES: ClassVar[Spaces] = {
        "max_depth": Between(low=2, high=8, whole=True),
        "least_share": Between(low=0.001, high=0.05, log=True),
    }
    imputer: Literal["median", "mode"] = "median"
    max_depth: int = Field(default=5, ge=1, le=12)
    #: Share of the rows below which no leaf goes.
    least_share: float = Field(default=0.01, gt=0, le=0.5)


class ForestFamily(_Family):
    """A random forest; depth, leaves and trees are bounded, and so is the bundle."""

    kind: Literal["forest"] = "forest"
    SPACES: ClassVar[Spaces] = {
        "max_depth": Between(low=3, high=10, whole=True),
        "least_share": Between(low=0.0005, high=0.02, log=True),
        "max_features": Between(low=0.1, high=0.8),
    }
    imputer: Literal["median", "mode"] = "median"
    trees: int = Field(default=100, ge=1, le=500)
    max_depth: int = Field(default=8, ge=1, le=12)
    least_share: float = Field(default=0.002, gt=0, le=0.5)
    #: Share of the columns that a split looks at.
    max_features: float = Field(default=0.3, gt=0, le=1)


class XGBoostFamily(_Family):
    """Boosted trees; names follow XGBoost's own. `rounds` is the most: a search stops early."""

    kind: Literal["xgboost"] = "xgboost"
    SPACES: ClassVar[Spaces] = {
        "max_depth": Between(low=2, high=6, whole=True),
        "eta": Between(low=0.015, high=0.15, log=True),
        "min_child_weight": Between(low=1, high=40, log=True),
        "subsample": Between(low=0.5, high=1),
        "colsample_bytree": Between(low=0.3, high=1),
        "reg_lambda": Between(low=0.3, high=30, log=True),
    }
    imputer: Imputer = "none"
    rounds: int = Field(default=300, ge=1, le=2000)
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


Family = Annotated[
    ScorecardFamily | LogisticFamily | TreeFamily | ForestFamily | XGBoostFamily,
    Field(discriminator="kind"),
]


class Search(Contract):
    """What every family's search goes by: mean AUC over folds of the train rows."""

    #: Parameter sets a family; a grid larger than this is refused. What is declared is tried
    #: first: it is one of them, or comes before a grid that has no such point.
    trials: int = Field(default=20, ge=1, le=500)
    folds: int = Field(default=5, ge=2, le=20)
    #: Train rows that trials are fitted and judged on, drawn by the seed; none: all of them.
    rows: int | None = Field(default=None, ge=1000)


class Training(Contract):
    """What is tried, and which of it is kept: the best AUC on the validation rows."""

    families: tuple[Family, ...] = Field(min_length=1)
    search: Search = Search()
    #: Release the chosen model as fitted on all labelled rows, those of the test included; the
    #: figures stay those of the model that was fitted on development rows.
    refit: bool = False
    seed: int = Field(default=42, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        kinds = [family.kind for family in self.families]
        if len(set(kinds)) != len(kinds):
            raise ValueError(f"training: a family is declared twice in {kinds}")
        for family in self.families:
            points = prod(len(space.grid()) for space in family.spaces().values())
            if family.method == "grid" and points > self.search.trials:
                raise ValueError(
                    f"training: {family.kind}: expected a grid of at most {self.search.trials} "
                    f"trials, found {points} points; raise trials, or declare fewer steps"
                )
        return self

"""The numbered format of a bundle's `spec.json`: how a row becomes a PD.

Read by hand rather than by pydantic: the server's image carries numpy and ONNX Runtime alone,
and a spec is checked by its hash before it is read.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from components.contracts.errors import BundleError

FORMAT = 1


@dataclass(frozen=True)
class Input:
    """A column that a caller gives: a number, or one of `values`."""

    name: str
    kind: str  # number, integer, category
    values: tuple[str, ...] = ()
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class RowFeature:
    """A model feature: an input as it is, or an expression over inputs."""

    name: str
    expression: str | None = None


@dataclass(frozen=True)
class NumberColumn:
    """A matrix column: (feature, or `impute` where missing, minus `center`) / `scale`."""

    feature: int
    impute: float | None = None
    center: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class IndicatorColumn:
    """A matrix column: 1 where the feature is the category with this code, else 0."""

    feature: int
    code: int


@dataclass(frozen=True)
class TreesModel:
    """A tree ensemble in ONNX whose output is the margin (log odds)."""

    file: str
    kind: str = "trees"


@dataclass(frozen=True)
class LinearModel:
    """margin = intercept + the sum of weights x matrix columns, in their order."""

    intercept: float
    weights: tuple[float, ...]
    kind: str = "linear"


@dataclass(frozen=True)
class Spec:
    """Everything between a caller's row and the PD."""

    scenario: str
    family: str
    inputs: tuple[Input, ...]
    features: tuple[RowFeature, ...]
    numbers: tuple[NumberColumn, ...]
    indicators: tuple[IndicatorColumn, ...]
    model: TreesModel | LinearModel
    format: int = FORMAT

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, indent=1, allow_nan=False) + "\n"

    @staticmethod
    def from_json(text: str) -> "Spec":
        raw: dict[str, Any] = json.loads(text)
        if raw.get("format") != FORMAT:
            raise BundleError(
                f"bundle spec: expected format {FORMAT}, found {raw.get('format')!r}; "
                "a newer format needs a newer Vintage"
            )
        model = raw["model"]
        return Spec(
            scenario=raw["scenario"],
            family=raw["family"],
            inputs=tuple(Input(**{**i, "values": tuple(i["values"])}) for i in raw["inputs"]),
            features=tuple(RowFeature(**feature) for feature in raw["features"]),
            numbers=tuple(NumberColumn(**column) for column in raw["numbers"]),
            indicators=tuple(IndicatorColumn(**column) for column in raw["indicators"]),
            model=(
                TreesModel(**model)
                if model["kind"] == "trees"
                else LinearModel(**{**model, "weights": tuple(model["weights"])})
            ),
        )

"""The numbered format of a bundle's `spec.json`: how a row becomes a PD, points and reasons.

Read by hand rather than by pydantic: the server's image carries numpy and ONNX Runtime alone,
and a spec is checked by its hash before it is read.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from components.contracts.errors import BundleError

FORMAT = 4


@dataclass(frozen=True)
class Input:
    """A column that a caller gives: a number, a date, or one of `values`."""

    name: str
    kind: str  # number, integer, date, category
    values: tuple[str, ...] = ()
    nullable: bool = False
    minimum: float | None = None  # of a date as of its cells: days since 1970-01-01
    maximum: float | None = None
    #: What becomes of a value that is out of range, or none of `values`, as in training.
    outside: str = "refused"  # refused, missing; only what is nullable can be missing


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
class CodedColumn:
    """A matrix column: the value of a category's code; `missing` where there is none."""

    feature: int
    values: tuple[float, ...]
    missing: float


@dataclass(frozen=True)
class BinnedColumn:
    """A matrix column: the value of the bin that a number is in.

    Bin n holds what is above edge n-1 and at most edge n; a special code, and missing, have
    bins of their own.
    """

    feature: int
    edges: tuple[float, ...]
    values: tuple[float, ...]  # one more than edges
    special: tuple[tuple[float, float], ...]  # code, value
    missing: float


@dataclass(frozen=True)
class Columns:
    """The model's matrix: these columns, kind after kind, each in its order."""

    numbers: tuple[NumberColumn, ...] = ()
    indicators: tuple[IndicatorColumn, ...] = ()
    coded: tuple[CodedColumn, ...] = ()
    binned: tuple[BinnedColumn, ...] = ()


@dataclass(frozen=True)
class TreesModel:
    """A tree ensemble in ONNX; its output is the margin (log odds), or a probability."""

    file: str
    output: str = "margin"  # margin, probability
    kind: str = "trees"


@dataclass(frozen=True)
class LinearModel:
    """margin = intercept + the sum of weights x matrix columns, in their order."""

    intercept: float
    weights: tuple[float, ...]
    kind: str = "linear"


@dataclass(frozen=True)
class Platt:
    """PD = 1 / (1 + exp(-(slope x margin + intercept)))."""

    slope: float = 1.0
    intercept: float = 0.0
    kind: str = "platt"


@dataclass(frozen=True)
class Isotonic:
    """PD by straight lines between these points, flat beyond the ends."""

    margins: tuple[float, ...]  # ascending, at least two
    pds: tuple[float, ...]  # never falling, above 0 and below 1
    kind: str = "isotonic"


@dataclass(frozen=True)
class Scale:
    """points = base_points + pdo / ln 2 x (ln((1 - PD) / PD) - ln(base_odds)), rounded."""

    base_points: float
    base_odds: float
    pdo: float


@dataclass(frozen=True)
class ReasonText:
    """What a client is told where a feature hurt, and the value that it is held against."""

    code: str
    text: str
    below: str | None
    missing: str | None
    reference: float | None  # None: missing is usual


@dataclass(frozen=True)
class Spec:
    """Everything between a caller's row and the answer."""

    scenario: str
    family: str
    inputs: tuple[Input, ...]
    features: tuple[RowFeature, ...]
    columns: Columns
    model: TreesModel | LinearModel
    calibration: Platt | Isotonic
    points: Scale
    #: One a feature, in their order.
    reasons: tuple[ReasonText, ...]
    most_reasons: int
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
        model, calibration, columns = raw["model"], raw["calibration"], raw["columns"]
        return Spec(
            scenario=raw["scenario"],
            family=raw["family"],
            inputs=tuple(Input(**_frozen(i)) for i in raw["inputs"]),
            features=tuple(RowFeature(**feature) for feature in raw["features"]),
            columns=Columns(
                tuple(NumberColumn(**c) for c in columns["numbers"]),
                tuple(IndicatorColumn(**c) for c in columns["indicators"]),
                tuple(CodedColumn(**_frozen(c)) for c in columns["coded"]),
                tuple(BinnedColumn(**_frozen(c)) for c in columns["binned"]),
            ),
            model=(
                TreesModel(**model) if model["kind"] == "trees" else LinearModel(**_frozen(model))
            ),
            calibration=(
                Platt(**calibration)
                if calibration["kind"] == "platt"
                else Isotonic(**_frozen(calibration))
            ),
            points=Scale(**raw["points"]),
            reasons=tuple(ReasonText(**reason) for reason in raw["reasons"]),
            most_reasons=raw["most_reasons"],
        )


def _frozen(raw: dict[str, Any]) -> dict[str, Any]:
    """The same with tuples for lists."""
    return {
        name: tuple(tuple(v) if isinstance(v, list) else v for v in value)
        if isinstance(value, list)
        else value
        for name, value in raw.items()
    }

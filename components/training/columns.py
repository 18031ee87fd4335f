"""From features to a model's columns: encoders, imputers, scalers, fitted on the rows given."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import VintageError
from components.contracts.families import Family, ScorecardFamily
from components.contracts.scenario import TrainSpec
from components.contracts.sources import Kind
from components.scoring.instances import Matrix
from components.scoring.spec import (
    BinnedColumn,
    CodedColumn,
    Columns,
    IndicatorColumn,
    NumberColumn,
)
from components.training.bins import bin_category, bin_number

Values = NDArray[np.float64]
_MOST_INDICATORS = 100
#: A category with fewer rows than this shares its weight of evidence with the others like it.
_LEAST_ROWS = 20


@dataclass(frozen=True)
class Feature:
    """A feature as a family sees it: its place, its name, and its categories if it has any."""

    position: int
    name: str
    categories: int = 0
    monotone: int = 0
    special: tuple[float, ...] = ()


def feature_list(spec: TrainSpec) -> tuple[Feature, ...]:
    """The declared features as the families see them."""
    categories = {c.name: len(c.values) for c in spec.inputs if c.kind is Kind.CATEGORY}
    return tuple(
        Feature(
            position,
            f.name,
            categories.get(f.name, 0) if f.expression is None else 0,
            f.monotone or 0,
            f.special,
        )
        for position, f in enumerate(spec.features)
    )


def fit_columns(
    family: Family, features: tuple[Feature, ...], values: Matrix, label: NDArray[np.int64]
) -> Columns:
    """The columns of a family, as these rows teach them."""
    if isinstance(family, ScorecardFamily):
        return _scorecard(family, features, values, label)
    numbers = []
    indicators: list[IndicatorColumn] = []
    coded = []
    for feature in features:
        column = values[:, feature.position]
        if not feature.categories:
            numbers.append(_number(family, feature.position, column))
        elif family.encoder == "one-hot":
            _check_few(feature)
            codes = range(feature.categories)
            indicators += [IndicatorColumn(feature.position, code) for code in codes]
        elif family.encoder == "ordinal":
            # In the declared order of the values; what is missing lies below them all.
            order = tuple(float(code) for code in range(feature.categories))
            coded.append(CodedColumn(feature.position, order, -1.0))
        else:
            coded.append(_coded(feature, column, label))
    return Columns(tuple(numbers), tuple(indicators), tuple(coded))


def _check_few(feature: Feature) -> None:
    if feature.categories > _MOST_INDICATORS:
        raise VintageError(
            f"feature {feature.name}: expected at most {_MOST_INDICATORS} categories for the "
            f"one-hot encoder, found {feature.categories:,}; declare encoder woe or ordinal"
        )


def _number(family: Family, position: int, column: Values) -> NumberColumn:
    impute = _imputed(family.imputer, column)
    filled = column[~np.isnan(column)] if impute is None else np.nan_to_num(column, nan=impute)
    center, scale = _scaled(family.scaler, filled)
    return NumberColumn(position, impute, center, scale)


def _imputed(imputer: str, column: Values) -> float | None:
    known = column[~np.isnan(column)]
    if imputer == "none":
        return None
    if not len(known):
        return 0.0  # a fold may hold none of a rare column's values
    if imputer == "median":
        return float(np.median(known))
    found, counts = np.unique(known, return_counts=True)
    return float(found[np.argmax(counts)])


def _scaled(scaler: str, filled: Values) -> tuple[float, float]:
    """What to take off, and what to divide by; a column of one value stays as it is."""
    # Not by its spread: that of a repeated 0.1 is no 0, and dividing by it would blow up others.
    if scaler == "none" or not len(filled) or filled.min() == filled.max():
        return 0.0, 1.0
    if scaler == "standard":
        center, scale = float(filled.mean()), float(filled.std())
    elif scaler == "min-max":
        center, scale = float(filled.min()), float(filled.max() - filled.min())
    else:
        low, middle, high = np.quantile(filled, [0.25, 0.5, 0.75]).tolist()
        # Where half of the rows share one value, the quartiles say nothing of the spread.
        center, scale = middle, (high - low) or float(filled.std())
    return center, scale if scale > 0 else 1.0


def _coded(feature: Feature, column: Values, label: NDArray[np.int64]) -> CodedColumn:
    found = bin_category(column, label, feature.categories, least_rows=_LEAST_ROWS)
    return CodedColumn(feature.position, found.woe, found.missing)


def _scorecard(
    family: ScorecardFamily,
    features: tuple[Feature, ...],
    values: Matrix,
    label: NDArray[np.int64],
) -> Columns:
    coded, binned = [], []
    least_rows = max(_LEAST_ROWS, int(family.least_share * len(label)))
    for feature in features:
        column = values[:, feature.position]
        if feature.categories:
            woe = bin_category(column, label, feature.categories, least_rows=least_rows)
            coded.append(CodedColumn(feature.position, woe.woe, woe.missing))
            continue
        bins = bin_number(
            column,
            label,
            most_bins=family.most_bins,
            least_rows=least_rows,
            monotone=feature.monotone,
            special=feature.special,
        )
        binned.append(
            BinnedColumn(feature.position, bins.edges, bins.woe, bins.special, bins.missing)
        )
    return Columns(coded=tuple(coded), binned=tuple(binned))

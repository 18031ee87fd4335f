"""Row features and the fitted transform, on a matrix small enough to check by hand."""

from pathlib import Path

import numpy as np
import pytest

from components.contracts.errors import VintageError
from components.scoring.bundle import Bundle
from components.scoring.model import Linear
from components.scoring.spec import (
    IndicatorColumn,
    Input,
    LinearModel,
    NumberColumn,
    RowFeature,
    Spec,
)
from components.scoring.transform import RowFeatures, Transform

NAN = float("nan")


def spec(numbers: tuple[NumberColumn, ...], indicators: tuple[IndicatorColumn, ...]) -> Spec:
    """Inputs A (a number) and G (two categories); features G, A and A's double, in this order."""
    return Spec(
        scenario="small",
        family="logistic",
        inputs=(Input("A", "number", nullable=True), Input("G", "category", ("x", "y"))),
        features=(RowFeature("G"), RowFeature("A"), RowFeature("TWICE", "A * 2")),
        numbers=numbers,
        indicators=indicators,
        model=LinearModel(0.0, (1.0,)),
    )


INPUTS = np.array([[3.0, 0.0], [NAN, 1.0], [5.0, NAN]])


@pytest.mark.parametrize(
    ("numbers", "indicators", "expected"),
    [
        ((NumberColumn(1),), (), [[3], [NAN], [5]]),
        ((NumberColumn(1, impute=4.0),), (), [[3], [4], [5]]),
        ((NumberColumn(2, impute=8.0, center=6.0, scale=2.0),), (), [[0], [1], [2]]),
        ((NumberColumn(2), NumberColumn(1)), (), [[6, 3], [NAN, NAN], [10, 5]]),
        ((), (IndicatorColumn(0, 0), IndicatorColumn(0, 1)), [[1, 0], [0, 1], [0, 0]]),
        ((NumberColumn(1, impute=0.0),), (IndicatorColumn(0, 1),), [[3, 0], [0, 1], [5, 0]]),
    ],
)
def test_features_are_filled_scaled_and_encoded(
    numbers: tuple[NumberColumn, ...],
    indicators: tuple[IndicatorColumn, ...],
    expected: list[list[float]],
) -> None:
    found = Transform(spec(numbers, indicators))(INPUTS)
    assert np.array_equal(found, np.array(expected, dtype=np.float64), equal_nan=True)


def test_features_that_are_constants_fill_their_column() -> None:
    compute = RowFeatures(("A",), (RowFeature("ONE", "1"), RowFeature("A")))
    assert compute(np.array([[5.0], [6.0]])).tolist() == [[1.0, 5.0], [1.0, 6.0]]


def test_a_feature_that_is_not_allowed_is_refused_when_the_bundle_is_read() -> None:
    with pytest.raises(VintageError, match=r"'A\.real' is not allowed"):
        RowFeatures(("A",), (RowFeature("R", "A.real"),))


def test_a_linear_margin_is_the_intercept_and_the_weighted_sum() -> None:
    model = Linear(LinearModel(0.5, (1.0, -2.0)))
    assert model.margin(np.array([[1.0, 1.0], [0.0, 3.0]])).tolist() == [-0.5, -5.5]


@pytest.mark.parametrize(("left", "right"), [(1e308, 1e308), (1e308, -1e308), (1e308, 0.0)])
def test_extreme_inputs_score_as_a_probability_too(left: float, right: float) -> None:
    spec = Spec(
        scenario="small",
        family="logistic",
        inputs=(Input("A", "number"), Input("B", "number")),
        features=(RowFeature("A"), RowFeature("B")),
        numbers=(NumberColumn(0, 0.0, 0.0, 0.01), NumberColumn(1, 0.0, 0.0, 0.01)),
        indicators=(),
        model=LinearModel(0.0, (1.0, -1.0)),
    )
    bundle = Bundle(Path(), "", spec, Linear(LinearModel(0.0, (1.0, -1.0))))
    assert 0.0 <= float(bundle.score(np.array([[left, right]])).pd[0]) <= 1.0

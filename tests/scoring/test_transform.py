"""Row features and the fitted transform, on a matrix small enough to check by hand."""

import math
from pathlib import Path

import numpy as np
import pytest

from components.contracts.errors import VintageError
from components.scoring.bundle import Bundle
from components.scoring.model import Calibration, Linear
from components.scoring.spec import (
    BinnedColumn,
    CodedColumn,
    Columns,
    IndicatorColumn,
    Input,
    Isotonic,
    LinearModel,
    NumberColumn,
    Platt,
    RowFeature,
    Scale,
    Spec,
)
from components.scoring.transform import Encoder, RowFeatures

NAN = float("nan")


NUMBER, CATEGORY = Input("A", "number"), Input("G", "category", ("red", "blue"))
FEATURES = (RowFeature("G"), RowFeature("A"), RowFeature("TWICE", "A * 2"))
INPUTS = np.array([[3.0, 0.0], [NAN, 1.0], [5.0, NAN]])  # A, a number; G, of two categories
BINS = BinnedColumn(1, (3.0, 4.0), (-1.0, -2.0, -3.0), ((7.0, 70.0),), 0.5)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (Columns((NumberColumn(1),)), [[3], [NAN], [5]]),
        (Columns((NumberColumn(1, impute=4.0),)), [[3], [4], [5]]),
        (Columns((NumberColumn(2, impute=8.0, center=6.0, scale=2.0),)), [[0], [1], [2]]),
        (Columns((NumberColumn(2), NumberColumn(1))), [[6, 3], [NAN, NAN], [10, 5]]),
        (
            Columns(indicators=(IndicatorColumn(0, 0), IndicatorColumn(0, 1))),
            [[1, 0], [0, 1], [0, 0]],
        ),
        (Columns(coded=(CodedColumn(0, (0.1, 0.2), -1.0),)), [[0.1], [0.2], [-1]]),
        (Columns(binned=(BINS,)), [[-1], [0.5], [-3]]),
        (
            Columns(binned=(BINS, BinnedColumn(2, (), (9.0,), (), 8.0))),
            [[-1, 9], [0.5, 8], [-3, 9]],
        ),
        (
            Columns(
                (NumberColumn(1, impute=0.0),),
                (IndicatorColumn(0, 1),),
                (CodedColumn(0, (5.0, 6.0), 7.0),),
                (BINS,),
            ),
            [[3, 0, 5, -1], [0, 1, 6, 0.5], [5, 0, 7, -3]],
        ),
    ],
)
def test_features_are_filled_scaled_encoded_and_binned(
    columns: Columns, expected: list[list[float]]
) -> None:
    found = Encoder(columns)(RowFeatures((NUMBER, CATEGORY), FEATURES)(INPUTS))
    assert np.array_equal(found, np.array(expected, dtype=np.float64), equal_nan=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-9, -1), (3, -1), (3.0000001, -2), (4, -2), (4.1, -3), (7, 70), (NAN, 0.5), (1e308, -3)],
)
def test_an_edge_belongs_to_the_bin_below_it_and_special_codes_to_their_own(
    value: float, expected: float
) -> None:
    assert Encoder(Columns(binned=(BINS,)))(np.array([[0.0, value]])).tolist() == [[expected]]


def test_bins_are_the_same_over_the_border_of_a_chunk() -> None:
    values = np.random.default_rng(1).normal(3.5, 1, (5_000, 2))
    encode = Encoder(Columns(binned=(BINS,)))
    assert encode(values).tolist() == [encode(row[None]).tolist()[0] for row in values]


def test_features_that_are_constants_fill_their_column() -> None:
    compute = RowFeatures((NUMBER,), (RowFeature("ONE", "1"), RowFeature("A")))
    assert compute(np.array([[5.0], [6.0]])).tolist() == [[1.0, 5.0], [1.0, 6.0]]


def test_a_feature_of_a_category_compares_it_with_its_own_values() -> None:
    compute = RowFeatures((NUMBER, CATEGORY), (RowFeature("BLUE", 'G == "blue"'),))
    assert np.array_equal(compute(INPUTS), [[0.0], [1.0], [NAN]], equal_nan=True)
    with pytest.raises(VintageError, match="expected G compared with one of red, blue"):
        RowFeatures((NUMBER, CATEGORY), (RowFeature("GREEN", 'G == "green"'),))


def test_a_feature_that_is_not_allowed_is_refused_when_the_bundle_is_read() -> None:
    with pytest.raises(VintageError, match=r"'A\.real' is not allowed"):
        RowFeatures((NUMBER,), (RowFeature("R", "A.real"),))


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
        columns=Columns((NumberColumn(0, 0.0, 0.0, 0.01), NumberColumn(1, 0.0, 0.0, 0.01))),
        model=LinearModel(0.0, (1.0, -1.0)),
        calibration=Platt(),
        points=Scale(600, 50, 20),
        reasons=(),
        most_reasons=4,
    )
    bundle = Bundle(Path(), "", spec, Linear(LinearModel(0.0, (1.0, -1.0))))
    assert 0.0 <= float(bundle.score(np.array([[left, right]])).pd[0]) <= 1.0


@pytest.mark.parametrize(
    ("calibration", "margin", "pd"),
    [
        (Platt(), 0.0, 0.5),
        (Platt(2.0, 1.0), 0.5, 1 / (1 + math.exp(-2))),
        (Isotonic((-1.0, 1.0), (0.1, 0.5)), 0.0, 0.3),
        (Isotonic((-1.0, 1.0), (0.1, 0.5)), -5.0, 0.1),
        (Isotonic((-1.0, 1.0), (0.1, 0.5)), 1.0, 0.5),
        (Isotonic((-1.0, 1.0), (0.1, 0.5)), 1e300, 0.5),
        (Isotonic((-1.0, 0.0, 1.0), (0.1, 0.1, 0.5)), -0.5, 0.1),
    ],
)
def test_a_margin_becomes_the_calibrated_pd(
    calibration: Platt | Isotonic, margin: float, pd: float
) -> None:
    assert Calibration(calibration)(np.array([margin])).tolist() == pytest.approx([pd])

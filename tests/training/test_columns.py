"""Columns: imputers, scalers and encoders, and that they know nothing but the rows given."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.contracts.errors import VintageError
from components.contracts.families import (
    Family,
    ForestFamily,
    LogisticFamily,
    ScorecardFamily,
    TreeFamily,
    XGBoostFamily,
)
from components.scoring.spec import CodedColumn, IndicatorColumn, NumberColumn
from components.scoring.transform import Encoder
from components.training.bins import bin_category, bin_number
from components.training.columns import Feature, fit_columns

NAN = float("nan")
NUMBER, CITY = Feature(0, "NUMBER"), Feature(0, "CITY", categories=3)
LABEL = np.array([0, 1] * 50)


def one(family: Family, feature: Feature, column: list[float] | NDArray[np.float64]) -> Any:
    """The columns of one feature."""
    values = np.array(column, dtype=np.float64)[:, None]
    return fit_columns(family, (feature,), values, LABEL[: len(values)])


@pytest.mark.parametrize(
    ("imputer", "column", "filled"),
    [
        ("median", [1, 2, 9, NAN], 2.0),
        ("median", [1, 2, 3, 9], 2.5),
        ("mode", [1, 9, 9, NAN, NAN, NAN], 9.0),
        ("mode", [4, 1, 4, 1], 1.0),  # the lesser of two that are as common
        ("none", [1, NAN], None),
        ("median", [NAN, NAN], 0.0),
        ("mode", [NAN, NAN], 0.0),
        ("none", [NAN, NAN], None),
    ],
)
def test_an_imputer_puts_its_figure_where_a_number_is_missing(
    imputer: Any, column: list[float], filled: float | None
) -> None:
    (found,) = one(XGBoostFamily(imputer=imputer), NUMBER, column).numbers
    assert found == NumberColumn(0, filled)
    encoded = Encoder(one(XGBoostFamily(imputer=imputer), NUMBER, column))(np.array([[NAN], [7.0]]))
    assert encoded[:, 0] == pytest.approx([NAN if filled is None else filled, 7.0], nan_ok=True)


@pytest.mark.parametrize(
    ("scaler", "column", "center", "scale"),
    [
        ("none", [1, 2, 3], 0, 1),
        ("standard", [1, 3, NAN], 2, np.sqrt(2 / 3)),  # the missing one is imputed first
        ("standard", [2, 4, 6, 8], 5, np.sqrt(5)),
        ("min-max", [2, 4, 10], 2, 8),
        ("robust", [0, 1, 2, 3, 100], 2, 2),
        # Quartiles that are one value say nothing of the spread; the standard deviation does.
        ("robust", [5, 5, 5, 5, 5, 5, 5, 13], 5, np.sqrt(7)),
    ],
)
def test_a_scaler_takes_its_centre_off_and_divides_by_its_scale(
    scaler: Any, column: list[float], center: float, scale: float
) -> None:
    (found,) = one(LogisticFamily(scaler=scaler), NUMBER, column).numbers
    assert (found.center, found.scale) == pytest.approx((center, scale))


@pytest.mark.parametrize("scaler", ["none", "standard", "min-max", "robust"])
@pytest.mark.parametrize(
    "column",
    # Of many times 0.1, the standard deviation is 1e-17: no scale to divide by.
    [[0.1] * 7, [3.0] * 5, [0.0] * 5, [7.0, NAN, NAN], [NAN] * 4],
    ids=["0.1", "3", "0", "one known", "none known"],
)
def test_a_column_of_one_value_stays_as_it_is(scaler: Any, column: list[float]) -> None:
    (found,) = one(LogisticFamily(scaler=scaler), NUMBER, column).numbers
    assert (found.center, found.scale) == (0.0, 1.0)


def test_without_an_imputer_the_scale_is_of_the_known_values() -> None:
    (found,) = one(XGBoostFamily(scaler="min-max"), NUMBER, [2, NAN, 6]).numbers
    assert found == NumberColumn(0, None, 2.0, 4.0)


def test_one_hot_is_a_column_a_category_and_missing_is_none_of_them() -> None:
    columns = one(TreeFamily(encoder="one-hot"), CITY, [0, 1, NAN, 0])
    assert columns.indicators == tuple(IndicatorColumn(0, code) for code in range(3))
    encoded = Encoder(columns)(np.array([[2.0], [NAN], [0.0]]))
    assert encoded.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_ordinal_is_the_declared_order_with_missing_below_it() -> None:
    columns = one(TreeFamily(encoder="ordinal"), CITY, [0, 1, NAN, 0])
    assert columns.coded == (CodedColumn(0, (0.0, 1.0, 2.0), -1.0),)
    assert Encoder(columns)(np.array([[2.0], [NAN], [0.0]]))[:, 0].tolist() == [2, -1, 0]


@pytest.mark.parametrize("family", [TreeFamily(encoder="woe"), ScorecardFamily()])
def test_woe_is_the_weight_of_the_category_among_the_rows_given(family: Family) -> None:
    codes = np.repeat([0.0, 1.0, NAN, 2.0], [30, 40, 28, 2])
    columns = one(family, CITY, codes)
    expected = bin_category(codes, LABEL, 3, least_rows=20)
    assert columns.coded == (CodedColumn(0, expected.woe, expected.missing),)


@pytest.mark.parametrize(
    ("share", "rows", "least"), [(0.03, 2000, 60), (0.03, 100, 20), (0.0, 2000, 20)]
)
def test_a_scorecard_bins_numbers_as_its_parameters_and_the_feature_say(
    share: float, rows: int, least: int
) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=rows)
    label = (rng.random(rows) < 1 / (1 + np.exp(-values))).astype(np.int64)
    feature = Feature(0, "NUMBER", monotone=1, special=(0.0,))
    family = ScorecardFamily(least_share=share, most_bins=5)
    columns = fit_columns(family, (feature,), values[:, None], label)
    expected = bin_number(values, label, most_bins=5, least_rows=least, monotone=1, special=(0.0,))
    (found,) = columns.binned
    assert (found.edges, found.values) == (expected.edges, expected.woe)
    assert (found.special, found.missing) == (expected.special, expected.missing)
    assert not (columns.numbers or columns.indicators)


def test_columns_come_kind_after_kind_each_in_the_order_of_the_features() -> None:
    features = (Feature(0, "A", 2), Feature(1, "B"), Feature(2, "C", 3), Feature(3, "D"))
    values = np.column_stack([LABEL, LABEL, LABEL, LABEL]).astype(np.float64)
    columns = fit_columns(LogisticFamily(), features, values, LABEL)
    assert [column.feature for column in columns.numbers] == [1, 3]
    assert [(c.feature, c.code) for c in columns.indicators] == [
        (0, 0), (0, 1), (2, 0), (2, 1), (2, 2),
    ]  # fmt: skip


WIDE = Feature(0, "EMPLOYER", categories=10_000)


@pytest.mark.parametrize(
    "family", [LogisticFamily(), TreeFamily(), ForestFamily(), XGBoostFamily()],
    ids=lambda family: family.kind,
)  # fmt: skip
def test_ten_thousand_categories_are_refused_by_name_under_one_hot_alone(family: Any) -> None:
    codes = np.arange(100.0) * 100
    message = (
        "feature EMPLOYER: expected at most 100 categories for the one-hot encoder, found 10,000; "
        "declare encoder woe or ordinal"
    )
    with pytest.raises(VintageError) as refused:
        one(family, WIDE, codes)
    assert str(refused.value) == message
    for encoder in ("woe", "ordinal"):
        (found,) = one(family.at({"encoder": encoder}), WIDE, codes).coded
        assert len(found.values) == 10_000
        assert np.isfinite(found.values).all()


@pytest.mark.parametrize(("categories", "refused"), [(100, False), (101, True)])
def test_one_hot_takes_a_hundred_categories(categories: int, refused: bool) -> None:
    feature = Feature(0, "EMPLOYER", categories=categories)
    if refused:
        with pytest.raises(VintageError, match="found 101"):
            one(TreeFamily(), feature, [0, 1])
    else:
        assert len(one(TreeFamily(), feature, [0, 1]).indicators) == 100


FAMILIES = st.one_of(
    st.builds(
        XGBoostFamily,
        encoder=st.sampled_from(["one-hot", "ordinal", "woe"]),
        imputer=st.sampled_from(["none", "median", "mode"]),
        scaler=st.sampled_from(["none", "standard", "min-max", "robust"]),
    ),
    st.builds(ScorecardFamily, most_bins=st.integers(2, 10)),
)


@settings(deadline=None, max_examples=60)
@given(FAMILIES, st.integers(0, 2**32 - 1))
def test_columns_encode_any_rows_to_numbers_and_missing_only_where_no_imputer_is(
    family: Family, seed: int
) -> None:
    rng = np.random.default_rng(seed)

    def rows(count: int) -> NDArray[np.float64]:
        made = np.column_stack([rng.normal(0, 10.0 ** rng.integers(-3, 6), count),
                                rng.integers(0, 3, count)]).astype(np.float64)  # fmt: skip
        made[rng.random(made.shape) < rng.random()] = np.nan
        return made

    features = (Feature(0, "NUMBER", special=(0.0,)), Feature(1, "CITY", categories=3))
    columns = fit_columns(family, features, rows(60), rng.integers(0, 2, 60))
    fresh = rows(40)
    encoded = Encoder(columns)(fresh)
    assert not np.isinf(encoded).any()
    gone = np.isnan(fresh[:, 0]) & (family.imputer == "none") & (family.kind == "xgboost")
    assert (np.isnan(encoded).any(axis=1) == gone).all()

"""Reasons: what they say is what the model does."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.scoring.reasons import Reasons, parts, shown
from components.scoring.spec import (
    Columns,
    Input,
    LinearModel,
    Platt,
    ReasonText,
    RowFeature,
    Scale,
    Spec,
)
from tests.making import FAMILIES, Models, inputs_of

families = pytest.mark.parametrize("family", FAMILIES)
NAN = float("nan")


@families
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_putting_the_top_reason_right_improves_the_margin(
    models: Models, family: str, seed: int
) -> None:
    bundle = models.bundle(family)
    names = [feature.name for feature in bundle.spec.features]
    features = bundle.features(inputs_of(20, seed))
    margin = bundle.score_features(features).margin
    told = 0
    for place, reasons in enumerate(bundle.reasons(features)):
        for reason in reasons[:1]:
            number = names.index(reason.feature)
            better = features[[place]]
            better[0, number] = bundle.spec.reasons[number].reference
            assert bundle.score_features(better).margin[0] < margin[place]
            told += 1
    assert told > 0


@families
def test_reasons_come_the_worst_first_and_no_more_than_declared(
    models: Models, family: str
) -> None:
    bundle = models.bundle(family)
    features = bundle.features(inputs_of(200, 5))
    names = [feature.name for feature in bundle.spec.features]
    for part, reasons in zip(
        bundle.explain_features(features), bundle.reasons(features), strict=True
    ):
        told = [float(part[names.index(reason.feature)]) for reason in reasons]
        assert told == sorted(told, reverse=True)
        assert len(told) <= bundle.spec.most_reasons
        assert all(value > 0 for value in told)
        if len(told) < bundle.spec.most_reasons:
            assert sum(part >= 1e-3) == len(told)


@families
def test_a_client_with_the_usual_values_has_no_reasons(models: Models, family: str) -> None:
    bundle = models.bundle(family)
    usual = np.array([[reason.reference for reason in bundle.spec.reasons]], dtype=np.float64)
    assert bundle.reasons(usual) == [()]


@families
def test_a_protected_column_is_never_a_reason(models: Models, family: str) -> None:
    told = {
        reason.feature
        for reasons in models.bundle(family).reasons(
            models.bundle(family).features(inputs_of(300, 2))
        )
        for reason in reasons
    }
    assert told <= {feature.name for feature in models.spec.features}
    assert "AGE" not in told


def test_parts_of_a_weighted_sum_are_its_terms() -> None:
    weights = np.array([1.0, -2.0, 3.0])
    features = np.array([[1.0, 1.0, 1.0], [0.0, 5.0, 2.0]])
    found = parts(lambda rows: rows @ weights, features, np.array([0.0, 1.0, 2.0]))
    assert found.tolist() == [[1.0, 0.0, -3.0], [0.0, -8.0, 0.0]]


def test_parts_are_the_same_however_many_rows_are_asked_at_once(models: Models) -> None:
    bundle = models.bundle("xgboost")
    inputs = inputs_of(90_000, 3)
    some = bundle.explain(inputs)
    assert np.array_equal(some[70_000:70_050], bundle.explain(inputs[70_000:70_050]))


def reasons_of(text: ReasonText, value: float) -> tuple[str, ...]:
    spec = Spec(
        scenario="small",
        family="logistic",
        inputs=(Input("A", "number", nullable=True), Input("G", "category", ("red", "blue"))),
        features=(RowFeature("G" if text.code == "CAT" else "A"),),
        columns=Columns(),
        model=LinearModel(0.0, ()),
        calibration=Platt(),
        points=Scale(600, 50, 20),
        reasons=(text,),
        most_reasons=4,
    )
    return tuple(r.text for r in Reasons(spec).of(np.array([0.5]), np.array([value])))


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        (ReasonText("A", "high: {value} not {reference}", None, None, 2.0), 3.5, "high: 3.5 not 2"),
        (ReasonText("A", "high", "low: {value}", None, 2.0), 1.0, "low: 1"),
        (ReasonText("A", "high", "low", "unknown", 2.0), NAN, "unknown"),
        (ReasonText("A", "{value}", None, None, 2.0), NAN, "not known"),
        (ReasonText("A", "usual {reference}", None, None, None), 4.0, "usual not known"),
        (ReasonText("CAT", "is {value}, usual {reference}", "low", None, 1.0), 0.0, None),
    ],
)
def test_a_sentence_fits_the_value(text: ReasonText, value: float, expected: str | None) -> None:
    assert reasons_of(text, value) == (expected or "is red, usual blue",)


def test_a_feature_without_a_text_is_no_reason() -> None:
    assert reasons_of(ReasonText("", "", None, None, 0.0), 5.0) == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3.0, "3"), (1234567.0, "1,234,567"), (0.12345, "0.1235"), (12345.678, "12,346"),
        (-0.5, "-0.5"), (1e20, "1e+20"), (math.pi * 1e3, "3142"),
    ],
)  # fmt: skip
def test_numbers_are_shown_for_people(value: float, expected: str) -> None:
    assert shown(value) == expected

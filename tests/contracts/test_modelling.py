"""What is learned from: what a feature, a reason and a split may say, and what a refusal says."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from components.contracts.base import Contract
from components.contracts.modelling import Feature, Reason
from components.contracts.outcomes import StratifiedSplit


def reason(**changes: Any) -> Reason:
    """A reason with a plain sentence."""
    return Reason(**{"code": "AMT", "text": "Asks for much", **changes})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Feature(name="RATIO", title="ratio", expression="A +"),
            "feature RATIO: expected an expression, found 'A +': invalid syntax",
        ),
        (lambda: Feature(name="1A", title="a"), "String should match pattern"),
        (lambda: Feature(name="A B", title="a"), "String should match pattern"),
        (lambda: Feature(name="A", title="a", monotone=0), "Input should be -1 or 1"),
        (lambda: Feature(name="A", title="a", monotone=2), "Input should be -1 or 1"),
        (
            lambda: Feature(name="A", title="a", special=(0, -2, 0.0)),
            "feature A: a special code is declared twice in (0.0, -2.0, 0.0)",
        ),
        (
            lambda: Feature(name="A", title="a", special=(float("nan"),)),
            "Input should be a finite number",
        ),
        (lambda: reason(code="amt"), "String should match pattern"),
        (lambda: reason(code=""), "String should match pattern"),
        (lambda: reason(code="A" * 17), "String should match pattern"),
        (lambda: reason(text=""), "at least 1 character"),
        *(
            (
                lambda text=text: reason(text=text),
                f"reason AMT: expected no braces but {{value}} and {{reference}}, found {text!r}",
            )
            for text in (
                "Asks for {amount}",
                "Asks for {}",
                "{0}",
                "{value.real}",
                "{value:.2f}",
                "{value!r}",
                "{value:{reference}}",
                "Asks for {value",
                "{{value}} in braces",
            )
        ),
        (lambda: reason(below="{usual} less"), "found '{usual} less'"),
        (lambda: reason(missing="{what}"), "found '{what}'"),
        (lambda: StratifiedSplit(test=0.95), "less than or equal to 0.9"),
        (lambda: StratifiedSplit(validation=0), "greater than or equal to 0.05"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_reason(
    make: Callable[[], Contract], message: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    "text",
    ["Plain", "Asks for {value}", "{value}, usual is {reference}", "100 %"],
)
def test_a_sentence_may_hold_the_value_and_the_reference(text: str) -> None:
    assert reason(text=text, below=text, missing=text).text == text


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        (None, {"OWN"}),
        ("A / B", {"A", "B"}),
        ("A + A - 1", {"A"}),
        ("maximum(A, B) > missing(C)", {"A", "B", "C"}),
        ("where(where > 0, minimum(A, 2), B)", {"where", "A", "B"}),
        ("1 + 2", set()),
    ],
)
def test_a_feature_knows_the_columns_that_it_reads(
    expression: str | None, columns: set[str]
) -> None:
    assert Feature(name="OWN", title="own", expression=expression).columns() == columns


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Feature, {"name": "A", "title": "a"}),
        (Reason, {"code": "A", "text": "a"}),
        (StratifiedSplit, {}),
    ],
)
def test_no_declaration_takes_an_unknown_key_or_changes_later(
    model: type[Contract], values: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model(**values, surprise=1)
    made = model(**values)
    field = next(iter(model.model_fields))
    with pytest.raises(ValidationError, match="Instance is frozen"):
        setattr(made, field, getattr(made, field))

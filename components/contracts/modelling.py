"""What is learned from: features and their reasons. Labels and splits are in `outcomes`, what
learns is in `families`, what judges in `policy`.
"""

import ast
import re
from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, StringConstraints, model_validator

from components.contracts.base import ColumnName, Contract

_PLACES = re.compile(r"\{(value|reference)\}")


class Reason(Contract):
    """What a client is told where a feature hurt the score: a code and a sentence.

    A sentence may hold `{value}` and `{reference}`: the client's and the usual one.
    """

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9-]{0,15}$")]
    #: Where the value is above the reference, or is a category.
    text: Annotated[str, Field(min_length=1)]
    #: Where the value is below the reference; none: `text`.
    below: str | None = None
    #: Where the value is missing; none: `text`.
    missing: str | None = None

    @staticmethod
    def about(code: str, what: str) -> "Reason":
        """The usual sentences about a number."""
        return Reason(
            code=code,
            text=f"High: {what}, {{value}}; usual is {{reference}}",
            below=f"Low: {what}, {{value}}; usual is {{reference}}",
            missing=f"Not on file: {what}",
        )

    @model_validator(mode="after")
    def _places_are_known(self) -> Self:
        for sentence in (self.text, self.below, self.missing):
            rest = _PLACES.sub("", sentence or "")
            if "{" in rest or "}" in rest:
                raise ValueError(
                    f"reason {self.code}: expected no braces but {{value}} and {{reference}}, "
                    f"found {sentence!r}"
                )
        return self


class Feature(Contract):
    """One model input: a column as it is, or an expression over columns of the same row.

    Expressions are Python arithmetic and comparisons over column names, with the functions
    `minimum`, `maximum`, `missing`, `where`; a date is its day's number; a category is compared
    with one of its values, or is `rank(COLUMN)`, its place among them from 0 on. Only
    `components/scoring` evaluates them.
    """

    name: ColumnName
    title: str
    expression: str | None = None
    #: +1: a higher value may only raise the PD; -1: only lower it.
    monotone: Literal[-1, 1] | None = None
    #: Values that mean something of their own: bins of their own in a scorecard.
    special: tuple[FiniteFloat, ...] = ()
    #: A model with a feature that has none fails the gate.
    reason: Reason | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.expression is not None:
            try:
                ast.parse(self.expression, mode="eval")
            except SyntaxError as error:
                raise ValueError(
                    f"feature {self.name}: expected an expression, found "
                    f"{self.expression!r}: {error.msg}"
                ) from None
        if len(set(self.special)) != len(self.special):
            raise ValueError(
                f"feature {self.name}: a special code is declared twice in {self.special}"
            )
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


class Limits(Contract):
    """What one task may take before it counts as failed."""

    retries: int = Field(default=1, ge=0, le=5)
    timeout_minutes: float = Field(default=10.0, gt=0)
    #: Pods that do Spark's work on Kubernetes, of one processor each; none: the task's own does it.
    executors: int = Field(default=0, ge=0, le=100)

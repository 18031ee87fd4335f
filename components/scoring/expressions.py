"""Row features: arithmetic over columns of one row, declared as text, evaluated here alone.

Every operation works element by element, so that a value never depends on the other rows of
its batch. Missing is NaN: it spreads through arithmetic and comparisons, `minimum` and `maximum`
pass it over, and what is no finite number (a division by zero, an overflow) is missing.
A date is the number of its day, so that a difference is in days. A category can be compared with
one of its values, and nothing else: `OWNS_CAR == "Y"` is 1, 0, or missing.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import VintageError

Values = NDArray[np.float64]
Evaluate = Callable[[Mapping[str, Values]], Values]


def _finite(function: Callable[..., Values]) -> Callable[..., Values]:
    """An operation whose overflow, or division by zero, is missing."""

    def evaluate(left: Values, right: Values) -> Values:
        values = function(left, right)
        return np.where(np.isfinite(values), values, np.nan)

    return evaluate


def _comparison(compare: Callable[[Values, Values], NDArray[np.bool_]]) -> Callable[..., Values]:
    def evaluate(left: Values, right: Values) -> Values:
        unknown = np.isnan(left) | np.isnan(right)
        return np.where(unknown, np.nan, compare(left, right).astype(np.float64))

    return evaluate


def _missing(value: Values) -> Values:
    return np.isnan(value).astype(np.float64)


def _where(condition: Values, yes: Values, no: Values) -> Values:
    return np.where(np.isnan(condition), np.nan, np.where(condition != 0, yes, no))


_BINARY: dict[type[ast.operator], Callable[..., Values]] = {
    ast.Add: _finite(operator.add),
    ast.Sub: _finite(operator.sub),
    ast.Mult: _finite(operator.mul),
    ast.Div: _finite(np.divide),
}
_COMPARE: dict[type[ast.cmpop], Callable[..., Values]] = {
    ast.Gt: _comparison(operator.gt),
    ast.GtE: _comparison(operator.ge),
    ast.Lt: _comparison(operator.lt),
    ast.LtE: _comparison(operator.le),
    ast.Eq: _comparison(operator.eq),
    ast.NotEq: _comparison(operator.ne),
}
#: Name -> (function, number of arguments; 0 for two or more).
FUNCTIONS: dict[str, tuple[Callable[..., Values], int]] = {
    "minimum": (np.fmin, 0),
    "maximum": (np.fmax, 0),
    "missing": (_missing, 1),
    "where": (_where, 3),
}
_TWO_OR_MORE = 2


def compile_expression(text: str, categories: Mapping[str, Sequence[str]]) -> Evaluate:
    """A function from columns to values. Raises VintageError on what is not allowed.

    `categories` are the columns that hold positions among these values; the others hold numbers.
    It warns of overflows as numpy does; who calls it knows that they become missing.
    """
    try:
        body = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise VintageError(f"expression {text!r}: {error.msg}") from None
    try:
        evaluate = _Compiler(text, categories).compile(body)
    except RecursionError:
        raise VintageError(f"expression {text[:60]!r}: expected a shorter one") from None

    def finite(columns: Mapping[str, Values]) -> Values:
        values = evaluate(columns)
        return np.where(np.isfinite(values), values, np.nan)

    return finite


@dataclass(frozen=True)
class _Compiler:
    text: str
    categories: Mapping[str, Sequence[str]]

    def compile(self, node: ast.expr) -> Evaluate:  # noqa: PLR0911 - one for each kind of node
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                try:
                    constant = np.float64(value)
                except OverflowError:
                    raise self._fault("a number is too large") from None
                return lambda _: np.asarray(constant)
            case ast.Name(id=name):
                if name in self.categories:
                    example = f"{name} == {self.categories[name][0]!r}"
                    raise self._fault(f"{name} is a category: expected a comparison as {example}")
                return lambda columns: columns[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.compile(operand)
                return lambda columns: -inner(columns)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return self._apply(_BINARY[type(op)], [left, right])
            case ast.Compare(
                left=ast.Name(id=name),
                ops=[ast.Eq() | ast.NotEq() as same],
                comparators=[ast.Constant(value=str() as value)],
            ):
                code = self._code(name, value)
                compare = _COMPARE[type(same)]
                return lambda columns: compare(columns[name], code)
            case ast.Call(func=ast.Name(id="rank"), args=[ast.Name(id=name)], keywords=[]):
                if name not in self.categories:
                    raise self._fault(f"expected a category to rank, found {name}")
                return lambda columns: columns[name]
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
                return self._apply(_COMPARE[type(op)], [left, right])
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
                return self._call(name, args)
        raise self._fault(
            f"{ast.unparse(node)!r} is not allowed; allowed are column names, numbers, + - * /, "
            'comparisons of two numbers, CATEGORY == "value" and !=, rank(CATEGORY), and '
            f"{', '.join(sorted(FUNCTIONS))}"
        )

    def _code(self, name: str, value: str) -> Values:
        """The position of a category's value."""
        if name not in self.categories:
            raise self._fault(f"expected a category to compare with {value!r}, found {name}")
        if value not in self.categories[name]:
            known = ", ".join(self.categories[name])
            raise self._fault(f"expected {name} compared with one of {known}, found {value!r}")
        return np.asarray(float(self.categories[name].index(value)))

    def _call(self, name: str, args: list[ast.expr]) -> Evaluate:
        function, count = FUNCTIONS[name]
        if count and len(args) != count:
            raise self._fault(f"{name} takes {count} arguments, found {len(args)}")
        if count:
            return self._apply(function, args)
        if len(args) < _TWO_OR_MORE:
            raise self._fault(f"{name} takes two or more arguments")
        return self._fold(function, args)

    def _apply(self, function: Callable[..., Values], args: list[ast.expr]) -> Evaluate:
        parts = [self.compile(arg) for arg in args]
        return lambda columns: function(*(part(columns) for part in parts))

    def _fold(self, function: Callable[..., Values], args: list[ast.expr]) -> Evaluate:
        first, *rest = [self.compile(arg) for arg in args]

        def evaluate(columns: Mapping[str, Values]) -> Values:
            values = first(columns)
            for part in rest:
                values = function(values, part(columns))
            return values

        return evaluate

    def _fault(self, what: str) -> VintageError:
        return VintageError(f"expression {self.text!r}: {what}")

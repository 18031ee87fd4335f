"""`exploration.json`: what a gold table holds, before anything is learned from it.

Figures are of the development rows (train and validation) unless they say otherwise.
"""

from typing import Literal

from components.contracts.base import Contract
from components.contracts.people import Cluster, Persons
from components.contracts.results import Moved


class Slice(Contract):
    """The labelled rows of one bin, value or split."""

    label: str
    rows: int
    bad: int
    #: ln(its share of the bad rows / its share of the good rows).
    woe: float


class Histogram(Contract):
    """How a number's known values lie; what is beyond the ends is in the outer bars."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class FeatureFigures(Contract):
    """One feature: its values, and what they tell of the target."""

    name: str
    title: str
    kind: Literal["number", "category"]
    #: Share of the rows.
    missing: float
    distinct: int
    #: None for a category, and where all is missing.
    minimum: float | None
    median: float | None
    maximum: float | None
    #: None for a category, whose bins tell it.
    histogram: Histogram | None
    #: Tenths of the known values, or values, and missing last; those without rows are left out.
    bins: tuple[Slice, ...]
    #: 0 where all the labelled rows are of one class.
    iv: float
    #: What the IV of a feature that tells nothing stays below 999 times in 1,000, of rows like
    #: these; None for rows of one class.
    iv_by_chance: float | None
    #: Development to test; None where there are no test rows.
    moved: Moved | None


class InputGaps(Contract):
    """Share of the rows in which an input is missing; None where there are no such rows."""

    name: str
    development: float
    test: float | None


class Side(Contract):
    """The rows of one split."""

    split: str
    rows: int
    #: Of them, rows whose label is known.
    labelled: int
    bad: int


class MonthRate(Contract):
    """The rows whose as-of is in one month, whatever their split; a Wilson interval of the rate."""

    month: str
    rows: int
    labelled: int
    bad: int
    low: float | None
    high: float | None


class Correlations(Contract):
    """Spearman's, with categories in the order of their bad rates."""

    #: Rows that they are of: all, or every nth.
    rows: int
    #: The features of the table: those with the highest IV.
    features: tuple[str, ...]
    #: Row by row; None where too few rows know both, or one has a single value.
    table: tuple[tuple[float | None, ...], ...]
    #: Of all features, those that are strong either way, strongest first.
    strong: tuple[tuple[str, str, float], ...]


class MonthlyDrift(Contract):
    """PSI of the features with the highest IV: development rows to all rows of a month."""

    features: tuple[str, ...]
    months: tuple[str, ...]
    #: Month by month.
    rows: tuple[int, ...]
    #: Feature by feature, month by month.
    moved: tuple[tuple[Moved, ...], ...]


class Alike(Contract):
    """Rows that no model tells apart: they are the same in every feature."""

    rows: int
    distinct: int
    test_rows: int
    #: Test rows with a development row like them.
    test_alike: int


class ColumnRates(Contract):
    """A declared column that is watched and is no feature for that: its values, or tenths."""

    column: str
    role: Literal["protected", "segment"]
    bins: tuple[Slice, ...]


class Exploration(Contract):
    """A gold table in figures."""

    scenario: str
    title: str
    label: str
    #: All rows, and those of development.
    rows: int
    development: int
    sides: tuple[Side, ...]
    #: Empty where the rows have no as-of.
    months: tuple[MonthRate, ...]
    #: Who was left out, as nothing was known of them before the as-of.
    unseen: int = 0
    #: Of a label from statuses: whom the table of statuses knows, and no row is of.
    strangers: int = 0
    #: The label, development to test; None where one side has none.
    target: Moved | None
    inputs: tuple[InputGaps, ...]
    #: Highest IV first.
    features: tuple[FeatureFigures, ...]
    correlations: Correlations
    #: None where there are not two months.
    monthly: MonthlyDrift | None
    alike: Alike
    #: None where rows have no date of their own, or one side has none.
    persons: Persons | None
    columns: tuple[ColumnRates, ...]
    #: Of a proxy label only.
    clusters: tuple[Cluster, ...] = ()

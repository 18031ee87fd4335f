"""Evidently on a sample of the same rows: a flag a column, and its page.

Its tests are named and their limits made for the number of columns, as its own limits would flag
2 of 40 columns of a month in which nothing moved.
"""

import os
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from components.contracts.drift import SCORE, Drift, Evidence, Flag, Omitted, Raised, Verdict, Watch
from components.contracts.results import LEAST_ROWS
from components.figures.bootstrap import Label, Scores
from components.figures.chance import bands, dealt_shares
from components.monitoring.drift import LEVEL

#: What its page calls outcomes, 1 for bad; a feature's name has no blank.
OUTCOME = "the outcome"
#: Labels, and PDs, of the same rows.
Judged = tuple[Label, Scores]
#: Of each side: at this size the tests see a shift of 0.15 standard deviations, not much more than
#: Evidently's own limit for large samples (0.1). At 5,000 exact p-values cost 5 s more.
_SAMPLE, _SEED = 3_000, 1
#: Of the columns whose PSI is largest: a page has time for so many, and for details of so many.
_MOST_COLUMNS, _MOST_DETAILS = 40, 5
#: Evidently's own limit for a category's Jensen-Shannon distance.
_LEAST_DISTANCE = 0.1
#: What Evidently calls its tests.
_OF_NUMBERS, _OF_CATEGORIES = "ks", "jensenshannon"


@dataclass(frozen=True)
class Page:
    """What Evidently found, and its page; None where there was nothing to be shown."""

    evidence: Evidence
    html: str | None


def sampled(rows: int) -> NDArray[np.intp]:
    """The places of those of so many rows that Evidently looks at, ascending; always the same."""
    if rows <= _SAMPLE:
        return np.arange(rows)
    return np.sort(np.random.default_rng(_SEED).choice(rows, _SAMPLE, replace=False))


def evidently(
    reference: pd.DataFrame, month: pd.DataFrame, categories: Collection[str], drift: Drift
) -> Page:
    """Ask Evidently about rows of features and `SCORE`, `sampled` of those that the drift is of.

    `reference` are rows like those that the model was made from. Nothing goes to the network.
    """
    some, now = (_finite(frame) for frame in (reference, month))
    names = _names(drift)
    omitted = {name: why for name in names if (why := _why_not(name, some, now))}
    asked = [name for name in names if name not in omitted]
    limits = limits_of(some, now, asked, categories)
    methods = {n: _OF_CATEGORIES if n in categories else _OF_NUMBERS for n in asked}
    shown = asked[:_MOST_COLUMNS]
    with _quiet():
        flags = tuple(_flag(some[n], now[n], methods[n], limits[n]) for n in asked)
        html = _drift_page(some, now, shown, methods, limits) if shown else None
    evidence = Evidence(
        version=_version(),
        seed=_SEED,
        reference=(len(some), drift.reference_rows),
        month=(len(now), drift.rows),
        flags=flags,
        shown=tuple(shown),
        omitted=tuple(Omitted(name=name, why=why) for name, why in omitted.items()),
    )
    return Page(evidence, html)


def not_asked(drift: Drift, why: str) -> Page:
    """Nothing of Evidently, about any column."""
    evidence = Evidence(
        version=_version(),
        seed=_SEED,
        reference=(0, drift.reference_rows),
        month=(0, drift.rows),
        flags=(),
        shown=(),
        omitted=tuple(Omitted(name=name, why=why) for name in _names(drift)),
    )
    return Page(evidence, None)


def _names(drift: Drift) -> list[str]:
    return [SCORE, *(one.name for one in drift.features)]


def outcomes_page(tested: Judged, vintage: Judged) -> str:
    """Evidently's classification page of a vintage beside the rows that training kept for the
    test; it sees those that are `sampled`. Both have both classes.
    """
    before, now = (
        pd.DataFrame({OUTCOME: label, SCORE: score}).iloc[sampled(len(label))]
        for label, score in (tested, vintage)
    )
    with _quiet():
        return _classification_page(before, now)


def verdict(drift: Drift, evidence: Evidence) -> Verdict:
    """The one verdict: what the PSI raised, then what Evidently alone did."""
    found: dict[str, list[tuple[Watch, str]]] = {
        alarm.name: [("PSI", alarm.why)] for alarm in drift.alarms
    }
    for flag in evidence.flags:
        if flag.drifted:
            why = f"{flag.method} {flag.score:.2g}, limit {flag.threshold:.2g}"
            found.setdefault(flag.name, []).append(("Evidently", why))
    return Verdict(
        raised=tuple(
            Raised(name=name, by=tuple(w for w, _ in all_), why=tuple(why for _, why in all_))
            for name, all_ in found.items()
        )
    )


def _version() -> str:
    from importlib.metadata import version

    return version("evidently")


def _finite(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.replace([np.inf, -np.inf], np.nan)


def _why_not(name: str, reference: pd.DataFrame, month: pd.DataFrame) -> str | None:
    """Why Evidently cannot be asked about a column; it raises where there are no values."""
    for side, frame in (("the reference", reference), ("the month", month)):
        if name not in frame:
            return f"{side} has no such column"
        if (known := int(frame[name].notna().sum())) < LEAST_ROWS:
            return f"{side} has {known} rows with a value, {LEAST_ROWS} are needed"
    return None


def limits_of(
    reference: pd.DataFrame, month: pd.DataFrame, names: Sequence[str], categories: Collection[str]
) -> dict[str, float]:
    """The limit of each column's test, as one of so many columns.

    Numbers: a p-value. Categories: a distance that chance does not reach.
    """
    from scipy.spatial.distance import jensenshannon

    numbers = [name for name in names if name not in categories]
    limits = {name: LEVEL / len(numbers) for name in numbers}
    dealt = []
    those = [name for name in names if name in categories]
    for seed, name in enumerate(those):
        before, after = (frame[name].value_counts() for frame in (reference, month))
        both = before.index.union(after.index)
        rows = [one.reindex(both, fill_value=0).to_numpy() for one in (before, after)]
        sums = [int(one.sum()) for one in rows]
        shares = dealt_shares(rows[0] / sums[0], sums[0], rows[1] / sums[1], sums[1], seed)
        dealt.append(np.asarray(jensenshannon(*shares, axis=1)))
    for name, most in zip(those, bands(dealt, LEVEL), strict=True):
        limits[name] = max(_LEAST_DISTANCE, most)
    return limits


def _flag(reference: pd.Series, month: pd.Series, method: str, limit: float) -> Flag:
    """What Evidently's own test says of a column."""
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    kind = ColumnType.Numerical if method == _OF_NUMBERS else ColumnType.Categorical
    before, after = reference.dropna(), month.dropna()
    found = get_stattest(before, after, kind, method)(before, after, kind, limit)
    return Flag(
        name=str(reference.name), method=method, score=float(found.drift_score), threshold=limit,
        drifted=bool(found.drifted),
    )  # fmt: skip


def _drift_page(
    reference: pd.DataFrame, month: pd.DataFrame, names: Sequence[str], methods: Mapping[str, str],
    limits: Mapping[str, float],
) -> str:  # fmt: skip
    """The same tests of these columns, with their pictures, as one file."""
    from evidently import DataDefinition
    from evidently.presets import DataDriftPreset, DataSummaryPreset

    definition = DataDefinition(
        numerical_columns=[name for name in names if methods[name] == _OF_NUMBERS],
        categorical_columns=[name for name in names if methods[name] == _OF_CATEGORIES],
    )
    parts = [
        DataDriftPreset(
            columns=list(names),
            drift_share=1 / len(names),  # one flag alarms: the page must not say otherwise
            per_column_method={name: methods[name] for name in names},
            per_column_threshold={name: limits[name] for name in names},
        ),
        DataSummaryPreset(columns=list(names[:_MOST_DETAILS])),
    ]
    return _html(parts, reference[list(names)], month[list(names)], definition)


def _classification_page(reference: pd.DataFrame, month: pd.DataFrame) -> str:
    from evidently import BinaryClassification, DataDefinition
    from evidently.presets import ClassificationPreset

    task = BinaryClassification(target=OUTCOME, prediction_probas=SCORE, pos_label=1)
    definition = DataDefinition(numerical_columns=[SCORE], classification=[task])
    return _html([ClassificationPreset()], reference, month, definition)


def _html(
    parts: Sequence[Any], reference: pd.DataFrame, month: pd.DataFrame, definition: Any
) -> str:
    from evidently import Dataset, Report

    now, before = (
        Dataset.from_pandas(frame, data_definition=definition) for frame in (month, reference)
    )
    return str(Report(list(parts)).run(now, before).get_html_str(as_iframe=False))


@contextmanager
def _quiet() -> Iterator[None]:
    """Evidently as a library: it neither reports home nor warns of its own code."""
    os.environ["DO_NOT_TRACK"] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

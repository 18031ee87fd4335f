"""What a gold table holds, in figures: rows, gaps, features against the target, drift.

Bins, weights and correlations are of the development rows alone; test rows are only counted over
the same bins, to see whether they moved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.contracts.errors import VintageError
from components.contracts.exploration import (
    Alike,
    ColumnRates,
    Correlations,
    Exploration,
    FeatureFigures,
    Histogram,
    InputGaps,
    MonthlyDrift,
    MonthRate,
    Side,
    Slice,
)
from components.contracts.modelling import Feature
from components.contracts.people import Persons
from components.contracts.results import Moved
from components.contracts.scenario import ExploreSpec
from components.evaluation.chance import iv_by_chance, moved_to
from components.evaluation.correlations import by_bad_rate, spearman, strong_pairs
from components.evaluation.numbers import spans
from components.evaluation.persons import persons_of
from components.evaluation.rates import wilson
from components.scoring.evidence import information_value, weights
from components.scoring.instances import Matrix, from_columns
from components.scoring.reference import Bins, bins_of
from components.scoring.spec import Input, RowFeature
from components.scoring.transform import RowFeatures

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
Months = NDArray[np.datetime64]
MISSING = "missing"
_SIDES = ("train", "validation", "test", "score")
_BARS = 30
_MOST_RANKED = 100_000  # rows; ranks of more take long and say the same
_SHOWN, _STRONG = 25, 0.8
_WATCHED = 10  # features by month


@dataclass(frozen=True)
class Rows:
    """The rows of a gold table, in one order."""

    inputs: Matrix
    features: Matrix
    label: NDArray[np.int64]  # -1 where not known yet
    split: NDArray[np.str_]
    #: None where the rows have no as-of.
    month: Months | None
    #: None where the rows have no as-of, or one side has none.
    persons: Persons | None
    #: The columns that are watched.
    beside: pa.Table

    def of(self, *splits: str) -> Mask:
        """Which rows are in these splits."""
        found = np.zeros(len(self.split), dtype=np.bool_)
        for split in splits:
            found |= self.split == split
        return found


def read_rows(folder: Path, spec: ExploreSpec) -> Rows:
    """Read what is needed of a gold table's Parquet files. Raises VintageError for no rows."""
    known = pq.ParquetDataset(folder).schema.names
    dates = [name for name in ("_as_of",) if name in known]
    inputs = _inputs(spec)
    beside = list(dict.fromkeys([*spec.protected, *spec.segments]))
    wanted = [*(i.name for i in inputs), *beside, *dates, "_label", "_split"]
    table = pq.read_table(folder, columns=list(dict.fromkeys(wanted)))
    if not table.num_rows:
        raise VintageError(f"explore: expected rows in the gold table of {spec.scenario}, found 0")
    matrix = from_columns(inputs, {i.name: table[i.name].to_numpy() for i in inputs})
    declared = tuple(RowFeature(feature.name, feature.expression) for feature in spec.features)
    split = table["_split"].to_numpy().astype(np.str_)
    both = {"train", "test"} <= set(table["_split"].unique().to_pylist())
    return Rows(
        inputs=matrix,
        features=RowFeatures(inputs, declared)(matrix),
        label=table["_label"].fill_null(-1).to_numpy().astype(np.int64),
        split=split,
        month=table["_as_of"].to_numpy().astype("M8[M]") if dates else None,
        persons=persons_of(folder, spec.entity) if both else None,
        beside=table.select(beside),
    )


def _inputs(spec: ExploreSpec) -> tuple[Input, ...]:
    return tuple(Input(**column.scoring_input()) for column in spec.inputs)


def explore(rows: Rows, spec: ExploreSpec) -> Exploration:
    """The figures of these rows.

    Where the history was too short to split, all rows count as development.
    """
    known, test = rows.of("train", "validation"), rows.of("test")
    known = known if known.any() else ~test
    values = {i.name: i.values for i in _inputs(spec) if i.kind == "category"}
    frozen = {}
    found = []
    for place, feature in enumerate(spec.features):
        names = () if feature.expression else values.get(feature.name, ())
        column = np.ascontiguousarray(rows.features[:, place])
        bins = frozen[feature.name] = bins_of(column[known], len(names))
        found.append(_feature(feature, names, bins, column, rows.label, known, test))
    order = sorted(range(len(found)), key=lambda n: (-found[n].iv, found[n].name))
    return Exploration(
        scenario=spec.scenario,
        title=spec.title,
        label=spec.label,
        rows=len(rows.label),
        development=int(known.sum()),
        sides=_sides(rows),
        months=() if rows.month is None else _months(rows.month, rows.label),
        target=_target(rows.label[known], rows.label[test]),
        inputs=_gaps(spec, rows.inputs, known, test),
        features=tuple(found[n] for n in order),
        correlations=_correlations(spec.features, values, rows, known, order),
        monthly=_monthly([spec.features[n].name for n in order[:_WATCHED]],
                         rows.features[:, order[:_WATCHED]], frozen, int(known.sum()), rows.month),
        alike=_alike(rows.features, known, test),
        persons=rows.persons,
        columns=_columns(spec, rows, known),
    )  # fmt: skip


def _feature(
    feature: Feature,
    names: Sequence[str],
    bins: Bins,
    column: Values,
    label: NDArray[np.int64],
    known: Mask,
    test: Mask,
) -> FeatureFigures:
    """`names` are the categories that the feature may be; none: it is a number."""
    values = column[known]
    there = values[~np.isnan(values)]
    is_number = bool(len(there)) and not names
    slices, iv = slices_of(bins, names, values, label[known])
    return FeatureFigures(
        name=feature.name,
        title=feature.title,
        kind="category" if names else "number",
        missing=1 - len(there) / len(values),
        distinct=len(np.unique(there)),
        minimum=float(there.min()) if is_number else None,
        median=float(np.median(there)) if is_number else None,
        maximum=float(there.max()) if is_number else None,
        histogram=_histogram(there) if is_number else None,
        bins=slices,
        iv=iv,
        iv_by_chance=iv_by_chance([own.rows for own in slices], sum(own.bad for own in slices)),
        moved=moved_to(feature.name, bins, len(values), column[test]) if test.any() else None,
    )


def slices_of(
    bins: Bins, names: Sequence[str], values: Values, label: NDArray[np.int64]
) -> tuple[tuple[Slice, ...], float]:
    """The labelled rows bin by bin, and the information value of the bins: 0, as are their
    weights, for rows of one class.

    `names` are the categories of the codes; none: the values are numbers.
    """
    labelled = label >= 0
    place, size = bins.places(values[labelled]), len(bins.edges) + 2
    rows = np.bincount(place, minlength=size).astype(np.float64)
    bad = np.bincount(place, weights=label[labelled], minlength=size).astype(np.float64)
    good = rows - bad
    whole = float(bad.sum()), float(good.sum())
    woe, iv = np.zeros(size), 0.0
    if all(whole):
        woe, iv = weights(bad, good, *whole), information_value(bad, good, *whole)
    there = values[~np.isnan(values)]
    labels = (*(names or spans(bins.edges, whole=bool((there == np.rint(there)).all()))), MISSING)
    return tuple(
        Slice(label=labels[n], rows=int(rows[n]), bad=int(bad[n]), woe=float(woe[n]))
        for n in np.flatnonzero(rows)
    ), iv


def _histogram(values: Values) -> Histogram:
    low, high = np.quantile(values, [0.01, 0.99], method="inverted_cdf")
    if low == high:
        low, high = values.min(), values.max()
    whole = high - low <= _BARS and bool((values == np.rint(values)).all())
    if whole or low == high:
        edges = np.arange(low - 0.5, high + 1, 1.0)
    else:
        edges = np.linspace(low, high, _BARS + 1)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))


def _sides(rows: Rows) -> tuple[Side, ...]:
    return tuple(
        Side(
            split=name,
            rows=int(own.sum()),
            labelled=int((rows.label[own] >= 0).sum()),
            bad=int((rows.label[own] == 1).sum()),
        )
        for name in _SIDES
        for own in (rows.of(name),)
        if own.any()
    )


def _months(month: Months, label: NDArray[np.int64]) -> tuple[MonthRate, ...]:
    found = []
    for when in np.unique(month):
        own = label[month == when]
        labelled, bad = int((own >= 0).sum()), int((own == 1).sum())
        low, high = wilson(bad, labelled) if labelled else (None, None)
        found.append(
            MonthRate(
                month=str(when), rows=len(own), labelled=labelled, bad=bad, low=low, high=high
            )
        )
    return tuple(found)


def _target(before: NDArray[np.int64], after: NDArray[np.int64]) -> Moved | None:
    before, after = before[before >= 0], after[after >= 0]
    if not len(before) or not len(after):
        return None
    bins = bins_of(before.astype(np.float64), categories=2)
    return moved_to("the target", bins, len(before), after.astype(np.float64))


def _gaps(spec: ExploreSpec, inputs: Matrix, known: Mask, test: Mask) -> tuple[InputGaps, ...]:
    missing = np.isnan(inputs)
    before = missing[known].mean(axis=0)
    after = missing[test].mean(axis=0) if test.any() else None
    return tuple(
        InputGaps(
            name=column.name,
            development=float(before[place]),
            test=None if after is None else float(after[place]),
        )
        for place, column in enumerate(spec.inputs)
    )


def _correlations(
    features: Sequence[Feature],
    categories: Mapping[str, Sequence[str]],
    rows: Rows,
    known: Mask,
    order: Sequence[int],
) -> Correlations:
    """`order` is that of the features by IV."""
    some = np.flatnonzero(known)
    some = some[:: -(-len(some) // _MOST_RANKED)]
    columns, label = rows.features[some], rows.label[some]
    for place, feature in enumerate(features):
        if feature.expression is None and feature.name in categories:
            count = len(categories[feature.name])
            columns[:, place] = by_bad_rate(columns[:, place], count, label)
    found = spearman(columns)
    top = list(order[:_SHOWN])
    return Correlations(
        rows=len(some),
        features=tuple(features[n].name for n in top),
        table=tuple(
            tuple(None if np.isnan(value) else float(value) for value in line)
            for line in found[np.ix_(top, top)]
        ),
        strong=tuple(
            (features[left].name, features[right].name, value)
            for left, right, value in strong_pairs(found, _STRONG)
        ),
    )


def _monthly(
    names: Sequence[str],
    features: Matrix,
    frozen: Mapping[str, Bins],
    developed: int,
    month: Months | None,
) -> MonthlyDrift | None:
    if month is None or len(when := np.unique(month)) <= 1:
        return None
    own = [month == each for each in when]
    return MonthlyDrift(
        features=tuple(names),
        months=tuple(str(each) for each in when),
        rows=tuple(int(rows.sum()) for rows in own),
        moved=tuple(
            tuple(moved_to(name, frozen[name], developed, features[rows, place]) for rows in own)
            for place, name in enumerate(names)
        ),
    )


def _alike(features: Matrix, known: Mask, test: Mask) -> Alike:
    some = known | test
    # Adding 0 makes -0 the 0 that it equals; missing is null, which equals itself.
    columns = [
        pa.array(column, from_pandas=True)
        for column in np.ascontiguousarray(features[some].T) + 0.0
    ]
    groups = _sides_of(columns, known[some], test[some])
    return Alike(
        rows=int(some.sum()),
        distinct=len(groups),
        test_rows=int(test.sum()),
        test_alike=int(groups[groups[:, 0] > 0, 1].sum()),
    )


def _sides_of(columns: Sequence[pa.Array], known: Mask, test: Mask) -> NDArray[np.int64]:
    """One line a group of equal rows: how many of them are of development, and of the test."""
    names = [str(place) for place in range(len(columns))]
    table = pa.table([*columns, known.astype(np.int64), test.astype(np.int64)],
                     names=[*names, "known", "test"])  # fmt: skip
    counted = table.group_by(names).aggregate([("known", "sum"), ("test", "sum")])
    return np.column_stack([counted["known_sum"].to_numpy(), counted["test_sum"].to_numpy()])


def _columns(spec: ExploreSpec, rows: Rows, known: Mask) -> tuple[ColumnRates, ...]:
    found = []
    roles = ((spec.protected, "protected"), (spec.segments, "segment"))
    for name, role in ((name, role) for names, role in roles for name in names):
        codes, names = _coded(rows.beside[name])
        own = codes[known]
        slices, _ = slices_of(bins_of(own, len(names)), names, own, rows.label[known])
        found.append(ColumnRates(column=name, role=role, bins=slices))
    return tuple(found)


def _coded(column: pa.ChunkedArray) -> tuple[Values, tuple[str, ...]]:
    """Texts, and the years of dates, as codes with what they stand for; numbers as they are."""
    if pa.types.is_temporal(column.type):
        column = pc.year(column).cast(pa.string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        names = pc.unique(column.drop_null()).sort()
        codes = pc.index_in(column, value_set=names)
        return codes.to_numpy().astype(np.float64), tuple(names.to_pylist())
    return column.cast(pa.float64()).to_numpy(), ()

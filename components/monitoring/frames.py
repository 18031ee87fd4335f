"""Rows as Evidently takes them: features by name, categories as their texts, and the score."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from components.contracts.drift import SCORE
from components.monitoring.drift import Month, Values
from components.monitoring.evidence import sampled
from components.scoring.bundle import CARD, Bundle
from components.scoring.instances import Matrix
from components.scoring.spec import Spec

_SPLIT = "_split"  # of gold


def categories_of(spec: Spec) -> dict[str, tuple[str, ...]]:
    """The values of each feature that is a category."""
    plain = {feature.name for feature in spec.features if feature.expression is None}
    return {i.name: i.values for i in spec.inputs if i.kind == "category" and i.name in plain}


def of_month(month: Month) -> pd.DataFrame:
    """A sample of a month's rows."""
    places = sampled(len(month.pd))
    return _frame(month.names, month.features[places], month.categories, month.pd[places])


def own_score(bundle: Bundle, gold: Path) -> Values:
    """PDs of a sample of the rows of gold that were kept for the test.

    A model is too sure of rows that it was fitted on. (Where the bundle was refitted on all rows
    there are none that it has not seen, and these are as good as any.) The bundle itself scores
    them, as it did the month's: neither the evaluation's PDs, where another bundle was judged than
    released, nor the reference's percentiles, which are of the models of the folds, are spread as
    its own are. Against those of a tree every month would be raised.
    """
    return bundle.score_features(_features(bundle, gold, ["test"])).pd


def of_reference(bundle: Bundle, gold: Path, own: Values) -> pd.DataFrame:
    """A sample of the rows of gold that the bundle's reference was frozen on, and the own score of
    others: Evidently tests each column alone.
    """
    fitted_on = json.loads((bundle.folder / CARD).read_text())["fitted_on"]
    features = _features(bundle, gold, fitted_on)
    names = [feature.name for feature in bundle.spec.features]
    return _frame(names, features, categories_of(bundle.spec), own)


def _features(bundle: Bundle, gold: Path, splits: Sequence[str]) -> Matrix:
    """A sample of the rows of gold that are in these splits."""
    data = ds.dataset(gold, format="parquet")
    split = data.to_table(columns=[_SPLIT])[_SPLIT]
    own = np.flatnonzero(pc.is_in(split, pa.array(splits)))
    rows = data.take(own[sampled(len(own))], columns=[i.name for i in bundle.spec.inputs])
    given: dict[str, Any] = {name: rows[name].to_numpy() for name in rows.column_names}
    return bundle.features(bundle.columns(given))


def _frame(
    names: Sequence[str], features: Matrix, categories: Mapping[str, Sequence[str]], score: Values
) -> pd.DataFrame:
    """Of these columns; whichever is shorter, features or score, is missing at its end."""
    columns: dict[str, NDArray[Any]] = dict(zip(names, features.T, strict=True))
    for name in columns.keys() & categories.keys():
        columns[name] = _texts(columns[name], categories[name])
    return pd.concat([pd.DataFrame(columns), pd.Series(score, name=SCORE)], axis=1)


def _texts(codes: Values, values: Sequence[str]) -> NDArray[np.object_]:
    """What each code stands for; None where it is missing, the code itself where it is none."""
    known = {float(code): value for code, value in enumerate(values)}
    found = [None if np.isnan(one) else known.get(one, f"code {one:g}") for one in codes.tolist()]
    return np.array(found, dtype=object)

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
_PERCENTILES = np.linspace(0, 1, 101)


def categories_of(spec: Spec) -> dict[str, tuple[str, ...]]:
    """The values of each feature that is a category."""
    plain = {feature.name for feature in spec.features if feature.expression is None}
    return {i.name: i.values for i in spec.inputs if i.kind == "category" and i.name in plain}


def of_month(month: Month) -> pd.DataFrame:
    """A sample of a month's rows."""
    places = sampled(len(month.pd))
    return _frame(month.names, month.features[places], month.categories, month.pd[places])


def of_reference(bundle: Bundle, gold: Path) -> pd.DataFrame:
    """A sample of the rows of gold that the bundle's reference was frozen on.

    Their score is not theirs: the model has seen them, and is too sure of them. The reference
    keeps the percentiles of PDs that they got of models that had not; drawn from those, it is of
    the same population as the features, as rows kept for a test may not be, which are of later
    months, or were scored before the model was fitted on all. Evidently tests each column alone.
    """
    spec = bundle.spec
    data = ds.dataset(gold, format="parquet")
    fitted_on = json.loads((bundle.folder / CARD).read_text())["fitted_on"]
    split = data.to_table(columns=[_SPLIT])[_SPLIT]
    own = np.flatnonzero(pc.is_in(split, pa.array(fitted_on)))
    rows = data.take(own[sampled(len(own))], columns=[i.name for i in spec.inputs])
    given: dict[str, Any] = {name: rows[name].to_numpy() for name in rows.column_names}
    names = [feature.name for feature in spec.features]
    features = bundle.features(bundle.columns(given))
    middles = (np.arange(len(features)) + 0.5) / len(features)
    score = np.interp(middles, _PERCENTILES, bundle.reference().percentiles)
    return _frame(names, features, categories_of(spec), score)


def _frame(
    names: Sequence[str], features: Matrix, categories: Mapping[str, Sequence[str]], score: Values
) -> pd.DataFrame:
    columns: dict[str, NDArray[Any]] = dict(zip(names, features.T, strict=True))
    for name in columns.keys() & categories.keys():
        columns[name] = _texts(columns[name], categories[name])
    return pd.DataFrame({**columns, SCORE: score})


def _texts(codes: Values, values: Sequence[str]) -> NDArray[np.object_]:
    """What each code stands for; None where it is missing, the code itself where it is none."""
    known = {float(code): value for code, value in enumerate(values)}
    found = [None if np.isnan(one) else known.get(one, f"code {one:g}") for one in codes.tolist()]
    return np.array(found, dtype=object)

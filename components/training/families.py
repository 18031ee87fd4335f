"""The model families. Each turns features and labels into the columns and model of a bundle."""

import json
import math
from dataclasses import dataclass
from typing import assert_never

import numpy as np
import onnx
import xgboost
from numpy.typing import NDArray
from onnxmltools.convert import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression

from components.contracts.errors import VintageError
from components.contracts.modelling import Family, LogisticFamily, XGBoostFamily
from components.scoring.bundle import MODEL
from components.scoring.instances import Matrix
from components.scoring.spec import (
    IndicatorColumn,
    LinearModel,
    NumberColumn,
    TreesModel,
)

_ONNX_OPSET = 15  # newest that the converter of tree ensembles writes
#: How far the bundle's scores may be from the library's own: float32 sums in another order.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Feature:
    """A feature as a family sees it: its place, its name, and its categories if it has any."""

    position: int
    name: str
    categories: int = 0


@dataclass(frozen=True)
class Fitted:
    """A fitted family in the terms of the scoring format, and what the library itself predicts."""

    numbers: tuple[NumberColumn, ...]
    indicators: tuple[IndicatorColumn, ...]
    model: TreesModel | LinearModel
    onnx: bytes
    own_pd: NDArray[np.float64]


def fit(
    family: Family,
    features: tuple[Feature, ...],
    values: Matrix,
    label: NDArray[np.int64],
    seed: int,
) -> Fitted:
    """Fit one family on rows whose labels are known; `own_pd` is its PD of those rows."""
    match family:
        case XGBoostFamily():
            return _xgboost(family, features, values, label, seed)
        case LogisticFamily():
            return _logistic(family, features, values, label)
    assert_never(family)


def _indicators(features: tuple[Feature, ...]) -> tuple[IndicatorColumn, ...]:
    return tuple(
        IndicatorColumn(feature.position, code)
        for feature in features
        for code in range(feature.categories)
    )


def _encode(
    values: Matrix, numbers: tuple[NumberColumn, ...], indicators: tuple[IndicatorColumn, ...]
) -> Matrix:
    columns = [
        (
            np.nan_to_num(values[:, c.feature], nan=np.nan if c.impute is None else c.impute)
            - c.center
        )
        / c.scale
        for c in numbers
    ]
    columns += [(values[:, c.feature] == c.code).astype(np.float64) for c in indicators]
    return np.column_stack(columns)


def _xgboost(
    family: XGBoostFamily,
    features: tuple[Feature, ...],
    values: Matrix,
    label: NDArray[np.int64],
    seed: int,
) -> Fitted:
    plain = [feature for feature in features if not feature.categories]
    numbers = tuple(NumberColumn(feature.position) for feature in plain)
    indicators = _indicators(features)
    matrix = _encode(values, numbers, indicators).astype(np.float32)
    signs = [family.monotone.get(feature.name, 0) for feature in plain] + [0] * len(indicators)
    parameters = {
        **family.model_dump(exclude={"kind", "rounds", "monotone"}),
        "objective": "binary:logistic",
        "tree_method": "hist",
        "monotone_constraints": "(" + ",".join(map(str, signs)) + ")",
        "seed": seed,
    }
    train = xgboost.DMatrix(matrix, label=label)
    booster = xgboost.train(parameters, train, num_boost_round=family.rounds)
    return Fitted(
        numbers=numbers,
        indicators=indicators,
        model=TreesModel(MODEL),
        onnx=_margin_onnx(booster, matrix.shape[1]),
        own_pd=booster.predict(train).astype(np.float64),
    )


def _margin_onnx(booster: xgboost.Booster, width: int) -> bytes:
    """The booster as ONNX whose output is the margin, not a class.

    The converter writes a classifier with the link inside; the same trees as a regressor leave
    the link to scoring, in double precision.
    """
    converted = convert_xgboost(
        booster, initial_types=[("x", FloatTensorType([None, width]))], target_opset=_ONNX_OPSET
    )
    (node,) = converted.graph.node
    if node.op_type != "TreeEnsembleClassifier":
        raise VintageError(f"ONNX: expected a TreeEnsembleClassifier, found {node.op_type}")
    given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    ensemble = {name: value for name, value in given.items() if name.startswith("nodes_")}
    ensemble |= {
        f"target_{part}": given[f"class_{part}"]
        for part in ("ids", "nodeids", "treeids", "weights")
    }
    # The converter leaves the start out where it is 0, and mistakes it where a tree is a lone leaf.
    learner = json.loads(booster.save_config())["learner"]["learner_model_param"]
    start = float(learner["base_score"].strip("[]"))
    margin = onnx.helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["margin"], domain="ai.onnx.ml", n_targets=1,
        base_values=[math.log(start / (1 - start))], post_transform="NONE", **ensemble,
    )  # fmt: skip
    floats = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [margin],
        "trees",
        [onnx.helper.make_tensor_value_info("x", floats, [None, width])],
        [onnx.helper.make_tensor_value_info("margin", floats, [None, 1])],
    )
    model = onnx.helper.make_model(
        graph,
        opset_imports=[onnx.helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=converted.ir_version,
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _logistic(
    family: LogisticFamily,
    features: tuple[Feature, ...],
    values: Matrix,
    label: NDArray[np.int64],
) -> Fitted:
    numbers = []
    for feature in features:
        if feature.categories:
            continue
        column = values[:, feature.position]
        median = float(np.nanmedian(column))
        filled = np.nan_to_num(column, nan=median)
        numbers.append(
            NumberColumn(feature.position, median, float(filled.mean()), float(filled.std()) or 1.0)
        )
    indicators = _indicators(features)
    matrix = _encode(values, tuple(numbers), indicators)
    model = LogisticRegression(C=family.inverse_penalty, max_iter=1000).fit(matrix, label)
    return Fitted(
        numbers=tuple(numbers),
        indicators=indicators,
        model=LinearModel(float(model.intercept_[0]), tuple(model.coef_[0].tolist())),
        onnx=b"",
        own_pd=model.predict_proba(matrix)[:, 1],
    )

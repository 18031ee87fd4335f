"""Tree ensembles as ONNX whose one output is a margin, or a probability; never a class.

The converters write classifiers with the link inside; the same trees as a regressor leave the
link to scoring, in double precision.
"""

import json
import math
from typing import Any

import onnx
import xgboost
from onnxmltools.convert import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType as SklearnFloats

from components.contracts.errors import VintageError

_OPSET = 15  # newest that the converter of boosted trees writes
_LARGEST = 50_000_000  # bytes


def of_sklearn(model: Any, width: int) -> bytes:
    """A regressor of sklearn (a tree, a forest); its output is what it predicts."""
    opsets = {"": _OPSET, "ai.onnx.ml": 3}
    converted = to_onnx(
        model, initial_types=[("x", SklearnFloats([None, width]))], target_opset=opsets
    )
    return _bytes(converted)


def of_xgboost(booster: xgboost.Booster, width: int) -> bytes:
    """A booster of binary:logistic; its output is the margin."""
    converted = convert_xgboost(
        booster, initial_types=[("x", FloatTensorType([None, width]))], target_opset=_OPSET
    )
    (node,) = converted.graph.node
    # Where every tree is a lone leaf of a balanced table, the converter takes it for a regressor.
    kinds = {"TreeEnsembleClassifier": "class", "TreeEnsembleRegressor": "target"}
    if node.op_type not in kinds:
        raise VintageError(f"ONNX: expected a tree ensemble, found {node.op_type}")
    given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    ensemble = {name: value for name, value in given.items() if name.startswith("nodes_")}
    ensemble |= {
        f"target_{part}": given[f"{kinds[node.op_type]}_{part}"]
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
    return _bytes(
        onnx.helper.make_model(
            graph,
            opset_imports=[onnx.helper.make_opsetid("ai.onnx.ml", 3)],
            ir_version=converted.ir_version,
        )
    )


def _bytes(model: onnx.ModelProto) -> bytes:
    onnx.checker.check_model(model)
    found = bytes(model.SerializeToString(deterministic=True))
    if len(found) > _LARGEST:
        raise VintageError(
            f"model: expected at most {_LARGEST / 1e6:.0f} MB of trees, found "
            f"{len(found) / 1e6:.0f} MB; declare fewer trees, or less depth"
        )
    return found

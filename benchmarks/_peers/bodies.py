"""What each server is asked, and the probabilities in what it answers."""

import json
from collections.abc import Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks._load import Answer, post
from benchmarks._model import NAMES

Values = NDArray[np.float64]
_HEADER = "inference-header-content-length"


def named(model: str, rows: Values, *, reasons: bool) -> bytes:
    """Ours: V1, rows as objects. That reasons are told is our default up to a hundred rows."""
    instances = [dict(zip(NAMES, row, strict=True)) for row in rows.tolist()]
    return _v1(model, instances, reasons=reasons)


def by_id(model: str, entities: Sequence[str]) -> bytes:
    """Ours: V1, rows as entities' ids."""
    return _v1(model, entities, reasons=True)


def _v1(model: str, instances: Sequence[object], *, reasons: bool) -> bytes:
    asked: dict[str, object] = {"instances": instances}
    if not reasons:
        asked["reasons"] = False
    return post(f"/v1/models/{model}:predict", orjson.dumps(asked))


def listed(model: str, rows: Values) -> bytes:
    """KServe: V1, rows as lists, which its XGBoost server reads with numpy."""
    return post(f"/v1/models/{model}:predict", orjson.dumps({"instances": rows.tolist()}))


def tensor(model: str, rows: Values) -> bytes:
    """MLServer: V2, one tensor in JSON."""
    values = {
        "name": "rows",
        "shape": rows.shape,
        "datatype": "FP32",
        "data": rows.ravel().tolist(),
    }
    return post(f"/v2/models/{model}/infer", orjson.dumps({"inputs": [values]}))


def frame(rows: Values) -> bytes:
    """MLflow: a DataFrame in halves."""
    split = {"columns": NAMES, "data": rows.tolist()}
    return post("/invocations", orjson.dumps({"dataframe_split": split}))


def binary(model: str, rows: Values) -> bytes:
    """Ours: V2 with the binary extension, one tensor of doubles for each input."""
    columns = [np.ascontiguousarray(column, dtype="<f8").tobytes() for column in rows.T]
    inputs = [
        {
            "name": name, "shape": [len(rows)], "datatype": "FP64",
            "parameters": {"binary_data_size": len(column)},
        }
        for name, column in zip(NAMES, columns, strict=True)
    ]  # fmt: skip
    head = orjson.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}})
    return post(
        f"/v2/models/{model}/infer",
        b"".join([head, *columns]),
        "application/octet-stream",
        Inference_Header_Content_Length=len(head),
    )


def of_ours(answer: Answer) -> Values:
    """The PDs of V1's answer."""
    return np.array([one["pd"] for one in json.loads(answer.body)["predictions"]])


def of_ours_with_reasons(answer: Answer) -> Values:
    """The same; every row must be told why."""
    told = [one["reasons"] for one in json.loads(answer.body)["predictions"]]
    assert all(isinstance(one, list) for one in told), f"expected reasons, found {told[:1]}"
    return of_ours(answer)


def of_list(answer: Answer) -> Values:
    """The predictions of KServe and MLflow."""
    return np.array(json.loads(answer.body)["predictions"], dtype=np.float64)


def of_tensor(answer: Answer) -> Values:
    """The predictions of MLServer."""
    return np.array(json.loads(answer.body)["outputs"][0]["data"], dtype=np.float64)


def of_binary(answer: Answer) -> Values:
    """The output `pd` of V2's answer, in the binary part or in JSON."""
    size = int(answer.headers.get(_HEADER, len(answer.body)))
    place = size
    for output in json.loads(answer.body[:size])["outputs"]:
        length = output.get("parameters", {}).get("binary_data_size", 0)
        if output["name"] == "pd":
            if not length:
                return np.array(output["data"], dtype=np.float64)
            return np.frombuffer(answer.body, "<f8", length // 8, place)
        place += length
    raise KeyError("expected an output pd, found none")

"""Ask over V2: tensors of the small use case, in JSON and in bytes."""

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from tests.serving.asking import Asked, Reply

MODEL = "/v2/models/small-loans"
INFER = f"{MODEL}/infer"
LENGTH = "inference-header-content-length"
KINDS = {"INCOME": "FP64", "VISITS": "INT64", "REGION": "BYTES", "AMOUNT": "FP64"}
OUTPUTS = ["pd", "points", "decision", "release", "decision_id", "reasons"]
DECLARED = "body: not as the model declares"
NUMBERS = "FP64 or FP32 or INT64 or INT32 or INT16 or INT8 or UINT64 or UINT32 or UINT16 or UINT8"

Tensor = dict[str, Any]


def tensor(name: str, *data: object, **changes: object) -> Tensor:
    """A tensor in JSON; a change to None leaves its part out."""
    plain = {"name": name, "shape": [len(data)], "datatype": KINDS.get(name), "data": list(data)}
    return {key: value for key, value in {**plain, **changes}.items() if value is not None}


TWO = (
    tensor("INCOME", 40.0, None),
    tensor("VISITS", 2, 0),
    tensor("REGION", "north", None),
    tensor("AMOUNT", 20.0, 0.1),
)


def with_tensor(one: Tensor) -> list[Tensor]:
    """Two right rows, with one tensor replaced by another of its name."""
    return [one if one["name"] == right["name"] else right for right in TWO]


def infer(app: Asked, inputs: object, path: str = INFER, **more: object) -> Reply:
    return app.post(path, {"inputs": inputs, **more})


def outputs(reply: Reply) -> dict[str, Any]:
    """The data of an answer's tensors by name."""
    assert reply.status == 200, reply.body
    return {one["name"]: one["data"] for one in reply.json()["outputs"]}


def packed(texts: Sequence[bytes]) -> bytes:
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def in_bytes(
    app: Asked, *tensors: tuple[str, str, Sequence[int], bytes], tail: bytes = b"", **more: object
) -> Reply:
    """Ask with tensors whose data is bytes: name, datatype, shape, bytes."""
    head = orjson.dumps(
        {
            "inputs": [
                {
                    "name": name, "shape": shape, "datatype": datatype,
                    "parameters": {"binary_data_size": len(raw)},
                }
                for name, datatype, shape, raw in tensors
            ],
            **more,
        }
    )  # fmt: skip
    body = b"".join([head, *(raw for *_, raw in tensors), tail])
    headers = {"content-type": "application/octet-stream", LENGTH: str(len(head))}
    return app.ask("POST", INFER, body, headers)


RIGHT = (
    ("AMOUNT", "FP32", [2], np.array([20.0, 0.5], "<f4").tobytes()),
    ("REGION", "BYTES", [2, 1], packed([b"north", b""])),
    ("INCOME", "FP64", [2], np.array([40.0, math.nan], "<f8").tobytes()),
    ("VISITS", "UINT8", [2], bytes([2, 0])),
)

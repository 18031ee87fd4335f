"""What a request must be answered, made offline of its bytes; also a check for schemathesis."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import schemathesis

from components.scoring.scorer import Scorer
from serving.tensors import NUMBERS

#: Names the folder of the release that a server under schemathesis has.
RELEASE = "VINTAGE_FUZZED_RELEASE"
_LENGTH = "inference-header-content-length"


def pds_of(reply: bytes, headers: Mapping[str, str]) -> list[float] | None:
    """The PDs in an answer of V1 or V2; None where they were not asked for."""
    start = int(headers.get(_LENGTH, len(reply)))
    told, at = orjson.loads(reply[:start]), start
    if "outputs" not in told:
        return [one["pd"] for one in told.get("predictions", told.get("explanations"))]
    for one in told["outputs"]:
        size = (one.get("parameters") or {}).get("binary_data_size", 0)
        if one["name"] == "pd":
            found = np.frombuffer(reply[at : at + size], "<f8").tolist() if size else one["data"]
            return list(found)
        at += size
    return None


def scored(scorer: Scorer, body: bytes, headers: Mapping[str, str]) -> list[float]:
    """The PDs of the rows in a body of V1 or V2. Raises where any of them is none."""
    start = int(headers.get(_LENGTH, len(body)))
    asked = orjson.loads(body[:start])
    rows = asked["instances"] if "instances" in asked else _rows(asked["inputs"], body, start)
    known = [scorer.entity(row) if isinstance(row, str) else row for row in rows]
    return [answer.pd for answer in scorer.score(known, reasons=False)]


def _rows(tensors: list[Any], body: bytes, at: int) -> list[Any]:
    columns: dict[str, list[Any]] = {}
    for one in tensors:
        size = (one.get("parameters") or {}).get("binary_data_size")
        if size is None:
            columns[one["name"]] = np.array(one["data"], dtype=object).ravel().tolist()
            continue
        raw, at = body[at : at + size], at + size
        if one["datatype"] == "BYTES":
            columns[one["name"]] = _texts(raw)
        else:
            numbers = np.frombuffer(raw, NUMBERS[one["datatype"]]).tolist()
            columns[one["name"]] = [None if math.isnan(number) else number for number in numbers]
    if list(columns) == ["entity"]:
        return columns["entity"]
    pairs = zip(*columns.values(), strict=True)
    return [dict(zip(columns, values, strict=True)) for values in pairs]


def _texts(raw: bytes) -> list[str | None]:
    found: list[str | None] = []
    while raw:
        end = 4 + int.from_bytes(raw[:4], "little")
        found.append(raw[4:end].decode() or None)
        raw = raw[end:]
    return found


if RELEASE in os.environ:
    _scorer = Scorer(Path(os.environ[RELEASE]))

    @schemathesis.check
    def a_score_is_the_offline_one(_: Any, response: Any, __: Any) -> None:
        """Fails where an answer has another PD than its rows have offline."""
        sent = response.request
        if response.status_code == 200 and sent.method == "POST":
            headers = {name.lower(): values[0] for name, values in response.headers.items()}
            found = pds_of(response.content, headers)
            body = sent.body.encode() if isinstance(sent.body, str) else sent.body
            assert found in (None, scored(_scorer, body, {}))

"""V2: a request that is not as the model declares is refused with every fault, and never scored."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.settings import Limits
from tests.making import changed
from tests.serving.asking import Asked, asked
from tests.serving.inferring import (
    DECLARED,
    INFER,
    LENGTH,
    NUMBERS,
    RIGHT,
    TWO,
    Tensor,
    in_bytes,
    infer,
    packed,
    tensor,
    with_tensor,
)

SHAPE = "expected shape [rows] or [rows, 1] with at least one row, found"


@pytest.mark.parametrize(
    ("one", "faults"),
    [
        (tensor("AMOUNT", 1, -1), ["row 1: AMOUNT: expected a number of at least 0, found -1"]),
        (
            tensor("AMOUNT", None, "1"),
            [
                "row 0: AMOUNT: expected a number of at least 0, found nothing",
                "row 1: AMOUNT: expected a number of at least 0, found '1'",
            ],
        ),
        (tensor("AMOUNT", 1, True), ["row 1: AMOUNT: expected a number of at least 0, found True"]),
        (tensor("AMOUNT", 1, [2]), ["row 1: AMOUNT: expected a number of at least 0, found [2]"]),
        (
            tensor("AMOUNT", [1], 2, shape=[2, 1]),
            ["row 0: AMOUNT: expected a number of at least 0, found [1]"],
        ),
        (
            tensor("VISITS", 2.5, 10, datatype="FP64"),
            [
                "row 0: VISITS: expected a whole number from 0 to 9, found 2.5",
                "row 1: VISITS: expected a whole number from 0 to 9, found 10",
            ],
        ),
        (
            tensor("VISITS", 2.5, 1),
            ["row 0: VISITS: expected a number that INT64 holds, found 2.5"],
        ),
        (
            tensor("AMOUNT", 300, 256, datatype="UINT8"),
            [
                "row 0: AMOUNT: expected a number that UINT8 holds, found 300",
                "row 1: AMOUNT: expected a number that UINT8 holds, found 256",
            ],
        ),
        (
            tensor("AMOUNT", 1e39, 1, datatype="FP32"),
            ["row 0: AMOUNT: expected a number that FP32 holds, found 1e+39"],
        ),
        (
            tensor("REGION", "west", ""),
            [
                "row 0: REGION: expected one of north, south, 7, found 'west'",
                "row 1: REGION: expected one of north, south, 7, found ''",
            ],
        ),
        (tensor("REGION", 7, "7"), ["row 0: REGION: expected one of north, south, 7, found 7"]),
        (tensor("REGION", {}, "7"), ["row 0: REGION: expected one of north, south, 7, found {}"]),
        *(
            (
                tensor("AMOUNT", 1, 2, datatype=kind),
                [f"AMOUNT: expected datatype {NUMBERS}, found {kind!r}"],
            )
            for kind in ("FP16", "BOOL", "BYTES", "fp64", "")
        ),
        (
            tensor("REGION", 1, 2, datatype="INT64"),
            ["REGION: expected datatype BYTES, found 'INT64'"],
        ),
        (
            tensor("AMOUNT", 1, 2, datatype=None),
            [f"AMOUNT: expected datatype {NUMBERS}, found None"],
        ),
        *(
            (tensor("AMOUNT", 1, 2, shape=shape), [f"AMOUNT: {SHAPE} {shape!r}"])
            for shape in ([], [0], [-1], [2, 2], [1, 2], [2, 1, 1], ["2"], [2.0], [True], 2, "2")
        ),
        (tensor("AMOUNT", 1, 2, 3), ["AMOUNT: expected 2 rows as the first tensor has, found [3]"]),
        (tensor("AMOUNT", 1, shape=[2]), ["AMOUNT: expected 2 values of data, found 1"]),
        (tensor("AMOUNT", [1, 2], shape=[2]), ["AMOUNT: expected 2 values of data, found 1"]),
        (
            tensor("AMOUNT", 1, 2, data=None),
            ["AMOUNT: expected data, or binary_data_size among the parameters, found None"],
        ),
        (
            tensor("AMOUNT", 1, 2, data={}),
            ["AMOUNT: expected data, or binary_data_size among the parameters, found {}"],
        ),
        (
            tensor("AMOUNT", 1, 2, parameters={"binary_data_size": 0}),
            ["AMOUNT: expected data or binary_data_size, found both"],
        ),
        *(
            (
                tensor("AMOUNT", shape=[2], data=None, parameters={"binary_data_size": size}),
                [
                    "AMOUNT: binary_data_size: expected at most the 0 bytes that are left, "
                    f"found {size!r}"
                ],
            )
            for size in (16, -1, "16", True, None)
        ),
        (
            tensor("AMOUNT", 1, 2, parameters={"content_type": "np"}),
            [
                "AMOUNT: parameters: expected nothing but binary_data_size, "
                "found {'content_type': 'np'}",
            ],
        ),
        (
            tensor("AMOUNT", 1, 2, unit="EUR"),
            ["AMOUNT: expected nothing but data, datatype, name, parameters, shape, found 'unit'"],
        ),
    ],
)  # fmt: skip
def test_a_tensor_that_is_not_as_declared_is_told(
    app: Asked, one: Tensor, faults: list[str]
) -> None:
    reply = infer(app, with_tensor(one))
    assert (reply.status, reply.json()["detail"]) == (400, DECLARED)
    assert reply.faults == faults


@pytest.mark.parametrize(
    ("inputs", "faults"),
    [
        ([*TWO, TWO[0]], ["INCOME: expected one tensor, found another"]),
        (
            [*TWO, 5, {}],
            [f"inputs: expected a name for each tensor, found none for {n}" for n in (4, 5)],
        ),
    ],
)  # fmt: skip
def test_a_tensor_that_comes_twice_or_has_no_name_is_told(
    app: Asked, inputs: list[object], faults: list[str]
) -> None:
    reply = infer(app, inputs)
    assert (reply.status, reply.faults) == (400, faults)


MEMBERS = "body: expected nothing but id, inputs, model_name, outputs, parameters, found"
KNOWN = "pd, points, decision, release, decision_id, reasons"


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"id": 5}, "id: expected a text, found 5"),
        ({"model_name": "other"}, "model_name: expected 'small-loans', found 'other'"),
        (
            {"reasons": True},
            f"{MEMBERS} 'reasons'",
        ),
        ({"parameters": []}, "parameters: expected an object, found a list"),
        ({"parameters": {"reasons": 1}}, "parameters: reasons: expected true or false, found 1"),
        (
            {"parameters": {"reason": True}},
            "parameters: expected nothing but binary_data_output, reasons, found 'reason'",
        ),
        ({"outputs": {"name": "pd"}}, "outputs: expected a list, found a dict"),
        (
            {"outputs": [{"name": "odds"}]},
            f"outputs: expected each of {KNOWN} at most once, found 'odds'",
        ),
        (
            {"outputs": [{"name": "pd"}, {"name": "pd"}]},
            f"outputs: expected each of {KNOWN} at most once, found 'pd'",
        ),
        ({"outputs": ["pd"]}, f"outputs: expected each of {KNOWN} at most once, found 'pd'"),
        (
            {"outputs": [{"name": "pd", "shape": [1]}]},
            "outputs: pd: expected nothing but name, parameters, found 'shape'",
        ),
        (
            {"outputs": [{"name": "pd", "parameters": {"classification": 2}}]},
            "outputs: pd: parameters: expected nothing but binary_data, found 'classification'",
        ),
        (
            {"outputs": [{"name": "pd", "parameters": {"binary_data": "yes"}}]},
            "outputs: pd: parameters: binary_data: expected true or false, found 'yes'",
        ),
        (
            {"outputs": [{"name": "pd"}], "parameters": {"reasons": True}},
            "parameters: reasons: expected what outputs says, found otherwise",
        ),
    ],
)
def test_what_is_asked_beside_the_inputs_is_held_to_what_is_known(
    app: Asked, more: Mapping[str, object], fault: str
) -> None:
    reply = infer(app, TWO, **more)
    assert (reply.status, reply.faults) == (400, [fault])


def test_every_fault_of_a_request_is_told_at_once(app: Asked) -> None:
    inputs = [
        tensor("INCOME", 1, 2, datatype="FP16"),
        {"name": "WEALTH"},
        {**tensor("AMOUNT", 1, 2), "unit": "EUR", "scale": 1},
        tensor("VISITS", 99, 2),
        tensor("REGION", "west", "7"),
        tensor("VISITS", 1, 2),
    ]
    reply = infer(app, inputs, id=1, outputs=[{"name": "odds"}], x=1, a=1)
    assert reply.faults == [
        f"{MEMBERS} 'a'",
        f"{MEMBERS} 'x'",
        "id: expected a text, found 1",
        f"INCOME: expected datatype {NUMBERS}, found 'FP16'",
        "WEALTH: not an input",
        "AMOUNT: expected nothing but data, datatype, name, parameters, shape, found 'scale'",
        "AMOUNT: expected nothing but data, datatype, name, parameters, shape, found 'unit'",
        "VISITS: expected one tensor, found another",
        f"outputs: expected each of {KNOWN} at most once, found 'odds'",
        "row 0: VISITS: expected a whole number from 0 to 9, found 99",
        "row 0: REGION: expected one of north, south, 7, found 'west'",
    ]


AMOUNTS, REGIONS, INCOMES, VISITS = RIGHT


@pytest.mark.parametrize(
    ("number", "one", "faults"),
    [
        (0, AMOUNTS[3][:-1], ["AMOUNT: binary_data_size: expected 8, found 7"]),
        (0, AMOUNTS[3] + b"\0", ["AMOUNT: binary_data_size: expected 8, found 9"]),
        (
            0,
            np.array([math.nan, -1.0], "<f4").tobytes(),
            [
                "row 0: AMOUNT: expected a number of at least 0, found nothing",
                "row 1: AMOUNT: expected a number of at least 0, found -1.0",
            ],
        ),
        (
            0,
            np.array([math.inf, 1.0], "<f4").tobytes(),
            ["row 0: AMOUNT: expected a number of at least 0, found inf"],
        ),
        (3, bytes([9, 10]), ["row 1: VISITS: expected a whole number from 0 to 9, found 10"]),
        (
            1,
            packed([b"west", b"\xff"]),
            [
                "row 0: REGION: expected one of north, south, 7, found 'west'",
                "row 1: REGION: expected one of north, south, 7, found b'\\xff'",
            ],
        ),
        *(
            (
                1,
                raw,
                [
                    "REGION: binary_data_size: expected 2 texts, each after its length in 4 bytes, "
                    "found otherwise"
                ],
            )
            for raw in (
                b"",
                b"\1\0",
                packed([b"north"]),
                packed([b"north", b"7", b"7"]),
                packed([b"north", b"7"])[:-1],
                packed([b"north", b"7"]) + b"\0",
                packed([b"north"]) + b"\xff\xff\xff\xff7",
            )
        ),
    ],
)
def test_bytes_that_are_not_what_the_tensor_says_are_told(
    app: Asked, number: int, one: bytes, faults: list[str]
) -> None:
    tensors = [(*t[:3], one) if n == number else t for n, t in enumerate(RIGHT)]
    reply = in_bytes(app, *tensors)
    assert (reply.status, reply.faults) == (400, faults)


def test_bytes_of_no_tensor_are_told(app: Asked) -> None:
    assert in_bytes(app, *RIGHT, tail=b"xyz").faults == [
        "body: expected no bytes but those of the tensors, found 3 more"
    ]


@pytest.mark.parametrize("length", ["", "-1", "x", "1.0", "٣", "9999", "9" * 5000])
def test_where_the_json_ends_is_a_place_in_the_body(app: Asked, length: str) -> None:
    reply = app.ask("POST", INFER, orjson.dumps({"inputs": TWO}), {LENGTH: length})
    assert reply.status == 400
    assert reply.json()["detail"].startswith(f"{LENGTH}: expected at most the ")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[]", "body: expected a JSON object, found a list"),
        (b"{}", 'body: expected {"inputs": [tensor, ...]}'),
        (b'{"inputs": {}}', 'body: expected {"inputs": [tensor, ...]}'),
        (b'{"instances": [{}]}', 'body: expected {"inputs": [tensor, ...]}'),
    ],
)
def test_a_body_that_holds_no_tensors_is_refused(app: Asked, body: bytes, detail: str) -> None:
    reply = app.ask("POST", INFER, body)
    assert reply.status == 400
    assert reply.json()["detail"].startswith(detail)


def test_too_many_rows_are_refused(release: Path) -> None:
    with asked(Limits(rows=1), small_loans=release) as app:
        reply = infer(app, TWO)
        assert reply.status == 413
        assert reply.json()["detail"] == "inputs: expected at most 1 rows, found 2"
        huge = [changed(one, shape=[10**12]) for one in TWO]
        assert infer(app, huge).status == 413


@pytest.mark.parametrize("datatype", ["FP64", "INT8"])
def test_the_answer_to_many_wrong_cells_names_a_thousand(app: Asked, datatype: str) -> None:
    rows = 20_000
    inputs = [
        tensor("INCOME", *["x"] * rows),
        tensor("VISITS", *[-500] * rows, datatype=datatype),
        tensor("REGION", *["west"] * rows),
        tensor("AMOUNT", *[None] * rows),
    ]
    assert len(infer(app, inputs).faults) == 1_000
    nobody = {"name": "entity", "shape": [rows], "datatype": "BYTES", "data": ["x"] * rows}
    assert len(infer(app, [nobody]).faults) == 1_000


PARTS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-9, 9) | st.text(max_size=3)
    | st.sampled_from(["FP64", "INT8", "BYTES", "entity", "pd"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["name", "shape", "data", "parameters", "binary_data_size"]), inner
    ),
    max_leaves=4,
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, 4),
    st.sampled_from(["name", "shape", "datatype", "data", "parameters", "more"]),
    PARTS,
    st.binary(max_size=20),
    st.integers(-2, 2),
)
def test_whatever_a_client_sends_is_answered_and_never_breaks_the_server(
    app: Asked, number: int, part: str, value: object, tail: bytes, off: int
) -> None:
    inputs: list[object] = [changed(one, **{part: value}) if n == number else one
                            for n, one in enumerate(TWO)]  # fmt: skip
    head = orjson.dumps({"inputs": [*inputs, value] if number == len(TWO) else inputs})
    body = head + tail
    headers = {LENGTH: str(max(len(head) + off, 0))} if tail else {}
    reply = app.ask("POST", INFER, body, headers)
    assert reply.status in {200, 400, 404}
    if reply.status == 200:
        outputs = {one["name"]: one["data"] for one in reply.json()["outputs"]}
        assert all(0 <= pd <= 1 for pd in outputs["pd"])

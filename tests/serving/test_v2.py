"""V2: tensors are read as the bundle reads rows, and a wrong one is told with all that is wrong."""

import json
import struct
import tomllib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import orjson
import pytest

from components.scoring.scorer import Scorer
from serving.v2 import VERSION
from tests.making import Models, changed, plain_rows
from tests.serving import dated
from tests.serving.asking import Asked, asked
from tests.serving.inferring import (
    INFER,
    KINDS,
    LENGTH,
    MODEL,
    NUMBERS,
    OUTPUTS,
    RIGHT,
    TWO,
    in_bytes,
    infer,
    outputs,
    packed,
    tensor,
    with_tensor,
)

# --- what the server says of itself and of a model ---


def test_the_server_and_its_models_say_what_they_are(app: Asked, scorer: Scorer) -> None:
    assert app.ask("GET", "/v2").json() == {
        "name": "vintage",
        "version": VERSION,
        "extensions": ["binary_tensor_data"],
    }
    told = app.ask("GET", MODEL).json()
    assert told == {
        "name": "small-loans",
        "versions": [scorer.id],
        "platform": "vintage_xgboost",
        "inputs": [{"name": n, "datatype": kind, "shape": [-1]} for n, kind in KINDS.items()],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": [-1]}
            for name, datatype in zip(
                OUTPUTS, ["FP64", "INT64", "BYTES", "BYTES", "BYTES", "BYTES"], strict=True
            )
        ],
    }
    assert app.ask("GET", f"{MODEL}/versions/{scorer.id}").json() == told


def test_the_version_is_the_project_s() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION


def test_a_server_that_goes_away_is_alive_and_not_ready(release: Path) -> None:
    ready = ["/v2/health/ready", f"{MODEL}/ready"]
    with asked(small_loans=release) as app:
        assert [app.ask("GET", path).json() for path in ready] == [{"ready": True}] * 2
        app.app.routes.draining = True
        assert [app.ask("GET", path).status for path in ready] == [503] * 2
        assert app.ask("GET", "/v2/health/live").json() == {"live": True}
        assert infer(app, TWO).status == 200


@pytest.mark.parametrize("verb", ["", "/ready", "/infer"])
def test_a_version_is_served_by_its_release_alone(app: Asked, scorer: Scorer, verb: str) -> None:
    method = "POST" if verb == "/infer" else "GET"
    body = orjson.dumps({"inputs": TWO})
    assert app.ask(method, f"{MODEL}/versions/{scorer.id}{verb}", body).status == 200
    for version in ("1", scorer.id[:12], "0" * 64):
        reply = app.ask(method, f"{MODEL}/versions/{version}{verb}", body)
        assert reply.status == 404
        assert reply.json()["detail"] == (
            f"small-loans: expected version {scorer.id}, found {version!r}"
        )


# --- what is answered ---


@pytest.mark.parametrize("rows", [1, 40, 101])
def test_columns_score_as_the_same_rows_do_over_v1(app: Asked, models: Models, rows: int) -> None:
    given = plain_rows(models.data.inputs[:rows])
    inputs = [tensor(name, *(row.get(name) for row in given)) for name in reversed(KINDS)]
    found = outputs(infer(app, inputs))
    told = app.post("/v1/models/small-loans:predict", {"instances": given}).json()["predictions"]
    assert ("reasons" in found) == (rows <= 100)
    for name in ("pd", "points", "decision", "release"):
        assert found[name] == [one[name] for one in told]
    for text, one in zip(found.get("reasons", []), told, strict=False):
        assert json.loads(text) == one["reasons"]
    assert len(set(found["decision_id"])) == rows


@pytest.mark.parametrize("name", ["VISITS", "INCOME", "AMOUNT"])
@pytest.mark.parametrize("datatype", NUMBERS.split(" or "))
def test_a_number_may_come_in_any_type_of_numbers(app: Asked, name: str, datatype: str) -> None:
    right = outputs(infer(app, with_tensor(tensor(name, 4, 1))))["pd"]
    for one in (
        tensor(name, 4, 1, datatype=datatype),
        tensor(name, 4.0, 1, datatype=datatype),
        tensor(name, [4], [1], datatype=datatype, shape=[2, 1]),
        tensor(name, 4, 1, datatype=datatype, shape=[2, 1], parameters={}),
    ):
        assert outputs(infer(app, with_tensor(one)))["pd"] == right


def test_bytes_and_json_are_read_as_the_same_rows(app: Asked, scorer: Scorer) -> None:
    rows: list[dict[str, object]] = [
        {"INCOME": 40.0, "VISITS": 2, "REGION": "north", "AMOUNT": 20.0},
        {"INCOME": None, "VISITS": 0, "REGION": None, "AMOUNT": 0.5},
    ]
    expected = [answer.pd for answer in scorer.score(rows)]
    assert outputs(in_bytes(app, *RIGHT))["pd"] == expected
    assert outputs(in_bytes(app, *reversed(RIGHT)))["pd"] == expected


def test_json_and_bytes_may_be_mixed_in_one_request(app: Asked) -> None:
    raw = np.array([20.0, 0.1], "<f8").tobytes()
    amount = tensor("AMOUNT", shape=[2], data=None, parameters={"binary_data_size": len(raw)})
    head = orjson.dumps({"inputs": with_tensor(amount)})
    reply = app.ask("POST", INFER, head + raw, {LENGTH: str(len(head))})
    assert outputs(reply)["pd"] == outputs(infer(app, TWO))["pd"]


def test_dates_are_texts(app: Asked) -> None:
    path = "/v2/models/repeat/infer"
    inputs = [
        {
            "name": name, "shape": [3], "datatype": "BYTES",
            "data": [row[name] for row in dated.ROWS],
        }
        for name in dated.ROW
    ]  # fmt: skip
    told = app.post("/v1/models/repeat:predict", {"instances": dated.ROWS}).json()["predictions"]
    assert outputs(infer(app, inputs, path))["pd"] == [one["pd"] for one in told]
    inputs[0]["data"] = ["1990-05-31", "19900531", None]
    expected = "a date such as 1990-05-31, from 1900-01-01"
    assert infer(app, inputs, path).faults == [
        f"row 1: BIRTHDAY: expected {expected}, found '19900531'",
        f"row 2: BIRTHDAY: expected {expected}, found nothing",
    ]


def test_entities_are_looked_up(app: Asked, scorer: Scorer) -> None:
    expected = [answer.pd for answer in scorer.score([scorer.entity("7"), scorer.entity("3")])]
    ids = {"name": "entity", "shape": [2], "datatype": "BYTES", "data": ["7", "3"]}
    assert outputs(infer(app, [ids]))["pd"] == expected
    assert app.log.decisions[-1][0].entities == ["7", "3"]
    assert outputs(in_bytes(app, ("entity", "BYTES", [2], packed([b"7", b"3"]))))["pd"] == expected
    reply = infer(app, [changed(ids, data=["7", "nobody"])])
    assert (reply.status, reply.faults) == (404, ["row 1: no entity 'nobody' in the snapshot"])
    for data, faults in (
        (["7", None], ["row 1: entity: expected an id, found None"]),
        ([7, "7"], ["row 0: entity: expected an id, found 7"]),
    ):
        reply = infer(app, [changed(ids, data=data)])
        assert (reply.status, reply.faults) == (400, faults)
    assert infer(app, [ids, TWO[0]]).faults == ["INCOME: not an input beside entity"]


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({}, OUTPUTS),
        ({"id": None, "parameters": None, "outputs": None}, OUTPUTS),
        ({"outputs": []}, OUTPUTS),
        ({"model_name": "small-loans"}, OUTPUTS),
        ({"parameters": {"reasons": True}}, OUTPUTS),
        ({"parameters": {"reasons": False}}, OUTPUTS[:-1]),
        ({"outputs": [{"name": "points"}, {"name": "pd"}]}, ["points", "pd"]),
        ({"outputs": [{"name": "reasons"}]}, ["reasons"]),
        ({"outputs": [{"name": "reasons"}], "parameters": {"reasons": True}}, ["reasons"]),
        ({"outputs": [{"name": "pd"}], "parameters": {"reasons": False}}, ["pd"]),
    ],
)
def test_the_outputs_are_those_that_are_asked_for(
    app: Asked, more: Mapping[str, object], names: list[str]
) -> None:
    assert list(outputs(infer(app, TWO, **more))) == names


def test_the_id_of_a_request_comes_back(app: Asked) -> None:
    assert infer(app, TWO, id="mine").json()["id"] == "mine"
    assert "id" not in infer(app, TWO).json()


@pytest.mark.parametrize(
    ("more", "binary"),
    [
        ({"parameters": {"binary_data_output": True}}, set(OUTPUTS)),
        ({"outputs": [{"name": "pd", "parameters": {"binary_data": True}}]}, {"pd"}),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": [
                    {"name": "decision", "parameters": {}},
                    {"name": "pd", "parameters": {"binary_data": False}},
                ],
            },
            {"decision"},
        ),
    ],
)
def test_outputs_come_in_bytes_where_they_are_asked_for_so(
    app: Asked, more: Mapping[str, object], binary: set[str]
) -> None:
    reply = infer(app, TWO, **more)
    plain = outputs(infer(app, TWO))
    assert reply.headers["content-type"] == "application/octet-stream"
    at = int(reply.headers[LENGTH])
    found: dict[str, object] = {}
    for one in orjson.loads(reply.body[:at])["outputs"]:
        if one["name"] not in binary:
            found[one["name"]] = one["data"]
            continue
        assert "data" not in one
        size = one["parameters"]["binary_data_size"]
        raw, at = reply.body[at : at + size], at + size
        if one["datatype"] == "BYTES":
            assert raw == packed([text.encode() for text in texts_of(raw)])
            found[one["name"]] = texts_of(raw)
        else:
            kind = {"FP64": "<f8", "INT64": "<i8"}[one["datatype"]]
            found[one["name"]] = np.frombuffer(raw, kind).tolist()
    assert at == len(reply.body)
    assert {n: v for n, v in found.items() if n != "decision_id"} == {
        n: v for n, v in plain.items() if n in found and n != "decision_id"
    }


def texts_of(raw: bytes) -> list[str]:
    found, at = [], 0
    while at < len(raw):
        (size,) = struct.unpack_from("<I", raw, at)
        found.append(raw[at + 4 : at + 4 + size].decode())
        at += 4 + size
    return found

"""The application: it answers as the scorer does, and a wrong request is told all that is wrong."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.scoring.scorer import Scorer
from serving.app import LARGEST_BODY, MOST_ROWS, App
from tests.making import Models, changed, packages_after, plain_rows
from tests.serving.asking import as_json, ask

PREDICT = "/v1/models/small-loans:predict"
ROW: dict[str, object] = {"INCOME": 40.0, "VISITS": 2, "REGION": "north", "AMOUNT": 20.0}


@pytest.fixture(scope="module")
def scorer(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    """The boosted trees at work."""
    folder: Path = tmp_path_factory.mktemp("snapshot")
    return Scorer(models.release("xgboost", folder))


@pytest.fixture(scope="module")
def app(scorer: Scorer) -> App:
    """An application with two names for one scorer."""
    return App({"small-loans": scorer, "another": scorer})


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", {"status": "alive"}),
        ("/v1/models", {"models": ["another", "small-loans"]}),
        ("/v1/models/small-loans", {"name": "small-loans", "ready": True}),
        ("/v1/models/another", {"name": "another", "ready": True}),
    ],
)
def test_a_question_about_the_server_is_answered(
    app: App, path: str, answer: dict[str, object]
) -> None:
    reply = ask(app, "GET", path)
    assert (reply.status, reply.json()) == (200, answer)
    assert reply.headers == {
        b"content-type": b"application/json",
        b"content-length": str(len(reply.text)).encode(),
    }


@pytest.mark.parametrize("rows", [1, 2, 40])
def test_a_prediction_is_the_scorer_s_answer_to_the_bit(
    app: App, scorer: Scorer, models: Models, rows: int
) -> None:
    given_rows = plain_rows(models.data.inputs[:rows])
    reply = ask(app, "POST", PREDICT, orjson.dumps({"instances": given_rows}))
    assert reply.status == 200
    answers = as_json(scorer.score(given_rows))
    assert reply.json() == json.loads(reply.text) == {"predictions": answers}


def test_a_body_may_come_in_parts(app: App) -> None:
    body = orjson.dumps({"instances": [ROW]})
    whole = ask(app, "POST", PREDICT, body)
    parts = ask(app, "POST", PREDICT, body[:10], b"", body[10:])
    assert (parts.status, parts.text) == (200, whole.text)


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nowhere", 404, "no such path: /nowhere"),
        ("GET", "/v1", 404, "no such path: /v1"),
        ("GET", "/v2/models/small-loans", 404, "no such path: /v2/models/small-loans"),
        ("GET", "/v1/models/", 404, "model '': expected one of another, small-loans"),
        ("GET", "/v1/models/x", 404, "model 'x': expected one of another, small-loans"),
        ("POST", "/v1/models/x:predict", 404, "model 'x': expected one of another, small-loans"),
        ("GET", "/v1/models/x:predict", 404, "model 'x': expected one of another, small-loans"),
        ("GET", "/v1/models/small-loans/", 404, "model 'small-loans/': expected one of another"),
        ("GET", PREDICT, 405, f"{PREDICT}: expected POST, found GET"),
        ("PUT", PREDICT, 405, f"{PREDICT}: expected POST, found PUT"),
        ("POST", "/v1/models/small-loans", 405, "small-loans: expected GET, found POST"),
        ("POST", "/", 405, "/: expected GET, found POST"),
        ("DELETE", "/v1/models", 405, "/v1/models: expected GET, found DELETE"),
    ],
)
def test_a_wrong_path_or_method_is_told(
    app: App, method: str, path: str, status: int, error: str
) -> None:
    reply = ask(app, method, path, orjson.dumps({"instances": [ROW]}))
    assert reply.status == status
    assert error in reply.json()["error"]
    assert reply.json()["faults"] == []


SHAPE = 'body: expected {"instances": [row, ...]} with at least one row'
OBJECTS = "instances: expected objects of named inputs"
DECLARED = "instances: not as the model declares"


@pytest.mark.parametrize(
    ("body", "error", "faults"),
    [
        (b"", "body: expected JSON, found something else: ", []),
        (b"not json", "body: expected JSON, found something else: ", []),
        (b"\xff\xfe", "body: expected JSON, found something else: ", []),
        (b'{"instances": [{"AMOUNT": NaN}]}', "body: expected JSON", []),
        (b'{"instances": [{"AMOUNT": 1e999}]}', "body: expected JSON", []),
        (b"[" * 5000 + b"]" * 5000, "body: expected JSON", []),
        (b"null", SHAPE, []),
        (b"5", SHAPE, []),
        (b"[]", SHAPE, []),
        (orjson.dumps([ROW]), SHAPE, []),
        (b"{}", SHAPE, []),
        (b'{"instances": []}', SHAPE, []),
        (b'{"instances": null}', SHAPE, []),
        (b'{"instances": {}}', SHAPE, []),
        (orjson.dumps({"instances": ROW}), SHAPE, []),
        (orjson.dumps({"rows": [ROW]}), SHAPE, []),
        (b'{"instances": [null]}', OBJECTS, ["row 0"]),
        (orjson.dumps({"instances": [ROW, 5, [], "x"]}), OBJECTS, ["row 1", "row 2", "row 3"]),
        (b'{"instances": [' + b"1," * 49 + b"1]}", OBJECTS, [f"row {n}" for n in range(20)]),
    ],
)
def test_a_body_that_holds_no_rows_is_refused(
    app: App, body: bytes, error: str, faults: list[str]
) -> None:
    reply = ask(app, "POST", PREDICT, body)
    assert reply.status == 400
    assert reply.json()["error"].startswith(error)
    assert reply.json()["faults"] == faults


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ([changed(ROW, WEALTH=1)], ["WEALTH: not an input"]),
        (
            [changed(ROW, AMOUNT=None)],
            ["AMOUNT: expected a number of at least 0, found null"],
        ),
        ([changed(ROW, AMOUNT="20")], ["AMOUNT: expected a number of at least 0, found '20'"]),
        ([changed(ROW, AMOUNT=True)], ["AMOUNT: expected a number of at least 0, found True"]),
        ([changed(ROW, AMOUNT=-1)], ["AMOUNT: expected a number of at least 0, found -1"]),
        ([changed(ROW, VISITS=2.5)], ["VISITS: expected a whole number from 0 to 9, found 2.5"]),
        (
            [changed(ROW, REGION="west")],
            ["REGION: expected one of north, south, 7, found 'west'"],
        ),
        ([changed(ROW, INCOME=[1])], ["INCOME: expected a number, found [1]"]),
        (
            [{}],
            [
                "VISITS: expected a whole number from 0 to 9, found nothing",
                "AMOUNT: expected a number of at least 0, found nothing",
            ],
        ),
        (
            [ROW, changed(ROW, VISITS=10, AMOUNT=False), changed(ROW, X=1)],
            [
                "row 1: VISITS: expected a whole number from 0 to 9, found 10",
                "row 1: AMOUNT: expected a number of at least 0, found False",
                "row 2: X: not an input",
            ],
        ),
    ],
)
def test_rows_with_faults_are_refused_with_every_fault(
    app: App, rows: list[Mapping[str, object]], faults: list[str]
) -> None:
    reply = ask(app, "POST", PREDICT, orjson.dumps({"instances": rows}))
    assert reply.status == 400
    assert reply.json() == {"error": DECLARED, "faults": faults}


def test_a_body_that_is_too_large_is_refused_before_all_of_it_is_read(app: App) -> None:
    part = b" " * 1_000_000
    reply = ask(app, "POST", PREDICT, *[part] * 11, leaves=True)
    assert reply.status == 413
    assert reply.json()["error"] == f"body: expected at most {LARGEST_BODY} bytes"


def test_a_body_of_the_largest_size_is_read(app: App) -> None:
    body = orjson.dumps({"instances": [ROW]})
    assert ask(app, "POST", PREDICT, body + b" " * (LARGEST_BODY - len(body))).status == 200
    assert ask(app, "POST", PREDICT, body + b" " * (LARGEST_BODY - len(body) + 1)).status == 413


def test_too_many_rows_are_refused(app: App) -> None:
    body = b'{"instances": [' + b"{}," * MOST_ROWS + b"{}]}"
    reply = ask(app, "POST", PREDICT, body)
    assert reply.status == 413
    assert reply.json()["error"] == f"instances: expected at most {MOST_ROWS} rows, found 100001"
    with patch("serving.app.MOST_ROWS", 2):
        body = orjson.dumps({"instances": [ROW, ROW]})
        assert ask(app, "POST", PREDICT, body).status == 200


def test_the_answer_to_many_wrong_rows_is_not_larger_than_a_body_may_be(app: App) -> None:
    body = b'{"instances": [' + b"{}," * (MOST_ROWS - 1) + b"{}]}"
    reply = ask(app, "POST", PREDICT, body)
    assert reply.status == 400
    assert len(reply.text) < LARGEST_BODY


def test_a_client_that_goes_away_is_no_fault_of_the_server(app: App) -> None:
    reply = ask(app, "POST", PREDICT, b'{"inst', leaves=True)
    assert (reply.status, reply.json()["error"]) == (400, "the client went away")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False, width=32),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner,
                                                                max_size=3),
    max_leaves=5,
)  # fmt: skip
ROWS = st.lists(
    st.dictionaries(st.sampled_from([*ROW, "WEALTH"]), VALUES, max_size=5)
    | st.dictionaries(st.sampled_from(list(ROW)), VALUES, max_size=2).map(lambda r: {**ROW, **r}),
    max_size=4,
)
BODIES = (
    st.binary(max_size=60)
    | VALUES.map(orjson.dumps)
    | ROWS.map(lambda rows: orjson.dumps({"instances": rows}))
)


@settings(deadline=None, max_examples=150)
@given(BODIES)
def test_whatever_a_client_sends_is_answered_and_never_breaks_the_server(
    app: App, body: bytes
) -> None:
    reply = ask(app, "POST", PREDICT, body)
    answer = reply.json()
    if reply.status == 200:
        assert all(0 <= p["pd"] <= 1 for p in answer["predictions"])
    else:
        assert reply.status == 400
        assert answer["error"]


def test_the_server_is_told_when_the_application_has_started_and_stopped(app: App) -> None:
    waiting = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return waiting.pop(0)

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert [m["type"] for m in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    asyncio.run(app({"type": "websocket"}, receive, send))
    assert len(sent) == 2


def test_the_application_needs_numpy_onnx_runtime_and_orjson_and_nothing_else() -> None:
    expected = {"components", "numpy", "onnxruntime", "orjson", "serving"}
    assert packages_after("import serving.app") == expected


def test_the_server_needs_no_laboratory() -> None:
    laboratory = {"kfp", "mlflow", "pandas", "pyarrow", "pydantic", "pyspark", "sklearn", "xgboost"}
    assert not packages_after("import serving.server") & laboratory


@pytest.mark.parametrize(
    ("rows", "asked", "told"),
    [(1, None, True), (100, None, True), (101, None, False), (101, True, True), (1, False, False)],
)
def test_reasons_come_by_default_and_in_bulk_on_request(
    app: App, models: Models, rows: int, asked: bool | None, told: bool
) -> None:
    body: dict[str, object] = {"instances": plain_rows(models.data.inputs[:rows])}
    if asked is not None:
        body["reasons"] = asked
    found = ask(app, "POST", PREDICT, orjson.dumps(body)).json()["predictions"]
    assert {answer["reasons"] is not None for answer in found} == {told}


def test_a_wish_for_reasons_is_true_or_false(app: App, models: Models) -> None:
    body = {"instances": plain_rows(models.data.inputs[:1]), "reasons": "yes"}
    reply = ask(app, "POST", PREDICT, orjson.dumps(body))
    assert (reply.status, reply.json()["error"]) == (
        400, "reasons: expected true or false, found 'yes'"
    )  # fmt: skip

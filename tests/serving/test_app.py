"""The application: it answers as the scorer does, and a wrong request is told all that is wrong."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.scoring.scorer import Scorer
from serving.exchange import Request
from serving.settings import Limits
from tests.making import Models, packages_after, plain_rows
from tests.serving.asking import JSON, PREDICT, ROW, Asked, as_json, asked, scored


@pytest.fixture(scope="module")
def app(release: Path) -> Iterator[Asked]:
    """An application that serves the boosted trees alone: their name need not be said."""
    with asked(small_loans=release) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", {"status": "alive"}),
        ("/v1/models", {"models": ["small-loans"]}),
        ("/v1/models/small-loans", {"name": "small-loans", "ready": True}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_question_about_the_server_is_answered(
    app: Asked, method: str, path: str, answer: dict[str, object]
) -> None:
    reply = app.ask(method, path)
    assert (reply.status, reply.json()) == (200, answer)
    assert reply.headers == {"content-type": "application/json"}


@pytest.mark.parametrize("rows", [1, 2, 40])
@pytest.mark.parametrize("path", [PREDICT, "/predict", "/predict?scenario=small-loans"])
def test_a_prediction_is_the_scorer_s_answer_to_the_bit(
    app: Asked, scorer: Scorer, models: Models, path: str, rows: int
) -> None:
    given_rows = plain_rows(models.data.inputs[:rows])
    reply = app.post(path, {"instances": given_rows})
    assert reply.status == 200
    told = reply.json()["predictions"]
    assert json.loads(reply.body)["predictions"] == told
    assert scored(told) == as_json(scorer.score(given_rows))
    assert len({answer["decision_id"] for answer in told}) == rows


def test_questions_of_one_turn_are_answered_each_with_its_own_rows(
    app: Asked, scorer: Scorer, models: Models
) -> None:
    rows = plain_rows(models.data.inputs[:6])
    bodies = [orjson.dumps({"instances": some}) for some in (rows[:1], rows[1:4], [{}], rows[4:])]
    replies = app.together(*(Request("POST", PREDICT, "", JSON, body) for body in bodies))
    assert [reply.status for reply in replies] == [200, 200, 400, 200]
    found = [a["pd"] for r in replies if r.status == 200 for a in r.json()["predictions"]]
    assert found == [answer.pd for answer in scorer.score(rows)]


def test_an_entity_is_scored_by_its_id_beside_rows(app: Asked, scorer: Scorer) -> None:
    reply = app.post(PREDICT, {"instances": ["3", ROW], "entities": [None, "mine"]})
    known = scorer.score([scorer.entity("3"), ROW])
    assert [answer["pd"] for answer in reply.json()["predictions"]] == [one.pd for one in known]
    assert app.log.decisions[-1][0].entities == ["3", "mine"]


def test_an_explanation_is_a_prediction_with_the_parts_of_its_margin(
    app: Asked, scorer: Scorer
) -> None:
    (told,) = app.post(PREDICT.replace("predict", "explain"), {"instances": [ROW]}).json()[
        "explanations"
    ]
    parts = scorer.bundle.explain(scorer.bundle.rows([ROW]))[0].tolist()
    names = [feature.name for feature in scorer.bundle.spec.features]
    assert told["parts"] == dict(zip(names, parts, strict=True))
    assert told["pd"] == scorer.score([ROW])[0].pd


def test_the_features_of_an_entity_are_those_it_is_scored_by(app: Asked, scorer: Scorer) -> None:
    reply = app.ask("GET", "/v1/features/small-loans/7")
    assert reply.json() == {
        "scenario": "small-loans",
        "entity": "7",
        "release": scorer.id,
        "inputs": dict(scorer.entity("7")),
    }
    assert app.ask("GET", "/v1/features/small-loans/nobody").status == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nowhere", 404, "no such path: /nowhere"),
        ("POST", "/nowhere", 404, "no such path: /nowhere"),
        ("GET", "/v1", 404, "no such path: /v1"),
        ("GET", "/v2/models", 404, "no such path: /v2/models"),
        ("GET", "/v1/models/", 404, "model '': expected one of small-loans"),
        ("GET", "/v1/models/x", 404, "model 'x': expected one of small-loans"),
        ("POST", "/v1/models/x:predict", 404, "model 'x': expected one of small-loans"),
        ("GET", "/v1/models/x:predict", 404, "model 'x': expected one of small-loans"),
        ("GET", "/v1/models/small-loans/", 404, "model 'small-loans/': expected one of small"),
        ("GET", "/v2/models/x", 404, "model 'x': expected one of small-loans"),
        ("POST", "/predict?scenario=x", 404, "model 'x': expected one of small-loans"),
        ("POST", "/predict?scenario=", 404, "model '': expected one of small-loans"),
        ("POST", "/predict?scenario=x&scenario=y", 400, "query: expected ?scenario= once"),
        ("GET", PREDICT, 405, f"{PREDICT}: expected POST, found GET"),
        ("PUT", PREDICT, 405, f"{PREDICT}: expected POST, found PUT"),
        ("GET", "/predict", 405, "/predict: expected POST, found GET"),
        ("POST", "/v1/models/small-loans", 405, "small-loans: expected GET, found POST"),
        ("POST", "/", 405, "/: expected GET, found POST"),
        ("DELETE", "/v1/models", 405, "/v1/models: expected GET, found DELETE"),
        ("POST", "/v1/features/small-loans/1", 405, "expected GET, found POST"),
        ("GET", "/v2/models/small-loans/infer", 405, "/infer: expected POST, found GET"),
        ("POST", "/v2/models/small-loans/ready", 405, "/ready: expected GET, found POST"),
    ],
)
def test_a_wrong_path_or_method_is_told(
    app: Asked, method: str, path: str, status: int, error: str
) -> None:
    reply = app.ask(method, path, orjson.dumps({"instances": [ROW]}))
    assert reply.status == status
    assert error in reply.json()["detail"]
    assert reply.headers["content-type"] == "application/problem+json"
    assert ("allow" in reply.headers) == (status == 405)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"content-type": "application/json"}, 200),
        ({"content-type": "Application/JSON; charset=utf-8"}, 200),
        ({"content-type": "application/x-www-form-urlencoded"}, 200),
        ({"content-encoding": "identity"}, 200),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/octet-stream"}, 415),
        ({"content-type": "multipart/form-data; boundary=x"}, 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
    ],
)
@pytest.mark.parametrize("path", [PREDICT, "/predict"])
def test_a_body_that_says_it_is_no_json_is_refused(
    app: Asked, path: str, headers: Mapping[str, str], status: int
) -> None:
    body = orjson.dumps({"instances": [ROW]})
    assert app.ask("POST", path, body, headers).status == status


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
    app: Asked, body: bytes
) -> None:
    reply = app.ask("POST", PREDICT, body)
    answer = reply.json()
    if reply.status == 200:
        assert all(0 <= p["pd"] <= 1 for p in answer["predictions"])
    else:
        assert reply.status == answer["status"] == 400
        assert answer["detail"]


def test_the_application_needs_what_scores_json_and_figures_and_nothing_else() -> None:
    expected = {
        "components", "numpy", "onnxruntime", "orjson", "prometheus_client", "serving"
    }  # fmt: skip
    assert packages_after("import serving.app") == expected


@pytest.mark.parametrize("broken", ["serving.scoring.answers", "serving.v1.parsed"])
def test_what_is_logged_of_a_fault_has_nothing_of_the_request_s_headers(
    app: Asked, broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> None:
        raise ArithmeticError("of our own making")

    monkeypatch.setattr(broken, breaks)
    sent = {**JSON, "authorization": "Bearer of-a-client", "x-api-key": "of-a-client"}
    with caplog.at_level("DEBUG"):
        reply = app.ask("POST", PREDICT, orjson.dumps({"instances": [ROW]}), sent)
    assert (reply.status, reply.json()["detail"]) == (500, "a fault of the server")
    assert "of our own making" in caplog.text
    assert "of-a-client" not in caplog.text + app.ask("GET", "/metrics").body.decode()


def test_the_server_needs_no_laboratory() -> None:
    laboratory = {"kfp", "mlflow", "pandas", "pyarrow", "pydantic", "pyspark", "sklearn", "xgboost"}
    assert not packages_after("import serving.server") & laboratory


@pytest.mark.parametrize(
    ("rows", "asked", "told"),
    [(1, None, True), (100, None, True), (101, None, False), (101, True, True), (1, False, False)],
)
def test_reasons_come_by_default_and_in_bulk_on_request(
    app: Asked, models: Models, rows: int, asked: bool | None, told: bool
) -> None:
    body: dict[str, object] = {"instances": plain_rows(models.data.inputs[:rows])}
    if asked is not None:
        body["reasons"] = asked
    found = app.post(PREDICT, body).json()["predictions"]
    assert {answer["reasons"] is not None for answer in found} == {told}


@pytest.mark.parametrize("member", ["reasons", "entities", "instances"])
@pytest.mark.parametrize("depth", [500, 990, 1_015, 1_023])
def test_what_is_nested_deep_is_refused_and_no_fault_of_the_server(
    app: Asked, member: str, depth: int
) -> None:
    value = b"[" * depth + b"]" * depth
    rest = b"" if member == "instances" else b'"instances": ["1"], '
    body = b'{%b"%b": %b}' % (rest, member.encode(), value)
    assert app.ask("POST", PREDICT, body).status == 400


def test_who_watches_over_a_server_that_is_full_is_answered(release: Path) -> None:
    with asked(Limits(waiting=1), small_loans=release) as app:
        app.app._pending = 1
        assert app.ask("GET", "/v2/health/live").status == 200
        assert app.ask("GET", "/metrics").status == 200
        assert app.ask("GET", "/v1/models").status == 503


def test_reasons_are_told_of_so_many_rows_and_no_more(release: Path) -> None:
    with asked(small_loans=release) as app:
        many = {"instances": ["1"] * 10_001, "reasons": True}
        answer = app.post(PREDICT, many)
        assert (answer.status, "at most 10,000 rows" in answer.json()["detail"]) == (413, True)
        assert app.post(PREDICT, {**many, "reasons": False}).status == 200

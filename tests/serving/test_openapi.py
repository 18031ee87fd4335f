"""The document says what is: what it allows is answered, what it forbids never is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from components.scoring.spec import Input
from serving import openapi
from serving.routes import OPEN
from serving.settings import Limits
from tests.making import changed
from tests.serving import dated
from tests.serving.asking import ROW, Asked, asked
from tests.serving.describing import allowed, spoiled, values

V1 = "/v1/models/{}:predict"
V2 = "/v2/models/{}/infer"
SCENARIOS = ("repeat", "small-loans")
PROBLEMS = {"400", "401", "404", "405", "408", "413", "415", "431", "500", "503"}


@pytest.fixture(scope="module")
def document(app: Asked) -> Any:
    """What the server says of itself."""
    return app.ask("GET", "/openapi.json").json()


def test_the_document_names_every_path_and_every_answer(app: Asked, document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert set(operation["responses"]) == {"200"} | PROBLEMS
            assert operation["summary"]
            asking = path.replace("{entity}", "a").replace("{release}", "x")
            wrong = app.ask("GET" if method == "post" else "POST", asking)
            assert wrong.status == (404 if "{release}" in path else 405), path
    assert set(document["components"]["responses"]) == PROBLEMS
    exact = set(app.app.routes._exact)
    assert exact < set(document["paths"])
    for name in SCENARIOS:
        told = {path for path in document["paths"] if f"/{name}" in path}
        assert told == {
            f"/v1/models/{name}", f"/v1/models/{name}:predict", f"/v1/models/{name}:explain",
            f"/v1/features/{name}/{{entity}}",
            *(
                f"/v2/models/{name}{version}{verb}"
                for version in ("", "/versions/{release}")
                for verb in ("", "/ready", "/infer")
            ),
        }  # fmt: skip


def test_every_reference_of_the_document_leads_somewhere(document: Any) -> None:
    def references(part: object) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            for one in part.values():
                yield from references(one)
        elif isinstance(part, list):
            for one in part:
                yield from references(one)

    found = set(references(document))
    assert len(found) > len(PROBLEMS)
    for reference in found:
        part = document
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert name


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_instance_is_described_as_the_bundle_declares_it(document: Any, name: str) -> None:
    found = document["components"]["schemas"][f"{name}.Instance"]
    day = {"format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
    assert (
        found
        == {
            "small-loans": {
                "type": "object",
                "properties": {
                    "INCOME": {"type": ["number", "null"]},
                    "VISITS": {"type": "integer", "minimum": 0, "maximum": 9},
                    "REGION": {"enum": ["north", "south", "7", 7, None]},
                    "AMOUNT": {"type": "number", "minimum": 0},
                },
                "required": ["VISITS", "AMOUNT"],
                "additionalProperties": False,
            },
            "repeat": {
                "type": "object",
                "properties": {
                    "BIRTHDAY": {
                        "type": "string",
                        **day,
                        "formatMinimum": "1900-01-01",
                        "description": "Expected a date such as 1990-05-31, from 1900-01-01.",
                    },
                    "JOB_START": {
                        "type": ["string", "null"],
                        **day,
                        "description": "Expected a date such as 1990-05-31, to 2100-01-01; "
                        "any other counts as missing, as in training.",
                    },
                    "LOAN_DATE": {"type": "string", **day},
                    "OWNS_CAR": {"enum": ["N", "Y"]},
                },
                "required": ["BIRTHDAY", "LOAN_DATE", "OWNS_CAR"],
                "additionalProperties": False,
            },
        }[name]
    )


@pytest.mark.parametrize(
    ("declared", "cell"),
    [
        (
            Input("N", "number", (), True, 0, 5, "missing"),
            {"type": ["number", "null"], "description": "Expected a number from 0 to 5; "},
        ),
        (
            Input("N", "integer", (), True, 0, None, "missing"),
            {"type": ["number", "null"], "description": "Expected a whole number of at least 0; "},
        ),
        (
            Input("N", "category", ("a", "1"), True, outside="missing"),
            {"type": ["string", "integer", "null"], "description": "Expected one of a, 1; "},
        ),
    ],
)
def test_what_counts_as_missing_is_not_forbidden(declared: Input, cell: dict[str, str]) -> None:
    (found,) = openapi._instance((declared,))["properties"].values()
    words = "any other counts as missing, as in training."
    assert found == {**cell, "description": cell["description"] + words}


def test_every_example_is_allowed_and_answered(app: Asked, document: Any) -> None:
    examples = 0
    for path, methods in document["paths"].items():
        body = methods.get("post", {}).get("requestBody", {"content": {"application/json": {}}})
        if "example" in (told := body["content"]["application/json"]):
            examples += 1
            assert allowed(document, path, told["example"])
            scenario = path.split("/")[3].partition(":")[0]
            release = app.models.served[scenario].champion.id
            reply = app.post(path.replace("{release}", release), told["example"])
            assert reply.status == 200
            answers = document["paths"][path]["post"]["responses"]["200"]["content"]
            schema = {**answers["application/json"]["schema"], "components": document["components"]}
            Draft202012Validator(schema).validate(json.loads(reply.body))
    assert examples == 4 * len(SCENARIOS)


def test_a_plain_request_has_an_example_of_each_scenario(app: Asked, document: Any) -> None:
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert set(body["examples"]) == set(SCENARIOS)
    for name, example in body["examples"].items():
        served = app.models.served[name].champion
        assert example["value"] == {"instances": [served.bundle.golden().rows[0]]}
        assert allowed(document, "/predict", example["value"])
        (told,) = app.post(f"/predict?scenario={name}", example["value"]).json()["predictions"]
        assert told["pd"] == served.bundle.golden().pd[0]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SCENARIOS), st.sampled_from(["predict", "explain"]), st.data())
def test_what_the_document_allows_over_v1_is_answered(
    app: Asked, document: Any, name: str, verb: str, data: st.DataObject
) -> None:
    path = f"/v1/models/{name}:{verb}"
    body = data.draw(values(document["components"]["schemas"][f"{name}.Instances"], document))
    assert allowed(document, path, body)
    if body.get("entities") is not None:  # no schema says that there are as many
        ids = [one if isinstance(one, str) else None for one in body["instances"]]
        body = changed(body, entities=ids)
    reply = app.post(path, body)
    if any(isinstance(one, str) for one in body["instances"]) and reply.status == 404:
        assert all("no entity" in fault for fault in reply.faults)
    else:
        assert reply.status == 200, reply.body


RIGHT = {
    "small-loans": changed(ROW, REGION="7"),
    "repeat": dated.ROW,
}


@settings(deadline=None, max_examples=120)
@given(st.sampled_from(SCENARIOS), st.data())
def test_what_the_document_forbids_over_v1_is_never_answered(
    app: Asked, document: Any, name: str, data: st.DataObject
) -> None:
    right = {"instances": [RIGHT[name]] * 2, "reasons": True, "entities": [None, "a"]}
    _held_to(app, document, V1.format(name), data.draw(spoiled(right)))


@settings(deadline=None, max_examples=120)
@given(st.sampled_from(SCENARIOS), st.data())
def test_what_the_document_forbids_over_v2_is_never_answered(
    app: Asked, document: Any, name: str, data: st.DataObject
) -> None:
    kinds = {one["name"]: one["datatype"] for one in _inputs(app, name)}
    right = {
        "inputs": [
            {"name": n, "shape": [2, 1], "datatype": kinds[n], "data": [[one], [one]],
             "parameters": {}}
            for n, one in RIGHT[name].items()
        ],
        "parameters": {"reasons": True},
        "outputs": [{"name": "pd", "parameters": {"binary_data": False}}, {"name": "reasons"}],
        "id": "x",
        "model_name": name,
    }  # fmt: skip
    assert allowed(document, V2.format(name), right)
    _held_to(app, document, V2.format(name), data.draw(spoiled(right)))


def _inputs(app: Asked, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = app.ask("GET", f"/v2/models/{name}").json()["inputs"]
    return found


def _held_to(app: Asked, document: Any, path: str, body: object) -> None:
    reply = app.ask("POST", path, orjson.dumps(body))
    assert reply.status in {200, 400, 404, 413}
    if reply.status == 200:
        assert allowed(document, path, body)
    else:
        told = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
        Draft202012Validator(told).validate(reply.json())


def test_where_a_token_is_asked_for_the_document_says_so(folders: dict[str, Path]) -> None:
    bearer = {"authorization": "Bearer secret"}
    with asked(Limits(token="secret"), **folders) as app:  # noqa: S106 - of this test alone
        assert app.ask("GET", "/openapi.json").status == 401
        told = app.ask("GET", "/openapi.json", headers=bearer).json()
        page = app.ask("GET", "/docs", headers=bearer).body.decode()
        for path, methods in told["paths"].items():
            for operation in methods.values():
                assert ("security" in operation) == (path not in OPEN)
    assert "authorization: Bearer $TOKEN" in page
    assert "secret" not in page


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("scores.example:8080", "http://scores.example:8080/v1"),
        ("[::1]:80", "&#x27;http://[::1]:80/v1"),
        ("<script>", "http://localhost:8080/v1"),
        ("a'; rm -rf /", "http://localhost:8080/v1"),
        ("", "http://localhost:8080/v1"),
    ],
)
def test_the_page_asks_nothing_of_another_host(app: Asked, host: str, shown: str) -> None:
    reply = app.ask("GET", "/docs", headers={"host": host})
    page = reply.body.decode()
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    assert f"curl -s {shown}" in page
    assert not any(word in page for word in ("<script", "src=", "@import", "<link", "rm -rf"))
    assert page.count("<pre>") == 4 * len(SCENARIOS)
    assert all(f"/predict?scenario={name}" in page for name in SCENARIOS)


def test_the_document_is_of_what_is_served_now(app: Asked) -> None:
    first = app.app.routes._described()
    assert app.app.routes._described() is first
    app.models.refresh()
    assert app.app.routes._described() is not first

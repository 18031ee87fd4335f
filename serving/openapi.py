"""The server in OpenAPI's words, made of the bundles that are served.

What the schemas forbid is refused. What no schema can say (ids that the snapshot has, as many
`entities` as instances, tensors that are as long as their shapes say) is in the descriptions.
"""

import re
from collections.abc import Mapping
from typing import Any

from components.scoring.bundle import Bundle
from components.scoring.instances import expected, shown
from components.scoring.release import DECISIONS
from components.scoring.spec import Input
from serving import tensors, v2
from serving.models import Served
from serving.settings import Limits

Document = dict[str, Any]
#: What is answered with a problem, anywhere.
_PROBLEMS = {
    "400": "The request is not as expected: `faults` names all that is wrong.",
    "401": "The server asks for a bearer's token, and this is none that it knows.",
    "404": "No such path, model, version or entity.",
    "405": "Another method is expected; `allow` names it.",
    "408": "The request did not arrive whole in time.",
    "413": "More bytes or rows than the server takes.",
    "415": "The body says that it is something else than JSON.",
    "431": "The headers are larger than the server takes.",
    "500": "A fault of the server.",
    "503": "The server is full, or goes away; try again.",
}
#: What a code may be, to be read as a category's name; see `components/scoring/instances.py`.
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,16}")
_DAY: Document = {"format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_TEXT: Document = {"type": "string"}
_TEXT_OR_NULL: Document = {"type": ["string", "null"]}
_ANY_OBJECT: Document = {"type": "object"}
_REASON = {
    "type": "object",
    "required": ["code", "feature", "text"],
    "properties": {"code": _TEXT, "feature": _TEXT, "text": _TEXT},
}


def document(served: Mapping[str, Served], limits: Limits, open_paths: frozenset[str]) -> Document:
    """The server as it is at this moment. `open_paths` need no token."""
    paths = _common(served)
    for name, one in sorted(served.items()):
        paths |= _of_scenario(name, one)
    paths["/predict"] = {
        "post": _posting(
            "Score rows of the scenario that the query names; V1 without a model in the path",
            {"anyOf": [_ref(f"{name}.Instances") for name in sorted(served)]},
            _ref("Predictions"),
        )
    }
    taken = paths["/predict"]["post"]["requestBody"]["content"]["application/json"]
    taken["examples"] = {
        name: {"summary": f"A row of {name}: ?scenario={name}", "value": example_v1(one)}
        for name, one in sorted(served.items())
    }
    paths["/predict"]["post"]["parameters"] = [
        {
            "name": "scenario", "in": "query", "required": len(served) > 1,
            "schema": {"enum": sorted(served)},
        }
    ]  # fmt: skip
    if limits.token:
        for path, methods in paths.items():
            if path not in open_paths:
                for operation in methods.values():
                    operation["security"] = [{"token": []}]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vintage: credit scores",
            "version": v2.VERSION,
            "description": "PDs, points, decisions and their reasons, over KServe's V1 and V2. "
            "A body is JSON in UTF-8; a key that comes twice in an object is refused.",
        },
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "schemas": _schemas(served, limits),
            "responses": {code: _problem(text) for code, text in _PROBLEMS.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _common(served: Mapping[str, Served]) -> Document:
    names = {"type": "array", "items": {"enum": sorted(served)}}
    plain = {"text/plain": {"schema": _TEXT}}
    return {
        "/": _getting("Whether the server is alive", _object(status=_TEXT)),
        "/health": _getting("What is served, and what is refused", _ANY_OBJECT),
        "/metrics": _getting("Figures for Prometheus", None, plain),
        "/v1/models": _getting("The models", _object(models=names)),
        "/v2": _getting("The server", _ANY_OBJECT),
        "/v2/health/live": _getting("Whether the server is alive", _object(live=_TRUE)),
        "/v2/health/ready": _getting("Whether it takes requests", _object(ready=_TRUE)),
        "/openapi.json": _getting("This document", _ANY_OBJECT),
        "/docs": _getting("This document as a page", None, {"text/html": {"schema": _TEXT}}),
    }


def _of_scenario(name: str, served: Served) -> Document:
    rows = _ref(f"{name}.Instances")
    ready = _object(name=_TEXT, ready={"type": "boolean"})
    whom = {"name": "entity", "in": "path", "required": True, "schema": _TEXT}
    features = _getting("What the snapshot holds of an entity", _ANY_OBJECT)
    features["get"]["parameters"] = [whom]
    found: Document = {
        f"/v1/models/{name}": _getting("Whether the model answers", ready),
        f"/v1/models/{name}:predict": {
            "post": _posting("Score rows", rows, _ref("Predictions"), example_v1(served))
        },
        f"/v1/models/{name}:explain": {
            "post": _posting(
                "Score rows, with what each feature adds to the log odds of bad",
                rows, _ref("Explanations"), example_v1(served),
            )
        },
        f"/v1/features/{name}/{{entity}}": features,
    }  # fmt: skip
    binary = (
        " Data may come as bytes behind the JSON, little endian, of which "
        "`inference-header-content-length` says where they begin and each tensor's "
        "`binary_data_size` how many they are; the content type is then application/octet-stream."
    )
    for base in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{{release}}"):
        infer = _posting(
            "Score columns", _ref(f"{name}.Tensors"), _ref("Answers"), example_v2(served)
        )
        infer["description"] = (
            "One tensor of each input, all with as many rows, or `entity` alone." + binary
        )
        infer["responses"]["200"]["content"][v2.OCTETS.decode()] = {}
        more = {
            base: _getting("What the model takes, and answers", _ANY_OBJECT),
            f"{base}/ready": _getting("Whether the model answers", _object(ready=_TRUE)),
            f"{base}/infer": {"post": infer},
        }
        if base.endswith("}"):
            release = {
                "name": "release", "in": "path", "required": True,
                "schema": {"enum": [served.champion.id]},
            }  # fmt: skip
            for methods in more.values():
                for operation in methods.values():
                    operation["parameters"] = [release]
        found |= more
    return found


def _schemas(served: Mapping[str, Served], limits: Limits) -> Document:
    row: Document = {
        "pd": {"type": "number", "minimum": 0, "maximum": 1},
        "points": {"type": "integer"},
        "decision": {"enum": list(DECISIONS)},
        "reasons": {"anyOf": [{"type": "array", "items": _REASON}, {"type": "null"}]},
        "release": _TEXT,
    }
    adds = {"type": "object", "additionalProperties": {"type": "number"}}
    found: Document = {
        "Problem": {
            **_object(type=_TEXT, title=_TEXT, status={"type": "integer"}, detail=_TEXT),
            "description": "RFC 9457",
        },
        "Predictions": _object(
            predictions={"type": "array", "items": _object(**row, decision_id=_TEXT)}
        ),
        "Explanations": _object(
            explanations={"type": "array", "items": _object(**row, parts=adds)}
        ),
        "Answers": _object(model_name=_TEXT, model_version=_TEXT, outputs={"type": "array"}),
    }
    found["Problem"]["properties"]["faults"] = {"type": "array", "items": _TEXT}
    for name, one in served.items():
        inputs = one.champion.bundle.spec.inputs
        found |= {
            f"{name}.Instance": _instance(inputs),
            f"{name}.Instances": _instances(name, limits),
            f"{name}.Tensors": _tensors(name, inputs, limits),
        }
    return found


def _instance(inputs: tuple[Input, ...]) -> Document:
    """A row as V1 takes it."""
    return {
        "type": "object",
        "properties": {i.name: _cell(i, codes=True) for i in inputs},
        "required": [i.name for i in inputs if not i.nullable],
        "additionalProperties": False,
    }


def _cell(declared: Input, *, codes: bool) -> Document:
    """A value of an input; `codes` lets a number be a category's name, as V1 does."""
    if declared.outside == "missing":
        return _lenient(declared, codes=codes)
    if declared.kind == "category":
        values: list[object] = list(declared.values)
        values += [int(v) for v in declared.values if codes and _WHOLE.fullmatch(v)]
        return {"enum": [*values, None] if declared.nullable else values}
    kind = "string" if declared.kind == "date" else declared.kind
    cell: Document = {"type": [kind, "null"] if declared.nullable else kind}
    if declared.kind == "date":
        return {**cell, **_DAY, **_days(declared)}
    for word, bound in (("minimum", declared.minimum), ("maximum", declared.maximum)):
        if bound is not None:
            cell[word] = bound
    return cell


def _lenient(declared: Input, *, codes: bool) -> Document:
    """A value of an input that counts as missing where it is outside."""
    words = f"Expected {expected(declared)}; any other counts as missing, as in training."
    if declared.kind == "date":
        return {"type": ["string", "null"], **_DAY, "description": words}
    whole = ["integer"] if codes else []
    kinds = ["string", *whole] if declared.kind == "category" else ["number"]
    return {"type": [*kinds, "null"], "description": words}


def _days(declared: Input) -> Document:
    """The range of a date: no word of JSON Schema's own says it."""
    low, high = declared.minimum, declared.maximum
    found = {
        word: shown(declared, bound)
        for word, bound in (("formatMinimum", low), ("formatMaximum", high))
        if bound is not None
    }
    return {**found, "description": f"Expected {expected(declared)}."} if found else {}


def _instances(name: str, limits: Limits) -> Document:
    entity = {"type": "string", "description": "An entity's id: its inputs are in the snapshot."}
    whom = {
        "type": ["array", "null"],
        "items": _TEXT_OR_NULL,
        "description": "Whom the rows are about: as many as instances, null where it is not known.",
    }
    return {
        "type": "object",
        "properties": {
            "instances": {
                "type": "array", "minItems": 1, "maxItems": limits.rows,
                "items": {"anyOf": [_ref(f"{name}.Instance"), entity]},
            },
            "reasons": {"type": "boolean", "description": "By default up to a hundred rows."},
            "entities": whom,
        },
        "required": ["instances"],
        "additionalProperties": False,
    }  # fmt: skip


def _tensors(name: str, inputs: tuple[Input, ...], limits: Limits) -> Document:
    columns = [_tensor(i.name, tensors.datatypes(i), _cell(i, codes=False), limits) for i in inputs]
    given = [
        {
            "type": "array", "minItems": len(columns), "maxItems": len(columns),
            "items": {"anyOf": columns},
            "allOf": [{"contains": {"properties": {"name": {"const": i.name}}}} for i in inputs],
        }
    ]  # fmt: skip
    if all(i.name != v2.ENTITY for i in inputs):
        whom = _tensor(v2.ENTITY, (tensors.BYTES,), _TEXT, limits)
        given.append({"type": "array", "minItems": 1, "maxItems": 1, "items": whom})
    output = {
        "type": "object",
        "properties": {"name": {"enum": list(v2.OUTPUTS)}, "parameters": _flags("binary_data")},
        "required": ["name"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "id": _TEXT_OR_NULL,
            "model_name": {"const": name},
            "parameters": _flags("reasons", "binary_data_output"),
            "inputs": {"anyOf": given},
            "outputs": {"type": ["array", "null"], "items": output, "uniqueItems": True},
        },
        "required": ["inputs"],
        "additionalProperties": False,
    }


def _tensor(name: str, datatypes: tuple[str, ...], cell: Document, limits: Limits) -> Document:
    rows = {"type": "integer", "minimum": 1, "maximum": limits.rows}
    nested = {"type": "array", "items": cell, "minItems": 1, "maxItems": 1}
    return {
        "type": "object",
        "properties": {
            "name": {"const": name},
            "shape": {
                "type": "array", "prefixItems": [rows, {"const": 1}],
                "items": False, "minItems": 1,
            },
            "datatype": {"enum": list(datatypes)},
            "data": {
                "anyOf": [{"type": "array", "items": cell}, {"type": "array", "items": nested}]
            },
            "parameters": {"type": ["object", "null"], "maxProperties": 0},
        },
        "required": ["name", "shape", "datatype", "data"],
        "additionalProperties": False,
    }  # fmt: skip


def example_v1(served: Served) -> Document:
    """A body that V1 answers with a score."""
    return {"instances": [_golden(served.champion.bundle)]}


def example_v2(served: Served) -> Document:
    """The same row for V2."""
    row = _golden(served.champion.bundle)
    inputs = served.champion.bundle.spec.inputs
    return {
        "inputs": [
            {
                "name": i.name, "shape": [1], "datatype": tensors.datatypes(i)[0],
                "data": [row.get(i.name)],
            }
            for i in inputs
        ]
    }  # fmt: skip


def _golden(bundle: Bundle) -> dict[str, object]:
    return bundle.golden().rows[0]


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


_TRUE: Document = {"const": True}


def _object(**properties: object) -> Document:
    return {"type": "object", "required": list(properties), "properties": properties}


def _flags(*names: str) -> Document:
    return {
        "type": ["object", "null"],
        "properties": {name: {"type": "boolean"} for name in names},
        "additionalProperties": False,
    }


def _problem(text: str) -> Document:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {"description": text, "content": content}


def _responses(content: Document) -> Document:
    problems = {code: {"$ref": f"#/components/responses/{code}"} for code in _PROBLEMS}
    return {"200": {"description": "The answer.", "content": content}, **problems}


def _getting(summary: str, schema: Document | None, content: Document | None = None) -> Document:
    found = {"application/json": {"schema": schema}} if content is None else content
    return {"get": {"summary": summary, "responses": _responses(found)}}


def _posting(
    summary: str, body: Document, answer: Document, example: Document | None = None
) -> Document:
    taken: Document = {"schema": body} if example is None else {"schema": body, "example": example}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": taken}},
        "responses": _responses({"application/json": {"schema": answer}}),
    }

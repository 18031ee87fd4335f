"""Bodies that the server's description allows, and such as it may forbid."""

from datetime import date
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator


def schema_of(document: Any, path: str) -> Any:
    """The schema of a path's body, with all that it refers to."""
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return {**body["schema"], "components": document["components"]}


def allowed(document: Any, path: str, value: object) -> bool:
    return Draft202012Validator(schema_of(document, path)).is_valid(value)


def values(schema: Any, document: Any) -> st.SearchStrategy[Any]:
    """Values that a schema allows, as a fuzzer makes them from it."""
    if "$ref" in schema:
        return values(
            document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document
        )
    if "anyOf" in schema:
        return st.one_of([values(one, document) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([_of_kind(kind, schema, document) for kind in kinds])


def _of_kind(kind: str, schema: Any, document: Any) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if kind == "integer":
        return st.integers(None if low is None else int(low), None if high is None else int(high))
    if kind == "number":
        return st.floats(low, high, allow_nan=False, allow_infinity=False)
    if kind == "string":
        return _days(schema) if schema.get("format") == "date" else st.text(max_size=5)
    if kind == "array":
        items = values(schema["items"], document)
        return st.lists(items, min_size=schema.get("minItems", 0), max_size=4)
    if kind == "object":
        members = {n: values(one, document) for n, one in schema["properties"].items()}
        needed = set(schema["required"])
        return st.fixed_dictionaries(
            {n: one for n, one in members.items() if n in needed},
            optional={n: one for n, one in members.items() if n not in needed},
        )
    return {"boolean": st.booleans(), "null": st.none()}[kind]


def _days(schema: Any) -> st.SearchStrategy[str]:
    ends = (("formatMinimum", "0001-01-01"), ("formatMaximum", "9999-12-31"))
    return st.dates(*(date.fromisoformat(schema.get(*end)) for end in ends)).map(str)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=3)
    | st.sampled_from(["north", "a", "1990-05-31", "1990-5-31", "FP64", "BYTES", "pd"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner,
                                                                max_size=2),
    max_leaves=3,
)  # fmt: skip


@st.composite
def spoiled(draw: st.DrawFn, value: Any) -> Any:
    """A value with one of its parts replaced, dropped or added, whether that is right or wrong."""
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        name = draw(st.sampled_from(sorted(value)))
        if draw(st.booleans()):
            return {**value, name: draw(spoiled(value[name]))}
        if draw(st.booleans()):
            return {n: one for n, one in value.items() if n != name}
        return {**value, draw(st.sampled_from(["id", "reasons", "outputs", "x"])): draw(JUNK)}
    if isinstance(value, list) and value and draw(st.integers(0, 9)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(spoiled(value[place])), *value[place + 1 :]]
    return draw(JUNK)

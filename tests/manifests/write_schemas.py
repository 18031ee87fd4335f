"""Draw the schemas from the cluster that KUBECONFIG names: python -m tests.manifests.write_schemas.

What is taken are the kinds that the golden renders hold, and KServe's InferenceService. An API
server prunes or refuses what its schema does not name, but says so in a warning that nobody
reads; here every object whose fields are named is closed, so that a misspelt one is an error.
"""

import hashlib
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.manifests.renders import OVERLAYS, golden
from tests.manifests.schemas import STORED, kind_of

_ALSO = ("serving.kserve.io/v1beta1 InferenceService",)
_PREFIX = "#/components/schemas/"
_LONG = 160  # a schema of this many characters is worth a name of its own
_DROPPED = {"description", "default", "format", "title", "example", "externalDocs"}
_KEPT_AS_IS = {"required", "enum"}
# What a cluster writes, we don't; and of KServe's five ways to say a model server, one is ours.
_UNUSED = {
    "status", "managedFields", "transformer", "explainer", "huggingface", "lightgbm", "mlserver",
    "onnx", "paddle", "pmml", "pytorch", "sklearn", "tensorflow", "triton", "xgboost",
    "predictiveserver",
}  # fmt: skip


def _ask(path: str) -> Any:
    done = subprocess.run(  # noqa: S603 - the tester's own kubectl
        ["kubectl", "get", "--raw", path],  # noqa: S607
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return json.loads(done.stdout)


def _plain(node: Any, *, of_fields: bool = False) -> Any:
    """A schema with what decides and nothing else; closed where its fields are named.

    `of_fields`: the node is a table of fields, whose names may be those of keywords.
    """
    if isinstance(node, list):
        return [_plain(child) for child in node]
    if not isinstance(node, dict):
        return node
    if of_fields:
        return {name: _plain(child) for name, child in node.items() if name not in _UNUSED}
    if len(node.get("allOf", [])) == 1 and "$ref" in node["allOf"][0]:
        return _plain(node["allOf"][0])  # a reference with a default beside it
    if "$ref" in node:
        return {"$ref": node["$ref"].replace(_PREFIX, "#/definitions/")}
    made = {
        key: child if key in _KEPT_AS_IS else _plain(child, of_fields=key == "properties")
        for key, child in node.items()
        if key not in _DROPPED and key != "nullable" and not key.startswith("x-")
    }
    if node.get("x-kubernetes-int-or-string"):
        made.pop("anyOf", None)
        made["type"] = ["integer", "string"]
    if node.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if "properties" in node and not node.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


def _references(node: Any) -> set[str]:
    return set(re.findall(r'"#/definitions/([^"]+)"', json.dumps(node)))


def _shared(definitions: dict[str, Any]) -> dict[str, Any]:
    """The same, with what is there more than once said once: KServe spells a pod out each time."""
    seen = Counter(_hashed(node) for node in definitions.values() for node in _schemas(node))
    named: dict[str, Any] = {}

    def replaced(node: Any, *, top: bool = False) -> Any:
        if isinstance(node, list):
            return [replaced(child) for child in node]
        if not isinstance(node, dict):
            return node
        name = _hashed(node)
        made = {key: replaced(child) for key, child in node.items()}
        # A table of fields may have one that is called "type".
        schema = isinstance(node.get("type"), (str, list))
        if top or not schema or seen[name] == 1 or len(json.dumps(node)) < _LONG:
            return made
        named[name] = made
        return {"$ref": f"#/definitions/{name}"}

    return {name: replaced(node, top=True) for name, node in definitions.items()} | named


def _schemas(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if isinstance(node.get("type"), (str, list)):
            yield node
        for child in node.values():
            yield from _schemas(child)
    elif isinstance(node, list):
        for child in node:
            yield from _schemas(child)


def _hashed(node: Any) -> str:
    return hashlib.sha256(json.dumps(node, sort_keys=True).encode()).hexdigest()[:12]


def _drawn(wanted: list[str]) -> dict[str, Any]:
    paths = _ask("/openapi/v3")["paths"]
    definitions: dict[str, Any] = {}
    kinds: dict[str, Any] = {}
    for version in sorted({kind.split()[0] for kind in wanted}):
        path = f"apis/{version}" if "/" in version else f"api/{version}"
        found = _ask(paths[path]["serverRelativeURL"])["components"]["schemas"]
        scopes = {r["kind"]: r["namespaced"] for r in _ask(f"/{path}")["resources"]}
        for kind in (k.split()[1] for k in wanted if k.split()[0] == version):
            group = {"group": version.rpartition("/")[0], "version": version.split("/")[-1]}
            [name] = [
                name
                for name, schema in found.items()
                if {**group, "kind": kind} in schema.get("x-kubernetes-group-version-kind", [])
            ]
            kinds[f"{version} {kind}"] = {
                "$ref": f"#/definitions/{name}", "namespaced": scopes[kind],
            }  # fmt: skip
            _take(name, found, definitions)
            schema = definitions[name]
            schema["properties"] |= {
                "apiVersion": {"const": version}, "kind": {"const": kind},
            }  # fmt: skip
            schema["required"] = sorted(
                {*schema.get("required", []), "apiVersion", "kind", "metadata"}
            )
    return {"kinds": kinds, "definitions": _shared(definitions)}


def _take(name: str, found: dict[str, Any], definitions: dict[str, Any]) -> None:
    """A schema and all that it refers to."""
    if name not in definitions:
        definitions[name] = _plain(found[name])
        for other in _references(definitions[name]):
            _take(other, found, definitions)


def main() -> None:
    held = {kind_of(document) for overlay in OVERLAYS for document in golden(overlay)}
    drawn = _drawn(sorted({*held, *_ALSO}))
    # A line for each: a diff says which kind changed.
    parts = []
    for part, entries in drawn.items():
        lines = [
            f"{json.dumps(key)}:{json.dumps(entries[key], sort_keys=True, separators=(',', ':'))}"
            for key in sorted(entries)
        ]
        parts.append(f'"{part}":{{\n' + ",\n".join(lines) + "\n}")
    STORED.parent.mkdir(exist_ok=True)
    STORED.write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()

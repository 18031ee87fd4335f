"""The stored schemas of a Kubernetes API server and of KServe, and what breaks them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tests.manifests.renders import Document

STORED = Path(__file__).parent / "schemas" / "kinds.json"


@cache
def stored() -> Any:
    return json.loads(STORED.read_text())


def kind_of(document: Document) -> str:
    return f"{document['apiVersion']} {document['kind']}"


@cache
def _validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": stored()["kinds"][kind]["$ref"], "definitions": stored()["definitions"]}
    )


def namespaced(document: Document) -> bool:
    return bool(stored()["kinds"][kind_of(document)]["namespaced"])


def faults(document: Document) -> list[str]:
    """What the API server would say against an object, each with its place."""
    kind = kind_of(document)
    if kind not in stored()["kinds"]:
        return [f"no schema of {kind} is stored; python -m tests.manifests.write_schemas"]
    return [f"{e.json_path}: {e.message}" for e in _validator(kind).iter_errors(document)]

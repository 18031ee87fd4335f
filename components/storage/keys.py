"""Content keys: what a step's output depends on, as one hash.

A key covers the content of the inputs, the step's slice of the declaration, and the version of
the code and libraries that make the output. Whatever has the same key is the same thing.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import components

_ROOT = Path(components.__file__).parent


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def text_digest(text: str) -> str:
    """sha256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


@cache
def code_version(rooms: tuple[str, ...], libraries: tuple[str, ...]) -> str:
    """Hash of the Python sources of rooms (folders of `components`) and of library versions."""
    sources = {
        str(path.relative_to(_ROOT)): file_digest(path)
        for room in rooms
        for path in sorted((_ROOT / room).rglob("*.py"))
    }
    return text_digest(canonical([sources, {name: version(name) for name in libraries}]))


def content_key(stage: str, spec: str, inputs: Mapping[str, str], code: str) -> str:
    """The key of a step's output; `inputs` maps a role to the digest of what fills it."""
    return text_digest(canonical([stage, spec, dict(inputs), code]))[:32]


def folder_digest(files: Iterable[tuple[str, str]]) -> str:
    """The digest of a folder, from the relative names and digests of its files."""
    return text_digest(canonical(sorted(files)))

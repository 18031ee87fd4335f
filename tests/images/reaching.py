"""What an image's code imports, followed from where it is entered, without running any of it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from manifests import images

OURS = ("components", "serving", "pipelines", "samples")
_CONSTANTS = {"SPARK": "python-spark", "MODEL": "python-model"}


def entries(image: str) -> set[str]:
    """The modules that the pods of an image start with."""
    found = {m for name, m in _shells() if name == image} | {
        m for name, m in _programs() if name == image
    }
    return found | ({"serving.__main__"} if image == "serving" else set())


def _shells() -> Iterator[tuple[str, str]]:
    """Of each KFP shell, its image and the step that it calls: the shell itself is sent as text."""
    for path in sorted((images.ROOT / "components").glob("*/component.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                for line in node.body:
                    if isinstance(line, ast.ImportFrom):
                        assert line.module is not None
                        yield _CONSTANTS[_base_image(node)], line.module


def _base_image(shell: ast.FunctionDef) -> str:
    (decorator,) = shell.decorator_list
    assert isinstance(decorator, ast.Call)
    (name,) = (k.value for k in decorator.keywords if k.arg == "base_image")
    assert isinstance(name, ast.Name)
    return name.id


def _programs() -> Iterator[tuple[str, str]]:
    """Of each container of the manifests that starts a module of ours: its image, the module."""
    for path in sorted((images.ROOT / "manifests" / "base").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            for container in _containers(document):
                match container.get("command"):
                    case ["python3", "-m", str(module)] if module.startswith(OURS):
                        yield container["image"].removeprefix("vintage/"), module


def _containers(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "image" in node:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _containers(part)


def reached(starts: set[str]) -> tuple[dict[str, Path], set[str]]:
    """Our modules that these import, themselves included, with their files; others' packages."""
    modules: dict[str, Path] = {}
    others: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in modules or (path := _file(name)) is None:
            continue
        modules[name] = path
        waiting.append(name.rpartition(".")[0])  # a package's __init__ runs before what is in it
        for imported in _imports(ast.parse(path.read_text())):
            if imported.startswith(OURS):
                waiting.append(imported)
            else:
                others.add(imported.partition(".")[0])
    return modules, others


def _file(module: str) -> Path | None:
    """The file of a module of ours; None for a name in a module, and for no module at all."""
    place = images.ROOT.joinpath(*module.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if module and path.is_file():
            return path
    return None


def _imports(node: ast.AST) -> Iterator[str]:
    """Every module that code imports, at its top or late; types for the checker aside."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        assert node.module is not None
        yield node.module
        if node.module.startswith(OURS):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
    else:
        for part in ast.iter_child_nodes(node):
            yield from _imports(part)

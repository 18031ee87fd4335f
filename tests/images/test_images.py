"""The tool for images: tags by content, pins that are this tree's, a builder told the right words.

All on a copy of the tree, so that any byte of it can be changed.
"""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.contracts.errors import EnvironmentFaultError
from components.etl import jars
from components.etl.jars import Jar
from manifests import images
from manifests.images import IMAGES
from tests.support import fingerprint

NAMES = [image.name for image in IMAGES]
SHORT = shutil.ignore_patterns("__pycache__")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what images are made of, pinned."""
    root = tmp_path / "tree"
    for folder in ("components", "serving"):
        shutil.copytree(images.ROOT / folder, root / folder, ignore=SHORT)
    monkeypatch.setattr(images, "ROOT", root)
    monkeypatch.setattr(images, "PINS", root / "manifests" / "images" / "kustomization.yaml")
    (root / "manifests").mkdir()
    assert _program("pin", monkeypatch) == 0
    return root


def _program(action: str, patch: pytest.MonkeyPatch) -> int:
    with patch.context() as argv:
        argv.setattr(sys, "argv", ["images.py", action])
        return images.main()


def _tags() -> dict[str, str]:
    return {image.name: images.tag(image) for image in IMAGES}


@pytest.mark.usefixtures("tree")
def test_any_byte_of_an_image_s_context_changes_its_tag_and_no_other_s() -> None:
    before = _tags()
    contexts = {image.name: set(images.context(image).values()) for image in IMAGES}
    wrong = {}
    for path in sorted(set.union(*contexts.values())):
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if data else b"x")
        changed = {name for name, tag in _tags().items() if tag != before[name]}
        path.write_bytes(data)
        if changed != (expected := {name for name, held in contexts.items() if path in held}):
            wrong[path] = changed, expected
    assert wrong == {}
    assert _tags() == before


@pytest.mark.parametrize(
    ("change", "images_changed"),
    [
        (lambda t: (t / "components/etl/new.py").write_text(""), {"python-spark"}),
        (
            lambda t: (t / "components/etl/gold.py").rename(t / "components/etl/golden.py"),
            {"python-spark"},
        ),
        (lambda t: (t / "components/contracts/base.py").unlink(), set(NAMES)),
        (lambda t: (t / "serving/Dockerfile").write_text("FROM scratch"), {"serving"}),
        # Nothing of these goes into an image.
        (lambda t: (t / "components/etl/notes.md").write_text("x"), set()),
        (lambda t: (t / "components/new.py").write_text("x"), set()),
        (lambda t: (t / "components/images.py").write_text("x"), set()),
        (lambda t: (t / "components/etl/gold.py").touch(), set()),
        (lambda t: (t / "components/etl/gold.py").chmod(0o755), set()),
    ],
    ids=[
        "new module", "renamed", "removed", "Dockerfile", "notes", "no room", "shells' constants",
        "time", "mode",
    ],
)  # fmt: skip
def test_a_tag_says_what_is_in_the_image_and_nothing_else(
    change: Callable[[Path], object], images_changed: set[str], tree: Path
) -> None:
    before = _tags()
    change(tree)
    assert {name for name, tag in _tags().items() if tag != before[name]} == images_changed


@pytest.mark.usefixtures("tree")
def test_the_pins_are_a_kustomize_component_with_every_image() -> None:
    assert yaml.safe_load(images.PINS.read_text()) == {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "images": [
            {"name": f"vintage/{n}", "newName": f"docker.io/vintage/{n}", "newTag": _tags()[n]}
            for n in NAMES
        ],
    }


@pytest.mark.usefixtures("tree")
def test_a_tag_that_looks_like_a_number_is_a_text_to_every_reader() -> None:
    for tag in _tags().values():
        assert f"newTag: '{tag}'" in images.PINS.read_text()


@pytest.mark.usefixtures("tree")
def test_the_names_are_those_of_the_pins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _program("names", monkeypatch) == 0
    expected = [f"docker.io/vintage/{name}:{tag}" for name, tag in _tags().items()]
    assert capsys.readouterr().out.splitlines() == expected


def _edit(tree: Path) -> None:
    with (tree / "serving" / "app.py").open("a") as stream:
        stream.write("# changed\n")


def _edit_a_tag(_: Path) -> None:
    images.PINS.write_text(images.PINS.read_text().replace(_tags()["serving"], "latest"))


def _lose_the_pins(_: Path) -> None:
    images.PINS.unlink()


STALE = [_edit, _edit_a_tag, _lose_the_pins]
TOLD = "manifests/images/kustomization.yaml: expected this tree's tags; run: make pin\n"


@pytest.mark.parametrize("change", STALE)
def test_pins_that_are_not_this_tree_s_are_told_until_they_are_made_again(
    change: Callable[[Path], None],
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _program("check", monkeypatch) == 0
    change(tree)
    assert _program("check", monkeypatch) == 1
    assert capsys.readouterr().err == TOLD
    assert _program("pin", monkeypatch) == 0
    assert _program("check", monkeypatch) == 0


_BUILDER = """#!{python}
import json, pathlib, sys
sys.path.insert(0, {root!r})
from tests.support import fingerprint
with open({log!r}, "a") as log:
    json.dump([pathlib.Path(sys.argv[0]).name, sys.argv[1:], fingerprint(pathlib.Path(sys.argv[-1]))], log)
    log.write("\\n")
sys.exit({status})
"""  # noqa: E501 - one statement of another program


@dataclass
class Builders:
    """Programs on the PATH that note how they were called."""

    folder: Path

    def have(self, name: str, *, status: int = 0) -> str:
        program = self.folder / name
        text = _BUILDER.format(
            python=sys.executable, root=str(Path(__file__).parents[2]), log=str(self.log),
            status=status,
        )  # fmt: skip
        program.write_text(text)
        program.chmod(0o755)
        return str(program)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def calls(self) -> list[Any]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines]


def _have(wanted: Sequence[Jar], folder: Path, workshop: Path) -> list[Path]:
    """In place of the real one, which asks the network."""
    assert folder.parent == workshop
    folder.mkdir(parents=True, exist_ok=True)
    for jar in wanted:
        (folder / jar.file).write_text(str(jar))
    return [folder / jar.file for jar in wanted]


@pytest.fixture
def builders(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builders:
    del tree
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("VINTAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(jars, "have", _have)
    for name in ("BUILDER", "CLUSTER"):
        monkeypatch.delenv(name, raising=False)
    return Builders(folder)


@pytest.mark.parametrize(
    ("builder", "words"),
    [
        (None, ["build", "-t"]),
        ("docker", ["build", "-t"]),
        ("podman", ["build", "-t"]),
        ("buildah", ["bud", "--layers", "-t"]),
    ],
)
def test_a_builder_is_told_the_name_and_the_folder_of_each_image(
    builder: str | None,
    words: list[str],
    builders: Builders,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    builders.have(builder or "docker")
    if builder is not None:
        monkeypatch.setenv("BUILDER", builder)
    assert _program("build", monkeypatch) == 0
    names = list(images.references().values())
    calls = builders.calls()
    assert [(program, argv[:-1]) for program, argv, _ in calls] == [
        (builder or "docker", [*words, name]) for name in names
    ]
    assert not any(Path(argv[-1]).exists() for _, argv, _ in calls)
    assert capfd.readouterr().out.splitlines() == names


def test_a_builder_finds_all_of_an_image_in_the_folder(
    builders: Builders, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builders.have("docker")
    assert _program("build", monkeypatch) == 0
    whole = fingerprint(tree)
    carried = fingerprint(tmp_path / "home")
    assert {"jars/postgresql-42.7.14.jar", "jars/hadoop-aws-3.5.0.jar"} <= carried.keys()
    for image, (_, _, found) in zip(IMAGES, builders.calls(), strict=True):
        assert found == {
            name: whole[str(path.relative_to(tree))] for name, path in images.context(image).items()
        } | (carried if image.name == "python-spark" else {})


def test_no_image_is_built_without_the_jars_that_it_carries(
    builders: Builders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nowhere(wanted: Sequence[Jar], folder: Path, workshop: Path) -> list[Path]:
        del wanted
        raise EnvironmentFaultError(f"{folder.name} of {workshop.name}: found it at neither")

    builders.have("docker")
    monkeypatch.setattr(jars, "have", nowhere)
    assert _program("build", monkeypatch) == 1
    first = images.references()["vintage/python-spark"]
    assert capsys.readouterr().err == (
        f"images: {first} was not built; jars of home: found it at neither\n"
    )
    assert builders.calls() == []


def test_a_test_cluster_s_tool_takes_the_images_too(
    builders: Builders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER", builders.have("cluster"))
    assert _program("build", monkeypatch) == 0
    assert [(program, argv[:-1]) for program, argv, _ in builders.calls()] == [
        ("cluster", ["image", name]) for name in images.references().values()
    ]


@pytest.mark.parametrize(("variable", "name"), [("BUILDER", "kaniko"), ("CLUSTER", "./none")])
def test_a_builder_that_is_not_there_is_named(
    variable: str,
    name: str,
    builders: Builders,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    builders.have("docker")
    monkeypatch.setenv(variable, name)
    assert _program("build", monkeypatch) == 1
    assert capsys.readouterr().err == (
        f"images: expected the program {name}, found none; name another with BUILDER=\n"
    )
    assert builders.calls() == []


def test_a_build_that_fails_ends_the_building(
    builders: Builders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    builders.have("docker", status=3)
    assert _program("build", monkeypatch) == 1
    first = images.references()["vintage/python-spark"]
    assert capsys.readouterr().err == f"images: {first} was not built; docker says why above\n"
    assert len(builders.calls()) == 1


@pytest.mark.parametrize("change", STALE)
def test_nothing_is_built_under_a_tag_that_is_not_its_own(
    change: Callable[[Path], None],
    builders: Builders,
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    builders.have("docker")
    change(tree)
    assert _program("build", monkeypatch) == 1
    assert capsys.readouterr().err == TOLD
    assert builders.calls() == []

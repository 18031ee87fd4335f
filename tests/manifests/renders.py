"""What the overlays render to: as stored, as built here and now, and in parts."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "manifests"
OVERLAYS = ("kind", "production")
NAMESPACE = "vintage"
Document = dict[str, Any]
# The tags are hashes of the code: they change with it, and `images.py check` looks after them.
_OUR_TAG = re.compile(r"(docker\.io/vintage/[a-z-]+):[0-9a-f]{12}\b")
# Rules and dashboards have tests of their own, and kustomize's hash of them is in a name.
_A_FILE = re.compile(r"^(  [\w-]+\.(?:yaml|json)): \|\n(?:    .*\n|\n)+", re.MULTILINE)
_HASHED = re.compile(r"\bprometheus-[a-z0-9]{10}\b")


def builder() -> list[str] | None:
    """The command that builds a kustomization, where there is one."""
    for command in (["kubectl", "kustomize"], ["kustomize", "build"]):
        if shutil.which(command[0]):
            return command
    return None


def built(overlay: str) -> str:
    """An overlay as it renders now, without our own images' tags and what is in carried files."""
    command = builder()
    assert command is not None
    done = subprocess.run(  # noqa: S603 - the tester's own kubectl
        [*command, str(ROOT / "manifests" / "overlays" / overlay)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    text = _A_FILE.sub(r"\1: of manifests\n", _OUR_TAG.sub(r"\1:tag", done.stdout))
    return _HASHED.sub("prometheus-hash", text)


def documents(text: str) -> list[Document]:
    return [document for document in yaml.safe_load_all(text) if document]


def golden(overlay: str) -> list[Document]:
    return documents((GOLDEN / f"{overlay}.yaml").read_text())


def documented() -> list[Document]:
    """The objects that the page on clusters has a lender apply."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "cluster.md").read_text(), re.DOTALL)
    return [document for block in blocks for document in documents(block)]


def placeholders() -> dict[str, set[str]]:
    """The Secrets that an installation's owner brings, each with its keys."""
    component = yaml.safe_load((ROOT / "manifests/placeholders/kustomization.yaml").read_text())
    return {
        made["name"]: {literal.split("=", 1)[0] for literal in made["literals"]}
        for made in component["secretGenerator"]
    }


def label(document: Mapping[str, Any]) -> str:
    """An object's kind and name, for the name of a test."""
    return f"{document['kind']}/{document['metadata']['name']}"


def of_kind(objects: list[Document], *kinds: str) -> list[Document]:
    return [document for document in objects if document["kind"] in kinds]


@dataclass(frozen=True)
class Container:
    """A container, with what its pod says for all of them."""

    owner: str
    spec: Document
    pod: Document
    long_running: bool

    @property
    def name(self) -> str:
        return f"{self.owner}, container {self.spec['name']}"

    def security(self, field: str) -> Any:
        """A field of the security context: the container's own, or else its pod's."""
        for holder in (self.spec, self.pod):
            if field in holder.get("securityContext", {}):
                return holder["securityContext"][field]
        return None


def pods(objects: list[Document]) -> Iterator[tuple[str, Document, Document]]:
    """Every pod's owner, metadata and spec; a serving runtime is a pod but for its name."""
    for document in objects:
        spec = document.get("spec", {})
        if document["kind"] in ("Deployment", "StatefulSet"):
            yield label(document), spec["template"]["metadata"], spec["template"]["spec"]
        elif document["kind"] == "ClusterServingRuntime":
            yield label(document), {}, spec


def containers(objects: list[Document]) -> Iterator[Container]:
    for owner, _, pod in pods(objects):
        for kind in ("initContainers", "containers"):
            for spec in pod.get(kind, []):
                yield Container(owner, spec, pod, kind == "containers")
    for document in of_kind(objects, "ClusterStorageContainer"):
        yield Container(label(document), document["spec"]["container"], {}, False)


def walk(node: Any) -> Iterator[Document]:
    """Every mapping of a document, however deep."""
    if isinstance(node, dict):
        yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from walk(child)


def as_json(node: Any) -> str:
    return json.dumps(node, sort_keys=True)

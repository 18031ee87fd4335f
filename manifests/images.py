"""The images: assemble each one's build context, tag it by content, pin the tags, build.

    python manifests/images.py pin      write the tags of this tree to images/kustomization.yaml
    python manifests/images.py check    fail where they are not this tree's
    python manifests/images.py build    build what is pinned: BUILDER or CLUSTER says with what
    python manifests/images.py names    print the full names of what is pinned

A tag is the hash of all that goes into an image, so a changed image has another tag, and a
cluster never runs an old one under a new name. The pins are the one list that the manifests
and the compiled pipelines read.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from components.contracts.errors import VintageError

ROOT = Path(__file__).parents[1]
PINS = Path(__file__).parent / "images" / "kustomization.yaml"
REPOSITORY = "docker.io/vintage"
_TAG_LENGTH = 12


@dataclass(frozen=True)
class Image:
    """One image: the room whose Dockerfile and requirements it has, and the code it carries."""

    name: str
    room: str
    code: tuple[str, ...]


_COMMON = ("components/contracts", "components/storage", "components/scoring")
# KFP's local runner takes an image for one with Python in it by its name.
IMAGES = (
    Image("python-spark", "components/etl", (*_COMMON, "components/etl")),
    Image(
        "python-model",
        "components/training",
        (
            *_COMMON,
            "components/figures",
            "components/training",
            "components/evaluation",
            "components/deployment",
            "components/monitoring",
        ),
    ),
    Image("serving", "serving", (*_COMMON, "serving")),
)


def context(image: Image) -> dict[str, Path]:
    """Every file of this tree in an image's build context, by its name there."""
    room = ROOT / image.room
    found = {name: room / name for name in ("Dockerfile", "requirements.lock")}
    sources = [ROOT / "components" / "__init__.py"]
    for folder in image.code:
        sources += sorted((ROOT / folder).rglob("*.py"))
    return found | {f"app/{path.relative_to(ROOT)}": path for path in sources}


def fetched(image: Image) -> dict[str, Path]:
    """What is in the context, too, and no file of this tree: its hash is in the code.

    It is had here and not in the image, whose Java trusts no authority of one's own network.
    """
    if image.room != "components/etl":
        return {}
    from components.etl import jars, jdbc, s3a
    from components.storage.settings import Settings

    settings = Settings.from_environment()
    found = jars.have([jdbc.DRIVER, *s3a.JARS], settings.jars, settings.home)
    return {f"jars/{jar.name}": jar for jar in found}


def tag(image: Image) -> str:
    """The tag of an image: the hash of its context."""
    digest = hashlib.sha256()
    for name, path in sorted(context(image).items()):
        digest.update(f"{name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:_TAG_LENGTH]


def pins() -> str:
    """The kustomize component that gives every image of this tree its tag."""
    head = (
        "# Made by `make pin`; every tag is the hash of what is in the image.\n"
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n"
    )
    # A hash such as 0055469305e0 is a number to who reads YAML 1.2, unless it is quoted.
    return head + "".join(
        f"- name: vintage/{i.name}\n  newName: {REPOSITORY}/{i.name}\n  newTag: '{tag(i)}'\n"
        for i in IMAGES
    )


def references() -> dict[str, str]:
    """The full names of the pinned images, by their short ones."""
    pinned = yaml.safe_load(PINS.read_text())["images"]
    return {i["name"]: f"{i['newName']}:{i['newTag']}" for i in pinned}


def check() -> int:
    """Whether the pins are this tree's, as an exit status."""
    if PINS.is_file() and PINS.read_text() == pins():
        return 0
    sys.stderr.write(f"{PINS.relative_to(ROOT)}: expected this tree's tags; run: make pin\n")
    return 1


def build(builder: str, cluster: str) -> int:
    """Build every pinned image; with a test cluster's tool, hand it to the node too."""
    if (failed := check()) != 0:
        return failed
    program = cluster or builder
    if shutil.which(program) is None:
        sys.stderr.write(
            f"images: expected the program {program}, found none; name another with BUILDER=\n"
        )
        return 1
    for image in IMAGES:
        name = references()[f"vintage/{image.name}"]
        try:
            files = context(image) | fetched(image)
        except VintageError as error:
            sys.stderr.write(f"images: {name} was not built; {error}\n")
            return 1
        words = {"buildah": ["bud", "--layers", "-t", name]}.get(builder, ["build", "-t", name])
        with tempfile.TemporaryDirectory(prefix="vintage-image-") as folder:
            for target, source in files.items():
                place = Path(folder) / target
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, place)
            command = [cluster, "image", name] if cluster else [builder, *words]
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()
            done = subprocess.run([*command, folder], check=False)  # noqa: S603 - the user's own
        if done.returncode != 0:
            sys.stderr.write(f"images: {name} was not built; {program} says why above\n")
            return 1
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", choices=["pin", "check", "build", "names"])
    action = parser.parse_args().action
    if action == "pin":
        PINS.parent.mkdir(exist_ok=True)
        PINS.write_text(pins())
        return 0
    if action == "check":
        return check()
    if action == "names":
        sys.stdout.write("\n".join(references().values()) + "\n")
        return 0
    return build(os.environ.get("BUILDER", "docker"), os.environ.get("CLUSTER", ""))


if __name__ == "__main__":
    sys.exit(main())

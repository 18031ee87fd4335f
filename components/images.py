"""The images that tasks run in: from the one list of pins, which the manifests have too."""

from pathlib import Path

import yaml

_PINS = Path(__file__).parents[1] / "manifests" / "images" / "kustomization.yaml"


def _pinned(name: str) -> str:
    images = yaml.safe_load(_PINS.read_text())["images"]
    found = next(image for image in images if image["name"] == name)
    return f"{found['newName']}:{found['newTag']}"


SPARK = _pinned("vintage/python-spark")
MODEL = _pinned("vintage/python-model")

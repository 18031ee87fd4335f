"""The images that tasks run in; one constant each. The tag is set when images are built."""

import os

_TAG = os.environ.get("VINTAGE_IMAGE_TAG", "dev")

SPARK = f"vintage/python-spark:{_TAG}"
MODEL = f"vintage/python-model:{_TAG}"

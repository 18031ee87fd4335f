"""The trained bundles of the small use case, and an installation with them."""

import shutil
from pathlib import Path

import pytest

from tests.evaluation.installing import Place
from tests.making import Models, models

__all__ = ["models"]


@pytest.fixture
def place(home: Path, models: Models, empty_tracking: Path) -> Place:
    """An installation before evaluation."""
    shutil.copy(empty_tracking, home)
    made = Place(home, models)
    made.prepare()
    return made

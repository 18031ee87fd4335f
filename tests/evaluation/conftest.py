"""The trained bundles of the small use case, and an installation with them."""

from pathlib import Path

import pytest

from tests.evaluation.installing import Place
from tests.making import Models, models

__all__ = ["models"]


@pytest.fixture
def place(home: Path, models: Models) -> Place:
    """An installation before evaluation."""
    made = Place(home, models)
    made.prepare()
    return made

"""Releases of the small use case, and an application that serves them. None is to be changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.scoring.scorer import Scorer
from serving.models import Served
from tests.making import Models, models
from tests.serving import dated
from tests.serving.asking import Asked, asked
from tests.serving.deciding import SCENARIO

__all__ = ["models"]


@pytest.fixture(scope="session")
def release(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The boosted trees in a folder."""
    folder: Path = tmp_path_factory.mktemp("release")
    return models.release("xgboost", folder)


@pytest.fixture(scope="session")
def scorer(release: Path) -> Scorer:
    """The boosted trees at work."""
    return Scorer(release)


@pytest.fixture(scope="session")
def served(scorer: Scorer) -> Served:
    """A champion alone."""
    return Served(SCENARIO, scorer)


@pytest.fixture(scope="session")
def folders(release: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Releases of two scenarios: of numbers and categories, and of dates."""
    folder: Path = tmp_path_factory.mktemp("repeat")
    return {"small_loans": release, "repeat": dated.release(folder)}


@pytest.fixture(scope="module")
def app(folders: dict[str, Path]) -> Iterator[Asked]:
    """An application that serves both."""
    with asked(**folders) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where decisions are written down."""
    return tmp_path / "decisions"

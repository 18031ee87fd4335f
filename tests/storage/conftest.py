"""The two kinds of object store, behind one fixture; what a bootstrap is to make."""

from collections.abc import Callable
from pathlib import Path

import pytest

from components.storage.objects import Store, open_store
from tests.storage.installing import owners, users

__all__ = ["owners", "users"]


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.minio)])
def store_uri(request: pytest.FixtureRequest, home: Path) -> str:
    """Where a fresh store is: a folder, or a prefix of a bucket on a MinIO server."""
    if request.param == "bucket":
        return str(request.getfixturevalue("bucket"))
    return str(home / "store")


@pytest.fixture
def store(store_uri: str, home: Path) -> Store:
    return open_store(store_uri, home)


@pytest.fixture
def publish(store: Store) -> Callable[..., object]:
    """Publish files, given as text by relative name, under a key."""

    def go(key: str, files: dict[str, str], **facts: object) -> object:
        folder = store.scratch()
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return store.publish(key, folder, facts)

    return go

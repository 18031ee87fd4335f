"""Releases that no training made: changed copies of the one that serves, in the cluster's store."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.scoring.release import RELEASE, Release
from components.storage.bucket import BucketStore
from components.storage.database import Database, Promotion
from components.storage.registry import find_release, release_key
from tests.e2e import kube


@contextmanager
def installed(folder: Path) -> Iterator[tuple[BucketStore, Database]]:
    """The store and the promotions table of the installation, with what tasks may do there."""
    with kube.stores() as reached, pytest.MonkeyPatch.context() as patch:
        for name, value in reached.environment.items():
            patch.setenv(name, value)
        yield BucketStore("s3://vintage/store", folder), Database(reached.database)


def plant(folder: Path, change: Callable[[Path], Release]) -> str:
    """Publish a changed copy of the release that serves; returns its id."""
    with installed(folder) as (store, _):
        entry = find_release(store, "card-default", store.get("deployments/card-default") or "")
        target = store.scratch()
        shutil.copytree(store.local(entry), target, dirs_exist_ok=True)
        made = change(target)
        (target / RELEASE).write_text(made.to_json())
        facts = {
            **entry.facts, "release": made.id, "bundle": made.bundle, "run": "planted",
            "approve_below": made.policy.approve_below,
        }  # fmt: skip
        store.publish(release_key("card-default", made.id), target, facts)
    return made.id


def promotions(folder: Path) -> list[Promotion]:
    """Every promotion so far."""
    with installed(folder) as (_, database):
        return database.promotions("card-default")

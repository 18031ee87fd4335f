"""An installation on a cluster: a store, a promotions table, and the cluster in memory."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.deployment import cluster as api
from components.deployment.step import deploy
from components.scoring.release import Release
from components.storage.database import Database, Promotion
from components.storage.objects import Store, open_store
from components.storage.settings import Settings
from components.storage.steps import hand_over
from tests.deployment.faking import NAME, NAMESPACE, Clock, FakeCluster, on_the_clock_of
from tests.making import Models
from tests.support import Paper

MINUTES = 2.0
NOTE = f"rollouts/{NAME}"


@dataclass
class Installation:
    """A store with two releases, a promotions table, and a cluster."""

    store: Store
    database: Database
    cluster: FakeCluster
    clock: Clock
    papers: dict[str, Paper]  # the artifact of each release, by its id
    old: str
    new: str

    def promote(self, release: str) -> None:
        now = self.database.champion(NAME)
        self.database.promote(
            NAME, release, after=now.number if now else 0, run="r", who="w", why="w", figures={}
        )

    def champion(self) -> Promotion:
        found = self.database.champion(NAME)
        assert found is not None
        return found

    def deploy(self, release: str, run: str = "run") -> None:
        deploy(scenario=NAME, run=run, timeout_minutes=MINUTES, release=self.papers[release])

    def fails(self, release: str, run: str = "run") -> str:
        """What the record says after a deployment that must fail."""
        with pytest.raises(SystemExit) as caught:
            self.deploy(release, run)
        assert caught.value.code == 1
        record = self.record(run)
        assert record["status"] == "failed"
        return str(record["error"])

    def deployed(self) -> str | None:
        return self.store.get(f"deployments/{NAME}")

    def record(self, run: str = "run") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.store.get(f"runs/{run}/stages/deploy.json") or "{}")
        return found

    def on_cluster(self) -> str | None:
        """The release that the InferenceService is at."""
        if self.cluster.object is None:
            return None
        return str(self.cluster.object["metadata"]["annotations"]["vintage/release"])


@pytest.fixture
def installation(
    models: Models, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    """An installation on a cluster, with nothing promoted or deployed yet."""
    monkeypatch.setenv("VINTAGE_NAMESPACE", NAMESPACE)
    store = open_store(str(home / "store"), home)
    papers, releases = {}, []
    for family in ("xgboost", "logistic"):
        folder = models.release(family, store.scratch())
        release = Release.read(folder).id
        entry = store.publish(f"{NAME}/releases/{release}", folder, {"release": release})
        papers[release] = Paper(str(tmp_path / "papers" / family))
        hand_over(entry, papers[release])
        releases.append(release)
    old, new = releases
    cluster = FakeCluster({old: models.bundle("xgboost"), new: models.bundle("logistic")})

    def connect(namespace: str) -> FakeCluster:
        assert namespace == NAMESPACE
        return cluster

    monkeypatch.setattr(api, "Cluster", connect)
    return Installation(
        store=store,
        database=Database(Settings.from_environment().database),
        cluster=cluster,
        clock=on_the_clock_of(cluster, monkeypatch),
        papers=papers,
        old=old,
        new=new,
    )


@pytest.fixture
def second(installation: Installation) -> Installation:
    """One that serves its old release, and has just promoted the new one."""
    installation.promote(installation.old)
    installation.deploy(installation.old, "first")
    installation.promote(installation.new)
    return installation

"""An installation on a cluster: a store, a promotions table, and cluster and MLflow in memory."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.deployment import cluster as api
from components.deployment.step import deploy
from components.scoring.release import Release
from components.storage import tracking
from components.storage.database import Database, Promotion
from components.storage.objects import Store, open_store
from components.storage.registry import note_registered, release_key
from components.storage.settings import Settings
from tests.deployment.faking import NAME, NAMESPACE, Clock, FakeCluster, on_the_clock_of
from tests.making import Models

MINUTES = 2.0
NOTE = f"rollouts/{NAME}"


@dataclass
class Installation:
    """A store with two releases, a promotions table, and a cluster."""

    store: Store
    database: Database
    cluster: FakeCluster
    clock: Clock
    #: Release and alias, as MLflow was told them.
    mirrored: list[tuple[str, str]]
    old: str
    new: str

    def promote(self, release: str, run: str = "r", ground: str = "won") -> None:
        """Append a promotion, as another run would; its release has not come up yet."""
        now = self.database.champion(NAME)
        self.database.promote(
            NAME, release, after=now.number if now else 0, run=run, who="w", why="", figures={},
            ground=ground,
        )  # fmt: skip

    def challenge(
        self, release: str, *, passed: bool, comparable: bool = True, run: str = "r",
        **more: object,
    ) -> None:  # fmt: skip
        """Put on record how a release's challenge of the present champion went."""
        number = self.champion().number
        decision = {
            "kind": "challenge", "release": release, "champion": number, "passed": passed,
            "comparable": comparable, "why": "the gold is gone", **more,
        }  # fmt: skip
        key = f"challenge {len(self.database.evaluations(NAME))}"
        self.database.record_evaluation(NAME, key, run=run, decision=decision)

    def win(self, release: str) -> None:
        """Put on record that a release won its challenge of the present champion."""
        self.challenge(release, passed=True)

    def champion(self) -> Promotion:
        found = self.database.champion(NAME)
        assert found is not None
        return found

    def deploy(self, release: str, run: str = "run", why: str = "") -> None:
        deploy(scenario=NAME, run=run, timeout_minutes=MINUTES, release=release, why=why)

    def fails(self, release: str, run: str = "run", why: str = "") -> str:
        """What the record says after a deployment that must fail."""
        with pytest.raises(SystemExit) as caught:
            self.deploy(release, run, why)
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
def installation(models: Models, home: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation on a cluster, with two releases and nothing promoted or deployed yet."""
    monkeypatch.setenv("VINTAGE_NAMESPACE", NAMESPACE)
    store = open_store(str(home / "store"), home)
    old, new = (_registered(store, models, family) for family in ("xgboost", "logistic"))
    cluster = FakeCluster({old: models.bundle("xgboost"), new: models.bundle("logistic")})

    def connect(namespace: str) -> FakeCluster:
        assert namespace == NAMESPACE
        return cluster

    monkeypatch.setattr(api, "Cluster", connect)
    mirrored: list[tuple[str, str]] = []

    class FakeTracking:
        """MLflow as far as a deployment tells it something; its own tables take seconds to make."""

        def __init__(self, _: Settings) -> None: ...

        def mirror(self, scenario: str, version: tracking.Version, alias: str) -> None:
            assert (scenario, version.mlflow_run, version.run) == (NAME, "mlflow-run", "before")
            mirrored.append((version.release, alias))

    monkeypatch.setattr(tracking, "Tracking", FakeTracking)
    return Installation(
        store=store,
        database=Database(Settings.from_environment().database),
        cluster=cluster,
        clock=on_the_clock_of(cluster, monkeypatch),
        mirrored=mirrored,
        old=old,
        new=new,
    )


def _registered(store: Store, models: Models, family: str) -> str:
    """The id of a release that was registered last."""
    folder = models.release(family, store.scratch())
    release = Release.read(folder).id
    facts = {
        "release": release, "family": family, "bundle": models.of(family).bundle,
        "metrics": {"auc": 0.75}, "mlflow_run": "mlflow-run", "run": "before",
        "registered_at": f"2026-01-0{1 + (family == 'logistic')}T00:00:00+00:00",
    }  # fmt: skip
    store.publish(release_key(NAME, release), folder, facts)
    note_registered(store, NAME, release)
    return release


@pytest.fixture
def second(installation: Installation) -> Installation:
    """One that serves its old release, and whose new one has won its challenge."""
    installation.deploy(installation.old, "first")
    installation.win(installation.new)
    return installation

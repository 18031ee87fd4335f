"""Where things are kept. One home folder holds all of it, unless the environment says otherwise."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.contracts.errors import VintageError


@dataclass(frozen=True)
class Settings:
    """The places of one installation.

    `VINTAGE_HOME` is the folder for everything (default `.vintage`). On a cluster the others
    point away from it: `VINTAGE_STORE` (a folder or `s3://bucket/prefix`), `VINTAGE_DATABASE`
    (the promotions table), `VINTAGE_TRACKING` (MLflow), `VINTAGE_WEBHOOK` (notifications),
    `VINTAGE_PUSHGATEWAY` (figures of a month for Prometheus; an http address);
    `VINTAGE_NAMESPACE` is where releases serve as InferenceServices (none: on this machine), each
    of up to `VINTAGE_MOST_REPLICAS` pods as their load asks for (none: of two).
    `VINTAGE_SOURCES` is a JDBC URL of the database with the tables that sources name, read as
    `VINTAGE_SOURCES_USER` with `VINTAGE_SOURCES_PASSWORD` (none: sources are files); its driver is
    in the folder `VINTAGE_JARS`.
    `VINTAGE_EXECUTORS` is how many pods of `VINTAGE_EXECUTOR_IMAGE` do Spark's work, where the
    task itself is the pod `VINTAGE_POD` at `VINTAGE_POD_ADDRESS` (none of these: Spark is local);
    they reach the store at `AWS_ENDPOINT_URL`.
    """

    home: Path
    store: str
    database: str
    tracking: str
    webhook: str
    pushgateway: str
    namespace: str
    most_replicas: str
    sources: str
    sources_user: str
    sources_password: str = field(repr=False)
    jars: Path
    executors: int
    executor_image: str
    pod: str
    pod_address: str
    endpoint: str

    def log_of(self, run: str) -> Path:
        """Where all that the tasks of a run here print goes; on a cluster their pods have it."""
        return self.home / "logs" / f"{run}.log"

    @staticmethod
    def from_environment(environ: Mapping[str, str] | None = None) -> "Settings":
        given = os.environ if environ is None else environ
        home = Path(given.get("VINTAGE_HOME") or ".vintage").absolute()
        return Settings(
            home=home,
            store=given.get("VINTAGE_STORE") or str(home / "store"),
            database=given.get("VINTAGE_DATABASE") or f"sqlite:///{home}/vintage.db",
            tracking=given.get("VINTAGE_TRACKING") or f"sqlite:///{home}/mlflow.db",
            webhook=given.get("VINTAGE_WEBHOOK", ""),
            pushgateway=given.get("VINTAGE_PUSHGATEWAY", ""),
            namespace=given.get("VINTAGE_NAMESPACE", ""),
            most_replicas=given.get("VINTAGE_MOST_REPLICAS", ""),
            sources=given.get("VINTAGE_SOURCES", ""),
            sources_user=given.get("VINTAGE_SOURCES_USER", ""),
            sources_password=given.get("VINTAGE_SOURCES_PASSWORD", ""),
            jars=Path(given.get("VINTAGE_JARS") or home / "jars").absolute(),
            executors=_count(given, "VINTAGE_EXECUTORS"),
            executor_image=given.get("VINTAGE_EXECUTOR_IMAGE", ""),
            pod=given.get("VINTAGE_POD", ""),
            pod_address=given.get("VINTAGE_POD_ADDRESS", ""),
            endpoint=given.get("AWS_ENDPOINT_URL", ""),
        )


def _count(given: Mapping[str, str], name: str) -> int:
    """A whole number of an environment, 0 where there is none."""
    text = given.get(name, "")
    if text and not (text.isascii() and text.isdigit()):
        raise VintageError(f"{name}: expected a whole number, found {text!r}")
    return int(text or 0)

"""MLflow: every evaluated run with its figures, and a mirror of the promotions.

The truth about champions is the promotions table; what stands here can be made again from it.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from components.contracts.errors import EnvironmentFaultError
from components.storage.settings import Settings

# Before MLflow's import, which sets up telemetry and asks git for the folder's version.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
# Its own default tries a dead server for four minutes; the task's retry is there for that.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

_KEY = "vintage.key"
CHAMPION = "champion"


@contextmanager
def _named() -> Iterator[None]:
    """MLflow's errors, and those of the database and disk under it, as ours."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise EnvironmentFaultError(f"MLflow: {error}") from error


class Tracking:
    """One MLflow store."""

    def __init__(self, settings: Settings) -> None:
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self._local = settings.tracking.startswith("sqlite:")
        self._artifacts = (settings.home / "mlflow-artifacts").as_uri()
        with _named():
            self._client = MlflowClient(settings.tracking, settings.tracking)

    def log(
        self,
        scenario: str,
        *,
        run: str,
        key: str,
        parameters: Mapping[str, object],
        figures: Mapping[str, float],
        tags: Mapping[str, str],
        files: tuple[Path, ...],
    ) -> str:
        """Log one evaluation; the same key is logged once. Returns MLflow's id of the run."""
        with _named():
            experiment = self._experiment(scenario)
            known = self._client.search_runs(
                [experiment], f"tags.`{_KEY}` = '{key}' and attributes.status = 'FINISHED'",
                max_results=1,
            )  # fmt: skip
            if known:
                return str(known[0].info.run_id)
            made = self._client.create_run(experiment, run_name=run, tags={_KEY: key, **tags})
            identity = str(made.info.run_id)
            self._client.log_batch(
                identity,
                metrics=[Metric(name, value, 0, 0) for name, value in figures.items()],
                params=[Param(name, str(value)[:500]) for name, value in parameters.items()],
            )
            for file in files:
                self._client.log_artifact(identity, str(file))
            self._client.set_terminated(identity, "FINISHED")
        return identity

    def _experiment(self, scenario: str) -> str:
        found = self._client.get_experiment_by_name(scenario)
        if found is not None:
            return str(found.experiment_id)
        place = f"{self._artifacts}/{scenario}" if self._local else None
        return str(self._client.create_experiment(scenario, artifact_location=place))

    def mirror_champion(
        self, scenario: str, *, uri: str, mlflow_run: str, release: str, number: int
    ) -> None:
        """Make the promoted release a model version with the alias `champion`. Can run again."""
        client = self._client
        tags = {"release": release, "promotion": str(number)}
        with _named():
            if not client.search_registered_models(f"name = '{scenario}'"):
                client.create_registered_model(scenario)
            versions = client.search_model_versions(f"name = '{scenario}'")
            same = [v for v in versions if v.tags.get("promotion") == str(number)]
            version = (
                same[0] if same else client.create_model_version(scenario, uri, mlflow_run, tags)
            )
            client.set_registered_model_alias(scenario, CHAMPION, version.version)

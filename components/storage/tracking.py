"""MLflow: every evaluation and every trial with its figures, and a mirror of the registry.

The truth about champions is the promotions table; what stands here can be made again from it.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

_KEY = "vintage.key"
_PARENT, _NAME = "mlflow.parentRunId", "mlflow.runName"
_MOST = 10_000  # trials of one search
CHAMPION: Literal["champion"] = "champion"
CHALLENGER: Literal["challenger"] = "challenger"

#: The name of a trial, its parameters, figures and tags.
Trial = tuple[str, Mapping[str, object], Mapping[str, float], Mapping[str, str]]


@dataclass(frozen=True)
class Version:
    """A release as MLflow is told of it: a version of the scenario's registered model."""

    release: str
    uri: str
    mlflow_run: str
    run: str


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
            known = self._finished(experiment, key)
            if known is not None:
                return known
            made = self._client.create_run(experiment, run_name=run, tags={_KEY: key, **tags})
            identity = str(made.info.run_id)
            self._fill(identity, parameters, figures)
            for file in files:
                self._client.log_artifact(identity, str(file))
            self._client.set_terminated(identity, "FINISHED")
        return identity

    def log_trials(self, scenario: str, *, run: str, key: str, trials: Sequence[Trial]) -> None:
        """Log each trial of a search as a run of its own, nested under one run of the key.

        What is logged whole is not logged again, and what was cut short is completed.
        """
        client = self._client
        with _named():
            experiment = self._experiment(scenario)
            if self._finished(experiment, key) is not None:
                return
            begun = client.search_runs([experiment], f"tags.`{_KEY}` = '{key}'", max_results=1)
            parent = begun[0] if begun else client.create_run(
                experiment, run_name=run, tags={_KEY: key}
            )  # fmt: skip
            identity = str(parent.info.run_id)
            children = client.search_runs(
                [experiment], f"tags.`{_PARENT}` = '{identity}'", max_results=_MOST
            ) if begun else []  # fmt: skip
            known = {str(child.data.tags[_NAME]): child for child in children}
            for name, parameters, figures, tags in trials:
                child = known.get(name) or client.create_run(
                    experiment, run_name=name, tags={_PARENT: identity, **tags}
                )
                if child.info.status != "FINISHED":
                    self._fill(str(child.info.run_id), parameters, figures)
                    client.set_terminated(str(child.info.run_id), "FINISHED")
            client.set_terminated(identity, "FINISHED")

    def _finished(self, experiment: str, key: str) -> str | None:
        """The run that was logged whole under a key."""
        known = self._client.search_runs(
            [experiment], f"tags.`{_KEY}` = '{key}' and attributes.status = 'FINISHED'",
            max_results=1,
        )  # fmt: skip
        return str(known[0].info.run_id) if known else None

    def _fill(
        self, identity: str, parameters: Mapping[str, object], figures: Mapping[str, float]
    ) -> None:
        self._client.log_batch(
            identity,
            metrics=[Metric(name, value, 0, 0) for name, value in figures.items()],
            params=[Param(name, str(value)[:500]) for name, value in parameters.items()],
        )

    def _experiment(self, scenario: str) -> str:
        found = self._client.get_experiment_by_name(scenario)
        if found is not None:
            return str(found.experiment_id)
        place = f"{self._artifacts}/{scenario}" if self._local else None
        return str(self._client.create_experiment(scenario, artifact_location=place))

    def mirror(
        self, scenario: str, version: Version, alias: Literal["champion", "challenger"]
    ) -> None:
        """Make a release a model version, and the one with this alias. Can run again.

        The champion is nobody's challenger: no version has both aliases.
        """
        client = self._client
        with _named():
            number = self._version(scenario, version)
            aliases = client.get_registered_model(scenario).aliases
            held = {name: str(at) for name, at in aliases.items()}  # a number, or its text
            if alias == CHALLENGER and held.get(CHAMPION) == number:
                client.delete_registered_model_alias(scenario, CHALLENGER)
                return
            client.set_registered_model_alias(scenario, alias, number)
            if alias == CHAMPION and held.get(CHALLENGER) == number:
                client.delete_registered_model_alias(scenario, CHALLENGER)

    def _version(self, scenario: str, version: Version) -> str:
        """The number of a release's model version, which is made where there is none."""
        client = self._client
        if not client.search_registered_models(f"name = '{scenario}'"):
            client.create_registered_model(scenario)
        known: list[ModelVersion] = list(client.search_model_versions(f"name = '{scenario}'"))
        for one in known:
            if one.tags.get("release") == version.release:
                return str(one.version)
        tags = {"release": version.release, "run": version.run}
        made = client.create_model_version(scenario, version.uri, version.mlflow_run, tags)
        return str(made.version)

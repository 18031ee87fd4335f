"""A KFP, as far as submitting to it needs it.

Every question is bounded in time, and ends as one message where it fails.
"""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import kfp
import kubernetes.client
import urllib3.exceptions
import yaml
from kfp_server_api import ApiException
from kubernetes import config
from kubernetes.config.config_exception import ConfigException

from components.contracts.errors import EnvironmentFaultError, VintageError
from pipelines import pods
from pipelines.steps import Step, words_of

_TIMEOUT_S = 30  # of one question
_SHORT = 300  # characters of what KFP says
_NO_LOG = '{"error_message"'  # how KFP begins where it has none, with a status that says it had
#: Of a task's pod, with retries and without.
_TEMPLATES = ("retry-system-container-impl", "system-container-impl")


class _Client(kfp.Client):  # type: ignore[misc] # kfp has no types
    """KFP's client, but for its patience: it would ask five times, without a limit of time."""

    def get_kfp_healthz(self, sleep_duration: int = 0) -> Any:  # noqa: ARG002 - KFP's signature
        return self.healthzs.healthz_service_get_healthz(_request_timeout=_TIMEOUT_S)


class Kfp:
    """The KFP at an address, or the one of KUBECONFIG's cluster where none is given."""

    def __init__(self, host: str = "") -> None:
        if host and not host.startswith(("http://", "https://")):
            raise VintageError(f"KFP {host!r}: expected an address such as http://localhost:8080")
        self._host = host.rstrip("/")
        self._where = f"KFP at {self._host or 'the cluster of KUBECONFIG'}"
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # it tells every try
        if not host:
            _find_cluster()
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), self._asking(""):
            # "This client only works with Kubeflow Pipeline v2.0.0-beta.2 and later versions."
            warnings.simplefilter("ignore", FutureWarning)
            client = _Client(host=host or None)
            if client.get_kfp_healthz().multi_user is None:  # any server answers something
                raise EnvironmentFaultError(
                    f"{self._where}: expected KFP's API, found a server that is none"
                )
        self._api = client.api_models
        self._client = client
        # Where KFP has several users, experiments are of a namespace.
        namespace = client.get_user_namespace()
        self._scope = {"namespace": namespace} if namespace else {}

    def page(self, run: str) -> str:
        """The run's page in KFP's UI, which is forwarded to here where no address is given."""
        return f"{self._host or 'http://localhost:8080'}/#/runs/details/{run}"

    @property
    def forwarding(self) -> str:
        """What has to be typed before a page can be opened; nothing where KFP has an address."""
        forward = f"kubectl -n {pods.NAMESPACE} port-forward svc/ml-pipeline-ui 8080:80"
        return "" if self._host else forward

    def upload(self, name: str, title: str, version: str, path: Path) -> tuple[Any, bool]:
        """The version of a pipeline, and whether it had to be uploaded from `path`."""
        what, pipelines = f"pipeline {name}", self._client.pipelines
        listed = self._ask(what, pipelines.pipeline_service_list_pipelines, filter=_named(name))
        found = listed.pipelines or [
            self._ask(
                what,
                pipelines.pipeline_service_create_pipeline,
                self._api.V2beta1Pipeline(display_name=name, description=title),
            )
        ]
        identity = found[0].pipeline_id
        known = self._ask(
            what,
            pipelines.pipeline_service_list_pipeline_versions,
            identity,
            filter=_named(version),
        ).pipeline_versions
        made = known or [
            self._ask(
                what,
                self._client.pipeline_uploads.upload_pipeline_version,
                str(path),
                name=version,
                pipelineid=identity,
            )
        ]
        reference = self._api.V2beta1PipelineVersionReference(
            pipeline_id=identity, pipeline_version_id=made[0].pipeline_version_id
        )
        return reference, not known

    def start(self, experiment: str, version: Any, name: str, told: Mapping[str, str]) -> str:
        """Make a run of a version; returns its id."""
        body = self._api.V2beta1Run(
            experiment_id=self._experiment(experiment),
            display_name=name,
            pipeline_version_reference=version,
            runtime_config=self._api.V2beta1RuntimeConfig(parameters=dict(told)),
        )
        made = self._ask(f"run {name}", self._client.runs.run_service_create_run, body)
        return str(made.run_id)

    def recur(
        self, experiment: str, version: Any, name: str, told: Mapping[str, str], cron: str
    ) -> int:
        """Make the recurring run of a name, and delete those that it replaces: how many."""
        what, runs, api = f"recurring run {name}", self._client.recurring_runs, self._api
        home = self._experiment(experiment)
        former = self._recurring(home, name)
        body = api.V2beta1RecurringRun(
            experiment_id=home,
            display_name=name,
            mode="ENABLE",
            no_catchup=True,  # what it missed was of a month that it would not ask for now
            max_concurrency=1,
            trigger=api.V2beta1Trigger(cron_schedule=api.V2beta1CronSchedule(cron=cron)),
            pipeline_version_reference=version,
            runtime_config=api.V2beta1RuntimeConfig(parameters=dict(told)),
        )
        self._ask(what, runs.recurring_run_service_create_recurring_run, body)
        for old in former:
            self._ask(what, runs.recurring_run_service_delete_recurring_run, old)
        return len(former)

    def stop(self, experiment: str, name: str) -> None:
        """Disable the recurring run of a name."""
        what, runs = f"recurring run {name}", self._client.recurring_runs
        found = self._recurring(self._experiment(experiment), name)
        if not found:
            raise VintageError(f"{what}: expected one at KFP, found none")
        for one in found:
            self._ask(what, runs.recurring_run_service_disable_recurring_run, one)

    def look(self, run: str) -> tuple[str, list[Step]]:
        """The state of a run, and its tasks as far as they came, with what KFP has below them."""
        found = self._ask(f"run {run}", self._client.runs.run_service_get_run, run)
        if not self._host:
            with self._asking(f"run {run}"):
                return str(found.state), pods.steps(run)
        told = (found.run_details.task_details if found.run_details else None) or []
        return str(found.state), [_step(detail) for detail in told]

    def last_words(self, run: str, tries: Sequence[Step]) -> list[str]:
        """The end of what each failed task said, as far as it is to be had.

        KFP says which nodes are below a task, and not which of them is a pod: all are asked for.
        """
        if not self._host:
            return pods.last_words(list(tries))
        names = [
            f"{node.rpartition('-')[0]}-{template}-{node.rpartition('-')[2]}"
            for step in tries
            if step.state == "FAILED"
            for node in step.below
            for template in _TEMPLATES
        ]
        found = [words for name in names if (words := self._log(run, name))]
        return list(dict.fromkeys(found))  # who is tried again says the same again

    def _log(self, run: str, pod: str) -> str:
        try:
            answer = self._client._run_api.api_client.call_api(  # no JSON: nothing public asks so
                f"/apis/v1alpha1/runs/{run}/nodes/{pod}/log", "GET", auth_settings=["Bearer"],
                _preload_content=False, _return_http_data_only=True, _request_timeout=_TIMEOUT_S,
            )  # fmt: skip
        except (ApiException, urllib3.exceptions.HTTPError):
            return ""
        text = str(answer.data.decode(errors="replace"))
        return "" if text.startswith(_NO_LOG) else words_of(text)

    def _experiment(self, name: str) -> str:
        """The id of an experiment, which is made where there is none."""
        what, experiments = f"experiment {name}", self._client.experiments
        listed = self._ask(
            what,
            experiments.experiment_service_list_experiments,
            filter=_named(name),
            **self._scope,
        )
        found = listed.experiments or [
            self._ask(
                what,
                experiments.experiment_service_create_experiment,
                self._api.V2beta1Experiment(display_name=name, **self._scope),
            )
        ]
        return str(found[0].experiment_id)

    def _recurring(self, experiment: str, name: str) -> list[str]:
        found = self._ask(
            f"recurring run {name}",
            self._client.recurring_runs.recurring_run_service_list_recurring_runs,
            experiment_id=experiment,
            filter=_named(name),
        )
        return [str(one.recurring_run_id) for one in found.recurring_runs or []]

    def _ask(self, what: str, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        with self._asking(what):
            return call(*args, **more, _request_timeout=_TIMEOUT_S)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """What goes wrong with a question, as one message."""
        try:
            yield
        except (ApiException, kubernetes.client.ApiException) as error:
            if what and error.status and error.status < 500:  # noqa: PLR2004 - HTTP's own line
                raise VintageError(f"{what}: KFP refused it: {_said(error)}") from None
            raise EnvironmentFaultError(
                f"{self._where}: expected its API to answer, found: {_said(error)}"
            ) from None
        except (urllib3.exceptions.HTTPError, AttributeError) as error:
            # Of a certificate that does not hold, KFP's client loses its own error on the way.
            cause = error.__context__ if isinstance(error, AttributeError) else error
            if isinstance(error, AttributeError) and not isinstance(cause, ApiException):
                raise
            text = _said(cause) if isinstance(cause, ApiException) else str(cause)
            raise EnvironmentFaultError(
                f"{self._where}: expected an answer, found: {text[:_SHORT]}"
            ) from None


def _find_cluster() -> None:
    """KFP's client goes on without a cluster, to an address that nobody named."""
    try:
        with redirect_stdout(io.StringIO()):
            config.load_config()
    except (ConfigException, OSError, ValueError, yaml.YAMLError) as error:
        raise VintageError(
            "KFP: expected its address (--host, VINTAGE_KFP) or a cluster (KUBECONFIG), found "
            f"neither: {error}"
        ) from None


def _named(name: str) -> str:
    """KFP's filter for what has a name."""
    wanted = {"operation": "EQUALS", "key": "display_name", "stringValue": name}
    return json.dumps({"predicates": [wanted]})


def _said(error: Any) -> str:
    """What a server says of a refusal, in one line."""
    try:
        body = json.loads(error.body or "")
        text = str(body.get("message") or body.get("error_message") or body.get("error"))
    except (ValueError, AttributeError):
        text = ""
    return " ".join(text.split())[:_SHORT] or f"{error.status} {error.reason}".strip()


def _step(detail: Any) -> Step:
    """What KFP tells of one node of Argo's graph: a task, a group of them, or a pod."""
    seconds = 0.0
    if detail.start_time is not None and detail.end_time is not None:
        seconds = max((detail.end_time - detail.start_time).total_seconds(), 0.0)
    return Step(
        id=str(detail.task_id),
        task=str(detail.task_id),
        name=str(detail.display_name),
        state=str(detail.state),
        seconds=seconds,
        below=tuple(str(child.pod_name) for child in detail.child_tasks or []),
    )

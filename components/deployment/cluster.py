"""The API server of the cluster that a task runs in, as far as a deployment needs it."""

import http.client
import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import urllib3.exceptions
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.deployment.kserve import Document

_GROUP = ("serving.kserve.io", "v1beta1")
_PLURAL = "inferenceservices"
_NOT_FOUND, _DENIED = 404, 403
_TIMEOUT_S = 20
#: An API server drops a field that its KServe is too old to know, unless it is asked to refuse it.
_STRICTLY: dict[str, Any] = {"field_validation": "Strict", "_request_timeout": _TIMEOUT_S}
_UNKNOWN = "unknown field "


class Cluster:
    """One namespace of the cluster."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        try:
            # Where there is no file it prints that the pod's own token "might not work".
            with redirect_stdout(io.StringIO()):
                config.load_config()
        except (ConfigException, OSError, ValueError, yaml.YAMLError) as error:
            raise VintageError(
                f"cluster: expected a service account's token or a KUBECONFIG, found none: {error}"
            ) from None
        settings = client.Configuration.get_default_copy()
        settings.retries = urllib3.Retry(total=2, backoff_factor=0.2)
        api = client.ApiClient(settings)
        self._api = api
        self._objects = client.CustomObjectsApi(api)

    def service(self, name: str) -> dict[str, Any] | None:
        """The InferenceService of a name."""
        with self._named(f"InferenceService {name}"):
            return self._found(
                lambda: self._objects.get_namespaced_custom_object(
                    *_GROUP, self.namespace, _PLURAL, name, _request_timeout=_TIMEOUT_S
                )
            )

    def create(self, service: Document) -> None:
        with self._named(f"InferenceService {service['metadata']['name']}"):
            self._objects.create_namespaced_custom_object(
                *_GROUP,
                self.namespace,
                _PLURAL,
                service,
                **_STRICTLY,
            )

    def replace(self, service: Document) -> None:
        """Put an object over what is there; refused where that changed since it was read."""
        name = service["metadata"]["name"]
        with self._named(f"InferenceService {name}"):
            self._objects.replace_namespaced_custom_object(
                *_GROUP,
                self.namespace,
                _PLURAL,
                name,
                service,
                **_STRICTLY,
            )

    def delete(self, name: str) -> None:
        with self._named(f"InferenceService {name}"):
            self._objects.delete_namespaced_custom_object(
                *_GROUP, self.namespace, _PLURAL, name, _request_timeout=_TIMEOUT_S
            )

    def deployment(self, name: str) -> dict[str, Any] | None:
        """The Deployment of an InferenceService's predictor."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}-predictor"
        with self._named(f"Deployment {name}-predictor"):
            return self._found(lambda: self._get(path))

    def pods(self, name: str) -> list[dict[str, Any]]:
        """The pods of an InferenceService."""
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        chosen = [("labelSelector", f"serving.kserve.io/inferenceservice={name}")]
        with self._named(f"pods of InferenceService {name}"):
            return list(self._get(path, chosen)["items"])

    def predict(self, name: str, rows: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
        """What the service answers over V1, as a client inside the cluster asks it."""
        host = f"{name}-predictor.{self.namespace}"
        request = urllib.request.Request(
            f"http://{host}/v1/models/{name}:predict",
            data=json.dumps({"instances": list(rows)}).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
                return list(json.load(answer)["predictions"])
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it holds the connection open, and is asked for until time is up
            raise EnvironmentFaultError(f"{host}: expected a prediction, found: {error}") from None

    def _get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:
        # As JSON: the client's own classes would rename every field.
        answer = self._api.call_api(
            path, "GET", query_params=list(query), header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"], _preload_content=False, _return_http_data_only=True,
            _request_timeout=_TIMEOUT_S,
        )  # fmt: skip
        return json.loads(answer.data)

    def _found(self, ask: Any) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = ask()
        except ApiException as error:
            # A missing object comes with a Status that says so; a missing kind, with a bare line.
            if error.status == _NOT_FOUND and _status(error):
                return None
            raise
        return found

    @contextmanager
    def _named(self, what: str) -> Iterator[None]:
        """The API server's refusals, as errors that name the object and what to do."""
        subject = f"{what} in namespace {self.namespace}"
        try:
            yield
        except ApiException as error:
            body = (
                error.body.decode(errors="replace") if isinstance(error.body, bytes) else error.body
            )
            said = str(_status(error).get("message") or body or error.reason).strip()
            if error.status == _NOT_FOUND and not _status(error):
                raise VintageError(
                    f"{subject}: expected a cluster with KServe (InferenceService v1beta1), "
                    "found none"
                ) from None
            if error.status == _DENIED:
                raise VintageError(
                    f"{subject}: refused; {said}; expected what the Role deployer allows"
                ) from None
            if _UNKNOWN in said:
                raise VintageError(
                    f"{subject}: expected KServe 0.20 or newer, found one that does not know all "
                    f"that is said: {said}"
                ) from None
            raise EnvironmentFaultError(f"{subject}: {error.status} {said}") from None
        except urllib3.exceptions.HTTPError as error:
            raise EnvironmentFaultError(f"API server: cannot be reached: {error}") from None


def _status(error: ApiException) -> dict[str, Any]:
    """The Status document that came with a refusal; empty where none came."""
    try:
        found = json.loads(error.body)
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}

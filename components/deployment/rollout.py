"""Roll a release out on a cluster: put it there, wait, check it through its Service, or undo."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from components.contracts.errors import BundleError, EnvironmentFaultError
from components.deployment.kserve import (
    RELEASE,
    Document,
    placed_over,
    restored,
    rolled_out,
    stuck,
    waiting_for,
)
from components.scoring.bundle import Bundle

_PAUSE_S = 1.0


class NotUndoneError(EnvironmentFaultError):
    """A roll-out failed, and what served before could not be put back."""


class Services(Protocol):
    """What a roll-out asks of a cluster; see `cluster.Cluster`."""

    def service(self, name: str) -> dict[str, Any] | None: ...
    def create(self, service: Document) -> None: ...
    def replace(self, service: Document) -> None: ...
    def delete(self, name: str) -> None: ...
    def deployment(self, name: str) -> dict[str, Any] | None: ...
    def pods(self, name: str) -> list[dict[str, Any]]: ...
    def predict(self, name: str, rows: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]: ...


def roll_out(
    cluster: Services,
    wanted: Document,
    former: Document | None,
    *,
    golden: Bundle,
    patience_s: float,
    last_check: Callable[[], None],
) -> None:
    """Make `wanted` what serves, in place of `former` (None: nothing did).

    Returns once every pod is of its release and the golden rows scored as recorded through the
    Service. On any error, `last_check`'s included, the former object is put back as it was;
    NotUndoneError where that fails too.
    """
    name, release = wanted["metadata"]["name"], wanted["metadata"]["annotations"][RELEASE]
    try:
        _put(cluster, wanted)
        until = time.monotonic() + patience_s
        _await_pods(cluster, name, release, until, patience_s)
        _check_golden(cluster, name, release, golden, until)
        last_check()
    except BaseException as error:
        try:
            _put_back(cluster, name, release, former)
        except Exception as second:  # noqa: BLE001 - whatever it is, both errors are told
            raise NotUndoneError(
                f"{error}; and what served before could not be put back: {second}"
            ) from error
        raise


def _put(cluster: Services, wanted: Document) -> None:
    now = cluster.service(wanted["metadata"]["name"])
    if now is None:
        cluster.create(wanted)
    else:
        cluster.replace(placed_over(wanted, now))


def _await_pods(
    cluster: Services, name: str, release: str, until: float, patience_s: float
) -> None:
    while True:
        service, deployment = cluster.service(name), cluster.deployment(name)
        if service is not None and rolled_out(service, deployment, release=release):
            return
        pods = cluster.pods(name)
        if (trouble := stuck(pods, deployment, release=release)) is not None:
            raise BundleError(f"InferenceService {name}, release {release[:12]}: {trouble}")
        if time.monotonic() > until:
            raise EnvironmentFaultError(
                f"InferenceService {name}: expected release {release[:12]} to be ready after "
                f"{patience_s:.0f} s, found {waiting_for(pods, release=release)}"
            )
        time.sleep(_PAUSE_S)


def _check_golden(cluster: Services, name: str, release: str, golden: Bundle, until: float) -> None:
    recorded = golden.golden()
    while True:
        try:
            answers = cluster.predict(name, recorded.rows)
            others = {str(a["release"]) for a in answers} - {release}
        except EnvironmentFaultError:
            # The Service's endpoints follow the pods' readiness a moment later.
            if time.monotonic() > until:
                raise
        else:
            if not others:
                golden.compare_golden(recorded, [a["pd"] for a in answers])
                return
            if time.monotonic() > until:
                raise BundleError(
                    f"InferenceService {name}: expected answers of release {release[:12]}, "
                    f"found some of {', '.join(sorted(o[:12] for o in others))}"
                )
        time.sleep(_PAUSE_S)


def _put_back(cluster: Services, name: str, release: str, former: Document | None) -> None:
    now = cluster.service(name)
    if now is None or now["metadata"].get("annotations", {}).get(RELEASE) != release:
        return  # it never got there, or somebody else put another one there meanwhile
    if former is None:
        cluster.delete(name)
    else:
        cluster.replace(restored(former, now))

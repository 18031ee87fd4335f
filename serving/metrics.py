"""What Prometheus is told. Several workers share their figures through files; see `server.py`."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import prometheus_client as prometheus
from numpy.typing import NDArray
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from components.scoring.release import DECISIONS
from serving.decision_log import DecisionLog
from serving.exchange import Reply
from serving.models import Models
from serving.question import Answer, Question
from serving.shipping import Shipper
from serving.workers import SHARED

_KIND = prometheus.exposition.CONTENT_TYPE_PLAIN_0_0_4.encode()
#: The scenario of a path, and the rest without it and without ids: few labels, whatever is asked.
_PATH = re.compile(
    r"(/v1/models/|/v2/models/)([^/:]+)(?:/versions/[^/]+)?(:predict|:explain|/infer|/ready)?"
    r"|(/v1/features/)([^/]+)/.+"
)
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_CACHED = 1_000
#: Scenario, release, decision.
_Labels = tuple[str, str, str]


class Metrics:
    """Counts of requests and decisions, seconds, and what is served."""

    def __init__(self, models: Models) -> None:
        self._models = models
        own = prometheus.CollectorRegistry()
        self._requests = prometheus.Counter(
            "vintage_requests", "Requests that were answered.", ("scenario", "route", "status"),
            registry=own,
        )  # fmt: skip
        self._seconds = prometheus.Histogram(
            "vintage_request_seconds", "From a request's last byte to its answer.",
            ("scenario", "route"), buckets=_SECONDS, registry=own,
        )  # fmt: skip
        self._decisions = prometheus.Counter(
            "vintage_decisions", "Rows that were decided on.", ("scenario", "release", "decision"),
            registry=own,
        )  # fmt: skip
        self._shadow = prometheus.Counter(
            "vintage_shadow_decisions", "Rows that another release decided on, as this one would.",
            ("scenario", "release", "decision"), registry=own,
        )  # fmt: skip
        self._reasons = prometheus.Counter(
            "vintage_reasons", "Reasons that were given.", ("scenario", "code"), registry=own
        )
        #: The paths that are of no scenario; any other is one label, whoever makes it up.
        self.paths: frozenset[str] = frozenset()
        self._children: dict[tuple[str, int], tuple[prometheus.Counter, prometheus.Histogram]] = {}
        self._registry = prometheus.CollectorRegistry() if os.environ.get(SHARED) else own
        if self._registry is not own:
            MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
        self._registry.register(_Served(models))

    def watch(self, log: DecisionLog, shipper: Shipper) -> None:
        """Tell of what keeps decisions, too."""
        self._registry.register(_Kept(log, shipper))

    def answered(self, path: str, status: int, seconds: float) -> None:
        """A request was answered."""
        found = self._children.get((path, status)) or self._child(path, status)
        found[0].inc()
        found[1].observe(seconds)

    def _child(self, path: str, status: int) -> tuple[prometheus.Counter, prometheus.Histogram]:
        before, scenario, after = "", "", ""
        if parts := _PATH.fullmatch(path):
            before, scenario, after = parts[1] or parts[4], parts[2] or parts[5], parts[3] or ""
        route = before + after
        if scenario not in self._models.served:
            scenario, route = "", path if path in self.paths else "unknown"
        found = (
            self._requests.labels(scenario, route, status),
            self._seconds.labels(scenario, route),
        )
        few = route not in {"/v1/features/", "unknown"} and "/versions/" not in path
        if few and len(self._children) < _CACHED:
            self._children[path, status] = found
        return found

    def refused(self, status: int) -> None:
        """A request was refused before it was whole: nobody knows what it would have asked."""
        self._requests.labels("", "unread", status).inc()

    def scored(self, questions: Sequence[Question], answers: Sequence[Answer]) -> None:
        """Questions were answered; explanations decide nothing."""
        decided, beside = Counter[_Labels](), Counter[_Labels]()
        reasons = Counter[tuple[str, str]]()
        for question, answer in zip(questions, answers, strict=True):
            if question.explain:
                continue
            served, scenario, flags = question.served, question.served.scenario, answer.challenged
            if served.challenger is None or flags is None or answer.otherwise is None:
                _count(decided, scenario, served.champion.id, answer.approved)
            else:
                for release, own in ((served.champion.id, ~flags), (served.challenger.id, flags)):
                    _count(decided, scenario, release, answer.approved[own])
                    _count(beside, scenario, release, answer.otherwise[~own])
            for told in answer.reasons or ():
                for reason in told:
                    reasons[scenario, reason.code] += 1
        for metric, counts in ((self._decisions, decided), (self._shadow, beside)):
            for labels, count in counts.items():
                metric.labels(*labels).inc(count)
        for pair, count in reasons.items():
            self._reasons.labels(*pair).inc(count)

    def page(self) -> Reply:
        """All of it, as Prometheus reads it."""
        return Reply(200, prometheus.generate_latest(self._registry), _KIND)


def _count(
    counts: Counter[_Labels], scenario: str, release: str, approved: NDArray[np.bool_]
) -> None:
    yes = int(np.count_nonzero(approved))
    for decision, rows in zip(DECISIONS, (len(approved) - yes, yes), strict=True):
        counts[scenario, release, decision] += rows


class _Kept:
    """How it stands with the decisions that are written down."""

    def __init__(self, log: DecisionLog, shipper: Shipper) -> None:
        self._log, self._shipper = log, shipper

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, help_, value in (
            ("waiting_bytes", "Bytes that the store does not have.", self._log.waiting_bytes),
            ("failing", "1 where it cannot be written.", bool(self._log.last_error)),
            ("shipping_failing", "1 where the store is away.", bool(self._shipper.last_error)),
        ):
            yield GaugeMetricFamily(f"vintage_decision_log_{name}", help_, value=float(value))


class _Served:
    """What is served at the moment, and what is refused."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def collect(self) -> Iterable[GaugeMetricFamily]:
        served = GaugeMetricFamily(
            "vintage_release_info", "The releases that are served.",
            labels=("scenario", "release", "role"),
        )  # fmt: skip
        refused = GaugeMetricFamily(
            "vintage_release_refused", "1 where what is declared does not verify.",
            labels=("scenario",),
        )  # fmt: skip
        for name, one in sorted(self._models.served.items()):
            served.add_metric((name, one.champion.id, "champion"), 1)
            if one.challenger is not None:
                served.add_metric((name, one.challenger.id, "challenger"), 1)
            refused.add_metric((name,), float(name in self._models.refused))
        return served, refused

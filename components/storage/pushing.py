"""Tell Prometheus, through a Pushgateway: a month's task is over before anybody could ask it."""

import sys
from collections.abc import Iterator, Sequence

from prometheus_client import push_to_gateway
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from components.contracts.gauges import Gauge
from components.storage.reach import TIMEOUT_S, reach

JOB = "vintage_monitoring"


class _Told(Collector):
    """Gauges as Prometheus' client wants them: a family a name."""

    def __init__(self, gauges: Sequence[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for one in self._gauges:
            family = families.setdefault(
                one.name, GaugeMetricFamily(one.name, one.help, labels=tuple(one.labels))
            )
            family.add_metric(tuple(one.labels.values()), one.value)
        yield from families.values()


def push(gateway: str, *, scenario: str, gauges: Sequence[Gauge]) -> bool:
    """Have a Pushgateway hold these gauges of a scenario, in the place of all that it held of it.

    Whether it does. One that is away is tried again, as `reach` says, and fails nothing; the next
    report is pushed whole.
    """
    if not gateway:
        return False
    why = reach(
        lambda: push_to_gateway(
            gateway,
            job=JOB,
            registry=_Told(gauges),
            grouping_key={"scenario": scenario},
            timeout=TIMEOUT_S,
        )
    )
    if why:
        sys.stdout.write(f"[push] {scenario}: the Pushgateway could not be reached: {why}\n")
    return not why

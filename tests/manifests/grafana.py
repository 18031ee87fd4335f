"""The dashboards and rules as files, and their queries as Grafana sends them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.manifests.renders import ROOT, Document

FOLDER = ROOT / "manifests" / "monitoring"
DASHBOARDS = sorted((FOLDER / "dashboards").glob("*.json"))
ALERTS = FOLDER / "alerts.yaml"
#: What a name of a figure looks like, in a query: ours, a Pushgateway's and Prometheus' own.
_FIGURE = re.compile(r"\b(vintage_\w+|push_\w+_seconds|up(?=[{ ])|ALERTS)")
_QUOTED = re.compile(r'"[^"]*"')


def dashboard(path: Path) -> Document:
    found: Document = json.loads(path.read_text())
    return found


def panels(path: Path) -> list[Document]:
    found: list[Document] = dashboard(path)["panels"]
    return found


@dataclass(frozen=True)
class Query:
    """What one line of one panel asks."""

    where: str
    expr: str
    legend: str
    instant: bool

    def sent(self, variables: Mapping[str, str]) -> str:
        """The query as Grafana sends it."""
        return re.sub(r"\$(\w+)", lambda found: variables[found[1]], self.expr)


def queries(path: Path) -> Iterator[Query]:
    for panel in panels(path):
        for target in panel["targets"]:
            where = f"{path.stem}: {panel['title']}, {target['refId']}"
            legend, instant = target.get("legendFormat", ""), target.get("instant", False)
            yield Query(where, target["expr"], legend, instant)


def rules() -> list[Document]:
    return [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]


def figures(expression: str) -> set[str]:
    """The names of the figures that an expression asks for."""
    return set(_FIGURE.findall(_QUOTED.sub('""', expression)))


def scrape_jobs(text: str) -> dict[str, tuple[Any, ...]]:
    """What a configuration of Prometheus says of its jobs, wherever their targets are."""
    found = yaml.safe_load(text)
    interval = found["global"]["scrape_interval"]
    return {
        job["job_name"]: (interval, job.get("honor_labels", False), job.get("metrics_path"))
        for job in found["scrape_configs"]
    }

"""Every panel of the dashboards is asked of a real Prometheus that real exporters fill."""

import json
import math
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from components.monitoring.gauges import HELP, Standing, gauges
from components.storage.pushing import push
from components.training.fit import train
from tests.making import LOGISTIC, SCORECARD, Models, data, silent, train_spec
from tests.manifests.grafana import (
    ALERTS,
    DASHBOARDS,
    FOLDER,
    Query,
    dashboard,
    figures,
    panels,
    queries,
    rules,
    scrape_jobs,
)
from tests.manifests.renders import ROOT, Document
from tests.monitoring.reported import OLD, alarming
from tests.serving.asking import PREDICT, ROW
from tests.serving.running import Server, ask, running
from tests.support import free_port, until

SCENARIO = "small-loans"
#: Grafana's own variables: as it sets them for a scrape a second, and a look at five minutes.
VARIABLES = {"scenario": SCENARIO, "__rate_interval": "1m", "__range": "5m"}
#: What the report that is pushed is wrong with: both watches raised something.
FIRED = [
    "VintageDrift", "VintageDrift", "VintagePerformance", "VintageRetrainingOverdue",
    "VintageStaleSnapshot",
]  # fmt: skip
FIRING = f'ALERTS{{alertstate="firing", scenario="{SCENARIO}"}}'
#: What Prometheus and a Pushgateway tell of themselves.
THEIR_OWN = {"up", "ALERTS", "push_time_seconds", "push_failure_time_seconds"}
EVERY = [query for path in DASHBOARDS for query in queries(path)]
#: What a reader may be shown a figure in; `none` and `locale` are numbers without a unit.
UNITS = {
    "none", "locale", "percentunit", "s", "decbytes", "reqps", "rowsps", "time:YYYY-MM",
}  # fmt: skip


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that runs."""

    url: str

    def get(self, path: str, **words: Any) -> Any:
        """The data of an answer; fails with Prometheus' words where it has none."""
        query = urllib.parse.urlencode(words, doseq=True)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=20) as answer:  # noqa: S310 - loopback
                found = json.load(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                pytest.fail(refusal.read().decode())
        assert found["status"] == "success" and not found.get("warnings"), found
        return found["data"]

    def values(self, expression: str) -> list[float]:
        """The numbers that an expression has now."""
        found = self.get("query", query=expression)["result"]
        return _numbers([one["value"] for one in found])

    def lines(self, expression: str) -> list[list[float]]:
        """Of every series the numbers of the last minute, second by second, if it has some."""
        now = time.time()
        found = self.get("query_range", query=expression, start=now - 60, end=now, step=1)
        lines = [_numbers(one["values"]) for one in found["result"]]
        return [line for line in lines if line]


def _numbers(samples: list[tuple[float, str]]) -> list[float]:
    return [number for _, text in samples if math.isfinite(number := float(text))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a champion and a challenger, which was asked rightly and wrongly."""
    folder = tmp_path_factory.mktemp("models")
    spec, made = train_spec(SCORECARD, LOGISTIC), data()
    models = Models(folder, train(made, spec, folder, silent), spec, made)
    champion = models.release("scorecard", folder / "champion")
    challenger = models.release("logistic", folder / "challenger")
    with running(small_loans=(champion, challenger)) as found:
        _ask(found)
        yield found


def _ask(server: Server) -> None:
    """Of each kind one request: by row, by id (of whom the challenger has half), wrong."""
    for instances, status in (
        ([ROW, {**ROW, "AMOUNT": 400.0, "INCOME": 1.0}], 200),
        ([str(n) for n in range(40)], 200),
        ([{}], 400),
    ):
        body = orjson.dumps({"instances": instances})
        assert ask(server.url, PREDICT, body).status == status
    assert ask(server.url, f"/v2/models/{SCENARIO}/ready").status == 200


def _documented() -> str:
    """The configuration that the page on monitoring has somebody on a laptop use."""
    page = (ROOT / "docs" / "monitoring.md").read_text()
    [found] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def holding(
    prometheus: Path, pushgateway: str, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus as the page says, that has asked the exporters for some seconds."""
    standing = Standing("2024-05-31", retrain_after=2, serving=OLD, snapshot_as_of="2024-07-31")
    assert push(pushgateway, scenario=SCENARIO, gauges=gauges(alarming(), standing))
    folder = tmp_path_factory.mktemp("prometheus")
    rules_now = re.sub(r"\n  interval: \w+", "", ALERTS.read_text())
    (folder / "alerts.yaml").write_text(rules_now)
    config = yaml.safe_load(_documented())
    config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = ["alerts.yaml"]
    text = json.dumps(config)
    for told, here in (("localhost:8080", server.url), ("localhost:9091", pushgateway)):
        assert text.count(told) == 1
        text = text.replace(told, here.removeprefix("http://"))
    (folder / "prometheus.yml").write_text(text)
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - the program that the tester named
            [prometheus / "prometheus", f"--config.file={folder / 'prometheus.yml'}",
             f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address={address}"],
            cwd=folder, env={"PATH": ""}, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            made = Prometheus(f"http://{address}")
            until(lambda: _ready(made.url, process, folder / "log"), 30)
            until(lambda: made.values("vintage_decisions_total"), 30)
            _ask(server)
            until(lambda: sum(made.values("rate(vintage_decisions_total[1m])")) > 0, 30)
            until(lambda: len(made.values(FIRING)) == len(FIRED), 30)
            yield made
        finally:
            process.terminate()
            process.wait(20)


def _ready(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()[-2000:]
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2):  # noqa: S310 - loopback
            return True
    except OSError as refusal:
        if isinstance(refusal, urllib.error.HTTPError):
            refusal.close()
        return False


@pytest.mark.prometheus
@pytest.mark.parametrize("query", EVERY, ids=lambda query: query.where)
def test_every_query_of_a_panel_has_data(query: Query, holding: Prometheus) -> None:
    expression = query.sent(VARIABLES)
    assert holding.values(expression)
    assert query.instant or holding.lines(expression)
    # No 5xx is to be had from a server that is well; all else has data without a nought for none.
    if "5.." not in expression:
        assert holding.values(expression.replace(" or vector(0)", ""))
    for one in holding.get("query", query=expression)["result"]:
        assert set(re.findall(r"{{(\w+)}}", query.legend)) <= one["metric"].keys()


@pytest.mark.prometheus
@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_reader_can_choose_the_scenario(path: Path, holding: Prometheus) -> None:
    [scenario] = [v for v in _variables(path) if v["name"] == "scenario"]
    asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", scenario["query"]["query"])
    assert asked and scenario["definition"] == scenario["query"]["query"]
    found = holding.get(f"label/{asked[2]}/values", **{"match[]": asked[1]})
    assert SCENARIO in found


@pytest.mark.prometheus
def test_the_rules_fire_on_what_the_report_says_and_on_nothing_else(holding: Prometheus) -> None:
    found = holding.get("query", query=f'ALERTS{{scenario="{SCENARIO}"}}')["result"]
    assert sorted(one["metric"]["alertname"] for one in found) == FIRED
    assert {one["metric"]["alertstate"] for one in found} == {"firing"}
    for group in holding.get("rules")["groups"]:
        assert {rule["health"] for rule in group["rules"]} == {"ok"}


@pytest.mark.prometheus
def test_every_figure_that_is_asked_for_is_one_that_prometheus_holds(holding: Prometheus) -> None:
    assert _asked_for() <= set(holding.get("label/__name__/values"))


def test_every_figure_that_is_asked_for_is_one_that_is_told(server: Server) -> None:
    page = ask(server.url, "/metrics").body.decode()
    served = set(re.findall(r"^(vintage_\w+)", page, re.MULTILINE))
    assert _asked_for() - THEIR_OWN <= served | HELP.keys()


def _asked_for() -> set[str]:
    found = {name for rule in rules() for name in figures(rule["expr"])}
    found |= {name for query in EVERY for name in figures(query.expr)}
    assert len(found) > 30
    return found


def test_every_gauge_of_a_report_and_every_figure_of_a_server_is_shown(server: Server) -> None:
    page = ask(server.url, "/metrics").body.decode()
    told = set(re.findall(r"^# TYPE (vintage_\w+)", page, re.MULTILINE)) | HELP.keys()
    shown = {re.sub(r"_bucket$", "", name) for query in EVERY for name in figures(query.expr)}
    assert {name for name in told if not name.endswith("_created")} <= shown


def test_the_laptop_and_the_cluster_ask_the_same_in_the_same_way() -> None:
    here, there = _documented(), (FOLDER / "prometheus.yaml").read_text()
    assert scrape_jobs(here) == scrape_jobs(there)
    assert (ROOT / yaml.safe_load(here)["rule_files"][0]).is_file()


def _variables(path: Path) -> list[Document]:
    found: list[Document] = dashboard(path)["templating"]["list"]
    return found


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_fits_any_grafana(path: Path) -> None:
    found = dashboard(path)
    assert found["uid"] == f"vintage-{path.stem}"
    assert "id" not in found and "__inputs" not in found
    assert [v["name"] for v in _variables(path)] == ["datasource", "scenario"]
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert _variables(path)[1]["datasource"] == chosen
    for panel in panels(path):
        assert panel["datasource"] == chosen, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_no_panel_lies_on_another(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(path):
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels(path)}) == len(panels(path))
    assert len({panel["title"] for panel in panels(path)}) == len(panels(path))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_release_is_shown_by_its_first_digits(path: Path) -> None:
    for panel in panels(path):
        if not any("{{release}}" in one.get("legendFormat", "") for one in panel["targets"]):
            continue
        [short] = [one["options"] for one in panel["transformations"]]
        pattern = re.sub(r"\$(\d)", r"\\\1", short["renamePattern"])
        assert re.sub(short["regex"], pattern, f"scoring {'0123456789abcdef' * 4}") == (
            "scoring 01234567"
        ), panel["title"]


def _thresholds(panel: Document) -> list[float]:
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    return [step["value"] for step in steps if step["value"] is not None]


def test_psi_and_ks_have_the_usual_thresholds() -> None:
    of_a_distance = re.compile(r"vintage_(score|feature)_(psi|ks)")
    shown = {
        panel["title"]: _thresholds(panel)
        for path in DASHBOARDS
        for panel in panels(path)
        if any(of_a_distance.search(target["expr"]) for target in panel["targets"])
    }
    assert len(shown) == 3 and all(found == [0.1, 0.25] for found in shown.values())

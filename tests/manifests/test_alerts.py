"""Every alert rule names what it is of and says what to do, fires when it must, and only then."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.grafana import ALERTS, FOLDER, rules
from tests.manifests.renders import ROOT, Document

TESTS = sorted((Path(__file__).parent / "alerts").glob("*.yaml"))
NAMES = [rule["alert"] for rule in rules()]
#: The one label that says whose fault it is, unless it is a scenario's.
OF_AN_INSTANCE = {
    "VintageDecisionLogFailing", "VintageDecisionsNotShipped", "VintageDecisionsWaiting",
    "VintageTargetDown",
}  # fmt: skip


def _looked_at(wanted: bool) -> set[str]:
    """The alerts that some test wants to fire, or wants to keep silent from its first look on."""
    found = set()
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            looks = test["alert_rule_test"]
            if any(look["exp_alerts"] for look in looks) is wanted:
                found |= {look["alertname"] for look in looks}
    return found


def test_no_alert_has_the_name_of_another() -> None:
    assert len(NAMES) == len(set(NAMES)) > 15


@pytest.mark.parametrize("fires", [True, False])
def test_every_alert_is_shown_to_fire_and_shown_to_keep_silent(fires: bool) -> None:
    assert _looked_at(fires) == set(NAMES)


@pytest.mark.prometheus
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_fire_when_they_must_and_only_then(path: Path, prometheus: Path) -> None:
    _promtool(prometheus, "test", "rules", path)


@pytest.mark.prometheus
@pytest.mark.parametrize("kind", ["config", "rules"])
def test_prometheus_takes_the_files_as_they_are(kind: str, prometheus: Path) -> None:
    file = {"config": FOLDER / "prometheus.yaml", "rules": ALERTS}[kind]
    _promtool(prometheus, "check", kind, file)


def _promtool(programs: Path, *words: Any) -> None:
    done = subprocess.run(  # noqa: S603 - the program that the tester named
        [programs / "promtool", *words], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_urgent_it_is_whose_it_is_and_what_to_do(rule: Document) -> None:
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description"}
    whose = "instance" if rule["alert"] in OF_AN_INSTANCE else "scenario"
    assert rule["annotations"]["summary"].startswith(f"{{{{ $labels.{whose} }}}}: ")
    description = rule["annotations"]["description"]
    assert description.endswith(".") and len(description) > 80
    by = re.findall(r"by \(([a-z, ]+)\)", rule["expr"])
    if any("release" in labels for labels in by):
        assert "$labels.release" in description


def test_the_page_on_monitoring_has_a_line_for_every_alert() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text()
    listed = re.findall(r"^\| `(Vintage\w+)` \| (critical|warning) \|", page, re.MULTILINE)
    assert listed == [(rule["alert"], rule["labels"]["severity"]) for rule in rules()]

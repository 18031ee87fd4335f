"""A Pushgateway holds a scenario's last gauges and nothing else of it; away, it fails nothing."""

import threading
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from components.contracts.gauges import Gauge
from components.storage import reach
from components.storage.pushing import push
from tests.storage.answering import NOWHERE, answering, garbage, impatient, slow

__all__ = ["impatient"]
pytestmark = pytest.mark.usefixtures("impatient")
AWAY = "[push] card-default: the Pushgateway could not be reached"
QUOTED = 'a "quoted"\\ value\nof two lines, {b="c"}'
_Held = dict[tuple[str, ...], float]


def gauge(name: str, value: float, **labels: str) -> Gauge:
    """A gauge with a word of help."""
    return Gauge(name=f"vintage_{name}", help=f"What {name} is.", labels=labels, value=value)


GAUGES = [
    gauge("outcomes_waiting", 3),
    gauge("score_psi", 0.1, release="a"),
    gauge("score_psi", 1e-9, release="b"),
    gauge("feature_psi", -0.0, release="a", feature=QUOTED),
]


def _read(text: str) -> _Held:
    """Every gauge by the values of its labels."""
    return {
        (sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()) if v)): sample.value
        for family in text_string_to_metric_families(text)
        if family.name.startswith("vintage_")
        for sample in family.samples
    }


def test_a_push_puts_the_gauges_in_the_place_of_the_scenario_s_group() -> None:
    with answering(202) as gateway:
        assert push(gateway.url, scenario="card-default", gauges=GAUGES)
    [(method, path, kind, body)] = gateway.got
    assert (method, path) == ("PUT", "/metrics/job/vintage_monitoring/scenario/card-default")
    assert kind.startswith("text/plain")
    text = body.decode()
    assert text.count("# TYPE vintage_score_psi gauge") == 1
    assert "# HELP vintage_outcomes_waiting What outcomes_waiting is." in text
    assert _read(text) == {
        ("vintage_outcomes_waiting",): 3,
        ("vintage_score_psi", "release=a"): 0.1,
        ("vintage_score_psi", "release=b"): 1e-9,
        ("vintage_feature_psi", f"feature={QUOTED}", "release=a"): 0,
    }


def test_where_no_gateway_is_set_nothing_is_pushed(capsys: pytest.CaptureFixture[str]) -> None:
    assert not push("", scenario="card-default", gauges=GAUGES)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("statuses", "tries", "away"),
    [((500, 202), 2, ""), ((503, 500, 400), 3, "HTTP Error 400"), ((500,), 3, "HTTP Error 500")],
)
def test_a_gateway_that_fails_is_tried_again_and_fails_nothing(
    statuses: tuple[int, ...], tries: int, away: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(*statuses) as gateway:
        assert push(gateway.url, scenario="card-default", gauges=GAUGES) is not bool(away)
    assert len(gateway.got) == tries
    said = capsys.readouterr().out
    assert said.startswith(f"{AWAY}: {away}") and said.count("\n") == 1 if away else not said


@pytest.mark.parametrize("url", NOWHERE)
def test_a_gateway_that_cannot_be_reached_fails_nothing(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not push(url, scenario="card-default", gauges=GAUGES)
    assert capsys.readouterr().out.count(AWAY) == 1


def test_a_gateway_that_does_not_speak_http_fails_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with garbage() as url:
        assert not push(url, scenario="card-default", gauges=GAUGES)
    assert AWAY in capsys.readouterr().out


def test_a_gateway_whose_answer_has_no_end_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reach, "_MOST_S", 0.1)
    before = set(threading.enumerate())
    with slow() as (url, released):
        assert not push(url, scenario="card-default", gauges=GAUGES)
        assert not released.is_set()  # it is at it still
        assert f"{AWAY}: no answer in 0.1 seconds" in capsys.readouterr().out
    for thread in set(threading.enumerate()) - before:
        thread.join(10)


def _held(pushgateway: str, scenario: str) -> _Held:
    """What a real Pushgateway shows of a scenario."""
    with urllib.request.urlopen(f"{pushgateway}/metrics", timeout=5) as page:  # noqa: S310 - loopback
        found = _read(page.read().decode())
    own = {"job=vintage_monitoring", f"scenario={scenario}"}
    return {
        (key[0], *(label for label in key[1:] if label not in own)): value
        for key, value in found.items()
        if own <= set(key)
    }


@pytest.mark.prometheus
def test_a_pushgateway_holds_the_last_push_of_each_scenario(pushgateway: str) -> None:
    assert push(pushgateway, scenario="one", gauges=GAUGES)
    assert push(pushgateway, scenario="two", gauges=GAUGES[:1])
    whole = {
        ("vintage_outcomes_waiting",): 3,
        ("vintage_score_psi", "release=a"): 0.1,
        ("vintage_score_psi", "release=b"): 1e-9,
        ("vintage_feature_psi", f"feature={QUOTED}", "release=a"): 0,
    }
    for _ in range(2):  # pushed again it is the same
        assert _held(pushgateway, "one") == whole
        assert push(pushgateway, scenario="one", gauges=GAUGES)
    assert push(pushgateway, scenario="one", gauges=[gauge("score_psi", 0.3, release="c")])
    assert _held(pushgateway, "one") == {("vintage_score_psi", "release=c"): 0.3}
    assert _held(pushgateway, "two") == {("vintage_outcomes_waiting",): 3}


@pytest.mark.prometheus
def test_a_pushgateway_takes_every_gauge_of_a_report(pushgateway: str) -> None:
    from components.monitoring.gauges import Standing, gauges
    from tests.monitoring.reported import NEW, alarming

    standing = Standing("2024-05-31", retrain_after=3, serving=NEW, snapshot_as_of="2024-07-31")
    found = gauges(alarming(), standing)
    assert push(pushgateway, scenario="whole", gauges=found)
    told = {
        (one.name, *(f"{k}={v}" for k, v in sorted(one.labels.items()))): one.value for one in found
    }
    assert _held(pushgateway, "whole") == told

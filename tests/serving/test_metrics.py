"""Figures for Prometheus: few labels, whatever is asked."""

import re
from pathlib import Path

import pytest

from components.storage.objects import open_store
from serving.decision_log import DecisionLog
from serving.exchange import Reply
from serving.metrics import Metrics
from serving.models import Declared
from serving.models import Models as ServedModels
from serving.question import Question
from serving.scoring import answers
from serving.settings import Limits
from serving.shipping import Shipper
from tests.making import Models
from tests.serving.asking import PREDICT, ROW, asked


@pytest.fixture(scope="module")
def release(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scorecard in a folder."""
    folder: Path = tmp_path_factory.mktemp("release")
    return models.release("scorecard", folder)


def _counted(page: str, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    found = {}
    for line, value in re.findall(rf"^{name}{{(.*)}} (\S+)$", page, re.MULTILINE):
        told = dict(re.findall(r'(\w+)="([^"]*)"', line))
        found[tuple(told[label] for label in labels)] = float(value)
    return found


def test_requests_are_counted_by_route_and_decisions_by_release(release: Path) -> None:
    with asked(small_loans=release) as app:
        served = app.models.served["small-loans"].champion.id
        for _ in range(2):
            app.post(PREDICT, {"instances": [ROW, ROW, ROW]})
        app.post(PREDICT.replace("predict", "explain"), {"instances": [ROW]})
        app.post(PREDICT, {"instances": [{}]})
        app.post("/predict", {})
        for version in ("", f"/versions/{served}"):
            app.ask("GET", f"/v2/models/small-loans{version}/ready")
        app.ask("GET", "/v1/features/small-loans/7")
        app.ask("GET", "/health")
        page = app.ask("GET", "/metrics").body.decode()
    assert _counted(page, "vintage_requests_total", "scenario", "route", "status") == {
        ("small-loans", "/v1/models/:predict", "200"): 2,
        ("small-loans", "/v1/models/:predict", "400"): 1,
        ("small-loans", "/v1/models/:explain", "200"): 1,
        ("small-loans", "/v2/models//ready", "200"): 2,
        ("small-loans", "/v1/features/", "200"): 1,
        ("", "/predict", "400"): 1,
        ("", "/health", "200"): 1,
    }
    decided = _counted(page, "vintage_decisions_total", "scenario", "release", "decision")
    assert sum(decided.values()) == 6
    assert {labels[:2] for labels in decided} == {("small-loans", served)}
    serving = _counted(page, "vintage_release_info", "scenario", "release", "role")
    assert serving == {("small-loans", served, "champion"): 1}


@pytest.mark.parametrize("token", ["", "secret"])
def test_paths_that_somebody_makes_up_are_one_label(release: Path, token: str) -> None:
    with asked(Limits(token=token), small_loans=release) as app:
        for n in range(20):
            for path in (
                f"/{n}", f"/v1/models/{n}", f"/v1/models/small-loans/{n}", f"/v2/models/{n}/infer",
                f"/v2/models/small-loans/versions/{n}", f"/v1/features/small-loans/{n}x",
                f"/v1/features/{n}/1", f"/docs/{n}",
            ):  # fmt: skip
                assert app.ask("GET", path).status == (401 if token else 404)
        page = app.ask("GET", "/metrics").body.decode()
    routes = set(_counted(page, "vintage_requests_total", "route"))
    assert routes == {("unknown",), ("/v2/models/",), ("/v1/features/",)}


def test_what_the_challenger_would_decide_is_counted_beside(
    models: Models, tmp_path: Path, release: Path
) -> None:
    other = models.release("xgboost", tmp_path / "other")
    declared = {"small-loans": Declared(release, challenger=other, share=0.5)}
    served = ServedModels(lambda: declared)
    found = Metrics(served)
    question = Question(
        served.served["small-loans"], models.data.inputs[:40], [f"{n}" for n in range(40)],
        False, False, lambda *_: Reply(200, b""),
    )  # fmt: skip
    (answer,) = answers([question])
    found.scored([question], [answer])
    page = found.page().body.decode()
    decided = _counted(page, "vintage_decisions_total", "release", "decision")
    beside = _counted(page, "vintage_shadow_decisions_total", "release", "decision")
    assert sum(decided.values()) == sum(beside.values()) == 40
    for release_ in {name for name, _ in decided}:
        own = sum(count for (name, _), count in decided.items() if name == release_)
        rest = sum(count for (name, _), count in beside.items() if name == release_)
        assert own + rest == 40
        assert 0 < own < 40


def test_how_it_stands_with_the_decision_log_is_told(
    models: Models, release: Path, tmp_path: Path, folder: Path
) -> None:
    declared = {"small-loans": Declared(release)}
    served = ServedModels(lambda: declared)
    found, log = Metrics(served), DecisionLog(folder)
    shipper = Shipper(folder, lambda: open_store(str(tmp_path / "s"), tmp_path))
    found.watch(log, shipper)
    with log:
        question = Question(
            served.served["small-loans"], models.data.inputs[:3], None, False, False,
            lambda *_: Reply(200, b""),
        )  # fmt: skip
        log.write([question], answers([question]))
        log.tend()
        page = found.page().body.decode()
    assert (
        float(re.findall(r"^vintage_decision_log_waiting_bytes (\S+)", page, re.MULTILINE)[0]) > 300
    )
    assert "vintage_decision_log_failing 0.0" in page
    assert "vintage_decision_log_shipping_failing 0.0" in page

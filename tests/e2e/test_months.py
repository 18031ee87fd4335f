"""A month in the life of a scenario, as pods, and what whoever lives with it looks at after it."""

import re
import time
import urllib.request
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import samples
from components.contracts.monitoring import Watched
from components.monitoring.step import PAGE, REPORT
from components.storage.objects import Entry
from pipelines.scenarios import load
from pipelines.submitting import compiled as compiled_one
from tests.e2e import kube, lending
from tests.e2e.backend import Backend
from tests.e2e.conftest import FIGURES, summary
from tests.e2e.planting import installed

SCENARIO, MONTH = "loan-default", "2024-08"
ROWS = 9_000


@pytest.fixture(scope="module")
def monthly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline as `vintage submit` uploads it."""
    return compiled_one(load(SCENARIO), "monthly", tmp_path_factory.mktemp("ir")).path


@pytest.fixture(scope="module")
def place(installation: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the lender's files lie on the cluster."""
    del installation  # where they are put
    folder = tmp_path_factory.mktemp("lent")
    samples.write(SCENARIO, folder, rows=ROWS, seed=42)
    return lending.put(SCENARIO, *sorted(folder.iterdir()))


def _lived(monthly: Path, place: str) -> Backend:
    """The month, lived through to its end."""
    started, backend = time.monotonic(), Backend(monthly)
    state = backend.run({"data": place, "as_of": MONTH})
    seconds = round(time.monotonic() - started, 1)
    FIGURES.append({"figure": "a month as pods", "tasks": len(backend.ran), "seconds": seconds})
    assert state == "SUCCEEDED", backend.ran[-1].log
    return backend


@pytest.fixture(scope="module")
def lived(monthly: Path, place: str) -> Backend:
    """The first month: nobody is champion yet."""
    return _lived(monthly, place)


@pytest.fixture(scope="module")
def report(lived: Backend, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the month's report."""
    del lived  # it made it
    return _kept(f"{SCENARIO}/monitored/{MONTH}", tmp_path_factory.mktemp("report"))[1]


def _kept(key: str, folder: Path) -> tuple[Entry, Path]:
    """An entry of the cluster's store, and a copy of its files here."""
    with installed(folder) as (store, _):
        entry = store.find(key)
        assert entry is not None, key
        return entry, store.local(entry)


def _champion() -> str:
    service = kube.get("inferenceservice", SCENARIO)
    return str(service["metadata"]["annotations"]["vintage/release"])


def test_a_month_trains_the_first_champion_decides_and_reports(lived: Backend) -> None:
    from kserve import KServeClient

    # Each of them at its first try.
    assert [(ran.task, ran.succeeded) for ran in lived.ran] == [
        (task, True)
        for task in (
            "ingest", "features", "due", "train", "evaluate", "gate", "register", "deploy",
            "decide", "monitor", "refuse", "finish",
        )
    ]  # fmt: skip
    told = summary(lived)
    assert (told["status"], told["due"]) == ("deployed", "no champion yet: initial training")
    assert (told["release"], told["champion"]) == (_champion(), 1)
    assert KServeClient().is_isvc_ready(SCENARIO, namespace=kube.NAMESPACE)


def test_the_month_s_decisions_are_the_champion_s(lived: Backend, tmp_path: Path) -> None:
    entry, folder = _kept(f"{SCENARIO}/decided/{MONTH}", tmp_path)
    assert lived.task("decide").artifacts["decisions"]["metadata"]["key"] == entry.key
    rows = pq.read_table(folder / "decisions").to_pylist()
    assert (entry.facts["release"], entry.facts["rows"]) == (_champion(), len(rows))
    assert {str(row["at"])[:7] for row in rows} == {MONTH}
    assert 0 < sum(row["approved"] for row in rows) < len(rows)


def test_the_report_has_drift_evidence_and_pages(report: Path, lived: Backend) -> None:
    watched, release = _watched(report), _champion()
    drift, evidence = watched.drift[release], watched.evidence[release]
    assert watched.as_of == MONTH
    assert drift.score.psi is not None and len(drift.features) > 100
    # Evidently saw the rows that are counted, and tested what it was asked to.
    assert evidence.month == (drift.rows, drift.rows)
    assert len(evidence.flags) > 100 and evidence.shown
    pages = {path.name for path in report.iterdir()}
    assert pages == {REPORT, PAGE, f"evidently-{release[:12]}.html"}
    with kube.stores() as reached:
        runs = f"store/runs/{lived.job}/"
        found = reached.client.list_objects(bucket_name="vintage", prefix=runs)
        beside = {Path(str(one.object_name)).name for one in found}
    assert {"report.html", PAGE, f"evidently-{release[:12]}.html"} <= beside


def test_prometheus_mlflow_and_the_audit_are_told_of_the_month(
    report: Path, tmp_path: Path
) -> None:
    from mlflow.tracking import MlflowClient

    release, watched = _champion(), _watched(report)
    with kube.forwarded("svc/pushgateway", 9091) as port:
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    pushed = dict(re.findall(rf'^(vintage_\w+)\{{.*scenario="{SCENARIO}".*\}} (\S+)$', page, re.M))
    assert float(pushed["vintage_month_decisions"]) == watched.drift[release].rows
    assert float(pushed["vintage_score_psi"]) == watched.drift[release].score.psi
    assert float(pushed["vintage_training_age_months"]) == 0
    with kube.forwarded("svc/mlflow", 5000) as port:
        client = MlflowClient(f"http://127.0.0.1:{port}")
        experiment = client.get_experiment_by_name(SCENARIO)
        assert experiment is not None
        (told,) = client.search_runs([experiment.experiment_id], "tags.kind = 'monitoring'")
        files = {one.path for one in client.list_artifacts(told.info.run_id)}
    assert (told.data.tags["month"], files) == (MONTH, {REPORT, PAGE})
    with installed(tmp_path) as (_, database):
        audit = {row["evaluation"]: row["decision"] for row in database.evaluations(SCENARIO)}
    audited = audit[f"monitored-{SCENARIO}-{MONTH}"]
    assert audited["figures"]["score_psi"] == told.data.metrics["score_psi"]


def _watched(report: Path) -> Watched:
    return Watched.model_validate_json((report / REPORT).read_text())


def test_the_same_month_again_makes_nothing_anew(
    lived: Backend, monthly: Path, place: str, report: Path, tmp_path: Path
) -> None:
    before, again = kube.get("inferenceservice", SCENARIO), _lived(monthly, place)
    assert [(ran.task, ran.succeeded) for ran in again.ran] == [
        (task, True)
        for task in (
            "ingest", "features", "due", "decide", "monitor", "challenge", "deploy", "refuse",
            "finish",
        )
    ]  # fmt: skip
    told = summary(again)
    assert {one["stage"] for one in told["stages"] if one["reused"]} == {
        "ingest", "features", "decide", "monitor", "refuse",
    }  # fmt: skip
    assert told["due"].startswith(f"not due: the last training was as of {MONTH}")
    assert (told["release"], told["champion"]) == (_champion(), 1)
    after = kube.get("inferenceservice", SCENARIO)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    entry, folder = _kept(f"{SCENARIO}/monitored/{MONTH}", tmp_path)
    assert lived.task("monitor").artifacts["report"]["metadata"]["digest"] == entry.digest
    assert (folder / REPORT).read_bytes() == (report / REPORT).read_bytes()

"""`vintage outcomes` and `vintage monitor` on an installation: months that are over, and stand."""

import csv
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.deployment.step import load_deployed
from components.etl.batch import decision_id
from components.monitoring.rows import INPUT, schema_of
from components.scoring.decisions import Column
from components.storage import registry
from components.storage.steps import installation
from pipelines.cli import main

NAME = "card-default"


def _decide(month: str) -> list[str]:
    """Decide in a month on everybody whom no model has seen; the decisions' ids."""
    import pyarrow.parquet as pq

    _, store = installation()
    scorer = load_deployed(NAME)
    gold = store.find(str(registry.find_release(store, NAME, scorer.id).facts["gold"]))
    assert gold is not None
    tested = pq.read_table(
        store.local(gold) / "final-dataset", columns=["CUSTOMER_ID"],
        filters=[("_split", "=", "test")],
    )  # fmt: skip
    at = datetime.fromisoformat(f"{month}-10").replace(tzinfo=UTC)
    inputs = scorer.bundle.spec.inputs
    ids = sorted(map(str, tested["CUSTOMER_ID"].to_pylist()))
    rows = [dict(scorer.entity(entity)) for entity in ids]
    pd = scorer.bundle.score(scorer.bundle.rows(rows)).pd
    ids = [decision_id(NAME, entity, int(at.timestamp() * 1000)) for entity in ids]
    columns: dict[str, Sequence[object]] = {
        "decision": ids, "at": [at] * len(ids), "entity": [None] * len(ids),
        "release": [scorer.id] * len(ids), "pd": pd.tolist(), "points": [0] * len(ids),
        "approved": (pd < scorer.release.policy.approve_below).tolist(),
        "reasons": [None] * len(ids), "other_release": [None] * len(ids),
        "other_pd": [None] * len(ids),
        **{f"{INPUT}{i.name}": [row[i.name] for row in rows] for i in inputs},
    }  # fmt: skip
    schema = schema_of([Column(i.name, i.kind, i.values) for i in inputs])
    folder = store.scratch()
    (folder / "decisions").mkdir()
    pq.write_table(pa.table(columns, schema=schema), folder / "decisions" / "part-00000.parquet")
    store.publish(f"{NAME}/decided/{month}", folder, {"rows": len(ids)})
    return ids


def _outcomes(file: Path, ids: Sequence[str], known: str, seed: int) -> str:
    """A file of outcomes: three in ten are bad."""
    bad = np.random.default_rng(seed).random(len(ids)) < 0.3
    with file.open("w", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(("decision", "known", "bad"))
        lines.writerows(zip(ids, [known] * len(ids), bad.astype(int).tolist(), strict=True))
    return str(file)


def _said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.usefixtures("champion")
def test_a_month_is_reported_on_as_it_was_known_and_the_report_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = _decide("2024-07")
    _decide("2024-08")
    early = _outcomes(tmp_path / "early.csv", ids[:200], "2024-08-20", 1)
    late = _outcomes(tmp_path / "late.csv", ids[200:], "2024-09-01", 2)
    assert "200 outcomes taken in\n" in _said(capsys, "outcomes", NAME, early)
    assert "200 outcomes that were taken in before" in _said(capsys, "outcomes", NAME, early)
    assert f"{len(ids) - 200} outcomes" in _said(capsys, "outcomes", NAME, late).replace(",", "")
    command = ("monitor", NAME, "--as-of", "2024-08")
    told = _said(capsys, *command)
    assert f"{NAME} as of 2024-08: no alarm" in told
    assert f"Evidently 29 columns of {len(ids):,} of {len(ids):,} rows, beside " in told
    assert re.search(r"training  2024-07 by [0-9a-f]{12}: (not )?lower than training's", told)
    first = _said(capsys, *command, "--json")
    found = json.loads(first)
    assert found["matched"]["joined"] == 200
    before, now = found["vintages"]
    assert (before["month"], before["mature"], before["known"]) == ("2024-07", True, 200)
    assert before["figures"]["auc"]["found"] is not None
    assert (now["month"], now["mature"], now["known"]) == ("2024-08", False, 0)
    assert now["figures"]["auc"]["why"].startswith("not yet")
    assert now["estimate"]["bad_rate"]["found"] is not None

    # What comes later is in the next month's report.
    _said(capsys, "outcomes", NAME, _outcomes(tmp_path / "more.csv", ids[:9], "2024-08-01", 3))
    assert _said(capsys, *command, "--json") == first
    later = json.loads(_said(capsys, "monitor", NAME, "--as-of", "2024-09", "--json"))
    assert later["matched"]["joined"] == len(ids)
    assert later["drift"] == {}


@pytest.mark.parametrize(
    ("month", "message"),
    [
        ("2024-13", "month '2024-13': expected one such as 2024-08"),
        ("2999-01", "month 2999-01: expected one that is over"),
        ("2024-07", "card-default: expected decisions up to 2024-07"),
    ],
)
@pytest.mark.usefixtures("champion")
def test_a_month_that_cannot_be_reported_on_is_named(
    month: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["monitor", NAME, "--as-of", month]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("champion")
def test_outcomes_that_cannot_be_read_are_named_and_none_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("decision,known,bad\nx,yesterday,2\n")
    assert main(["outcomes", NAME, str(file)]) == 1
    said = capsys.readouterr().err
    assert "bad.csv" in said and "yesterday" in said
    _, store = installation()
    assert not store.names(f"{NAME}/outcomes")

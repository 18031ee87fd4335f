"""What executors read and write by a bucket is what they would on the driver's disk."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

import samples
from components.contracts.errors import EnvironmentFaultError
from components.etl import batch, jars, s3a
from components.etl.session import write_table
from components.scoring.scorer import Scorer
from pipelines.scenarios import load
from tests.etl.test_batch import rows
from tests.making import Models
from tests.support import Walk

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["rows"]  # a fixture


@pytest.mark.minio
def test_tables_and_decisions_are_the_same_to_the_cell(
    rows: "DataFrame", models: Models, bucket: str, home: Path, tmp_path: Path
) -> None:  # fmt: skip
    try:
        jars.have(s3a.JARS, home / "jars", home)
    except EnvironmentFaultError as error:
        pytest.skip(str(error))
    samples.write("repeat-loans", tmp_path / "data" / "loans", rows=2_000, seed=42)
    write_table(rows, tmp_path / "data" / "rows")
    release = models.release("xgboost", tmp_path / "release")
    walk = Walk(load("repeat-loans"), tmp_path / "data" / "loans", "local")
    walk.ingest()
    walk.features()
    landed = rows.sparkSession.read.parquet(str(tmp_path / "data" / "rows"))
    batch.write(batch.decide(landed, release, Scorer(release).id), tmp_path / "here" / "decided", 2)

    words = [sys.executable, "-m", "tests.etl.exchanging", tmp_path / "data", release]
    done = subprocess.run(  # noqa: S603 - a program of these tests
        [*words, tmp_path / "there" / "decided"],
        env={**os.environ, "VINTAGE_STORE": bucket, "VINTAGE_EXECUTORS": "2", "VINTAGE_POD": "us"},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    places, left = map(json.loads, done.stdout.splitlines()[-2:])
    for name, table in (("silver", "loans"), ("gold", "final-dataset")):
        here, there = walk.home / "store" / walk.entry(name)["key"], Path(places[name])
        assert _cells(there / table) == _cells(here / table)
    assert left in ([], ["exchange/"])
    assert len(_cells(tmp_path / "there" / "decided")) == 300
    assert _cells(tmp_path / "there" / "decided") == _cells(tmp_path / "here" / "decided")


def _cells(folder: Path) -> list[str]:
    """Every row of a table, in an order that is its own."""
    return sorted(map(str, pq.read_table(folder).to_pylist()))

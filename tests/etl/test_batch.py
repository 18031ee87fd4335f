"""Spark's workers decide as everybody else does: to the bit, missing values included."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from components.etl import batch
from components.scoring.scorer import Scorer
from tests.making import FAMILIES, Models, inputs_of, plain_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_DAY = date(2024, 8, 14)


@pytest.fixture
def rows(spark: "SparkSession") -> "DataFrame":
    columns = plain_columns(inputs_of(300, 11))
    found = [
        (f"{n:03d}", None if n == 7 else f"client {n}", _DAY, *row)
        for n, row in enumerate(zip(*columns.values(), strict=True))
    ]
    schema = (
        "_key string, _entity string, _at date, "
        "INCOME double, VISITS int, REGION string, AMOUNT double"
    )
    return spark.createDataFrame(found, schema).repartition(3)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_is_decided_as_the_bundle_scores(
    rows: "DataFrame", models: Models, tmp_path: Path, family: str
) -> None:
    release = models.release(family, tmp_path)
    scorer = Scorer(release)
    found = batch.decide(rows, release, scorer.id).orderBy("decision").collect()
    pd = scorer.bundle.score(inputs_of(300, 11)).pd
    expected = {
        batch.decision_id("small-loans", f"{n:03d}", 1723593600000): (one, points, approved)
        for n, (one, points, approved) in enumerate(
            zip(
                pd.tolist(),
                scorer.bundle.points(pd).tolist(),
                scorer.release.policy.approves(pd).tolist(),
                strict=True,
            )
        )
    }
    assert {r["decision"]: (r["pd"], r["points"], r["approved"]) for r in found} == expected
    assert {r["release"] for r in found} == {scorer.id}
    assert {r["at"].astimezone(UTC) for r in found} == {datetime(2024, 8, 14, tzinfo=UTC)}
    assert sum(r["entity"] is None for r in found) == 1


def test_one_session_decides_with_two_folders_of_one_name(
    rows: "DataFrame", models: Models, tmp_path: Path
) -> None:
    """As two runs in one process do whose releases have one id."""
    for family in FAMILIES[:2]:
        release = tmp_path / family / "release"
        shutil.copytree(models.release(family, tmp_path / f"of {family}"), release)
        scorer = Scorer(release)
        assert batch.decide(rows, release, scorer.id).first()["release"] == scorer.id  # type: ignore[index]


def test_the_inputs_are_kept_as_they_were_scored(
    rows: "DataFrame", models: Models, tmp_path: Path
) -> None:
    release = models.release("xgboost", tmp_path)
    scorer = Scorer(release)
    found = batch.decide(rows, release, scorer.id).toArrow()
    names = [i.name for i in scorer.bundle.spec.inputs]
    columns = {
        name: found[f"in_{name}"].to_pylist()
        if name == "REGION"
        else found[f"in_{name}"].to_numpy()
        for name in names
    }
    again = scorer.bundle.score(scorer.bundle.columns(columns)).pd
    assert np.array_equal(again, found["pd"].to_numpy())


def test_a_row_has_the_same_decision_whenever_it_is_made() -> None:
    assert batch.decision_id("a", "7", 1_000) == batch.decision_id("a", "7", 1_000)
    others = {batch.decision_id(*one) for one in (("a", "7", 1), ("b", "7", 1), ("a", "8", 1))}
    assert len(others) == 3

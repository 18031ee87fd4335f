"""What Spark makes of a file given as bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.etl import bronze
from tests.etl.small import PEOPLE
from tests.making import models

__all__ = ["models"]

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Landed:
    """One source after its contract."""

    failures: list[str]
    facts: dict[str, object]
    rows: "DataFrame | None"


Land = Callable[[bytes], Landed]


@pytest.fixture
def land(spark: "SparkSession", tmp_path: Path) -> Land:
    """What the contract says of a file of `PEOPLE`."""

    def go(data: bytes) -> Landed:
        path = tmp_path / "people.csv"
        path.write_bytes(data)
        found = bronze.find_file(PEOPLE, tmp_path)
        assert found == path
        header, checks = bronze.read_header(PEOPLE, path)
        if checks:
            return Landed(bronze.failures(checks), {}, None)
        rows = bronze.renamed(bronze.read_landed(spark, path, header), PEOPLE)
        checks, facts = bronze.check_contract(rows, PEOPLE)
        return Landed(bronze.failures(checks), facts, rows)

    return go

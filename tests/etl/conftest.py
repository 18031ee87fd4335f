"""What Spark makes of a file given as bytes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from components.contracts.sources import Source
from components.etl import bronze, cleaning
from components.etl.contract import Check, Counts, failures
from components.etl.silver import REJECTED
from tests.etl.small import PEOPLE
from tests.making import models

__all__ = ["models"]

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Cells = tuple[object, ...]


@dataclass(frozen=True)
class Landed:
    """One source after its contract, cleaned; rows in the order of their text."""

    checks: list[Check]
    facts: dict[str, object]
    counts: Counts
    kept: list[Cells]
    #: Table, key, reason, row.
    rejected: list[Cells]

    @property
    def failures(self) -> list[str]:
        return failures(self.checks)


class Land(Protocol):
    """Land and clean one file, or several in a folder of the source's first name."""

    def __call__(
        self, data: bytes | dict[str, bytes], source: Source = PEOPLE, as_of: str = ""
    ) -> Landed: ...


def in_order(rows: list[Cells]) -> list[Cells]:
    return sorted(rows, key=repr)


@pytest.fixture
def land(spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> Land:
    """What bronze, the contract and silver say of a source; stops where bronze cannot read it."""

    def go(data: bytes | dict[str, bytes], source: Source = PEOPLE, as_of: str = "") -> Landed:
        root = tmp_path_factory.mktemp("land")
        folder = root / "data"
        place = folder / source.files[0]
        parts = {"": data} if isinstance(data, bytes) else data
        for name, content in parts.items():
            path = place / name if name else place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        landing, checks = bronze.inspect(source, bronze.find_files(source, folder), folder)
        if failures(checks):
            return Landed(checks, {}, {}, [], [])
        facts, found = bronze.land(spark, landing, root / "raw")
        if failures(found):
            return Landed([*checks, *found], facts, {}, [], [])
        day = as_of or str(facts.get("last", ""))
        one = cleaning.clean(spark, source, root / "raw", day, root / "clean", root / "work")
        table = spark.read.parquet(str(root / "clean")).drop(REJECTED) if one.kept else None
        kept = [] if table is None else table.collect()
        rejected = one.rejected.collect() if one.rejected is not None else []
        return Landed(
            [*checks, *found, *one.checks],
            facts,
            one.counts,
            in_order([tuple(row) for row in kept]),
            in_order([tuple(row) for row in rejected]),
        )

    return go

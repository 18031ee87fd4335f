"""Who and when: months and persons of development and test, counted by hand."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.contracts.people import Period, Persons
from components.evaluation.persons import persons_of

ROWS = [
    ("a", date(2023, 1, 31), "train"),
    ("a", date(2023, 2, 1), "train"),
    ("b", date(2023, 3, 5), "validation"),
    ("a", date(2023, 4, 1), "test"),
    ("c", date(2023, 5, 9), "test"),
    ("a", date(2023, 5, 10), "test"),
    ("c", date(2023, 6, 10), "score"),
    ("b", date(2023, 6, 30), "score"),
]


def written(folder: Path, rows: list[tuple[Any, ...]], names: list[str]) -> Path:
    """A gold table of two files."""
    folder.mkdir()
    for number, part in enumerate((rows[:3], rows[3:])):
        columns = {n: list(v) for n, v in zip(names, zip(*part, strict=True), strict=True)}
        pq.write_table(pa.table(columns), folder / f"part-{number}.parquet")
    return folder


def test_months_and_persons_are_counted_on_each_side_and_on_both(tmp_path: Path) -> None:
    gold = written(tmp_path / "gold", ROWS, ["client", "_as_of", "_split"])
    assert persons_of(gold, "client") == Persons(
        entity="client",
        development=Period(first="2023-01", last="2023-03", rows=3, persons=2),
        test=Period(first="2023-04", last="2023-05", rows=3, persons=2),
        both=1,
        rows_of_both=2,
    )


def test_a_row_that_does_not_say_whose_it_is_counts_nobody(tmp_path: Path) -> None:
    unknown = [(None, date(2023, 1, 1), "train"), (None, date(2023, 5, 1), "test")]
    gold = written(tmp_path / "gold", [*unknown, *ROWS], ["client", "_as_of", "_split"])
    assert persons_of(gold, "client") == Persons(
        entity="client",
        development=Period(first="2023-01", last="2023-03", rows=4, persons=2),
        test=Period(first="2023-04", last="2023-05", rows=4, persons=2),
        both=1,
        rows_of_both=2,
    )


def test_rows_without_dates_have_no_sides_in_time(tmp_path: Path) -> None:
    rows = [(who, split) for who, _, split in ROWS]
    assert persons_of(written(tmp_path / "gold", rows, ["client", "_split"]), "client") is None

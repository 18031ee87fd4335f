"""Gold of an earlier day, looked back at, is what a run of that day made."""

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from components.contracts.errors import VintageError
from components.contracts.history import AsOfEnd
from components.contracts.outcomes import (
    GivenLabel,
    GroupedSplit,
    MonthOnBookLabel,
    OutOfTimeSplit,
    ProxyLabel,
    StatusLabel,
    StratifiedSplit,
)
from components.contracts.scenario import FeaturesSpec
from components.etl import earlier
from components.etl.gold import Gold, gold_table, laid_out
from components.etl.session import write_table
from tests.etl.dated import MONTHLY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LAST = "2024-07-31"
_BY_MONTH_ON_BOOK = MonthOnBookLabel(
    source="dues", on="LOAN", instalment="NUMBER", month=2, due="DUE", overdue="OVERDUE"
)
SPEC = MONTHLY.gold().model_copy(
    update={
        "label": _BY_MONTH_ON_BOOK,
        "split": OutOfTimeSplit(months=1, least_months=1, validation=0.4),
    }
)


def _spec(**changes: object) -> FeaturesSpec:
    return SPEC.model_copy(update=changes)


def _tables(spark: "SparkSession", day: str) -> dict[str, "DataFrame"]:
    """Silver as of a day: loans of half a year, two dues of each in the months after it."""
    random, until = np.random.default_rng(8), date.fromisoformat(day)
    loans, dues = [], []
    for n in range(150):
        start = date(2024, 1, 1) + timedelta(int(random.integers(0, 200)))
        person, bad = f"p{n % 60}", float(random.integers(0, 2))
        loans.append((f"l{n}", person, start, float(n), bad))
        for number in (1, 2):
            late = int(random.integers(25, 35)) * number
            overdue = float(random.integers(0, 3)) * 50
            dues.append((f"l{n}", person, float(number), start + timedelta(late), 100.0, overdue))
    accounts = [(f"p{n}", float(n % 9)) for n in range(60)]
    return {
        "loans": spark.createDataFrame(
            [one for one in loans if one[2] <= until],
            "LOAN string, ID string, START date, INCOME double, BAD double",
        ),
        "dues": spark.createDataFrame(
            [one for one in dues if one[3] <= until],
            "LOAN string, ID string, NUMBER double, DAY date, DUE double, OVERDUE double",
        ),
        "accounts": spark.createDataFrame(accounts, "ID string, BALANCE double"),
    }


def _written(spark: "SparkSession", spec: FeaturesSpec, folder: Path) -> "DataFrame":
    parts, by = laid_out(gold_table(_tables(spark, LAST), spec, LAST).table, spec, 1)
    write_table(parts, folder, by=by)
    return spark.read.parquet(str(folder))


def _cells(made: Gold) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for row in made.table.collect()), key=repr)


def _same(spark: "SparkSession", gold: "DataFrame", spec: FeaturesSpec, days: Iterable[str]) -> int:
    """How many months with a label were known on the last of the days."""
    found = 0
    for day in days:
        back, then = earlier.look_back(gold, spec, day), gold_table(_tables(spark, day), spec, day)
        assert back.table.columns == then.table.columns
        assert back.table.dtypes == then.table.dtypes
        assert _cells(back) == _cells(then)
        assert (back.ready, back.facts) == (then.ready, then.facts)
        history = back.facts["history"]
        assert isinstance(history, dict)
        found = history.get("found", 0)
    return found


def test_by_month_on_book_and_out_of_time(spark: "SparkSession", tmp_path: Path) -> None:
    gold = _written(spark, SPEC, tmp_path / "gold")
    # No label at all; too few months, in the middle of one; enough of them; the same day.
    days = ("2024-02-10", "2024-03-14", "2024-05-31", LAST)
    found = [_same(spark, gold, SPEC, [day]) for day in days]
    assert found[0] == 0 < found[1] < SPEC.split.needed() <= found[2] < found[3]
    asked = [date.fromisoformat(day) for day in days]
    assert earlier.months_known(gold, SPEC, asked) == dict(zip(asked, found, strict=True))


@pytest.mark.parametrize(
    "spec",
    [
        _spec(label=GivenLabel(column="BAD", mature_days=45), split=StratifiedSplit()),
        _spec(label=GivenLabel(column="BAD"), split=GroupedSplit(by=("ID",))),
    ],
    ids=["mature after days", "known at once"],
)
def test_by_a_given_label(spark: "SparkSession", tmp_path: Path, spec: FeaturesSpec) -> None:
    gold = _written(spark, spec, tmp_path / "gold")
    _same(spark, gold, spec, ["2024-04-20"])
    back = earlier.look_back(gold, spec, "2024-04-20").table
    assert {row[0] for row in back.select("_split").distinct().collect()} >= {"train", "test"}


def test_what_a_later_row_said_of_an_earlier_one_cannot_be_unsaid(
    spark: "SparkSession", tmp_path: Path
) -> None:
    """A loan that its source knew of only after its start: the run of that day had not."""
    gold = _written(spark, SPEC, tmp_path / "gold")
    then = _tables(spark, "2024-05-31")
    then["loans"] = then["loans"].where("LOAN <> 'l7'")
    made = gold_table(then, SPEC, "2024-05-31").table
    back = earlier.look_back(gold, SPEC, "2024-05-31").table
    assert [row["LOAN"] for row in back.join(made, "LOAN", "left_anti").collect()] == ["l7"]


_STATUS = StatusLabel(source="dues", on="LOAN", column="DUE", bad=("1",))
_PROXY = ProxyLabel(source="dues", on="ID", amount="DUE")


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        (_spec(as_of=None), "found no dates$"),
        (_spec(as_of=AsOfEnd(days=30)), "found one date for all of them$"),
        (_spec(label=_STATUS), "found one of kind status$"),
        (_spec(label=_PROXY), "found one of kind proxy$"),
    ],
    ids=["undated", "one date", "status", "proxy"],
)
def test_where_rows_or_labels_have_no_day_nobody_looks_back(
    spark: "SparkSession", spec: FeaturesSpec, found: str
) -> None:
    empty = spark.createDataFrame([], "LOAN string")
    with pytest.raises(VintageError, match=f"^monthly: expected rows that each have a.*{found}"):
        earlier.look_back(empty, spec, "2024-03-31")
    with pytest.raises(VintageError, match=found):
        earlier.months_known(empty, spec, [])

"""What came of each row, in small tables."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from components.contracts.outcomes import GivenLabel, Label, MonthOnBookLabel, StatusLabel
from components.etl.histories import AS_OF
from components.etl.labels import FIRST_MISSED, LABEL, Known, with_label

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def _known(tables: dict[str, "DataFrame"]) -> Known:
    return Known(tables, {"ledger": "day"}, "ID", 0, F.lit(False))


def _labels(
    spark: "SparkSession", label: Label, tables: dict[str, "DataFrame"]
) -> dict[str, tuple[object, ...]]:
    people = spark.createDataFrame([(n,) for n in "ABCDEFG"], "ID string")
    found, clusters = with_label(people, label, _known(tables))
    assert clusters == []
    beside = [name for name in (FIRST_MISSED,) if name in found.columns]
    return {row["ID"]: tuple(row[name] for name in (LABEL, *beside)) for row in found.collect()}


def test_a_given_label_is_taken_as_it_is(spark: "SparkSession") -> None:
    people = spark.createDataFrame([("A", 1.0), ("B", 0.0), ("C", None)], "ID string, BAD double")
    found, _ = with_label(people, GivenLabel(column="BAD"), _known({}))
    assert {row["ID"]: row[LABEL] for row in found.collect()} == {"A": 1, "B": 0, "C": None}


def test_a_given_label_is_not_known_before_its_days_are_over(spark: "SparkSession") -> None:
    days = [("A", 1.0, 1), ("B", 0.0, 30), ("C", 1.0, 31)]
    rows = [(who, bad, date(2024, 1, day)) for who, bad, day in days]
    people = spark.createDataFrame(rows, f"ID string, BAD double, {AS_OF} date")
    end = int(datetime(2024, 2, 29, tzinfo=UTC).timestamp()) * 1_000_000
    label = GivenLabel(column="BAD", mature_days=30)
    found, _ = with_label(people, label, replace(_known({}), until=end))
    assert {row["ID"]: row[LABEL] for row in found.collect()} == {"A": 1, "B": 0, "C": None}


def test_any_row_with_a_bad_status_makes_bad_and_no_row_is_not_known(spark: "SparkSession") -> None:
    codes = {"A": "C5C", "B": "CX0", "C": "5", "D": "X"}
    rows = [(who, code) for who, text in codes.items() for code in text] + [("E", None)]
    ledger = spark.createDataFrame(rows, "ID string, STATUS string").repartition(3)
    label = StatusLabel(source="ledger", on="ID", column="STATUS", bad=("4", "5"))
    found = _labels(spark, label, {"ledger": ledger})
    assert found == {
        "A": (1,), "B": (0,), "C": (1,), "D": (0,), "E": (0,), "F": (None,), "G": (None,),
    }  # fmt: skip


def test_a_loan_is_bad_by_what_is_past_due_at_its_month_on_book(spark: "SparkSession") -> None:
    overdue = {
        "A": (0, 0, 0, 0),  # never behind
        "B": (0, 10, 0, 0),  # behind, and caught up
        "C": (0, 0, 0, 1),  # an instalment begun
        "D": (0, 10, 20, 30),  # three behind
        "E": (0, 10),  # not there yet
        "F": (0, 0, 0, 0, 50),  # behind after it
    }
    rows = [
        (who, float(n), 10.0, float(amount), date(2024, n + 1, 1))
        for who, amounts in overdue.items()
        for n, amount in enumerate(amounts)
    ]
    schema = "ID string, N double, DUE double, OVER double, day date"
    ledger = spark.createDataFrame(rows, schema).repartition(3)
    month = {"source": "ledger", "on": "ID", "instalment": "N", "due": "DUE", "overdue": "OVER"}
    label = MonthOnBookLabel.model_validate({**month, "month": 3, "days": 30})
    february, april = date(2024, 2, 1), date(2024, 4, 1)
    assert _labels(spark, label, {"ledger": ledger}) == {
        "A": (0, None), "B": (0, february), "C": (1, april), "D": (1, february),
        "E": (None, february), "F": (0, None), "G": (None, None),
    }  # fmt: skip
    ninety = label.model_copy(update={"days": 90})
    found = _labels(spark, ninety, {"ledger": ledger})
    assert {who for who, (bad, _) in found.items() if bad} == {"D"}


def test_a_sum_that_is_not_exact_begins_no_instalment(spark: "SparkSession") -> None:
    due = 33.34
    overdue = due + due + due + 1e-12
    assert overdue / due > 3
    ledger = spark.createDataFrame(
        [("A", 3.0, due, overdue, date(2024, 4, 1)), ("B", 3.0, 0.0, 5.0, date(2024, 4, 1))],
        "ID string, N double, DUE double, OVER double, day date",
    )
    label = MonthOnBookLabel(
        source="ledger", on="ID", instalment="N", month=3, due="DUE", overdue="OVER", days=91
    )
    found = _labels(spark, label, {"ledger": ledger})
    assert found["A"][0] == 0
    assert found["B"][0] == 1  # nothing is due any more: what is overdue is all of it

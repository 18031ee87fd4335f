"""What came of each row, in small tables."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F

from components.contracts.outcomes import GivenLabel, Label, MonthOnBookLabel, StatusLabel
from components.etl.histories import AS_OF
from components.etl.labels import FIRST_MISSED, KNOWN, LABEL, Known, with_label

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
    beside = [name for name in (KNOWN, FIRST_MISSED) if name in found.columns]
    return {row["ID"]: tuple(row[name] for name in (LABEL, *beside)) for row in found.collect()}


def test_a_given_label_is_taken_as_it_is(spark: "SparkSession") -> None:
    people = spark.createDataFrame([("A", 1.0), ("B", 0.0), ("C", None)], "ID string, BAD double")
    found, _ = with_label(people, GivenLabel(column="BAD"), _known({}))
    assert {row["ID"]: row[LABEL] for row in found.collect()} == {"A": 1, "B": 0, "C": None}
    assert [row[KNOWN] for row in found.collect()] == [None] * 3


@pytest.mark.parametrize(
    ("days", "as_of", "known"),
    [
        # Thirty days of which the as-of is the first are over at the end of the thirtieth.
        (30, {"A": date(2024, 1, 1), "B": date(2024, 1, 30), "C": date(2024, 1, 31)},
         {"A": date(2024, 1, 30), "B": date(2024, 2, 28), "C": None}),
        (30, {"A": datetime(2024, 1, 29, 15), "B": datetime(2024, 1, 30), "C": date(2024, 1, 30)},
         {"A": date(2024, 2, 28), "B": date(2024, 2, 28), "C": date(2024, 2, 28)}),
        (0, {"A": date(2024, 1, 1), "B": date(2024, 2, 28), "C": date(2024, 1, 31)},
         {"A": date(2024, 1, 1), "B": date(2024, 2, 28), "C": date(2024, 1, 31)}),
    ],
)  # fmt: skip
def test_a_given_label_is_not_known_before_its_days_are_over(
    spark: "SparkSession", days: int, as_of: dict[str, date], known: dict[str, date | None]
) -> None:
    bad = {"A": 1.0, "B": 0.0, "C": 1.0}
    rows = [(who, bad[who], at) for who, at in as_of.items()]
    kind = "timestamp" if any(isinstance(at, datetime) for at in as_of.values()) else "date"
    people = spark.createDataFrame(
        [(who, value, str(at)) for who, value, at in rows], f"ID string, BAD double, {AS_OF} string"
    ).withColumn(AS_OF, F.col(AS_OF).cast(kind))
    end = int(datetime(2024, 2, 29, tzinfo=UTC).timestamp()) * 1_000_000
    label = GivenLabel(column="BAD", mature_days=days)
    found, _ = with_label(people, label, replace(_known({}), until=end))
    assert {row["ID"]: row[KNOWN] for row in found.collect()} == known
    assert {row["ID"]: row[LABEL] for row in found.collect()} == {
        who: None if known[who] is None else bad[who] for who in known
    }


def test_any_row_with_a_bad_status_makes_bad_and_no_row_is_not_known(spark: "SparkSession") -> None:
    codes = {"A": "C5C", "B": "CX0", "C": "5", "D": "X"}
    rows = [(who, code) for who, text in codes.items() for code in text] + [("E", None)]
    ledger = spark.createDataFrame(rows, "ID string, STATUS string").repartition(3)
    label = StatusLabel(source="ledger", on="ID", column="STATUS", bad=("4", "5"))
    found = _labels(spark, label, {"ledger": ledger})
    assert found == {
        **dict.fromkeys("AC", (1, None)), **dict.fromkeys("BDE", (0, None)),
        **dict.fromkeys("FG", (None, None)),
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
        "A": (0, april, None), "B": (0, april, february), "C": (1, april, april),
        "D": (1, april, february), "E": (None, None, february), "F": (0, april, None),
        "G": (None, None, None),
    }  # fmt: skip
    ninety = label.model_copy(update={"days": 90})
    found = _labels(spark, ninety, {"ledger": ledger})
    assert {who for who, (bad, *_) in found.items() if bad} == {"D"}


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

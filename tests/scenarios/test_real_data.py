"""The public files that three of the scenarios are made for: what they hold, and what is dirty.

They are not part of the project. VINTAGE_REAL_DATA names a folder with `card_default/`,
`credit_approval/` and `loan_default/`; the counts are what others found in the same bytes. The
three largest files (records, clickstream, payments) are counted as they are, not cleaned: that
would take minutes.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.csv
import pytest
from pyspark.sql import functions as F

from components.contracts.outcomes import GroupedSplit
from components.contracts.sources import Source
from components.etl import bronze, cleaning, contract, gold, silver
from components.etl.cleaning import Cleaned
from components.etl.labels import LABEL, Known, with_label
from pipelines.scenarios import load

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Clean = Callable[[str, str], Cleaned]


@pytest.fixture(scope="module")
def root() -> Path:
    """The folder with the public files."""
    if not (place := os.environ.get("VINTAGE_REAL_DATA", "")):
        pytest.skip("VINTAGE_REAL_DATA names no folder with the public files")
    return Path(place)


@pytest.fixture(scope="module")
def clean(root: Path, spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> Clean:
    """A source of a scenario, cleaned when it is first asked for; it breaks no contract."""
    made: dict[tuple[str, str], Cleaned] = {}

    def one(scenario: str, name: str) -> Cleaned:
        if (scenario, name) not in made:
            source, work = _source(scenario, name), tmp_path_factory.mktemp(name)
            folder = root / scenario.replace("-", "_")
            landing, _ = bronze.inspect(source, bronze.find_files(source, folder), folder)
            facts, _ = bronze.land(spark, landing, work / "raw")
            day, places = str(facts.get("last", "")), (work / "clean", work / "work")
            found = cleaning.clean(spark, source, work / "raw", day, *places)
            assert contract.failures(found.checks) == []
            made[scenario, name] = found
        return made[scenario, name]

    return one


def _source(scenario: str, name: str) -> Source:
    """A source as it is declared; of the many applications, what is dirty in them alone."""
    declared = load(scenario).source(name)
    few = {"ID", "DAYS_BIRTH", "DAYS_EMPLOYED", "OCCUPATION_TYPE"}
    columns = tuple(column for column in declared.columns if column.name in few)
    return declared.model_copy(update={"columns": columns} if name == "applications" else {})


def rows_of(one: Cleaned) -> tuple[int, int]:
    """The rows of a source, and those that were kept."""
    return one.counts["rows"], one.kept


def done(scenario: str, name: str, one: Cleaned) -> dict[str, dict[str, int]]:
    """What was done to cells -> column -> rows."""
    found: dict[str, dict[str, int]] = {}
    for line in contract.cleaning(load(scenario).source(name), one.counts):
        found.setdefault(str(line["what"]), {})[str(line["column"])] = int(str(line["rows"]))
    return found


def reasons(rejected: "DataFrame | None") -> dict[str, int]:
    assert rejected is not None
    return {row["reason"]: row["count"] for row in rejected.groupBy("reason").count().collect()}


def test_credit_approval_s_rows_and_dirt(clean: Clean) -> None:
    one = clean("credit-approval", "applications")
    assert rows_of(one) == (438_557, 438_463)
    (keys,) = (check.found for check in one.checks if check.expected.startswith("a key"))
    assert keys.startswith("47 of 438,510 keys with rows that differ, such as ")
    assert one.counts["replaced DAYS_EMPLOYED 365243"] == 75_329
    assert one.counts["missing OCCUPATION_TYPE"] == 134_203


@pytest.mark.parametrize(
    ("bad", "found"),
    [(("2", "3", "4", "5"), 616), (("5",), 180), (("1", "2", "3", "4", "5"), 4_291)],
)
def test_credit_approval_s_labels(
    clean: Clean, root: Path, spark: "SparkSession", bad: tuple[str, ...], found: int
) -> None:
    rows, records = _credit(clean, root, spark)
    label = load("credit-approval").label.model_copy(update={"bad": bad})
    known = Known({"records": records}, {}, "ID", 0, F.lit(False))
    counts = with_label(rows.select("ID"), label, known)[0].agg(F.count(LABEL), F.sum(LABEL))
    assert [tuple(row) for row in counts.collect()] == [(36_457, found)]


def test_credit_approval_s_profiles_and_who_is_no_applicant(
    clean: Clean, root: Path, spark: "SparkSession"
) -> None:
    scenario = load("credit-approval")
    rows, records = _credit(clean, root, spark)
    assert gold._strangers({"records": records}, scenario.gold(), rows) == 9_528
    people = spark.read.csv(str(root / "credit_approval" / "application_record.csv"), header=True)
    labelled = people.join(records.select("ID").distinct(), "ID", "left_semi")
    assert isinstance(scenario.split, GroupedSplit)
    assert labelled.select(*scenario.split.by).distinct().count() == 9_728


def _credit(clean: Clean, root: Path, spark: "SparkSession") -> tuple["DataFrame", "DataFrame"]:
    """The cleaned applications, and the records as they are."""
    records = spark.read.csv(str(root / "credit_approval" / "credit_record.csv"), header=True)
    return spark.read.parquet(str(clean("credit-approval", "applications").folder)), records


def test_loan_default_s_rows_and_dirt(clean: Clean) -> None:
    attributes, financials = (clean("loan-default", n) for n in ("attributes", "financials"))
    assert rows_of(attributes) == rows_of(financials) == (12_500, 12_500)
    assert done("loan-default", "attributes", attributes) == {
        "private, dropped": {"Name": 12_500, "SSN": 12_500},
        "stripped": {"Age": 637, "Occupation": 880},
        "out of range, now missing": {"Age": 319},
    }
    found = done("loan-default", "financials", financials)
    assert found["stripped"] == {
        "Annual_Income": 859, "Num_of_Loan": 623, "Num_of_Delayed_Payment": 374,
        "Changed_Credit_Limit": 254, "Credit_Mix": 2_611, "Outstanding_Debt": 139,
        "Amount_invested_monthly": 558, "Monthly_Balance": 1,
    }  # fmt: skip
    assert found["out of range, now missing"]["Amount_invested_monthly"] == 558
    assert found["replaced 'NM', now missing"] == {"Payment_of_Min_Amount": 1_438}
    assert found["replaced '!@9#%8', now missing"] == {"Spending": 998, "Payments": 998}


def test_loan_default_s_activity_and_labels(root: Path, spark: "SparkSession") -> None:
    scenario, folder = load("loan-default"), root / "loan_default"
    clicks = pyarrow.csv.read_csv(folder / "feature_clickstream.csv")["Customer_ID"]
    assert (len(clicks), len(clicks.unique())) == (215_376, 8_974)
    payments = spark.read.csv(str(folder / "lms_loan_daily.csv"), header=True)
    label, numbers = scenario.label, ("installment_num", "due_amt", "overdue_amt")
    payments = payments.withColumns({name: F.col(name).cast("double") for name in numbers})
    assert payments.count() == 137_500
    known = Known({"payments": payments}, {"payments": "snapshot_date"}, "loan_id", 0, F.lit(False))
    found, _ = with_label(payments.select("loan_id").distinct(), label, known)
    counts = found.agg(F.count(LABEL), F.avg(LABEL)).first()
    assert counts is not None
    assert (counts[0], round(counts[1], 3)) == (12_500, 0.288)


def test_card_default_s_rows_and_dirt(clean: Clean, spark: "SparkSession") -> None:
    both = {name: clean("card-default", name) for name in ("profile", "transactions")}
    assert {rows_of(one) for one in both.values()} == {(30_000, 30_000)}
    assert done("card-default", "profile", both["profile"]) == {
        "replaced '0' by '4'": {"EDUCATION": 14},
        "replaced '5' by '4'": {"EDUCATION": 280},
        "replaced '6' by '4'": {"EDUCATION": 51},
        "replaced '0' by '3'": {"MARRIAGE": 54},
    }
    tables = {
        name: spark.read.parquet(str(one.folder)).drop(silver.REJECTED)
        for name, one in both.items()
    }
    merged, rejected = silver.merge(tables, load("card-default").merge)
    assert (merged.count(), rejected.count()) == (29_965, 35)
    assert {reason.rpartition(" ")[0] for reason in reasons(rejected)} == {"identical to"}

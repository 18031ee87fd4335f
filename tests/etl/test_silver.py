"""Cleaning and merging: what is rejected is in quarantine with its reason, and counts add up."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.contracts.errors import VintageError
from components.contracts.sources import Column, CountOf, Kind, Merge
from components.etl.cleaning import merge_checks
from components.etl.contract import failures
from components.etl.silver import check_counts, merge
from tests.etl.conftest import Land
from tests.etl.small import MERGE, PEOPLE, SMALL

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

HEAD = "Id,City,Age,Income\n"


def _cleaned(land: Land, rows: str) -> tuple[list[tuple[object, ...]], list[tuple[str, str]]]:
    """Kept rows, and the quarantine as (key, reason), both in order."""
    landed = land((HEAD + rows).encode())
    assert {row[0] for row in landed.rejected} <= {"people"}
    return landed.kept, sorted((str(row[1] or ""), str(row[2])) for row in landed.rejected)


@pytest.mark.parametrize(
    ("rows", "kept", "quarantine"),
    [
        ("1,Roma,30,1\n", ["1"], []),
        ("1,Rome,x,1\n2,Rome,3,1\n", [],
         [("1", "AGE: not integer or out of range: x"),
          ("2", "AGE: not integer or out of range: 3")]),
        ("1,Paris,7,-1\n", [],
         [("1", "CITY: not category or out of range: Paris; AGE: not integer or out of range: 7; "
           "INCOME: not number or out of range: -1")]),
        ("1,Rome,30,1\n1,Rome,30,1\n1,Rome,30,1\n2,Rome,30,1\n", ["1", "2"],
         [("1", "repeated row")] * 2),
        ("1,Rome\n2,Rome,30,1\n", ["2"], [("1", "malformed line")]),
        ("1,Rome,30,1,9\n2,Rome,30,1\n", ["2"], [("1", "malformed line")]),
        (",Rome,30,1\n2,Rome,30,1\n", ["2"], [("", "ID: key is missing")]),
        ('"a|b",Rome,30,1\n', ["a|b"], []),
    ],
)  # fmt: skip
def test_a_rejected_row_is_in_quarantine_with_its_reason(
    land: Land, rows: str, kept: list[str], quarantine: list[tuple[str, str]]
) -> None:
    good, rejected = _cleaned(land, rows)
    assert [row[0] for row in good] == kept
    assert rejected == quarantine


@pytest.mark.parametrize("first", [True, False])
def test_a_malformed_line_does_not_push_out_the_good_row_of_its_key(
    land: Land, first: bool
) -> None:
    lines = ["1,Rome\n", "1,Rome,30,1\n"]
    both = "".join(lines if first else reversed(lines))
    good, rejected = _cleaned(land, f"{both}2,Rome,31,1\n")
    assert good == [("1", "Rome", 30.0, 1.0), ("2", "Rome", 31.0, 1.0)]
    assert rejected == [("1", "malformed line")]


def test_a_quarantined_row_is_kept_in_its_own_words(land: Land) -> None:
    landed = land((HEAD + "1,Paris, x ,1\n2,Rome\n3,Rome,30,1\n").encode())
    assert {row[3] for row in landed.rejected} == {
        '{"ID":"1","CITY":"Paris","AGE":"x","INCOME":"1"}',
        "2,Rome",
    }


def test_a_row_whose_bad_value_is_of_an_empty_cell_is_in_quarantine(land: Land) -> None:
    """An empty cell holds a text no time, which a range may not allow."""
    counted = Column(
        name="INCOME", kind=Kind.INTEGER, reading=CountOf(text="x"), minimum=1, max_bad=0.5
    )
    source = PEOPLE.model_copy(update={"columns": (*PEOPLE.columns[:-1], counted)})
    landed = land((HEAD + "1,Rome,30,x\n2,Rome,30,\n").encode(), source)
    assert [row[0] for row in landed.kept] == ["1"]
    assert [row[2] for row in landed.rejected] == ["INCOME: not integer or out of range: nothing"]


def test_quotes_and_commas_inside_a_cell_stay_in_the_cell(land: Land) -> None:
    good, rejected = _cleaned(
        land, '"a, b","Oslo, N",30,1\n"c ""d"", e","the ""Hague""",40,2\n"f\\",Rome,50,3\n'
    )
    assert rejected == []
    assert [row[:2] for row in good] == [
        ("a, b", "Oslo, N"), ('c "d", e', 'the "Hague"'), ("f\\", "Rome"),
    ]  # fmt: skip


Rows = Sequence[tuple[object, ...]]


def _merged(
    spark: "SparkSession", tables: dict[str, tuple[str, Rows]], spec: Merge
) -> tuple[list[tuple[object, ...]], list[tuple[str, str]]]:
    frames: dict[str, DataFrame] = {
        name: spark.createDataFrame(list(rows), f"ID string, {columns}")
        for name, (columns, rows) in tables.items()
    }
    good, rejected = merge(frames, spec)
    return (
        sorted((tuple(row) for row in good.collect()), key=repr),
        sorted((row["key"], row["reason"]) for row in rejected.collect()),
    )


def test_a_row_without_a_partner_is_in_quarantine_and_names_the_table(
    spark: "SparkSession",
) -> None:
    good, rejected = _merged(
        spark,
        {
            "people": ("AGE double", [("1", 30.0), ("2", 40.0)]),
            "deeds": ("LATE double", [("1", 0.0), ("3", 1.0)]),
        },
        MERGE,
    )
    assert good == [("1", 30.0, 0.0)]
    assert rejected == [("2", "no row in deeds"), ("3", "no row in people")]


@pytest.mark.parametrize("drop", [True, False])
def test_rows_alike_in_everything_but_the_key_leave_one_where_that_is_declared(
    spark: "SparkSession", drop: bool
) -> None:
    ids = ("10", "9", "2", "30")
    good, rejected = _merged(
        spark,
        {
            "people": ("AGE double", [(i, None if i == "30" else 30.0) for i in ids]),
            "deeds": ("LATE double", [(i, 1.0) for i in ids]),
        },
        MERGE.model_copy(update={"drop_identical": drop}),
    )
    assert [row[0] for row in good] == (["2", "30"] if drop else ["10", "2", "30", "9"])
    assert rejected == ([("10", "identical to 2"), ("9", "identical to 2")] if drop else [])


def test_one_source_alone_is_its_own_silver_table(spark: "SparkSession") -> None:
    good, rejected = _merged(spark, {"people": ("AGE double", [("1", 30.0), ("2", 30.0)])}, MERGE)
    assert (good, rejected) == ([("1", 30.0)], [("2", "identical to 1")])


_TABLE = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([None, 0.0, 1.0]), max_size=6)


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tables=st.lists(_TABLE, min_size=2, max_size=3), drop=st.booleans())
def test_every_key_comes_out_once_as_a_row_or_in_quarantine(
    spark: "SparkSession", tables: list[dict[str, float | None]], drop: bool
) -> None:
    good, rejected = _merged(
        spark,
        {f"t{n}": (f"V{n} double", list(rows.items())) for n, rows in enumerate(tables)},
        MERGE.model_copy(update={"drop_identical": drop}),
    )
    keys = set[str]().union(*tables)
    assert sorted([str(row[0]) for row in good] + [key for key, _ in rejected]) == sorted(keys)
    shared = keys.intersection(*tables)
    lone = {key for key, reason in rejected if reason.startswith("no row in")}
    assert lone == keys - shared
    different = {tuple(table[key] for table in tables) for key in shared}
    assert len(good) == (len(different) if drop else len(shared))


@pytest.mark.parametrize(
    ("landed", "kept", "rejected", "later"),
    [(3, 2, 0, 0), (3, 2, 2, 0), (0, 1, 0, 0), (3, 2, 1, 1)],
)
def test_rows_that_do_not_add_up_are_an_error(
    landed: int, kept: int, rejected: int, later: int
) -> None:
    with pytest.raises(VintageError, match=rf"t: expected {landed} rows to add up, found {kept}"):
        check_counts("t", landed, kept, rejected, later)
    check_counts("t", kept + rejected + later, kept, rejected, later)


def test_where_one_source_has_more_rows_than_keys_the_columns_that_stay_are_merged(
    spark: "SparkSession",
) -> None:
    spec = Merge(
        table="loans", grain="one row a loan", key="ID", sources=("months",),
        columns=("ID", "AMOUNT"),
    )  # fmt: skip
    rows = [("1", 10.0, 1.0), ("1", 10.0, 2.0), ("2", 5.0, 1.0), ("3", 7.0, 1.0), ("3", 8.0, 2.0)]
    good, rejected = _merged(spark, {"months": ("AMOUNT double, MONTH double", rows)}, spec)
    assert good == [("1", 10.0), ("2", 5.0)]
    assert rejected == [("3", "key on rows that differ")] * 2


@pytest.mark.parametrize(
    ("most", "broken"),
    [
        (0.2, []),
        (0.19, ["everyone.ID: expected a row in every source for all but 19.0% of keys, found 2 of "
                "10 without"]),
    ],
)  # fmt: skip
def test_keys_without_a_partner_above_the_declared_share_break_the_contract(
    most: float, broken: list[str]
) -> None:
    declared = SMALL.ingest().model_copy(
        update={"merge": MERGE.model_copy(update={"max_unmatched": most})}
    )
    reasons = [
        ("everyone", "no row in deeds", 1), ("everyone", "no row in people", 1),
        ("everyone", "identical", 3), ("people", "AGE", 9),
    ]  # fmt: skip
    assert failures(merge_checks(declared, {"rows": 5, "quarantine": reasons})) == broken

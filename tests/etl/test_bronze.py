"""Landing: files as given, and what is wrong with them."""

import io
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.contracts.sources import Column, Kind, Naming, Source
from components.etl import bronze
from components.etl.contract import Check, failures
from tests.etl.conftest import Land
from tests.etl.small import PEOPLE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HEAD = "Id,City,Age,Income\n"
GOOD = "1,Rome,30,10\n2,Rome,40,20.5\n3,Rome,50,\n"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("default.payment.next.month", "DEFAULTPAYMENTNEXTMONTH"),
        ("limit bal", "LIMIT_BAL"),
        ("  Pay_0 ", "PAY_0"),
        ("AGE", "AGE"),
    ],
)
def test_a_header_cell_becomes_a_column_name(header: str, name: str) -> None:
    assert Naming.UPPER.column(header) == name


def test_a_column_under_another_name_is_found_by_its_alias() -> None:
    assert PEOPLE.column_of("number") == "ID"
    assert PEOPLE.column_of("id") == "ID"


def test_names_that_are_taken_as_they_are_keep_their_case() -> None:
    assert Naming.AS_IS.column(" Limit.Bal ") == "Limit.Bal"


def _inspected(folder: Path) -> list[str]:
    """What is wrong with the files of `PEOPLE` in a folder."""
    _, checks = bronze.inspect(PEOPLE, bronze.find_files(PEOPLE, folder), folder)
    return failures(checks)


def test_a_missing_file_is_named_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("")
    assert _inspected(tmp_path) == [
        f"people: expected a file people.csv or whole.csv in {tmp_path}, found readme.txt"
    ]


def test_an_empty_folder_of_the_files_name_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "people.csv").mkdir()
    (tmp_path / "people.csv" / "_notes.csv").write_text("")
    assert _inspected(tmp_path) == [
        f"people: expected a file people.csv or whole.csv in {tmp_path}, found people.csv"
    ]


def test_the_first_of_the_accepted_files_is_read(tmp_path: Path) -> None:
    (tmp_path / "whole.csv").write_text("")
    assert bronze.find_files(PEOPLE, tmp_path) == [tmp_path / "whole.csv"]
    (tmp_path / "people.csv").write_text("")
    assert bronze.find_files(PEOPLE, tmp_path) == [tmp_path / "people.csv"]


@pytest.mark.parametrize(
    ("text", "failures"),
    [
        ("Id,City,Income\n1,Rome,2\n", ["people.AGE: a column of people.csv: columns"]),
        ("Id,Income\n1,2\n", ["people.CITY: a column", "people.AGE: a column"]),
        ("Id,City,Age,age,Income\n1,2,3,4,5\n", ["people.AGE: one column of this name: several"]),
        ("Id,Number,City,Age,Income\n1,2,3,4,5\n", ["people.ID: one column of this name: several"]),
        (
            "Id,City,Age,Income,Note,note\n1,2,3,4,5,6\n",
            ["people.NOTE: one column of this name: several"],
        ),
        (HEAD, ["people: at least one row in people.csv: 0 rows"]),
        (f"{HEAD}\n \n", ["people: at least one row in people.csv: 0 rows"]),
        ("", ["people: a header in the first line of people.csv: an empty file"]),
        ("\n1,Rome,3\n", ["people: a header in the first line of people.csv: an empty line"]),
        (
            "Id;City;Age;Income\n1;Rome;3;4\n",
            ["people: commas between the cells of people.csv: semicolons: Id;City;Age;Income"],
        ),
        ("Id\tCity\n1\tRome\n", ["people: commas between the cells of people.csv: tabs: Id\tC"]),
    ],
    ids=[
        "one",
        "two",
        "twice",
        "alias-twice",
        "undeclared-twice",
        "no-rows",
        "blank-rows",
        "empty-file",
        "empty-line",
        "semicolons",
        "tabs",
    ],
)
def test_every_fault_of_a_header_is_listed(tmp_path: Path, text: str, failures: list[str]) -> None:
    (tmp_path / "people.csv").write_text(text)
    found = [c.replace("expected ", "").replace(", found", ":") for c in _inspected(tmp_path)]
    assert len(found) == len(failures)
    for sentence, start in zip(found, failures, strict=True):
        assert sentence.startswith(start)


def test_a_column_that_is_gone_is_named_with_those_of_a_like_name(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("Id,City,Ages,Incomes\n1,Rome,30,1\n")
    assert _inspected(tmp_path) == [
        "people.AGE: expected a column of people.csv, found columns Id, City, Ages, Incomes; "
        "near: AGES",
        "people.INCOME: expected a column of people.csv, found columns Id, City, Ages, Incomes; "
        "near: INCOMES",
    ]


def test_a_file_without_an_end_to_its_lines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(HEAD + GOOD + "x" * 2_000_000)
    (failure,) = _inspected(tmp_path)
    assert failure.startswith("people: expected lines of cells in people.csv, found field larger")


def test_a_new_column_is_told_and_breaks_nothing(land: Land) -> None:
    landed = land(b"Id,City,Age,Income,Shoe size,Hat\n1,Rome,30,1,44,60\n")
    assert landed.failures == []
    assert landed.checks[0].found == "also SHOE_SIZE, HAT: in bronze, in no layer after it"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("Id,City\n".encode("utf-16"), "UTF-16, or no text at all"),
        ("Id,City\n".encode("utf-16-be"), "UTF-16, or no text at all"),
        ("Id,City,Größe\n".encode("latin-1"), "Latin-1 or the like: byte 0xf6 in line 1"),
        (
            ("Id\n" + "1\n" * 700_000 + "Jörg\n").encode("latin-1"),
            "Latin-1 or the like: byte 0xf6 in line 700,002",
        ),
        ("Id\n1\nJö".encode()[:-1], "the end cut in the middle of a letter, in line 3"),
    ],
    ids=["utf-16", "utf-16-without-mark", "latin-1", "latin-1-far-down", "half-a-letter"],
)
def test_another_encoding_than_utf_8_is_named(tmp_path: Path, data: bytes, found: str) -> None:
    (tmp_path / "people.csv").write_bytes(data)
    assert _inspected(tmp_path) == [f"people: expected UTF-8 text in people.csv, found {found}"]


@pytest.mark.parametrize(
    ("end", "width"),
    [("3,Ro", 2), ('3,"Ro', 2), ("3,Rome,5\r\n", 3), ("3\n\n \n", 1)],
    ids=["cut", "cut-in-quotes", "cut-in-crlf", "blank-lines-after"],
)
def test_a_file_that_ends_in_the_middle_of_a_line_is_refused(
    tmp_path: Path, end: str, width: int
) -> None:
    (tmp_path / "people.csv").write_text(HEAD + GOOD + end, newline="")
    assert _inspected(tmp_path) == [
        "people: expected 4 cells in the last line of people.csv, "
        f"found {width}: the file is cut in the middle of a line"
    ]


@pytest.mark.parametrize(
    "data",
    [
        (HEAD + GOOD).encode(),
        b"\xef\xbb\xbf" + (HEAD + GOOD).encode(),
        (HEAD + GOOD).replace("\n", "\r\n").encode(),
        (HEAD + GOOD).rstrip("\n").encode(),
        (HEAD + GOOD + "\n\n").encode(),
        b'"Id","City","Age","Income"\n"1","Rome","30","10"\n2,"Rome",40,"20.5"\n3,Rome,50,\n',
        b" id , CITY, age ,income \n 1 , Rome , 30 ,10\n2, Rome,40,20.5\n3,Rome,50,  \n",
        b"number,City,Age,Income\n1,Rome,30,10\n2,Rome,40,20.5\n3,Rome,50,\n",
        b"Income,Extra,Id,City,Age\n10,x,1,Rome,30\n20.5,y,2,Rome,40\n,z,3,Rome,50\n",
        b",Id,City,Age,Income\n0,1,Rome,30,10\n1,2,Rome,40,20.5\n2,3,Rome,50,\n",
        b"Id,City,Age,Income\n1,Rome,3e1,10.0\n2,Roma,40.0,+20.5\n3,Rome,50,\n",
    ],
    ids=[
        "plain", "bom", "crlf", "no-last-newline", "blank-lines", "quoted", "spaces", "alias",
        "other-order", "index-column", "other-spelling",
    ],
)  # fmt: skip
def test_a_file_that_says_the_same_is_read_the_same(land: Land, data: bytes) -> None:
    landed = land(data)
    assert landed.failures == []
    assert landed.facts["landed"] == 3
    assert landed.kept == [
        ("1", "Rome", 30.0, 10.0), ("2", "Rome", 40.0, 20.5), ("3", "Rome", 50.0, None),
    ]  # fmt: skip


def _parquet(**columns: list[object]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


PEOPLE_PARQUET = PEOPLE.model_copy(update={"files": ("people.parquet",)})


def test_a_parquet_file_lands_as_text(land: Land) -> None:
    data = _parquet(
        Id=[1, 2], City=["Rome", "Roma"], Age=[30.0, 40.0], Income=[None, Decimal("20.50")]
    )
    landed = land(data, PEOPLE_PARQUET)
    assert landed.failures == []
    assert landed.kept == [("1", "Rome", 30.0, None), ("2", "Rome", 40.0, 20.5)]


def test_files_of_a_folder_are_one_source_whatever_types_their_columns_have(land: Land) -> None:
    files = {
        "a.parquet": _parquet(Id=[1], City=["Rome"], Age=[30], Income=[1.5]),
        "b.parquet": _parquet(Income=["7"], Age=[31.0], Id=["2"], City=["Rome"]),
        "_temporary.parquet": b"",
    }
    landed = land(files, PEOPLE_PARQUET)
    assert landed.failures == []
    assert landed.kept == [("1", "Rome", 30.0, 1.5), ("2", "Rome", 31.0, 7.0)]


def test_each_file_with_another_header_than_the_first_is_named(land: Land) -> None:
    head, other = HEAD.encode(), b"City,Id,Age,Income\n"
    files = {"1.csv": head + b"1,Rome,30,1\n", "2.csv": other, "3.csv": head, "4.csv": b"Id\n"}
    assert land(files).failures == [
        f"people: expected in {name} the columns of 1.csv, Id, City, Age, Income, found {found}"
        for name, found in (("2.csv", "City, Id, Age, Income"), ("4.csv", "Id"))
    ]


def test_a_damaged_parquet_file_is_named(land: Land) -> None:
    whole = _parquet(
        Id=[str(n) for n in range(900)], City=["Rome"] * 900, Age=[30] * 900, Income=[1] * 900
    )
    (failure,) = land({"a.parquet": whole, "b.parquet": whole[:-9]}, PEOPLE_PARQUET).failures
    assert failure.startswith("people: expected a whole Parquet file b.parquet, found a damaged")
    spoilt = bytearray(whole)
    spoilt[30:2000] = bytes(1970)
    (failure,) = land({"a.parquet": whole, "b.parquet": bytes(spoilt)}, PEOPLE_PARQUET).failures
    assert failure.startswith("people: expected a whole Parquet file b.parquet, found a damaged")


MONTHLY = Source(
    name="visits",
    grain="one row a person and month",
    files=("visits",),
    key=("ID", "DAY"),
    date="DAY",
    monthly=True,
    columns=(Column(name="ID", kind=Kind.KEY), Column(name="DAY", kind=Kind.DATE, max_bad=0.5)),
)


def test_a_month_that_is_in_two_files_is_named_with_both(land: Land) -> None:
    files = {
        "january.csv": b"ID,DAY\n1,2024-01-05\n2,2024-01-06\n3,x\n",
        "february.csv": b"ID,DAY\n1,2024-02-05\n2,2024-01-31\n3,x\n",
    }
    assert land(files, MONTHLY).failures == [
        "visits.DAY: expected each month in one file, found 2024-01 in february.csv and january.csv"
    ]


def test_bronze_of_a_dated_source_is_laid_out_by_month(
    spark: "SparkSession", tmp_path: Path
) -> None:
    (tmp_path / "visits").write_text("ID,DAY,NOTE\n1,2024-01-05, a \n2,2024-02-06,\n3,?,c\n")
    landing, _ = bronze.inspect(MONTHLY, [tmp_path / "visits"], tmp_path)
    facts, checks = bronze.land(spark, landing, tmp_path / "raw")
    assert (facts, checks) == ({"landed": 3, "last": "2024-02-06"}, [])
    files = sorted(str(p.relative_to(tmp_path / "raw")) for p in (tmp_path / "raw").rglob("*.*"))
    assert files == [
        f"snapshot_month={month}/part-00000.parquet" for month in ("2024-01", "2024-02", "unknown")
    ]
    rows = spark.read.parquet(str(tmp_path / "raw")).orderBy("ID").collect()
    assert [row["NOTE"] for row in rows] == [" a ", None, "c"]
    assert {row["_file"] for row in rows} == {"visits"}


@pytest.mark.parametrize("end", ["", "\r\n", "\n\n", "\n"])
def test_a_file_that_does_not_end_its_last_line_is_read_and_that_is_told(
    tmp_path: Path, end: str
) -> None:
    (tmp_path / "people.csv").write_text(HEAD + GOOD.rstrip("\n") + end, newline="")
    landing, checks = bronze.inspect(PEOPLE, [tmp_path / "people.csv"], tmp_path)
    assert landing.header == ("Id", "City", "Age", "Income")
    told = Check(
        "people", "", "a newline after the last line of people.csv",
        "none: the file is whole, or cut in its last cell, Income", True,
    )  # fmt: skip
    assert checks == ([] if end else [told])


def test_of_a_file_cut_in_its_last_cell_that_cell_s_row_goes_to_quarantine(land: Land) -> None:
    landed = land(b"ID,DAY\n1,2024-01-05\n2,2024-01-06\n3,2024-0", MONTHLY)
    assert landed.failures == []
    assert landed.checks[0].expected == "a newline after the last line of visits"
    assert "1 other, such as '2024-0'" in [found.found for found in landed.checks]
    assert len(landed.kept) == 2
    ((_, key, reason, _),) = landed.rejected
    assert (key, reason) == ("3|2024-0", "DAY: not date or out of range: 2024-0")


def test_columns_that_differ_in_case_alone_are_a_fault_of_the_header_or_can_be_landed(
    spark: "SparkSession", tmp_path: Path
) -> None:
    source = PEOPLE.model_copy(
        update={"naming": Naming.AS_IS, "aliases": {"Id": "ID", "City": "CITY", "Age": "AGE"}}
    )
    path = tmp_path / "people.csv"
    path.write_text("Id,City,Age,INCOME,note,Note\n1,Rome,30,1,a,b\n")
    landing, checks = bronze.inspect(source, [path], tmp_path)
    assert failures(checks) == []
    facts, _ = bronze.land(spark, landing, tmp_path / "raw")
    assert facts["landed"] == 1

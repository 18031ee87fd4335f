"""The data contract of one source: files as given, failures as expected."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.contracts.sources import Naming
from components.etl import bronze
from components.etl.silver import clean
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


def test_a_missing_file_is_named_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("")
    found = bronze.find_file(PEOPLE, tmp_path)
    assert isinstance(found, bronze.Check)
    assert bronze.failures([found]) == [
        f"people: expected a file people.csv or whole.csv in {tmp_path}, found readme.txt"
    ]


def test_a_file_is_not_found_where_a_folder_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "people.csv").mkdir()
    assert isinstance(bronze.find_file(PEOPLE, tmp_path), bronze.Check)


def test_the_first_of_the_accepted_files_is_read(tmp_path: Path) -> None:
    (tmp_path / "whole.csv").write_text("")
    assert bronze.find_file(PEOPLE, tmp_path) == tmp_path / "whole.csv"
    (tmp_path / "people.csv").write_text("")
    assert bronze.find_file(PEOPLE, tmp_path) == tmp_path / "people.csv"


@pytest.mark.parametrize(
    ("text", "failures"),
    [
        ("Id,City,Income\n1,Rome,2\n", ["people.AGE: a column of the file: columns"]),
        ("Id,Income\n1,2\n", ["people.CITY: a column", "people.AGE: a column"]),
        (
            "",
            ["people.ID: a col", "people.CITY: a col", "people.AGE: a col", "people.INCOME: a col"],
        ),
        ("Id,City,Age,age,Income\n", ["people.AGE: one column of this name: several"]),
        ("Id,Number,City,Age,Income\n", ["people.ID: one column of this name: several"]),
        ("Id,City,Age,Income,Note,note\n", ["people.NOTE: one column of this name: several"]),
        ("Id;City;Age;Income\n", ["people.ID: a col"] + ["people."] * 3),
    ],
    ids=["one", "two", "empty-file", "twice", "alias-twice", "undeclared-twice", "semicolons"],
)
def test_every_fault_of_a_header_is_listed(tmp_path: Path, text: str, failures: list[str]) -> None:
    (tmp_path / "people.csv").write_text(text)
    _, checks = bronze.read_header(PEOPLE, tmp_path / "people.csv")
    found = [c.replace("expected ", "").replace(", found", ":") for c in bronze.failures(checks)]
    assert len(found) == len(failures)
    for sentence, start in zip(found, failures, strict=True):
        assert sentence.startswith(start)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_header_that_is_not_utf_8_is_said_so(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "people.csv").write_bytes("Id,City,Age,Income,Größe\n".encode(encoding))
    _, checks = bronze.read_header(PEOPLE, tmp_path / "people.csv")
    assert bronze.failures(checks) == [
        "people: expected UTF-8 text in people.csv, found another encoding"
    ]


KEEP = "1,Rome,30,10\n2,Rome,40,20\n3,Rome,50,30\n"


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
    assert landed.rows is not None
    good, _ = clean(landed.rows, PEOPLE)
    assert sorted(tuple(row) for row in good.collect()) == [
        ("1", "Rome", 30.0, 10.0),
        ("2", "Rome", 40.0, 20.5),
        ("3", "Rome", 50.0, None),
    ]


def _bad(column: str, kind: str, share: str, count: int, example: str) -> str:
    return (
        f"people.{column}: expected {kind} in all but {share} of rows, "
        f"found {count} other, such as {example!r}"
    )


_AGE = "a whole number from 18 to 110"
_INCOME = "a number of at least 0"
_CITY = 'one of Rome, Oslo, N, the "Hague"'


@pytest.mark.parametrize(
    ("rows", "failures"),
    [
        ("", ["people: expected at least one row, found 0 rows"]),
        ("1,Rome,x,10\n2,Rome,40,20\n3,Rome,50,30\n", []),
        ("1,Rome,200,10\n2,Rome,40,20\n3,Rome,50,30\n", []),
        ("1,Rome,x,10\n2,Rome,7,20\n3,Rome,50,30\n", [_bad("AGE", _AGE, "34.0%", 2, "x")]),
        ("1,Rome,30.5,10\n2,Rome,NaN,1\n3,Rome,5,3\n", [_bad("AGE", _AGE, "34.0%", 3, "30.5")]),
        ("1,Rome,30,-1\n2,Rome,40,20\n", [_bad("INCOME", _INCOME, "0.0%", 1, "-1")]),
        ("1,Rome,30,Infinity\n2,Rome,4e1,2\n", [_bad("INCOME", _INCOME, "0.0%", 1, "Infinity")]),
        ("1,Rome,30,12d\n2,Rome,40,20\n", [_bad("INCOME", _INCOME, "0.0%", 1, "12d")]),
        ('1,Rome,30,"1,000"\n2,Rome,40,20\n', [_bad("INCOME", _INCOME, "0.0%", 1, "1,000")]),
        ("1,Paris,30,10\n2,Rome,40,20\n", [_bad("CITY", _CITY, "0.0%", 1, "Paris")]),
        ("1,rome,30,10\n2,Rome,40,20\n", [_bad("CITY", _CITY, "0.0%", 1, "rome")]),
        ("1,?,30,10\n2,Rome,40,20\n", []),
        ("1,?,30,10\n2,,40,20\n3,Rome,50,1\n",
         ["people.CITY: expected at most 50.0% missing, found 2 of 3 missing"]),
        ("1,Rome,30,\n2,Rome,,20\n",
         ["people.AGE: expected at most 0.0% missing, found 1 of 2 missing"]),
        (",Rome,30,10\n2,Rome,40,20\n",
         ["people.ID: expected at most 0.0% missing, found 1 of 2 missing"]),
        ("1,Rome,30,10\n1,Rome,30,10\n2,Rome,40,20\n", []),
        ("1,Rome,30,10\n1,Rome,31,10\n2,Rome,40,20\n2,Rome,40,21\n3,Rome,50,30\n",
         ["people.ID: expected a key that names one row, found 2 keys with rows that differ"]),
        ("1,,30,10\n1,Rome,30,\n2,Rome,40,20\n3,Rome,50,30\n",
         ["people.ID: expected a key that names one row, found 1 keys with rows that differ"]),
        ("1,Rome,30,10\n1,Rome,30,\n2,Rome,40,20\n",
         ["people.ID: expected a key that names one row, found 1 keys with rows that differ"]),
        ("1,Rome,30,\n1,Rome,,30\n2,Rome,40,20\n",
         ["people.AGE: expected at most 0.0% missing, found 1 of 3 missing",
          "people.ID: expected a key that names one row, found 1 keys with rows that differ"]),
        ("1,Rome\n2,Rome,40,20\n", []),
        ("1,Rome,30,10,99\n2,Rome,40,20\n", []),
        ("1,Rome\n2,Rome,40,20,7,7\n",
         ["people: expected at least one row, found 0 rows",
          "people: expected the header's columns in all but 50.0% of lines, "
          "found 2 other lines of 2"]),
        ('1,"Oslo, N",30,10\n2,"the ""Hague""",40,20\n', []),
        ("1,Paris,x,-1\n,Rome,y,2\n",
         [_bad("AGE", _AGE, "34.0%", 2, "x"), _bad("CITY", _CITY, "0.0%", 1, "Paris"),
          _bad("INCOME", _INCOME, "0.0%", 1, "-1"),
          "people.ID: expected at most 0.0% missing, found 1 of 2 missing"]),
    ],
    ids=[
        "header-only", "wrong-type-within", "out-of-range-within", "above-max-bad",
        "not-whole-and-nan", "negative", "infinite", "java-suffix", "thousands", "unknown-category",
        "category-in-another-case", "missing-within", "missing-above", "missing-not-allowed",
        "missing-key", "repeated-row", "conflicting-keys", "conflict-in-empty-cells",
        "conflict-of-value-and-none", "conflict-of-moved-value", "short-line", "long-line",
        "malformed-only", "quoted-commas-and-quotes", "all-at-once",
    ],
)  # fmt: skip
def test_a_contract_lists_every_failure_of_the_rows(
    land: Land, rows: str, failures: list[str]
) -> None:
    assert sorted(land((HEAD + rows).encode()).failures) == sorted(failures)


def test_replacements_are_counted_by_column_and_code(land: Land) -> None:
    rows = "1,Roma,30,1\n2,Roma,30,1\n3,?,30,1\n4,Rome,30,1\n5,,30,1\n"
    assert land((HEAD + rows).encode()).facts == {
        "landed": 5,
        "replaced": {"CITY": {"Roma": 2, "?": 1}},
    }


def test_a_stray_latin_letter_far_down_the_file_is_said_so(land: Land) -> None:
    lines = "".join(f"{number},Rome,30,10\n" for number in range(2_000)) + "Jörg,Rome,30,10\n"
    landed = land((HEAD + lines).encode("latin-1"))
    assert landed.failures == ["people: expected UTF-8 text in people.csv, found another encoding"]


def test_columns_that_differ_in_case_alone_are_a_fault_of_the_header_or_can_be_landed(
    spark: "SparkSession", tmp_path: Path
) -> None:
    source = PEOPLE.model_copy(
        update={"naming": Naming.AS_IS, "aliases": {"Id": "ID", "City": "CITY", "Age": "AGE"}}
    )
    path = tmp_path / "people.csv"
    path.write_text("Id,City,Age,INCOME,note,Note\n1,Rome,30,1,a,b\n")
    header, checks = bronze.read_header(source, path)
    if not checks:
        assert bronze.read_landed(spark, path, header).count() == 1

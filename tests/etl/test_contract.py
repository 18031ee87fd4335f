"""The data contract of one source: rows as given, failures as expected."""

from collections.abc import Mapping
from datetime import date

import pytest

from components.contracts.errors import VintageError
from components.contracts.sources import Column, Kind, Source
from components.etl import contract
from components.etl.asof import day_of, months_between, resolve
from tests.etl.conftest import Land
from tests.etl.small import PEOPLE

HEAD = "Id,City,Age,Income\n"
TODAY = date(2024, 3, 31)


def _bad(column: str, kind: str, share: str, count: int, example: str) -> str:
    where = "in every row" if share == "0.0%" else f"in all but {share} of rows"
    return f"people.{column}: expected {kind} {where}, found {count} other, such as {example!r}"


def _twice(keys: str) -> str:
    return (
        f"people.ID: expected a key that names one row, found {keys} with rows that differ, "
        "such as '1'"
    )


_AGE = "a whole number from 18 to 110"
_INCOME = "a number of at least 0"
_CITY = 'one of Rome, Oslo, N, the "Hague"'


@pytest.mark.parametrize(
    ("rows", "failures"),
    [
        ("", ["people: expected at least one row in people.csv, found 0 rows"]),
        ("1,Rome,x,10\n2,Rome,40,20\n3,Rome,50,30\n", []),
        ("1,Rome,200,10\n2,Rome,40,20\n3,Rome,50,30\n", []),
        ("1,Rome,x,10\n2,Rome,7,20\n3,Rome,50,30\n", [_bad("AGE", _AGE, "34.0%", 2, "7")]),
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
         ["people.AGE: expected none missing, found 1 of 2 missing"]),
        (",Rome,30,10\n2,Rome,40,20\n",
         ["people.ID: expected none missing, found 1 of 2 missing"]),
        ("1,Rome,30,10\n1,Rome,30,10\n2,Rome,40,20\n", []),
        ("1,Rome,30,10\n1,Rome,31,10\n2,Rome,40,20\n2,Rome,40,21\n3,Rome,50,30\n",
         [_twice("2 keys")]),
        ("1,,30,10\n1,Rome,30,\n2,Rome,40,20\n3,Rome,50,30\n",
         [_twice("1 key")]),
        ("1,Rome,30,10\n1,Rome,30,\n2,Rome,40,20\n",
         [_twice("1 key")]),
        ("1,Rome,30,\n1,Rome,,30\n2,Rome,40,20\n",
         ["people.AGE: expected none missing, found 1 of 3 missing",
          _twice("1 key")]),
        ("1,Rome\n2,Rome,40,20\n", []),
        ("1,Rome,30,10,99\n2,Rome,40,20\n", []),
        ("1,Rome,7,7,7\n2,Rome,40,20,7,7\n",
         ["people: expected at least one row, found 0 rows",
          "people: expected the header's columns in all but 50.0% of lines, "
          "found 2 other lines of 2"]),
        ('1,"Oslo, N",30,10\n2,"the ""Hague""",40,20\n', []),
        ("1,Paris,x,-1\n,Rome,y,2\n",
         [_bad("AGE", _AGE, "34.0%", 2, "x"), _bad("CITY", _CITY, "0.0%", 1, "Paris"),
          _bad("INCOME", _INCOME, "0.0%", 1, "-1"),
          "people.ID: expected none missing, found 1 of 2 missing"]),
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


def test_conflicting_keys_up_to_the_declared_share_go_to_quarantine(land: Land) -> None:
    lenient = PEOPLE.model_copy(update={"max_conflicts": 0.5})
    rows = "1,Rome,30,1\n1,Rome,30,2\n1,Rome,x,1\n2,Rome,40,1\n"
    landed = land((HEAD + rows).encode(), lenient)
    assert landed.failures == []
    assert [row[0] for row in landed.kept] == ["2"]
    assert [(row[1], row[2]) for row in landed.rejected] == [
        ("1", "AGE: not integer or out of range: x"),
        ("1", "key on rows that differ"),
        ("1", "key on rows that differ"),
    ]
    more = rows + "3,Rome,30,1\n3,Rome,31,1\n"
    assert land((HEAD + more).encode(), lenient).failures == [
        "people.ID: expected a key that names one row, in all but 50.0% of keys, "
        "found 2 of 3 keys with rows that differ, such as '1'"
    ]


def test_what_a_bad_private_cell_says_is_told_nowhere(land: Land) -> None:
    source = PEOPLE.model_copy(
        update={
            "columns": (
                Column(name="ID", kind=Kind.KEY),
                Column(name="CITY", kind=Kind.TEXT, private=True),
                Column(name="AGE", kind=Kind.INTEGER, max_bad=0.4, private=True),
                Column(name="DECADE", of="AGE", kind=Kind.INTEGER, max_bad=0.4),
                Column(name="INCOME", kind=Kind.NUMBER, max_bad=0.9),
            )
        }
    )
    rows = "1,Hush,Hush,10\n2,Hush,40,Loud\n3,Hush\n4,Hush,50,7\n"
    landed = land((HEAD + rows).encode(), source)
    assert landed.kept == [("4", 50.0, 7.0)]
    assert "Hush" not in repr((landed.checks, landed.rejected, landed.kept, dict(landed.counts)))
    assert [row[3] for row in landed.rejected if row[2] == "malformed line"] == [
        "not kept: it may hold what is private"
    ]
    assert "Loud" in repr(landed.rejected)
    strict = source.model_copy(update={"max_malformed": 0.0})
    assert "Hush" not in repr(land((HEAD + rows).encode(), strict).failures)
    told = [
        (line["column"], line["what"], line["rows"])
        for line in contract.cleaning(source, landed.counts)
    ]
    assert told == [("CITY", "private, dropped", 4), ("AGE", "private, dropped", 4)]


def test_a_bad_value_that_counts_as_missing_is_counted_and_bounded(land: Land) -> None:
    age = Column(
        name="AGE", kind=Kind.INTEGER, minimum=18, maximum=110, max_bad=0.5, outside="missing",
        strip="_", replace={"-1": None},
    )  # fmt: skip
    source = PEOPLE.model_copy(update={"columns": (PEOPLE.columns[0], age)})
    landed = land(b"Id,Age\n1,7\n2,_40_\n3,_-1\n4,50\n", source)
    assert landed.kept == [("1", None), ("2", 40.0), ("3", None), ("4", 50.0)]
    assert landed.failures == ["people.AGE: expected none missing, found 1 of 4 missing"]
    assert contract.cleaning(source, landed.counts) == [
        {"table": "people", "column": "AGE", "what": what, "rows": rows}
        for what, rows in (
            ("stripped", 2), ("replaced '-1', now missing", 1), ("out of range, now missing", 1),
        )
    ]  # fmt: skip
    above = land(b"Id,Age\n1,7\n2,8\n3,50\n", source)
    assert above.failures == [
        "people.AGE: expected a whole number from 18 to 110 in all but 50.0% of rows, "
        "found 2 other, such as '7'"
    ]


def _visits(*days: str) -> bytes:
    return "".join(
        f"{line}\n" for line in ("ID,DAY", *(f"{n},{d}" for n, d in enumerate(days)))
    ).encode()


def _dated(**changes: object) -> Source:
    declared = {
        "name": "visits", "grain": "one row a visit", "files": ("visits.csv",), "key": ("ID",),
        "date": "DAY",
        "columns": (
            Column(name="ID", kind=Kind.KEY), Column(name="DAY", kind=Kind.DATE, max_bad=0.5),
        ),
    }  # fmt: skip
    return Source.model_validate({**declared, **changes})


_EVERY = "visits.DAY: expected rows of every month from 2023-11 to "


@pytest.mark.parametrize(
    ("days", "as_of", "fresh", "failures"),
    [
        (["2023-11-01", "2023-12-31", "2024-01-15"], "", None, []),
        (["2023-11-01", "2024-01-15", "2024-04-01"], "", None,
         [f"{_EVERY}2024-04, found none of 2023-12, 2024-02, 2024-03"]),
        (["2023-11-01", "2024-01-31", "2024-02-01"], "2024-01-15", None,
         [f"{_EVERY}2024-01, found none of 2023-12"]),
        # The month of the as-of itself, of a source that goes on after it.
        (["2023-11-01", "2023-12-31", "2024-02-01"], "2024-01-31", None,
         [f"{_EVERY}2024-01, found none of 2024-01"]),
        (["2023-11-01", "2023-12-31", "?", "2024-03-01"], "2024-02-29", None,
         [f"{_EVERY}2024-02, found none of 2024-01, 2024-02"]),
        # It may have ended: nothing says that it has not.
        (["2023-11-01", "2023-12-31"], "2024-02-29", None, []),
        (["2023-11-01", "2023-12-31", "?"], "2024-02-29", None, []),
        # Declared fresh, it has not.
        (["2023-11-01", "2023-12-31"], "2024-01-31", 31, []),
        (["2023-11-01", "2023-12-31"], "2024-02-29", 31,
         [f"{_EVERY}2024-02, found none of 2024-01, 2024-02",
          "visits.DAY: expected a last row at most 31 days before 2024-02-29, "
          "found one of 2023-12-31, 60 days before"]),
    ],
)  # fmt: skip
def test_each_missing_month_up_to_the_as_of_is_named(
    land: Land, days: list[str], as_of: str, fresh: int | None, failures: list[str]
) -> None:
    source = _dated(monthly=True, freshness_days=fresh)
    assert land(_visits(*days), source, as_of).failures == failures


def test_a_monthly_source_that_ended_says_when(land: Land) -> None:
    landed = land(_visits("2023-11-01", "2023-12-31"), _dated(monthly=True), "2024-02-29")
    (found,) = (check.found for check in landed.checks if check.expected.startswith("rows of ev"))
    assert found == "all, and none after 2023-12"


@pytest.mark.parametrize(
    ("as_of", "failures"),
    [
        ("2024-01-25", []),
        ("2024-01-26", ["visits.DAY: expected a last row at most 10 days before 2024-01-26, "
                        "found one of 2024-01-15, 11 days before"]),
        ("2024-02-29", []),
    ],
)  # fmt: skip
def test_a_last_row_may_be_so_many_days_old(land: Land, as_of: str, failures: list[str]) -> None:
    data = _visits("2024-01-15", "2024-02-20")
    assert land(data, _dated(freshness_days=10), as_of).failures == failures


def test_rows_later_than_the_as_of_are_in_no_count_and_break_nothing(land: Land) -> None:
    data = _visits("2024-01-15", "2024-01-16", "?", "2024-02-01") + b"0,2024-01-16\n"
    landed = land(data, _dated(), "2024-01-15")
    assert landed.failures == []
    assert landed.counts["rows"] == 2
    assert landed.kept == [("0", date(2024, 1, 15))]
    assert [row[1] for row in landed.rejected] == ["2"]
    assert land(_visits("2024-01-15"), _dated(), "2023-12-31").failures == [
        "visits: expected at least one row as of 2023-12-31, found 0 rows"
    ]


@pytest.mark.parametrize(
    ("as_of", "latest", "day"),
    [
        ("", {}, ""),
        ("", {"a": "2024-01-31", "b": "2024-02-01"}, "2024-02-01"),
        ("2024-02", {"a": "2024-02-01"}, "2024-02-01"),
        ("2024-02-28", {"a": "2024-02-01"}, "2024-02-01"),
        ("2023-12", {"a": "2024-02-01"}, "2023-12-31"),
        ("last month", {"a": "2024-03-05"}, "2024-02-29"),
        ("last month", {"a": "2024-02-01"}, "2024-02-01"),
    ],
)
def test_a_run_looks_from_the_day_that_it_is_given_or_from_the_last(
    as_of: str, latest: Mapping[str, str], day: str
) -> None:
    assert resolve(day_of(as_of, TODAY), latest) == day


@pytest.mark.parametrize(
    ("today", "day"),
    [
        (date(2024, 3, 1), "2024-02-29"),
        (date(2024, 3, 31), "2024-02-29"),
        (date(2025, 1, 2), "2024-12-31"),
        (date(2025, 12, 31), "2025-11-30"),
    ],
)
def test_last_month_is_the_one_before_today_s(today: date, day: str) -> None:
    assert day_of("last month", today) == day


def test_an_as_of_after_all_data_names_both() -> None:
    with pytest.raises(VintageError) as caught:
        resolve(day_of("2024-03", TODAY), {"a": "2024-01-31", "b": "2024-02-01"})
    assert str(caught.value) == (
        "as-of 2024-03-31: expected data of that month, found that a ends on 2024-01-31, "
        "b ends on 2024-02-01"
    )
    with pytest.raises(VintageError, match="that month, found that no date can be read"):
        resolve(day_of("2024-03", TODAY), {})
    with pytest.raises(VintageError, match="as-of 2024-02-29: expected data of that month"):
        resolve(day_of("last month", TODAY), {"a": "2024-01-31"})


@pytest.mark.parametrize(
    "text", ["2024", "2024-13", "24-01", "2024-02-30", "20240201", "today", "next month"]
)
def test_what_is_no_month_and_no_day_is_refused(text: str) -> None:
    with pytest.raises(VintageError, match=f"as-of '{text}': expected a month"):
        day_of(text, TODAY)
    with pytest.raises(VintageError, match="as-of 'last month': expected a month"):
        day_of("last month")  # of a day that nobody told


def test_months_run_over_the_end_of_a_year() -> None:
    assert months_between("2023-11-30", "2024-02-01") == [
        "2023-11", "2023-12", "2024-01", "2024-02",
    ]  # fmt: skip

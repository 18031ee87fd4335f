"""The credit-approval sample data: its schema, its dirt recounted from the files, its trap."""

import csv
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samples import credit_approval
from samples.credit_approval import APPLICATION, CREDIT, DIRT, INCOME_TYPES, NOT_EMPLOYED, STATUSES

Lines = list[list[str]]
Sample = tuple[Lines, Lines, dict[str, int]]  # both files without their headers, planted counts
ROWS = 30_000
FILES = ("application_record.csv", "credit_record.csv")


def load(folder: Path) -> tuple[Lines, Lines]:
    """Read the two files without their headers."""
    tables = []
    for name in FILES:
        with (folder / name).open(encoding="ascii", newline="") as file:
            tables.append(list(csv.reader(file))[1:])
    return tables[0], tables[1]


def column(lines: Lines, name: str) -> list[str]:
    """Return one column of application_record.csv."""
    return [line[APPLICATION.index(name)] for line in lines]


def statuses(credit: Lines) -> dict[str, set[str]]:
    """Return the statuses an ID ever had."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, _, status in credit:
        found[key].add(status)
    return found


def recount(folder: Path) -> dict[str, int]:
    """Count from the files alone what `write` reports as planted."""
    application, credit = load(folder)
    people = {tuple(line[1:]) for line in application}
    ids = Counter(line[0] for line in application)
    ever = statuses(credit)
    joined = {key: ever[key] for key in ids if key in ever}
    return {
        "rows": len(application),
        "ids": len(ids),
        "profiles": len(people),
        "repeats": len(application) - len(people),
        "joined": len(joined),
        "joined_profiles": len({tuple(line[1:]) for line in application if line[0] in joined}),
        "applicants_only": len(ids.keys() - ever.keys()),
        "records_only": len(ever.keys() - ids.keys()),
        "two_persons": sum(count > 1 for count in ids.values()),
        "pensioners": column(application, "DAYS_EMPLOYED").count(str(NOT_EMPLOYED)),
        "no_occupation": column(application, "OCCUPATION_TYPE").count(""),
        "credit_rows": len(credit),
        "bad_1_to_5": sum(bool(found & set("12345")) for found in joined.values()),
        "bad_2_to_5": sum(bool(found & set("2345")) for found in joined.values()),
        "bad_5": sum("5" in found for found in joined.values()),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("credit_approval")


@pytest.fixture(scope="module")
def sample(folder: Path) -> Sample:
    """A sample of two chunks, and its planted counts."""
    with patch.object(credit_approval, "_CHUNK", ROWS // 2):
        counts = credit_approval.write(folder, rows=ROWS)
    return *load(folder), counts


def test_the_files_have_the_real_headers_and_line_ends(folder: Path, sample: Sample) -> None:
    application, credit = ((folder / name).read_bytes() for name in FILES)
    assert application.startswith(
        b"ID,CODE_GENDER,FLAG_OWN_CAR,FLAG_OWN_REALTY,CNT_CHILDREN,AMT_INCOME_TOTAL,"
        b"NAME_INCOME_TYPE,NAME_EDUCATION_TYPE,NAME_FAMILY_STATUS,NAME_HOUSING_TYPE,DAYS_BIRTH,"
        b"DAYS_EMPLOYED,FLAG_MOBIL,FLAG_WORK_PHONE,FLAG_PHONE,FLAG_EMAIL,OCCUPATION_TYPE,"
        b"CNT_FAM_MEMBERS\n"
    )
    assert application.split(b"\n", 1)[0].decode() == ",".join(APPLICATION)
    assert credit.startswith(b"ID,MONTHS_BALANCE,STATUS\r\n")
    assert credit.split(b"\r\n", 1)[0].decode() == ",".join(CREDIT)
    assert b"\r" not in application
    assert credit.count(b"\r\n") == credit.count(b"\n") == sample[2]["credit_rows"] + 1


def test_the_planted_counts_are_found_in_the_files(folder: Path, sample: Sample) -> None:
    assert recount(folder) == sample[2]


@pytest.mark.parametrize("rows", [3_000, ROWS])
def test_the_counts_are_in_the_real_proportions(tmp_path: Path, rows: int) -> None:
    counts = credit_approval.write(tmp_path, rows=rows)
    names = set(DIRT.__dataclass_fields__) - {"silent"}
    assert {name: counts[name] for name in names} == {
        name: round(getattr(DIRT, name) * rows) for name in names
    }
    assert counts["bad_2_to_5"] >= 4


def test_the_real_size_has_the_real_counts() -> None:
    real = {"profiles": 90_085, "joined_profiles": 9_728, "pensioners": 75_329}
    real |= {"joined": 36_457, "records_only": 9_528, "two_persons": 47, "bad_2_to_5": 616}
    assert {name: round(getattr(DIRT, name) * credit_approval.ROWS) for name in real} == real


def test_values_stay_in_their_domains(sample: Sample) -> None:
    application, credit, _ = sample
    assert set(column(application, "FLAG_MOBIL")) == {"1"}
    assert set(column(application, "CODE_GENDER")) == {"F", "M"}
    assert set(column(application, "NAME_INCOME_TYPE")) <= set(INCOME_TYPES)
    assert set(column(application, "FLAG_OWN_CAR")) == {"N", "Y"}
    born = [int(cell) for cell in column(application, "DAYS_BIRTH")]
    assert -25_201 <= min(born) <= max(born) <= -7_489
    employed = {int(cell) for cell in column(application, "DAYS_EMPLOYED")}
    assert {days for days in employed if days >= 0} == {NOT_EMPLOYED}
    assert all(cell.endswith(".0") for cell in column(application, "AMT_INCOME_TOTAL"))
    assert {line[2] for line in credit} == set(STATUSES)


def test_who_has_no_job_is_a_pensioner_without_occupation(sample: Sample) -> None:
    for line in sample[0]:
        row = dict(zip(APPLICATION, line, strict=True))
        if row["DAYS_EMPLOYED"] == str(NOT_EMPLOYED):
            assert (row["NAME_INCOME_TYPE"], row["OCCUPATION_TYPE"]) == ("Pensioner", "")


def test_a_family_has_its_children_and_one_or_two_parents(sample: Sample) -> None:
    for line in sample[0]:
        row = dict(zip(APPLICATION, line, strict=True))
        pair = row["NAME_FAMILY_STATUS"] in {"Married", "Civil marriage"}
        assert float(row["CNT_FAM_MEMBERS"]) == int(row["CNT_CHILDREN"]) + 1 + pair


def test_an_id_of_two_persons_has_no_records(sample: Sample) -> None:
    application, credit, _ = sample
    persons: dict[str, list[list[str]]] = defaultdict(list)
    for line in application:
        persons[line[0]].append(line[1:])
    shared = {key: lines for key, lines in persons.items() if len(lines) > 1}
    assert all(len(lines) == 2 and lines[0] != lines[1] for lines in shared.values())
    assert not shared.keys() & {line[0] for line in credit}


def test_the_months_of_an_account_are_contiguous_and_end_at_the_oldest(sample: Sample) -> None:
    months: dict[str, list[int]] = defaultdict(list)
    for key, month, _ in sample[1]:
        months[key].append(int(month))
    assert [int(key) for key in months] == sorted(int(key) for key in months)
    for found in months.values():
        assert found == list(range(found[0], found[0] - len(found), -1))
        assert -60 <= found[-1] <= found[0] <= 0
    assert np.mean([found[0] == 0 for found in months.values()]) == pytest.approx(0.74, abs=0.02)
    assert len(sample[1]) / len(months) == pytest.approx(22.8, abs=0.8)


def test_what_is_paid_off_stays_so(sample: Sample) -> None:
    later: dict[str, str] = {}
    for key, _, status in sample[1]:
        assert status != "C" or later.get(key, "C") == "C"
        later[key] = status


def test_applicants_of_one_profile_share_their_outcome(sample: Sample) -> None:
    application, credit, counts = sample
    ever = statuses(credit)
    groups: dict[tuple[str, ...], list[bool]] = defaultdict(list)
    for line in application:
        if line[0] in ever:
            groups[tuple(line[1:])].append(bool(ever[line[0]] & set("12345")))
    others = sum(sum(bad) * (len(bad) - 1) for bad in groups.values())
    both = sum(sum(bad) * (sum(bad) - 1) for bad in groups.values())
    rate = counts["bad_1_to_5"] / counts["joined"]
    assert both / others > 2.2 * rate


def test_the_columns_tell_a_little(sample: Sample) -> None:
    application, credit, _ = sample
    ever = statuses(credit)
    bad: dict[str, list[bool]] = {"Y": [], "N": []}
    for line in application:
        if line[0] in ever:
            bad[line[3]].append(bool(ever[line[0]] & set("12345")))
    assert 1.05 < np.mean(bad["N"]) / np.mean(bad["Y"]) < 2.2


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        credit_approval.write(tmp_path / name, rows=400, seed=seed)
    for file in FILES:
        first, second, other = (tmp_path.joinpath(run, file).read_bytes() for run in "abc")
        assert first == second
        assert first != other


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 1_500), chunk=st.integers(100, 700), seed=st.integers(0, 2**64))
def test_any_number_of_rows_and_chunks_is_counted_exactly(rows: int, chunk: int, seed: int) -> None:
    with TemporaryDirectory() as name, patch.object(credit_approval, "_CHUNK", chunk):
        counts = credit_approval.write(Path(name), rows=rows, seed=seed)
        assert recount(Path(name)) == counts
    assert counts["rows"] == rows


def test_a_single_applicant_has_no_records(tmp_path: Path) -> None:
    counts = credit_approval.write(tmp_path / "new" / "folder", rows=1)
    assert (counts["profiles"], counts["joined"], counts["credit_rows"]) == (1, 0, 0)


def test_a_failed_write_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    credit_approval.write(tmp_path, rows=20)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with (
        patch.object(credit_approval, "_credit_text", side_effect=OSError("disk full")),
        pytest.raises(OSError, match="disk full"),
    ):
        credit_approval.write(tmp_path, rows=30)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert set(before) == set(FILES)


@pytest.mark.parametrize("rows", [0, -5, 100_000_001])
def test_rows_out_of_range_are_refused(tmp_path: Path, rows: int) -> None:
    with pytest.raises(ValueError, match=f"rows: expected .* from 1 to 100000000, found {rows}"):
        credit_approval.write(tmp_path / "out", rows=rows)
    assert not (tmp_path / "out").exists()


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed: expected a whole number >= 0, found -1"):
        credit_approval.write(tmp_path, rows=1, seed=-1)

"""The repeat-loans sample data: its schema, its dirt recounted, its signal, trap and drift."""

import csv
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samples import repeat_loans
from samples.repeat_loans import (
    CLIENT,
    COLUMNS,
    DIRT,
    DRIFT_AMOUNT,
    DRIFT_FROM,
    FAR_FUTURE,
    FIRST_DAY,
    LAST_DAY,
)

Floats = NDArray[np.float64]
Table = dict[str, NDArray[np.str_]]
ROWS = 60_000  # more than one chunk


def load(folder: Path) -> Table:
    """Read loans.csv: its cells as text, columns by name, each of shape (lines,)."""
    with (folder / "loans.csv").open(encoding="ascii", newline="") as file:
        columns = zip(*csv.reader(file), strict=True)
        return {name: np.array(cells) for name, *cells in columns}


def recount(folder: Path, table: Table) -> dict[str, int]:
    """Count in the lines of the file and in its table what `write` reports as planted."""
    _, *lines = (folder / "loans.csv").read_text("ascii").splitlines()
    days = set(zip(table["id"], table["loan_date"], strict=True))
    return {
        "rows": len(lines),
        "duplicates": len(lines) - len(set(lines)),
        "clients": len(set(table["id"])),
        "same_day": len(set(table["loan_id"])) - len(days),
        "defaults": int(np.sum(table["status"] == "1")),
        "occupation_missing": int(np.sum(table["occupation_type"] == "")),
        "job_start_future": int(np.sum(table["job_start_date"] == FAR_FUTURE)),
        "amount_missing": int(np.sum(table["loan_amount"] == "")),
        "amount_negative": int(np.sum(np.char.startswith(table["loan_amount"], "-"))),
    }


def history(table: Table) -> dict[str, Floats]:
    """Return the features of each loan as of its day, and the client's `later` loans."""
    client, loan = table["id"].astype(np.int64), table["loan_id"].astype(np.int64)
    day = table["loan_date"].astype("datetime64[D]")
    order = np.lexsort((day, client))
    order = order[np.isin(order, np.unique(loan, return_index=True)[1])]  # no repeated line
    client, day = client[order], day[order]
    amount = np.array([float(cell or "nan") for cell in table["loan_amount"][order]])
    first = np.r_[True, client[1:] != client[:-1]]
    start, size = np.flatnonzero(first), np.diff(np.append(np.flatnonzero(first), first.size))
    first_of_day = first | np.r_[True, day[1:] != day[:-1]]
    begin = np.maximum.accumulate(np.where(first_of_day, np.arange(first.size), 0))
    group = np.cumsum(first_of_day) - 1
    end = begin + np.bincount(group)[group]
    # Dirty amounts count as nothing: the few averages they are in are a little low.
    total = np.append(0, np.cumsum(np.nan_to_num(amount)))
    start, size = np.repeat(start, size), np.repeat(size, size)
    number = (begin - start).astype(np.float64)
    far = table["job_start_date"][order] == FAR_FUTURE
    job = np.where(far, "NaT", table["job_start_date"][order]).astype("datetime64[D]")
    year = np.timedelta64(1, "D") * 365.25
    return {
        "day": day,
        "status": table["status"][order].astype(np.float64),
        "amount": amount,
        "loans": size.astype(np.float64),
        "later": (start + size - end).astype(np.float64),
        "nb_previous_loans": number,
        "avg_amount_loans_previous": (total[begin] - total[start]) / np.maximum(number, 1),
        "age": (day - table["birthday"][order].astype("datetime64[D]")) / year,
        "years_on_the_job": (day - job) / year,
        "flag_own_car": (table["flag_own_car"][order] == "Y").astype(np.float64),
    }


def auc(score: Floats, label: Floats) -> float:
    """Return the area under the ROC curve; ties count half."""
    _, rank, ties = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[rank]
    bad, good = np.sum(label == 1), np.sum(label == 0)
    return float((ranks[label == 1].sum() - bad * (bad + 1) / 2) / (bad * good))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A folder with a sample, and its planted counts."""
    folder = tmp_path_factory.mktemp("repeat_loans")
    return folder, repeat_loans.write(folder, rows=ROWS)


@pytest.fixture(scope="module")
def table(sample: tuple[Path, dict[str, int]]) -> Table:
    """The file of the sample, read."""
    return load(sample[0])


@pytest.fixture(scope="module")
def loans(table: Table) -> dict[str, Floats]:
    """Each loan of the sample with its features."""
    return history(table)


def test_the_file_has_the_columns_of_the_source_table(table: Table) -> None:
    header = "loan_id,id,code_gender,flag_own_car,flag_own_realty,cnt_children,amt_income_total,"
    header += "name_income_type,name_education_type,name_family_status,name_housing_type,"
    header += "flag_mobil,flag_work_phone,flag_phone,flag_email,occupation_type,cnt_fam_members,"
    header += "status,birthday,job_start_date,loan_date,loan_amount"
    assert ",".join(COLUMNS) == header
    assert tuple(table) == COLUMNS


def test_values_stay_in_their_domains(table: Table) -> None:
    domains = {
        "code_gender": {"F", "M"},
        "flag_own_car": {"Y", "N"},
        "flag_own_realty": {"Y", "N"},
        "flag_mobil": {"1"},
        "flag_email": {"0", "1"},
        "status": {"0", "1"},
    }
    for name, domain in domains.items():
        assert set(table[name]) == domain
    dates = table["loan_date"].tolist()
    assert FIRST_DAY <= min(dates) < max(dates) <= LAST_DAY
    assert (table["birthday"] < table["loan_date"]).all()
    started = table["job_start_date"] != FAR_FUTURE
    assert (table["job_start_date"] <= table["loan_date"])[started].all()
    assert set(table["name_income_type"][~started]) == {"Pensioner"}
    amounts = table["loan_amount"][table["loan_amount"] != ""]
    assert np.abs(amounts.astype(np.float64)).min() >= 500
    assert all(amount[-3] == "." for amount in amounts)


def test_a_client_is_the_same_person_in_every_loan(table: Table) -> None:
    names = (*CLIENT, "birthday", "job_start_date")
    persons = set(zip(*(table[name].tolist() for name in names), strict=True))
    assert len(persons) == len(set(table["id"]))


def test_the_planted_counts_are_found_in_the_file(
    sample: tuple[Path, dict[str, int]], table: Table
) -> None:
    assert recount(sample[0], table) == sample[1]


def test_the_exact_dirt_has_the_declared_shares(sample: tuple[Path, dict[str, int]]) -> None:
    counts = sample[1]
    for name in ("duplicates", "amount_missing", "amount_negative"):
        assert counts[name] == round(getattr(DIRT, name) * ROWS)
    # A client's loans are all alike in these, so that their shares vary more.
    assert counts["occupation_missing"] / ROWS == pytest.approx(0.31, abs=0.04)
    assert counts["job_start_future"] / ROWS == pytest.approx(0.17, abs=0.04)
    assert counts["same_day"] / ROWS == pytest.approx(DIRT.same_day, abs=0.005)


def test_clients_return_few_of_them_very_often(table: Table) -> None:
    loans = np.array(list(Counter(table["id"].tolist()).values()))
    assert 14 < loans.mean() < 20
    assert loans.min() == 1
    assert np.median(loans) < 0.7 * loans.mean()
    assert loans.max() > 8 * loans.mean()


def test_the_lines_are_sorted_by_nothing(table: Table) -> None:
    for name in ("loan_id", "id", "loan_date"):
        assert np.mean(table[name][1:] < table[name][:-1]) == pytest.approx(0.5, abs=0.02)


def test_the_planted_probability_is_calibrated_and_sets_the_best_auc(
    loans: dict[str, Floats],
) -> None:
    probability, label = repeat_loans.true_probability(loans), loans["status"]
    assert label.mean() == pytest.approx(0.12, abs=0.02)
    for part in np.array_split(np.argsort(probability), 10):
        assert probability[part].mean() == pytest.approx(label[part].mean(), abs=0.03)
    last_year = loans["day"] >= np.datetime64("2023-01-01")
    assert 0.67 < auc(probability, label) < 0.74
    assert 0.67 < auc(probability[last_year], label[last_year]) < 0.75


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("nb_previous_loans", -1),
        ("avg_amount_loans_previous", 1),
        ("age", -1),
        ("years_on_the_job", -1),
        ("flag_own_car", -1),
    ],
)
def test_every_driver_tells_something(loans: dict[str, Floats], name: str, sign: int) -> None:
    returning = (loans["nb_previous_loans"] > 0) & ~np.isnan(loans[name])
    assert auc(sign * loans[name][returning], loans["status"][returning]) > 0.52


def test_the_planted_probability_names_a_missing_column(loans: dict[str, Floats]) -> None:
    with pytest.raises(KeyError, match="age"):
        repeat_loans.true_probability({k: v for k, v in loans.items() if k != "age"})


def test_later_loans_tell_a_status_better_than_it_can_be_known(loans: dict[str, Floats]) -> None:
    early = loans["day"] < np.datetime64("2022-07-01")  # all have had the time to come back
    loans = {name: values[early] for name, values in loans.items()}
    probability, label = repeat_loans.true_probability(loans), loans["status"]
    bad = label == 1
    assert loans["later"][bad].mean() < 0.7 * loans["later"][~bad].mean()
    # No score of what is known on the day ranks better than the planted probability.
    log_odds = np.log(probability / (1 - probability))
    assert auc(log_odds + 2 * (loans["later"] == 0), label) > auc(log_odds, label) + 0.04
    assert auc(-loans["loans"], label) > auc(-loans["nb_previous_loans"], label) + 0.04


def test_from_the_drift_on_loans_are_larger_and_clients_younger(loans: dict[str, Floats]) -> None:
    drifted = loans["day"] >= np.datetime64(DRIFT_FROM)
    before = ~drifted & (loans["day"] >= np.datetime64("2023-01-01"))
    calm = (loans["day"] >= np.datetime64("2022-07-01")) & ~drifted & ~before
    medians = [np.nanmedian(loans["amount"][part]) for part in (calm, before, drifted)]
    assert medians[1] / medians[0] == pytest.approx(1, abs=0.06)
    assert medians[2] / medians[1] == pytest.approx(DRIFT_AMOUNT, abs=0.12)
    ages = [loans["age"][part].mean() for part in (calm, before, drifted)]
    assert ages[1] - ages[0] == pytest.approx(0, abs=1.2)
    assert ages[2] - ages[1] < -1.8


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        repeat_loans.write(tmp_path / name, rows=400, seed=seed)
    first, second, other = (tmp_path.joinpath(run, "loans.csv").read_bytes() for run in "abc")
    assert first == second
    assert first != other


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 1_500), chunk=st.integers(100, 700), seed=st.integers(0, 2**64))
def test_any_number_of_rows_and_chunks_is_counted_exactly(rows: int, chunk: int, seed: int) -> None:
    with TemporaryDirectory() as folder, patch.object(repeat_loans, "_CHUNK", chunk):
        counts = repeat_loans.write(Path(folder), rows=rows, seed=seed)
        assert recount(Path(folder), load(Path(folder))) == counts
    assert counts["rows"] == rows
    for name in ("duplicates", "amount_missing", "amount_negative"):
        assert counts[name] == round(getattr(DIRT, name) * rows)


def test_too_low_a_guess_of_the_clients_is_made_good(tmp_path: Path) -> None:
    with patch.object(repeat_loans, "_FEWEST_LOANS", 5_000):
        counts = repeat_loans.write(tmp_path, rows=3_000)
    assert recount(tmp_path, load(tmp_path)) == counts


def test_a_failed_write_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    repeat_loans.write(tmp_path, rows=20)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with (
        patch.object(repeat_loans, "_counts", side_effect=OSError("disk full")),
        pytest.raises(OSError, match="disk full"),
    ):
        repeat_loans.write(tmp_path, rows=30)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert set(before) == {"loans.csv"}


@pytest.mark.parametrize("rows", [0, -5])
def test_fewer_than_one_row_is_refused(tmp_path: Path, rows: int) -> None:
    with pytest.raises(ValueError, match=f"rows: expected a whole number >= 1, found {rows}"):
        repeat_loans.write(tmp_path / "out", rows=rows)
    assert not (tmp_path / "out").exists()


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed: expected a whole number >= 0, found -1"):
        repeat_loans.write(tmp_path, rows=1, seed=-1)

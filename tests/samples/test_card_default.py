"""The card-default sample data: its schema, its dirt recounted from the files, its signal."""

from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samples import card_default
from samples.card_default import BILL, DIRT, LABEL, PAID, PAY, PROFILE, TRANSACTIONS

Table = dict[str, NDArray[np.float64]]
ROWS = 30_000


def load(path: Path) -> Table:
    """Read one of the two files: columns by name, each of shape (lines,)."""
    header, *lines = path.read_text("ascii").splitlines()
    table = np.array([line.split(",") for line in lines], dtype=np.float64)
    names = header.split(",")
    return dict(zip(names, table.reshape(-1, len(names)).T, strict=True))


def merge(profile: Table, transactions: Table) -> Table:
    """Join the files on CUSTOMER_ID, in the order of the id."""
    _, left, right = np.intersect1d(
        profile["CUSTOMER_ID"], transactions["CUSTOMER_ID"], return_indices=True
    )
    merged = {name: values[right] for name, values in transactions.items()}
    return merged | {name: values[left] for name, values in profile.items()}


def recount(folder: Path) -> dict[str, int]:
    """Count from the files alone what `write` reports as planted."""
    profile, transactions = load(folder / "profile.csv"), load(folder / "transactions.csv")
    left, right = profile["CUSTOMER_ID"], transactions["CUSTOMER_ID"]
    both = merge(profile, transactions)
    values = np.column_stack([both[name] for name in both if name != "CUSTOMER_ID"])
    bills = np.array([transactions[name] for name in BILL])
    return {
        "rows": np.union1d(left, right).size,
        "duplicates": len(values) - len(np.unique(values, axis=0)),
        "profile_rows": left.size,
        "transactions_rows": right.size,
        "profile_only": np.setdiff1d(left, right).size,
        "transactions_only": np.setdiff1d(right, left).size,
        "education_undocumented": int(np.isin(profile["EDUCATION"], (0, 5, 6)).sum()),
        "marriage_undocumented": int((profile["MARRIAGE"] == 0).sum()),
        "negative_bill_rows": int((bills < 0).any(axis=0).sum()),
        "defaults": int(transactions[LABEL].sum()),
    }


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A folder with a sample as large as the real data set, and its planted counts."""
    folder = tmp_path_factory.mktemp("card_default")
    return folder, card_default.write(folder, rows=ROWS)


@pytest.fixture(scope="module")
def tables(sample: tuple[Path, dict[str, int]]) -> tuple[Table, Table]:
    """The two files of the sample, read."""
    return load(sample[0] / "profile.csv"), load(sample[0] / "transactions.csv")


def test_the_files_have_the_columns_of_the_two_source_systems(tables: tuple[Table, Table]) -> None:
    header = "CUSTOMER_ID,PAY_0,PAY_2,PAY_3,PAY_4,PAY_5,PAY_6,"
    header += ",".join(f"BILL_AMT{month}" for month in range(1, 7)) + ","
    header += ",".join(f"PAY_AMT{month}" for month in range(1, 7))
    assert ",".join(TRANSACTIONS) == header + ",default.payment.next.month"
    assert ",".join(PROFILE) == "CUSTOMER_ID,SEX,EDUCATION,MARRIAGE,AGE,LIMIT_BAL"
    assert [tuple(table) for table in tables] == [PROFILE, TRANSACTIONS]


def test_only_the_limit_is_written_as_a_float(sample: tuple[Path, dict[str, int]]) -> None:
    for line in (sample[0] / "profile.csv").read_text().splitlines()[1:]:
        *whole, limit = line.split(",")
        assert all(cell.isdigit() for cell in whole)
        assert limit.endswith("0000.0")
    assert "." not in (sample[0] / "transactions.csv").read_text().split("\n", 1)[1]


def test_only_the_transactions_lack_a_last_newline(sample: tuple[Path, dict[str, int]]) -> None:
    profile, transactions = (sample[0] / name for name in ("profile.csv", "transactions.csv"))
    assert profile.read_bytes().endswith(b".0\n")
    assert transactions.read_bytes()[-2:] in {b",0", b",1"}
    assert transactions.read_bytes().count(b"\n") == sample[1]["transactions_rows"]


def test_values_stay_in_their_domains(tables: tuple[Table, Table]) -> None:
    profile, transactions = tables
    both = merge(*tables)
    assert set(profile["SEX"]) == {1, 2}
    assert set(profile["EDUCATION"]) == set(range(7))
    assert set(profile["MARRIAGE"]) == set(range(4))
    assert profile["AGE"].min() == 21
    assert profile["AGE"].max() <= 79
    assert profile["LIMIT_BAL"].min() == 10_000
    assert profile["LIMIT_BAL"].max() <= 1_000_000
    assert all(set(transactions[name]) <= set(range(-2, 9)) for name in PAY)
    assert all((transactions[name] >= 0).all() for name in PAID)
    assert all((both[name] <= 1.3 * both["LIMIT_BAL"]).all() for name in BILL)
    assert set(transactions[LABEL]) == {0, 1}


def test_the_planted_counts_are_found_in_the_files(sample: tuple[Path, dict[str, int]]) -> None:
    assert recount(sample[0]) == sample[1]


def test_the_counts_are_those_of_the_real_data(sample: tuple[Path, dict[str, int]]) -> None:
    counts = sample[1]
    assert (counts["rows"], counts["duplicates"]) == (ROWS, 35)
    assert (counts["profile_only"], counts["transactions_only"]) == (60, 60)
    assert counts["education_undocumented"] == 14 + 280 + 51
    assert counts["marriage_undocumented"] == 54


def test_each_undocumented_code_has_its_own_share(tables: tuple[Table, Table]) -> None:
    education = tables[0]["EDUCATION"]
    shares = {0: DIRT.education_0, 5: DIRT.education_5, 6: DIRT.education_6}
    for code, share in shares.items():
        assert np.sum(education == code) == round(share * ROWS)


def test_the_ids_are_shuffled_between_the_files(tables: tuple[Table, Table]) -> None:
    left, right = (table["CUSTOMER_ID"] for table in tables)
    shared = np.intersect1d(left, right)
    assert shared.size == ROWS - 120
    assert not np.array_equal(left[np.isin(left, shared)], right[np.isin(right, shared)])
    assert (np.diff(left) < 0).any()
    assert (np.diff(right) < 0).any()


def test_a_fiftieth_of_the_bills_is_negative_each_month(tables: tuple[Table, Table]) -> None:
    for name in BILL:
        assert np.mean(tables[1][name] < 0) == pytest.approx(DIRT.negative_bill, abs=0.004)


def test_statuses_and_bills_persist_from_month_to_month(tables: tuple[Table, Table]) -> None:
    transactions = tables[1]
    for older, newer in zip(PAY[2:], PAY[1:-1], strict=True):
        assert np.mean(transactions[older] == transactions[newer]) > 0.75
    for older, newer in zip(BILL[1:], BILL[:-1], strict=True):
        assert np.corrcoef(transactions[older], transactions[newer])[0, 1] > 0.9


def test_customers_without_a_late_month_pay_in_full_or_in_part(tables: tuple[Table, Table]) -> None:
    full = tables[1]["PAY_2"] < 0
    bill, paid = tables[1]["BILL_AMT2"], tables[1]["PAY_AMT1"]
    assert (paid[full] >= bill[full]).all()
    part = tables[1]["PAY_2"] == 0
    assert np.median(paid[part] / bill[part].clip(1)) < 0.12


def test_the_default_rate_depends_on_the_latest_status(tables: tuple[Table, Table]) -> None:
    label, latest = tables[1][LABEL], tables[1]["PAY_0"]
    assert label.mean() == pytest.approx(0.221, abs=0.008)
    assert label[latest >= 2].mean() == pytest.approx(0.67, abs=0.04)
    assert label[latest == 1].mean() == pytest.approx(0.345, abs=0.03)
    for status in (-2, -1, 0):
        assert label[latest == status].mean() == pytest.approx(0.155, abs=0.03)


def test_the_planted_probability_is_calibrated_and_sets_the_best_auc(
    tables: tuple[Table, Table],
) -> None:
    both = merge(*tables)
    probability, label = card_default.true_probability(both), both[LABEL]
    assert probability.mean() == pytest.approx(label.mean(), abs=0.01)
    for part in np.array_split(np.argsort(probability), 10):
        assert probability[part].mean() == pytest.approx(label[part].mean(), abs=0.035)
    _, rank, ties = np.unique(probability, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[rank]
    bad, good = np.sum(label == 1), np.sum(label == 0)
    auc = (ranks[label == 1].sum() - bad * (bad + 1) / 2) / (bad * good)
    assert 0.78 < auc < 0.81


def test_the_planted_probability_names_a_missing_column(tables: tuple[Table, Table]) -> None:
    both = merge(*tables)
    del both["AGE"]
    with pytest.raises(KeyError, match="AGE"):
        card_default.true_probability(both)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        card_default.write(tmp_path / name, rows=400, seed=seed)
    for name in ("profile.csv", "transactions.csv"):
        first, second, other = (tmp_path.joinpath(run, name).read_bytes() for run in "abc")
        assert first == second
        assert first != other


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 1_500), chunk=st.integers(100, 700), seed=st.integers(0, 2**64))
def test_any_number_of_rows_and_chunks_is_counted_exactly(rows: int, chunk: int, seed: int) -> None:
    with TemporaryDirectory() as folder, patch.object(card_default, "_CHUNK", chunk):
        counts = card_default.write(Path(folder), rows=rows, seed=seed)
        assert recount(Path(folder)) == counts
    assert counts["rows"] == rows
    shares = (DIRT.education_0, DIRT.education_5, DIRT.education_6)
    assert counts["education_undocumented"] == sum(round(share * rows) for share in shares)
    for name in ("profile_only", "transactions_only", "duplicates"):
        assert counts[name] == round(getattr(DIRT, name) * rows)


def test_a_single_customer_is_in_both_files(tmp_path: Path) -> None:
    counts = card_default.write(tmp_path / "new" / "folder", rows=1)
    assert (counts["profile_rows"], counts["transactions_rows"]) == (1, 1)


def test_a_failed_write_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    card_default.write(tmp_path, rows=20)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with (
        patch.object(card_default, "_counts", side_effect=OSError("disk full")),
        pytest.raises(OSError, match="disk full"),
    ):
        card_default.write(tmp_path, rows=30)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert set(before) == {"profile.csv", "transactions.csv"}


@pytest.mark.parametrize("rows", [0, -5])
def test_fewer_than_one_row_is_refused(tmp_path: Path, rows: int) -> None:
    with pytest.raises(ValueError, match=f"rows: expected a whole number >= 1, found {rows}"):
        card_default.write(tmp_path / "out", rows=rows)
    assert not (tmp_path / "out").exists()


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed: expected a whole number >= 0, found -1"):
        card_default.write(tmp_path, rows=1, seed=-1)

"""The transactions sample data: its schema, its dirt recounted, its engagement and drift."""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samples import transactions
from samples.transactions import (
    COLUMNS,
    CUSTOMERS,
    DIRT,
    DRIFT_CATEGORY,
    DRIFT_FROM,
    FIRST_DAY,
    LAST_DAY,
    ROWS,
)

Floats = NDArray[np.float64]
Table = dict[str, NDArray[np.str_]]
WINDOW = 30  # last days, in which engagement is to be foreseen


def load(folder: Path) -> Table:
    """Read data.csv: its cells as text, columns by name, each of shape (lines,)."""
    with (folder / "data.csv").open(encoding="ascii", newline="") as file:
        columns = zip(*csv.reader(file), strict=True)
        return {name: np.array(cells) for name, *cells in columns}


def recount(folder: Path, table: Table) -> dict[str, int]:
    """Count in the lines of the file and in its table what `write` reports as planted."""
    _, *lines = (folder / "data.csv").read_text("ascii").splitlines()
    value, time = table["Value"].astype(np.int64), table["TransactionStartTime"]
    amount = table["Amount"].astype(np.float64)
    return {
        "rows": len(lines),
        "customers": len(set(table["CustomerId"])),
        "credits": int(np.sum(amount < 0)),
        "duplicates": len(lines) - len(set(lines)),
        "category_missing": int(np.sum(table["ProductCategory"] == "")),
        "sign_mismatch": int(np.sum(value == -np.abs(amount))),
        "time_without_zone": int(np.sum(np.char.str_len(time) == len("2018-11-15T02:18:49"))),
        "time_with_space": int(np.sum(np.char.endswith(time, "Z "))),
        "fraud": int(np.sum(table["FraudResult"] == "1")),
    }


def auc(score: Floats, label: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve; ties count half."""
    _, rank, ties = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[rank]
    bad, good = np.sum(label), np.sum(~label)
    return float((ranks[label].sum() - bad * (bad + 1) / 2) / (bad * good))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A folder with a sample as large as the real data set, and its planted counts."""
    folder = tmp_path_factory.mktemp("transactions")
    return folder, transactions.write(folder, rows=ROWS)


@pytest.fixture(scope="module")
def table(sample: tuple[Path, dict[str, int]]) -> Table:
    """The file of the sample, read."""
    return load(sample[0])


@pytest.fixture(scope="module")
def days(table: Table) -> Floats:
    """How many days before the end of the file each of its transactions is."""
    time = np.array([cell.strip().removesuffix("Z") for cell in table["TransactionStartTime"]])
    end = np.datetime64(LAST_DAY, "s") + np.timedelta64(1, "D")
    return (end - time.astype("datetime64[s]")).astype(np.float64) / 86_400


@pytest.fixture(scope="module")
def customers(table: Table, days: Floats) -> dict[str, Floats]:
    """The customers with a past before the window: figures of the past, and of the window."""
    _, who = np.unique(table["CustomerId"], return_inverse=True)
    value = np.abs(table["Value"].astype(np.float64))
    past = days > WINDOW
    number = np.bincount(who[past], minlength=who.max() + 1)
    recency = np.full(number.size, float(WINDOW))
    np.minimum.at(recency, who, days)

    def share(flag: NDArray[np.bool_]) -> Floats:
        return np.bincount(who[past], flag[past], number.size) / np.maximum(number, 1)

    hour = np.array([float(cell[11:13]) for cell in table["TransactionStartTime"]])
    figures = {
        "number": number,
        "sum": np.bincount(who[past], value[past], number.size),
        "hour": share(hour),
        "casual": share(table["ChannelId"] == "ChannelId_2"),
        "airtime": share(table["ProductCategory"] == "airtime"),
        "recency": recency,
        "frequency": np.bincount(who[~past], minlength=number.size),
        "monetary": np.bincount(who[~past], value[~past], number.size),
    }
    return {name: values[number > 0].astype(np.float64) for name, values in figures.items()}


def test_the_file_has_the_columns_of_the_source_table(table: Table) -> None:
    header = "TransactionId,BatchId,AccountId,SubscriptionId,CustomerId,CurrencyCode,CountryCode,"
    header += "ProviderId,ProductId,ProductCategory,ChannelId,Amount,Value,TransactionStartTime,"
    assert ",".join(COLUMNS) == header + "PricingStrategy,FraudResult"
    assert tuple(table) == COLUMNS


def test_values_stay_in_their_domains(table: Table) -> None:
    categories = "airtime financial_services utility_bill data_bundles tv ticket transport movies"
    domains = {
        "CurrencyCode": {"UGX"},
        "CountryCode": {"256"},
        "ProductCategory": {*categories.split(), "other", ""},
        "ChannelId": {f"ChannelId_{number}" for number in (1, 2, 3, 5)},
        "ProviderId": {f"ProviderId_{number}" for number in range(1, 7)},
        "PricingStrategy": {"0", "1", "2", "4"},
        "FraudResult": {"0", "1"},
    }
    for name, domain in domains.items():
        assert set(table[name]) == domain
    for name in ("TransactionId", "BatchId", "AccountId", "SubscriptionId", "CustomerId"):
        numbers = np.char.replace(table[name], f"{name}_", "").astype(np.int64)
        assert numbers.min() >= 1
        assert numbers.max() <= ROWS
    dates = [cell[:10] for cell in table["TransactionStartTime"].tolist()]
    assert (min(dates), max(dates)) == (FIRST_DAY, LAST_DAY)
    amount, value = table["Amount"].astype(np.float64), table["Value"].astype(np.float64)
    assert (np.abs(amount) == np.abs(value)).all()
    assert np.abs(value).min() == 50


def test_the_planted_counts_are_found_in_the_file(
    sample: tuple[Path, dict[str, int]], table: Table
) -> None:
    assert recount(sample[0], table) == sample[1]


def test_the_counts_are_those_of_the_real_data(sample: tuple[Path, dict[str, int]]) -> None:
    counts = sample[1]
    assert (counts["rows"], counts["customers"], counts["fraud"]) == (95_662, 3_742, 193)
    assert counts["credits"] / ROWS == pytest.approx(0.38, abs=0.05)
    for name, share in vars(DIRT).items():
        assert counts[name] == round(share * ROWS)


def test_few_customers_make_most_of_the_transactions(table: Table) -> None:
    _, number = np.unique(table["CustomerId"], return_counts=True)
    assert number.size == CUSTOMERS
    assert 0.3 < np.mean(number <= 3) < 0.5
    assert number.max() > 1_000
    assert np.sort(number)[-CUSTOMERS // 10 :].sum() > 0.6 * ROWS


def test_an_account_but_the_operators_is_of_one_customer(table: Table) -> None:
    operator = table["AccountId"] == "AccountId_1"
    assert operator.mean() == pytest.approx(0.3, abs=0.05)
    assert (table["Amount"].astype(np.float64)[operator] < 0).all()
    pairs = set(zip(table["AccountId"][~operator], table["CustomerId"][~operator], strict=True))
    assert len(pairs) == len({account for account, _ in pairs})


def test_a_batch_is_of_one_customer(table: Table) -> None:
    pairs = set(zip(table["BatchId"], table["CustomerId"], strict=True))
    assert len(pairs) == len({batch for batch, _ in pairs}) < len(set(table["TransactionId"]))


def test_the_lines_are_sorted_by_nothing(table: Table) -> None:
    for name in ("TransactionId", "CustomerId", "TransactionStartTime"):
        assert np.mean(table[name][1:] < table[name][:-1]) == pytest.approx(0.5, abs=0.05)


def test_fraud_goes_for_large_amounts(table: Table) -> None:
    value, fraud = table["Value"].astype(np.float64), table["FraudResult"] == "1"
    assert np.median(value[fraud]) > 3 * np.median(value[~fraud])


def test_the_past_foretells_who_is_least_engaged_but_not_for_sure(
    customers: dict[str, Floats],
) -> None:
    # What the clusters of the last days come down to: who was not seen in the last half of them.
    idle = customers["recency"] > WINDOW / 2
    assert 0.3 < idle.mean() < 0.45
    assert 0.75 < auc(-customers["number"], idle) < 0.88
    assert 0.7 < auc(-customers["sum"], idle) < 0.88
    for name in ("hour", "casual", "airtime"):
        assert 0.53 < auc(customers[name], idle) < 0.7, name


def test_the_window_itself_gives_its_own_label_away(customers: dict[str, Floats]) -> None:
    idle = customers["recency"] > WINDOW / 2
    assert auc(customers["recency"], idle) == 1
    for name in ("frequency", "monetary"):
        assert auc(-customers[name], idle) > auc(-customers["number"], idle) + 0.1
        assert (customers[name][customers["recency"] == WINDOW] == 0).all()


def test_engagement_lasts_from_month_to_month(table: Table, days: Floats) -> None:
    _, who = np.unique(table["CustomerId"], return_inverse=True)
    months = [np.log1p(np.bincount(who[(days // 30).astype(int) == month])) for month in range(3)]
    size = min(month.size for month in months)
    near, far = (np.corrcoef(months[0][:size], months[back][:size])[0, 1] for back in (1, 2))
    assert 0.6 < far < near < 0.95


def test_from_the_drift_on_one_category_has_a_larger_share(table: Table) -> None:
    drifted = table["TransactionStartTime"] >= DRIFT_FROM
    shares = {
        name: [np.mean(table["ProductCategory"][part] == name) for part in (~drifted, drifted)]
        for name in (DRIFT_CATEGORY, "airtime", "financial_services", "utility_bill")
    }
    before, after = shares.pop(DRIFT_CATEGORY)
    assert before == pytest.approx(0.02, abs=0.008)
    assert after > 3.5 * before
    for before, after in shares.values():
        assert after == pytest.approx(before, rel=0.3)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        transactions.write(tmp_path / name, rows=400, seed=seed)
    first, second, other = (tmp_path.joinpath(run, "data.csv").read_bytes() for run in "abc")
    assert first == second
    assert first != other


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 1_500), chunk=st.integers(100, 700), seed=st.integers(0, 2**64))
def test_any_number_of_rows_and_chunks_is_counted_exactly(rows: int, chunk: int, seed: int) -> None:
    with TemporaryDirectory() as folder, patch.object(transactions, "_CHUNK", chunk):
        counts = transactions.write(Path(folder), rows=rows, seed=seed)
        assert recount(Path(folder), load(Path(folder))) == counts
    assert counts["rows"] == rows
    for name, share in vars(DIRT).items():
        assert counts[name] == round(share * rows)


@pytest.mark.parametrize(
    ("rows", "customers"), [(1, 1), (29, 29), (31, 30), (766, 30), (10_000, 391)]
)
def test_the_customers_are_in_proportion(tmp_path: Path, rows: int, customers: int) -> None:
    assert transactions.write(tmp_path / "new" / "folder", rows=rows)["customers"] == customers


def test_a_failed_write_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    transactions.write(tmp_path, rows=20)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with (
        patch.object(transactions, "_soil", side_effect=OSError("disk full")),
        pytest.raises(OSError, match="disk full"),
    ):
        transactions.write(tmp_path, rows=30)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert set(before) == {"data.csv"}


@pytest.mark.parametrize("rows", [0, -5])
def test_fewer_than_one_row_is_refused(tmp_path: Path, rows: int) -> None:
    with pytest.raises(ValueError, match=f"rows: expected a whole number >= 1, found {rows}"):
        transactions.write(tmp_path / "out", rows=rows)
    assert not (tmp_path / "out").exists()


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed: expected a whole number >= 0, found -1"):
        transactions.write(tmp_path, rows=1, seed=-1)

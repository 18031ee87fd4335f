"""The loan-default sample data: its schema, its dirt recounted from the files, its truths."""

import csv
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samples import loan_default
from samples.loan_default import (
    CLICK_DATES,
    CLICK_DOWN,
    CLICK_MONTHS,
    CLICK_TREND,
    CLICK_UP,
    CLICKS,
    DIRT,
    DRIFT_FEATURE,
    DRIFT_FROM,
    DRIFT_MONTHS,
    DRIFT_SHIFT,
    FILES,
    LOAN_TYPES,
    MONTH_ON_BOOK,
    MONTHS,
    ROWS,
    SOIL,
    START_MONTHS,
    TRUE_RATE,
)

Lines = list[dict[str, str]]
Floats = NDArray[np.float64]
ATTRIBUTES, FINANCIALS, CLICKSTREAM, LOANS = FILES
OUT_OF_TIME = "2024-10"


def number(text: str) -> float:
    """Return a cell as a number, whatever underscores are around it; NaN if there is none."""
    return float(text.strip("_") or "nan")


def above(most: float) -> Callable[[str], bool]:
    return lambda text: number(text) > most


def below_0(text: str) -> bool:
    return number(text) < 0


def underscored(text: str) -> bool:
    return text.endswith("_")


# How each kind of dirt is told from clean cells of its column, not knowing where it was planted.
FOUND: dict[str, dict[str, Callable[[str], bool]]] = {
    "Age": {"age_underscore": underscored, "age_negative": below_0, "age_huge": above(120)},
    "SSN": {"ssn_garbled": "#F%$D@*&8".__eq__},
    "Occupation": {"occupation_blank": "_______".__eq__},
    "Annual_Income": {"income_underscore": underscored, "income_outlier": above(200_000)},
    "Num_Bank_Accounts": {"accounts_negative": below_0, "accounts_outlier": above(12)},
    "Num_Credit_Card": {"cards_outlier": above(12)},
    "Interest_Rate": {"rate_outlier": above(40)},
    "Num_of_Loan": {
        "loans_underscore": underscored,
        "loans_negative": "-100".__eq__,
        "loans_outlier": above(9),
    },
    "Type_of_Loan": {"no_loan_type": "".__eq__},
    "Delay_from_due_date": {"delay_negative": below_0},
    "Num_of_Delayed_Payment": {
        "delayed_underscore": underscored,
        "delayed_negative": below_0,
        "delayed_outlier": above(30),
    },
    "Changed_Credit_Limit": {"limit_underscore": "_".__eq__, "limit_negative": below_0},
    "Num_Credit_Inquiries": {"inquiries_outlier": above(20)},
    "Credit_Mix": {"mix_underscore": "_".__eq__},
    "Outstanding_Debt": {"debt_underscore": underscored},
    "Payment_of_Min_Amount": {"minimum_unknown": "NM".__eq__},
    "Total_EMI_per_month": {"emi_outlier": above(1_900)},
    "Amount_invested_monthly": {"invested_10000": "__10000__".__eq__},
    "Payment_Behaviour": {"behaviour_garbled": "!@9#%8".__eq__},
    "Monthly_Balance": {"balance_absurd": "__-333333333333333333333333333__".__eq__},
}


def load(folder: Path, name: str) -> Lines:
    """Read one of the files, a line a dict."""
    with (folder / name).open(encoding="ascii", newline="") as file:
        names, *lines = csv.reader(file)
    return [dict(zip(names, line, strict=True)) for line in lines]


def load_all(folder: Path) -> dict[str, Lines]:
    """Read all files but the clickstream, by name."""
    return {name: load(folder, name) for name in (ATTRIBUTES, FINANCIALS, LOANS)}


def recount(folder: Path, tables: dict[str, Lines]) -> dict[str, int]:
    """Count from the files alone what `write` reports as planted."""
    attributes, financials, loans = tables.values()
    lines = (folder / CLICKSTREAM).read_text("ascii").splitlines()[1:]
    at_6 = [line for line in loans if line["installment_num"] == str(MONTH_ON_BOOK)]
    counts = {
        "rows": len({line["Customer_ID"] for line in attributes}),
        "defaults": sum(line["overdue_amt"] != "0.0" for line in at_6),
        "clickstream_rows": len(lines),
        "loan_rows": len(loans),
        "no_clickstream": len(attributes) - len({line.split(",")[-2] for line in lines}),
    }
    for column, kinds in FOUND.items():
        table = attributes if column in attributes[0] else financials
        for kind, found in kinds.items():
            counts[kind] = sum(found(line[column]) for line in table)
    return counts


class Sample(NamedTuple):
    """A sample as large as the real data, and what was planted in it."""

    folder: Path
    counts: dict[str, int]
    probability: Floats


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("loan_default")
    probabilities: list[Floats] = []
    truth = loan_default.true_probability

    def recorded(columns: Mapping[str, NDArray[np.generic]]) -> Floats:
        probabilities.append(truth(columns))
        return probabilities[-1]

    with patch.object(loan_default, "true_probability", side_effect=recorded):
        counts = loan_default.write(folder, rows=ROWS)
    return Sample(folder, counts, np.concatenate(probabilities))


@pytest.fixture(scope="module")
def tables(sample: Sample) -> dict[str, Lines]:
    return load_all(sample.folder)


@pytest.fixture(scope="module")
def attributes(tables: dict[str, Lines]) -> Lines:
    return tables[ATTRIBUTES]


@pytest.fixture(scope="module")
def financials(tables: dict[str, Lines]) -> Lines:
    return tables[FINANCIALS]


@pytest.fixture(scope="module")
def loans(tables: dict[str, Lines]) -> list[Lines]:
    """The instalments of each loan, in the order of the files of features."""
    lines = tables[LOANS]
    return [lines[first : first + 11] for first in range(0, len(lines), 11)]


@pytest.fixture(scope="module")
def bad(loans: list[Lines]) -> NDArray[np.bool_]:
    return np.array([loan[MONTH_ON_BOOK]["overdue_amt"] != "0.0" for loan in loans])


@pytest.fixture(scope="module")
def starts(loans: list[Lines]) -> NDArray[np.str_]:
    return np.array([loan[0]["loan_start_date"][:7] for loan in loans])


@pytest.fixture(scope="module")
def clicks(sample: Sample) -> tuple[list[str], NDArray[np.float64]]:
    """The ids of the customers who have a clickstream, and it: shape (months, ids, features)."""
    path = sample.folder / CLICKSTREAM
    lines = [line.rsplit(",", 2) for line in path.read_text().splitlines()[1:]]
    count = len(lines) // len(CLICK_DATES)
    ids = [customer for _, customer, _ in lines[:count]]
    keys = [[customer, f"{date}-01"] for date in CLICK_DATES for customer in ids]
    assert [key for _, *key in lines] == keys
    table = np.fromstring(",".join(values for values, *_ in lines), sep=",")  # far the fastest
    return ids, table.reshape(len(CLICK_DATES), count, len(CLICKS))


def test_the_files_have_the_columns_of_the_source_systems(sample: Sample) -> None:
    headers = {
        ATTRIBUTES: "Customer_ID,Name,Age,SSN,Occupation,snapshot_date",
        FINANCIALS: "Customer_ID,Annual_Income,Monthly_Inhand_Salary,Num_Bank_Accounts,"
        "Num_Credit_Card,Interest_Rate,Num_of_Loan,Type_of_Loan,Delay_from_due_date,"
        "Num_of_Delayed_Payment,Changed_Credit_Limit,Num_Credit_Inquiries,Credit_Mix,"
        "Outstanding_Debt,Credit_Utilization_Ratio,Credit_History_Age,Payment_of_Min_Amount,"
        "Total_EMI_per_month,Amount_invested_monthly,Payment_Behaviour,Monthly_Balance,"
        "snapshot_date",
        CLICKSTREAM: ",".join(f"fe_{k}" for k in range(1, 21)) + ",Customer_ID,snapshot_date",
        LOANS: "loan_id,Customer_ID,loan_start_date,tenure,installment_num,loan_amt,due_amt,"
        "paid_amt,overdue_amt,balance,snapshot_date",
    }
    assert {name: ",".join(columns) for name, columns in FILES.items()} == headers
    for name, header in headers.items():
        text = (sample.folder / name).read_bytes()
        assert text.startswith(header.encode() + b"\n")
        assert text.endswith(b"01\n")
    assert {path.name for path in sample.folder.iterdir()} == set(headers)


def test_the_planted_counts_are_found_in_the_files(
    sample: Sample, tables: dict[str, Lines]
) -> None:
    assert recount(sample.folder, tables) == sample.counts


def test_the_counts_are_those_of_the_real_data(sample: Sample) -> None:
    expected = {
        **{"rows": 12_500, "loan_rows": 137_500, "clickstream_rows": 215_376},
        **{"no_clickstream": 3_526, "no_loan_type": 1_426, "age_underscore": 637},
        **{"ssn_garbled": 703, "occupation_blank": 880, "income_underscore": 859},
        **{"loans_underscore": 623, "loans_negative": 500, "delayed_underscore": 374},
        **{"limit_underscore": 254, "mix_underscore": 2_611, "debt_underscore": 139},
        **{"invested_10000": 558, "minimum_unknown": 1_438, "behaviour_garbled": 998},
        **{"balance_absurd": 1},
    }
    assert {name: sample.counts[name] for name in expected} == expected
    assert sample.counts["age_negative"] + sample.counts["age_huge"] == 319


def test_each_kind_of_dirt_has_a_share(sample: Sample) -> None:
    kinds = {kind for kinds in SOIL.values() for kind in kinds} | {"no_clickstream", "no_loan_type"}
    assert kinds == set(vars(DIRT))
    for kind in kinds:
        assert sample.counts[kind] == round(getattr(DIRT, kind) * ROWS)


def test_a_customer_is_one_line_in_each_file_of_features_and_one_loan(
    attributes: Lines, financials: Lines, loans: list[Lines], clicks: tuple[list[str], Floats]
) -> None:
    ids = [line["Customer_ID"] for line in attributes]
    assert len(set(ids)) == ROWS
    assert ids == sorted(ids)
    assert all(name.startswith("CUS_0x") and int(name[6:], 16) > 0xFFF for name in ids)
    assert ids == [line["Customer_ID"] for line in financials]
    assert ids == [loan[0]["Customer_ID"] for loan in loans]
    assert set(clicks[0]) < set(ids)


def test_a_snapshot_of_features_is_of_the_day_the_loan_starts(
    attributes: Lines, financials: Lines, loans: list[Lines]
) -> None:
    dates = [loan[0]["loan_start_date"] for loan in loans]
    assert dates == [line["snapshot_date"] for line in attributes]
    assert dates == [line["snapshot_date"] for line in financials]


def test_names_and_numbers_of_persons_are_plainly_invented(attributes: Lines) -> None:
    assert all(line["Name"].startswith("Example Customer ") for line in attributes)
    numbers = [line["SSN"] for line in attributes if line["SSN"] != "#F%$D@*&8"]
    assert all(text.startswith("000-") and len(text) == 11 for text in numbers)
    assert len(set(numbers)) == len(numbers)


def test_loans_start_in_each_month_alike(starts: NDArray[np.str_]) -> None:
    assert (START_MONTHS[0], START_MONTHS[-1], MONTHS[-1]) == ("2023-01", "2025-01", "2025-11")
    assert Counter(starts.tolist()) == dict.fromkeys(START_MONTHS, ROWS // 25)


def test_a_loan_has_eleven_lines_a_month_apart(loans: list[Lines]) -> None:
    for loan in loans:
        start = loan[0]["loan_start_date"]
        first = MONTHS.index(start[:7])
        for count, line in enumerate(loan):
            assert line["loan_id"] == f"{line['Customer_ID']}_{start.replace('-', '_')}"
            assert (line["tenure"], line["loan_amt"]) == ("10", "10000")
            assert line["installment_num"] == str(count)
            assert line["snapshot_date"] == f"{MONTHS[first + count]}-01"
    assert len({loan[0]["loan_id"] for loan in loans}) == ROWS


def test_the_instalments_of_a_loan_add_up(loans: list[Lines]) -> None:
    for loan in loans:
        due = paid = 0.0
        for count, line in enumerate(loan):
            assert line["due_amt"] == ("1000.0" if count else "0.0")
            due, paid = due + float(line["due_amt"]), paid + float(line["paid_amt"])
            assert float(line["overdue_amt"]) == due - paid
            assert float(line["balance"]) == 10_000 - paid
            # Either nothing is paid, or all that is owed.
            assert line["paid_amt"] == "0.0" or line["overdue_amt"] == "0.0"


def test_the_good_are_never_late_and_the_bad_miss_two_instalments(
    loans: list[Lines], bad: NDArray[np.bool_]
) -> None:
    overdue = np.array([[float(line["overdue_amt"]) for line in loan] for loan in loans])
    assert (overdue[~bad] == 0).all()
    assert overdue[bad, MONTH_ON_BOOK].min() == 2_000
    assert (np.diff(overdue[bad, 5:], axis=1) == 1_000).all()
    late = np.mean(overdue > 0, axis=0)
    expected = [0, 0.057, 0.112, 0.179, 0.234, *[0.288] * 6]
    np.testing.assert_allclose(late, expected, atol=0.015)


def test_the_label_has_the_rate_that_is_declared(bad: NDArray[np.bool_]) -> None:
    assert bad.mean() == pytest.approx(TRUE_RATE, abs=0.01)


def test_clean_cells_stay_in_their_domains(attributes: Lines, financials: Lines) -> None:
    ranges = {
        **{"Age": (14, 56), "Annual_Income": (7_000, 180_000), "Monthly_Inhand_Salary": (400, 3e4)},
        **{"Num_Bank_Accounts": (0, 10), "Num_Credit_Card": (1, 10), "Interest_Rate": (1, 34)},
        **{"Num_of_Loan": (0, 9), "Delay_from_due_date": (0, 62)},
        **{"Num_of_Delayed_Payment": (0, 26), "Changed_Credit_Limit": (1, 28)},
        **{"Num_Credit_Inquiries": (0, 16), "Outstanding_Debt": (20, 4_900 + DRIFT_SHIFT)},
        **{"Credit_Utilization_Ratio": (20, 50), "Total_EMI_per_month": (0, 1_800)},
        **{"Amount_invested_monthly": (0, 5_000), "Monthly_Balance": (10, 2_500)},
    }
    for column, (low, high) in ranges.items():
        cells = [line[column] for line in (attributes if column == "Age" else financials)]
        dirty = [found for kind, found in FOUND.get(column, {}).items() if "underscore" not in kind]
        values = [number(cell) for cell in cells if not any(found(cell) for found in dirty)]
        assert low <= np.nanmin(values)
        assert np.nanmax(values) <= high


def test_the_age_of_the_history_is_written_in_words(financials: Lines) -> None:
    for line in financials:
        years, unit, _, months, units = line["Credit_History_Age"].split(" ")
        assert (unit, units) == ("Years", "Months")
        assert 8 <= 12 * int(years) + int(months) <= 404
        assert int(months) < 12


@pytest.mark.parametrize(
    ("names", "cell"),
    [
        ([], ""),
        (["Auto Loan"], "Auto Loan"),
        (["Auto Loan", "Payday Loan"], '"Auto Loan, and Payday Loan"'),
        (
            ["Student Loan", "Payday Loan", "Mortgage Loan"],
            '"Student Loan, Payday Loan, and Mortgage Loan"',
        ),
    ],
)
def test_types_of_loans_are_listed_in_words(names: list[str], cell: str) -> None:
    assert loan_default._enumeration(names) == cell


def test_as_many_types_are_listed_as_there_are_loans(financials: Lines) -> None:
    seen = set()
    for line in financials:
        text, loans = line["Type_of_Loan"], number(line["Num_of_Loan"])
        types = text.replace(", and ", ", ").split(", ") if text else []
        seen |= set(types)
        assert loans in {len(types), -100} or loans > 9
    assert seen == set(LOAN_TYPES)


def test_worse_mixes_have_worse_figures(financials: Lines) -> None:
    for column in ("Interest_Rate", "Num_Bank_Accounts", "Delay_from_due_date", "Outstanding_Debt"):
        good, standard, worst = (
            np.median([number(line[column]) for line in financials if line["Credit_Mix"] == mix])
            for mix in ("Good", "Standard", "Bad")
        )
        assert good < standard < worst


def test_the_clickstream_is_whole_numbers_around_100(
    sample: Sample, clicks: tuple[list[str], Floats]
) -> None:
    values = clicks[1]
    np.testing.assert_allclose(values.mean(axis=(0, 1)), 100, atol=1)
    np.testing.assert_allclose(values.std(axis=(0, 1)), 100, atol=1)
    assert "." not in (sample.folder / CLICKSTREAM).read_text()
    assert len(clicks[0]) == ROWS - 3_526


def test_bad_and_good_differ_in_the_clickstream_before_the_start_only(
    clicks: tuple[list[str], Floats],
    attributes: Lines,
    starts: NDArray[np.str_],
    bad: NDArray[np.bool_],
) -> None:
    place = {line["Customer_ID"]: row for row, line in enumerate(attributes)}
    rows = np.array([place[customer] for customer in clicks[0]])
    start = np.array([START_MONTHS.index(month) for month in starts[rows].tolist()])
    up, down = ([CLICKS.index(name) for name in names] for names in (CLICK_UP, CLICK_DOWN))
    level = clicks[1][..., up].mean(axis=2) - clicks[1][..., down].mean(axis=2)
    trend = clicks[1][..., CLICKS.index(CLICK_TREND)]

    def gap(signal: Floats, back: int) -> float:
        """Bad less good customers, `back` months before the start (0: in its month)."""
        usable = (start >= CLICK_MONTHS) & (start - back < len(CLICK_DATES))
        values = signal[start[usable] - back, np.flatnonzero(usable)]
        worse = bad[rows[usable]]
        return float(values[worse].mean() - values[~worse].mean())

    before, half = range(1, CLICK_MONTHS + 1), CLICK_MONTHS // 2
    assert np.mean([gap(level, back) for back in before]) > 10
    assert np.mean([gap(level, 1 - back) for back in before]) == pytest.approx(0, abs=4)
    rises = [gap(trend, back) - gap(trend, back + half) for back in before[:half]]
    assert np.mean(rises) > 8


def test_the_feature_that_drifts_rises_month_by_month_and_the_bad_rate_with_it(
    financials: Lines, starts: NDArray[np.str_], bad: NDArray[np.bool_]
) -> None:
    debt = np.array([number(line[DRIFT_FEATURE]) for line in financials])
    level = debt[starts < DRIFT_FROM].mean()
    assert debt[starts < DRIFT_FROM].std() == pytest.approx(DRIFT_SHIFT / 0.8, rel=0.03)
    first = START_MONTHS.index(DRIFT_FROM)
    for month in START_MONTHS[:first]:
        assert debt[starts == month].mean() == pytest.approx(level, abs=200)
    for since, month in enumerate(START_MONTHS[first:], start=1):
        expected = level + DRIFT_SHIFT * min(since / DRIFT_MONTHS, 1)
        assert debt[starts == month].mean() == pytest.approx(expected, abs=200)
    assert 0.015 < bad[starts >= DRIFT_FROM].mean() - bad[starts < DRIFT_FROM].mean() < 0.07


def test_nothing_else_drifts(financials: Lines, starts: NDArray[np.str_]) -> None:
    for column in ("Interest_Rate", "Monthly_Inhand_Salary", "Num_Credit_Inquiries"):
        values = np.array([number(line[column]) for line in financials])
        early, late = (
            np.median(values[part]) for part in (starts < DRIFT_FROM, starts >= DRIFT_FROM)
        )
        assert late == pytest.approx(early, rel=0.08)


def test_the_planted_probability_is_calibrated_and_sets_the_best_auc(
    sample: Sample, starts: NDArray[np.str_], bad: NDArray[np.bool_]
) -> None:
    probability = sample.probability
    assert probability.mean() == pytest.approx(bad.mean(), abs=0.01)
    for part in np.array_split(np.argsort(probability), 10):
        assert probability[part].mean() == pytest.approx(bad[part].mean(), abs=0.04)
    late = starts >= OUT_OF_TIME
    for period in (late, ~late):
        ranks = np.argsort(np.argsort(probability[period])) + 1
        worse, n = bad[period], np.sum(period)
        wins = ranks[worse].sum() - worse.sum() * (worse.sum() + 1) / 2
        assert 0.82 < wins / (worse.sum() * (n - worse.sum())) < 0.87


def test_the_planted_probability_names_a_missing_column() -> None:
    with pytest.raises(KeyError, match="Outstanding_Debt"):
        loan_default.true_probability({"Age": np.array([30])})


def test_a_small_sample_has_both_classes_early_and_late(tmp_path: Path) -> None:
    loan_default.write(tmp_path, rows=600)
    lines = [
        line for line in load(tmp_path, LOANS) if line["installment_num"] == str(MONTH_ON_BOOK)
    ]
    for late in (False, True):
        part = [line for line in lines if (line["loan_start_date"] >= OUT_OF_TIME) is late]
        assert 0.15 < np.mean([line["overdue_amt"] != "0.0" for line in part]) < 0.5


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        loan_default.write(tmp_path / name, rows=200, seed=seed)
    for name in FILES:
        first, second, other = (tmp_path.joinpath(run, name).read_bytes() for run in "abc")
        assert first == second
        assert first != other


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 500), chunk=st.integers(60, 300), seed=st.integers(0, 2**64))
def test_any_number_of_rows_and_chunks_is_counted_exactly(rows: int, chunk: int, seed: int) -> None:
    with TemporaryDirectory() as folder, patch.object(loan_default, "_CHUNK", chunk):
        counts = loan_default.write(Path(folder), rows=rows, seed=seed)
        assert recount(Path(folder), load_all(Path(folder))) == counts
    assert (counts["rows"], counts["loan_rows"]) == (rows, 11 * rows)
    for kind, share in vars(DIRT).items():
        assert counts[kind] == round(share * rows)


def test_ids_and_start_months_do_not_depend_on_the_chunks(tmp_path: Path) -> None:
    def identity(lines: Lines) -> Iterator[object]:
        for column in ("Customer_ID", "Name"):
            yield [line[column] for line in lines]
        yield Counter(line["snapshot_date"] for line in lines)

    seen = []
    for chunk in (100, 170, 1_000):
        with patch.object(loan_default, "_CHUNK", chunk):
            loan_default.write(tmp_path, rows=400)
        seen.append(list(identity(load(tmp_path, ATTRIBUTES))))
    assert seen[0] == seen[1] == seen[2]


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    peaks = []
    with patch.object(loan_default, "_CHUNK", 100):
        for rows in (100, 100, 600):  # the first fills caches
            tracemalloc.start()
            loan_default.write(tmp_path, rows=rows)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]


def test_a_failed_write_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    loan_default.write(tmp_path, rows=20)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with (
        patch.object(loan_default, "_soil", side_effect=OSError("disk full")),
        pytest.raises(OSError, match="disk full"),
    ):
        loan_default.write(tmp_path, rows=30)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert set(before) == set(FILES)


@pytest.mark.parametrize("rows", [0, -5])
def test_fewer_than_one_row_is_refused(tmp_path: Path, rows: int) -> None:
    with pytest.raises(ValueError, match=f"rows: expected a whole number >= 1, found {rows}"):
        loan_default.write(tmp_path / "out", rows=rows)
    assert not (tmp_path / "out").exists()


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed: expected a whole number >= 0, found -1"):
        loan_default.write(tmp_path, rows=1, seed=-1)

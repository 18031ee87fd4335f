"""Sample data for the loan-default scenario, as the lender's source systems hold it.

Schema, marginals and dirt imitate a public course data set with parametric distributions; no
record of it is used, and names and social security numbers are plainly invented. One customer
has one loan, which starts on the first of a month, each of the 25 months alike. Each of the four
files is in the order of the customers (clickstream: per chunk, month by month).

What is planted, for a pipeline to find:
- Label: a loan is bad (`overdue_amt` > 0 at instalment 6) with the odds of `true_probability`:
  from the clean attributes and financials and, weaker, from the clickstream of the `CLICK_MONTHS`
  months before the loan's start. Who is bad has missed at least two of the six instalments; who
  is good pays each in time. `TRUE_RATE` of all loans are bad. The odds have an AUC near 0.84.
- Drift: from `DRIFT_FROM` on, `DRIFT_FEATURE` of the new loans rises month by month, by
  `DRIFT_SHIFT` in the `DRIFT_MONTHS`-th month and after it; the bad rate rises with it.
- Leak: what `paid_amt` and `overdue_amt` tell of a loan is known only after its start.
- Dirt: the exact shares of `DIRT`, at most one kind a cell.
"""

import itertools
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROWS = 12_500  # loans of the real data
ID = "Customer_ID"
SNAPSHOT = "snapshot_date"
ATTRIBUTES = (ID, "Name", "Age", "SSN", "Occupation", SNAPSHOT)
FINANCIALS = (
    *(ID, "Annual_Income", "Monthly_Inhand_Salary", "Num_Bank_Accounts", "Num_Credit_Card"),
    *("Interest_Rate", "Num_of_Loan", "Type_of_Loan", "Delay_from_due_date"),
    *("Num_of_Delayed_Payment", "Changed_Credit_Limit", "Num_Credit_Inquiries", "Credit_Mix"),
    *("Outstanding_Debt", "Credit_Utilization_Ratio", "Credit_History_Age"),
    *("Payment_of_Min_Amount", "Total_EMI_per_month", "Amount_invested_monthly"),
    *("Payment_Behaviour", "Monthly_Balance", SNAPSHOT),
)
CLICKS = tuple(f"fe_{number}" for number in range(1, 21))
CLICKSTREAM = (*CLICKS, ID, SNAPSHOT)
LOANS = (
    *("loan_id", ID, "loan_start_date", "tenure", "installment_num", "loan_amt", "due_amt"),
    *("paid_amt", "overdue_amt", "balance", SNAPSHOT),
)
FILES = {
    "features_attributes.csv": ATTRIBUTES,
    "features_financials.csv": FINANCIALS,
    "feature_clickstream.csv": CLICKSTREAM,
    "lms_loan_daily.csv": LOANS,
}

MONTHS = tuple(f"{2023 + month // 12}-{month % 12 + 1:02d}" for month in range(35))  # to 2025-11
START_MONTHS, CLICK_DATES = MONTHS[:25], MONTHS[:24]
TENURE, DUE = 10, 1_000
MONTH_ON_BOOK = 6

TRUE_RATE = 0.288
CLICK_MONTHS = 6
CLICK_UP, CLICK_DOWN = ("fe_1", "fe_2", "fe_3"), ("fe_6", "fe_7")  # their mean raises, lowers risk
CLICK_TREND = "fe_11"  # its rise raises risk
DRIFT_FEATURE, DRIFT_FROM, DRIFT_MONTHS = "Outstanding_Debt", "2024-07", 6
DRIFT_SHIFT = 0.8 * 1_155  # 0.8 standard deviations

LOAN_TYPES = (
    *("Auto Loan", "Credit-Builder Loan", "Debt Consolidation Loan", "Home Equity Loan"),
    *("Mortgage Loan", "Not Specified", "Payday Loan", "Personal Loan", "Student Loan"),
)
OCCUPATIONS = (
    *("Accountant", "Architect", "Developer", "Doctor", "Engineer", "Entrepreneur", "Journalist"),
    *("Lawyer", "Manager", "Mechanic", "Media_Manager", "Musician", "Scientist", "Teacher"),
    "Writer",
)
BEHAVIOURS = {
    "Low_spent_Small_value_payments": 0.278,
    "Low_spent_Medium_value_payments": 0.147,
    "Low_spent_Large_value_payments": 0.113,
    "High_spent_Small_value_payments": 0.121,
    "High_spent_Medium_value_payments": 0.195,
    "High_spent_Large_value_payments": 0.146,
}
MIXES = {"Good": 0.307, "Standard": 0.455, "Bad": 0.238}

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Columns = dict[str, NDArray[np.generic]]
Cells = dict[str, list[str]]


@dataclass(frozen=True)
class Dirt:
    """Planted shares of all customers, each exact: round(share * rows)."""

    no_clickstream: float = 3_526 / ROWS
    no_loan_type: float = 1_426 / ROWS
    age_underscore: float = 637 / ROWS
    age_negative: float = 104 / ROWS
    age_huge: float = 215 / ROWS
    ssn_garbled: float = 703 / ROWS
    occupation_blank: float = 880 / ROWS
    income_underscore: float = 859 / ROWS
    income_outlier: float = 114 / ROWS
    accounts_negative: float = 4 / ROWS
    accounts_outlier: float = 167 / ROWS
    cards_outlier: float = 296 / ROWS
    rate_outlier: float = 270 / ROWS
    loans_underscore: float = 623 / ROWS
    loans_negative: float = 500 / ROWS
    loans_outlier: float = 67 / ROWS
    delay_negative: float = 88 / ROWS
    delayed_underscore: float = 374 / ROWS
    delayed_negative: float = 84 / ROWS
    delayed_outlier: float = 105 / ROWS
    limit_underscore: float = 254 / ROWS
    limit_negative: float = 204 / ROWS
    inquiries_outlier: float = 195 / ROWS
    mix_underscore: float = 2_611 / ROWS
    debt_underscore: float = 139 / ROWS
    minimum_unknown: float = 1_438 / ROWS
    emi_outlier: float = 408 / ROWS
    invested_10000: float = 558 / ROWS
    behaviour_garbled: float = 998 / ROWS
    balance_absurd: float = 1 / ROWS


DIRT = Dirt()
# What each kind of dirt makes of a cell: a text, where {} is the clean one, or a whole number in
# a range (both ends included) written as the column writes numbers.
SOIL: dict[str, dict[str, str | tuple[int, int]]] = {
    "Age": {"age_underscore": "{}_", "age_negative": "-500", "age_huge": (121, 8_700)},
    "SSN": {"ssn_garbled": "#F%$D@*&8"},
    "Occupation": {"occupation_blank": "_______"},
    "Annual_Income": {"income_underscore": "{}_", "income_outlier": (300_000, 24_000_000)},
    "Num_Bank_Accounts": {"accounts_negative": "-1", "accounts_outlier": (20, 1_760)},
    "Num_Credit_Card": {"cards_outlier": (20, 1_500)},
    "Interest_Rate": {"rate_outlier": (90, 5_800)},
    "Num_of_Loan": {
        "loans_underscore": "{}_",
        "loans_negative": "-100",
        "loans_outlier": (18, 1_500),
    },
    "Delay_from_due_date": {"delay_negative": (-5, -1)},
    "Num_of_Delayed_Payment": {
        "delayed_underscore": "{}_",
        "delayed_negative": (-3, -1),
        "delayed_outlier": (40, 4_300),
    },
    "Changed_Credit_Limit": {"limit_underscore": "_", "limit_negative": (-6, -1)},
    "Num_Credit_Inquiries": {"inquiries_outlier": (26, 2_560)},
    "Credit_Mix": {"mix_underscore": "_"},
    "Outstanding_Debt": {"debt_underscore": "{}_"},
    "Payment_of_Min_Amount": {"minimum_unknown": "NM"},
    "Total_EMI_per_month": {"emi_outlier": (2_000, 82_000)},
    "Amount_invested_monthly": {"invested_10000": "__10000__"},
    "Payment_Behaviour": {"behaviour_garbled": "!@9#%8"},
    "Monthly_Balance": {"balance_absurd": "__-333333333333333333333333333__"},
}

_CHUNK = 12_500
_AGES = np.repeat([0.55, 1, 0.48], [5, 27, 11])  # of 14 to 56: few are very young or older
_CENTS = ("Changed_Credit_Limit", "Outstanding_Debt")
_FLOATS = (*_CENTS, "Num_Credit_Inquiries")
_CLICK_PARTS = (CLICK_UP, CLICK_DOWN, (CLICK_TREND,))
# The range of a feature per Credit_Mix, in the order of MIXES; values fill it about evenly.
_RANGES = {
    "Interest_Rate": ((1, 12), (4, 26), (15, 34)),
    "Num_Bank_Accounts": ((0, 6), (3, 8), (6, 10)),
    "Num_Credit_Card": ((1, 7), (3, 8), (5, 10)),
    "Num_of_Loan": ((1, 4), (1, 6), (3, 9)),
    "Delay_from_due_date": ((0, 21), (4, 35), (15, 62)),
    "Num_of_Delayed_Payment": ((0, 14), (7, 21), (14, 26)),
    "Changed_Credit_Limit": ((1, 12), (3, 20), (1, 28)),
    "Num_Credit_Inquiries": ((0, 8), (1, 13), (6, 16)),
    "Outstanding_Debt": ((20, 1_500), (20, 2_200), (1_250, 4_900)),
    "Credit_History_Age": ((188, 404), (90, 385), (8, 235)),
}


def write(out: Path, *, rows: int, seed: int = 42) -> dict[str, int]:
    """Write the four FILES for `rows` loans, one a customer, into folder `out`.

    Returns the planted counts: of each kind of DIRT, of bad loans (`defaults`) and of lines
    (`*_rows`). Memory does not grow with `rows`; the same arguments give the same bytes. A write
    that fails leaves all files as they were. Raises ValueError for rows < 1 or seed < 0.
    """
    for name, value, least in (("rows", rows, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name}: expected a whole number >= {least}, found {value}")
    out.mkdir(parents=True, exist_ok=True)
    # Even chunks: a stub of a last chunk could be too small for the dirt that falls due in it.
    count = -(-rows // _CHUNK)
    edges = [rows * index // count for index in range(count + 1)]
    totals: dict[str, int] = {"rows": rows}
    with tempfile.TemporaryDirectory(prefix=".loan_default-", dir=out) as folder:
        paths = [Path(folder, name) for name in FILES]
        for path, columns in zip(paths, FILES.values(), strict=True):
            path.write_text(",".join(columns) + "\n", encoding="ascii", newline="")
        for index, (start, stop) in enumerate(itertools.pairwise(edges)):
            texts, counts = _chunk(np.random.default_rng([seed, index]), start, stop)
            for path, text in zip(paths, texts, strict=True):
                with path.open("a", encoding="ascii", newline="") as file:
                    file.write(text)
            for name, value in counts.items():
                totals[name] = totals.get(name, 0) + value
        for path in paths:
            os.replace(path, out / path.name)
    return totals


def true_probability(columns: Mapping[str, NDArray[np.generic]]) -> Floats:
    """Return the planted probability of a bad loan, shape (n,), of clean columns, each (n,).

    Needs the financials named below, Age, Credit_History_Age in months, and `click_level` and
    `click_trend` in standard deviations (0: unknown). Raises KeyError for a missing column.
    """

    def scaled(name: str, mean: float, deviation: float) -> Floats:
        return (np.asarray(columns[name], dtype=np.float64) - mean) / deviation

    debt, history = scaled("Outstanding_Debt", 1_430, 1_155), scaled("Credit_History_Age", 225, 100)
    salary = np.log(scaled("Monthly_Inhand_Salary", 0, 3_080)) / 0.75
    score = 0.30 * scaled("Interest_Rate", 14.6, 8.8) + 0.25 * scaled("Delay_from_due_date", 21, 15)
    score += 0.30 * debt - 0.25 * history - 0.30 * salary
    score += 0.25 * scaled("Num_Credit_Inquiries", 6.6, 4) + 0.2 * (columns["Credit_Mix"] == "Bad")
    # Bends and products: a model that is linear in the columns cannot reach this truth.
    score += 0.1 * (np.abs(scaled("Age", 34, 1)) - 9)
    score += 0.7 * ((debt > 0) & (salary < 0)) - 0.45 * np.tanh(2 * salary) * history
    score += 0.5 * scaled("click_level", 0, 1) + 0.3 * scaled("click_trend", 0, 1)
    return np.asarray(1 / (1 + np.exp(1.6 - score)), dtype=np.float64)


def _chunk(rng: np.random.Generator, start: int, stop: int) -> tuple[list[str], dict[str, int]]:
    """Draw customers start..stop-1: the text of each of the FILES, and the planted counts."""
    n = stop - start
    # Dealt out, not drawn: each month has its share of loans however few there are.
    month: Ints = rng.permutation(np.arange(start, stop) % len(START_MONTHS))
    columns = _customers(rng, month, _due(DIRT.no_loan_type, start, stop))
    known = np.sort(rng.permutation(n)[_due(DIRT.no_clickstream, start, stop) :])
    noise = rng.standard_normal((len(CLICK_DATES), known.size, len(CLICKS)), dtype=np.float32)
    clicks = np.rint(100 + 100 * noise).astype(np.int16)
    for name, values in zip(("level", "trend"), _signals(clicks, month[known]), strict=True):
        columns[f"click_{name}"] = signal = np.zeros(n)
        signal[known] = values
    bad = rng.random(n) < true_probability(columns)
    # A bad payer pays ever less likely, but then all that is owed, and nothing from month 5 on.
    chance = np.clip(1 - 0.2 * np.arange(1, TENURE + 1), 0, 1)
    pays = (rng.random((n, TENURE)) < chance) | ~bad[:, None]

    # Numbers are spread out like the real ones; each depends on the customer's index alone.
    index = np.arange(start, stop)
    numbers = 0x1000 + 4 * index + index * 7_919 // 64 % 4
    cells = {name: list(map(str, values.tolist())) for name, values in columns.items()}
    cells[ID] = ids = [f"CUS_0x{number:04x}" for number in numbers.tolist()]
    cells[SNAPSHOT] = [f"{START_MONTHS[when]}-01" for when in month.tolist()]
    cells["Name"] = [f"Example Customer {i}" for i in index.tolist()]
    # No number with the area 000 is ever given out.
    cells["SSN"] = [f"000-{i // 10_000 % 100:02d}-{i % 10_000:04d}" for i in index.tolist()]
    cells["Credit_History_Age"] = [
        f"{age // 12} Years and {age % 12} Months" for age in columns["Credit_History_Age"].tolist()
    ]
    counts = {
        "defaults": int(bad.sum()),
        "clickstream_rows": len(CLICK_DATES) * known.size,
        "loan_rows": (TENURE + 1) * n,
        "no_clickstream": n - known.size,
        "no_loan_type": cells["Type_of_Loan"].count(""),
        **_soil(rng, cells, start, stop),
    }
    texts = [
        "".join(f"{','.join(line)}\n" for line in zip(*(cells[c] for c in names), strict=True))
        for names in (ATTRIBUTES, FINANCIALS)
    ]
    texts.append(_click_lines(clicks, [ids[i] for i in known.tolist()]))
    loans = zip(ids, month.tolist(), map(tuple, pays.tolist()), strict=True)
    texts.append("".join(_loan_lines(when, paid).replace("@", i) for i, when, paid in loans))
    return texts, counts


def _due(share: float, start: int, stop: int) -> int:
    """Return how many customers fall due in a chunk: they add up to round(share * rows)."""
    return round(share * stop) - round(share * start)


def _customers(rng: np.random.Generator, month: Ints, loanless: int) -> Columns:
    """Draw clean customers whose loans start in the months (indices, shape (n,)) given.

    `loanless` of them have no other loan. Credit_History_Age is in months.
    """
    n = month.size
    mix = rng.choice(len(MIXES), n, p=list(MIXES.values()))
    trait = rng.standard_normal(n)  # beyond the mix: what makes one customer's figures go together
    columns: Columns = {}
    late = np.clip((month + 1 - MONTHS.index(DRIFT_FROM)) / DRIFT_MONTHS, 0, 1)
    for name, ranges in _RANGES.items():
        low, high = np.array(ranges, dtype=np.float64)[mix].T
        risk = -1 if name == "Credit_History_Age" else 1
        normal = 0.4 * risk * trait + 0.92 * rng.standard_normal(n)
        values = low + (high - low) / (1 + np.exp(-1.7 * normal))  # close to the normal's own curve
        values += DRIFT_SHIFT * late if name == DRIFT_FEATURE else 0
        values = np.round(values, 2 if name in _CENTS else 0)
        columns[name] = values if name in _FLOATS else values.astype(np.int64)
    # The customers who would have the fewest loans have none.
    loans = np.asarray(columns["Num_of_Loan"], dtype=np.int64)
    loans[np.argsort(loans + rng.random(n))[:loanless]] = 0
    picked = rng.choice(LOAN_TYPES, (n, 9)).tolist()
    types = [_enumeration(row[:k]) for row, k in zip(picked, loans.tolist(), strict=True)]
    income = np.exp(10.53 + rng.normal(-0.25 * (mix - 1) - 0.1 * trait, 0.78))
    income = income.clip(rng.uniform(7_000, 10_000, n), rng.uniform(130_000, 180_000, n))
    salary = income / 12 * rng.normal(1, 0.08, n).clip(0.7, 1.5)
    emi = loans * salary * np.exp(rng.normal(-4.87, 0.3, n))
    invested = salary * np.exp(rng.normal(-3.1, 0.6, n)).clip(0.001, 0.15)
    balance = 0.1 * salary - emi - invested + rng.normal(290, 60, n)
    columns |= {
        "Num_of_Loan": loans,
        "Type_of_Loan": np.array(types, dtype=object),
        "Credit_Mix": np.array(list(MIXES))[mix],
        "Age": rng.choice(np.arange(14, 57), n, p=_AGES / _AGES.sum()),
        "Occupation": rng.choice(OCCUPATIONS, n),
        "Annual_Income": np.round(income, 2),
        "Monthly_Inhand_Salary": salary,
        "Credit_Utilization_Ratio": (rng.uniform(25, 40, n) + rng.normal(0, 2.5, n)).clip(20, 50),
        # Who is good pays more than the minimum, who is bad never does.
        "Payment_of_Min_Amount": np.where(rng.random(n) < np.array([0, 0.77, 1])[mix], "Yes", "No"),
        "Total_EMI_per_month": emi.clip(0, 1_800),
        "Amount_invested_monthly": invested,
        "Payment_Behaviour": rng.choice(list(BEHAVIOURS), n, p=list(BEHAVIOURS.values())),
        "Monthly_Balance": balance.clip(rng.uniform(10, 200, n)),
    }
    return columns


def _enumeration(names: list[str]) -> str:
    """Return the names as a cell: "A", or quoted "A, B, and C"."""
    return f'"{", ".join(names[:-1])}, and {names[-1]}"' if len(names) > 1 else "".join(names)


def _signals(clicks: NDArray[np.int16], month: Ints) -> tuple[Floats, Floats]:
    """Return level and trend of the months before the start months, each of shape (n,).

    Both have deviation 1 where all CLICK_MONTHS are known; a month unknown counts as an average.
    """
    when = month + np.arange(-CLICK_MONTHS, 0)[:, None]
    window = clicks[np.maximum(when, 0), np.arange(month.size)] - 100.0
    window[when < 0] = 0
    up, down, trend = ([CLICKS.index(name) for name in names] for names in _CLICK_PARTS)
    total = np.sum(window[..., up], axis=(0, 2)) - np.sum(window[..., down], axis=(0, 2))
    time = np.arange(CLICK_MONTHS) - (CLICK_MONTHS - 1) / 2
    level = total / (100 * np.sqrt(CLICK_MONTHS * (len(up) + len(down))))
    return level, time @ window[..., trend[0]] / (100 * np.sqrt(np.sum(time**2)))


def _soil(rng: np.random.Generator, cells: Cells, start: int, stop: int) -> dict[str, int]:
    """Plant the dirt of customers start..stop-1 in place; return how often each kind."""
    counts = {}
    for column, kinds in SOIL.items():
        texts, rest = cells[column], rng.permutation(stop - start)
        for kind, soiled in kinds.items():
            due = _due(getattr(DIRT, kind), start, stop)
            taken, rest = rest[:due].tolist(), rest[due:]
            counts[kind] = len(taken)
            for place in taken:
                if isinstance(soiled, str):
                    texts[place] = soiled.format(texts[place])
                else:
                    point = ".0" if "." in texts[place] else ""
                    texts[place] = f"{rng.integers(*soiled, endpoint=True)}{point}"
    return counts


def _click_lines(clicks: NDArray[np.int16], ids: list[str]) -> str:
    """Return the lines of feature_clickstream.csv of customers with the ids, by month."""
    line = "%d," * len(CLICKS)
    return "".join(
        f"{line % tuple(values)}{customer},{date}-01\n"
        for date, table in zip(CLICK_DATES, clicks, strict=True)
        for customer, values in zip(ids, table.tolist(), strict=True)
    )


@cache
def _loan_lines(month: int, pays: tuple[bool, ...]) -> str:
    """Return the lines of lms_loan_daily.csv of a loan, @ for the customer's id.

    `month` is the index of its start, `pays` says in which months all that is owed is paid.
    """
    start = f"{MONTHS[month]}-01"
    head = f"@_{start.replace('-', '_')},@,{start},{TENURE}"
    amount = TENURE * DUE
    lines = [f"{head},0,{amount},0.0,0.0,0.0,{amount}.0,{start}\n"]
    paid = 0
    for number, all_owed in enumerate(pays, start=1):
        owed = number * DUE - paid
        now = owed if all_owed else 0
        paid += now
        money = f"{DUE}.0,{now}.0,{owed - now}.0,{amount - paid}.0"
        lines.append(f"{head},{number},{amount},{money},{MONTHS[month + number]}-01\n")
    return "".join(lines)

"""Sample data for the card-default scenario, as two source systems hold it.

Schema, marginals and dirt imitate the UCI "default of credit card clients" data set with
parametric distributions; no record of it is used. Amounts are whole New Taiwan dollars.
Month 1 is the latest of the six, month 6 the oldest.
"""

import itertools
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: Customers of the data set that is imitated.
ROWS = 30_000

PROFILE = ("CUSTOMER_ID", "SEX", "EDUCATION", "MARRIAGE", "AGE", "LIMIT_BAL")
PAY = ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6")
BILL = tuple(f"BILL_AMT{month}" for month in range(1, 7))
PAID = tuple(f"PAY_AMT{month}" for month in range(1, 7))
LABEL = "default.payment.next.month"
TRANSACTIONS = ("CUSTOMER_ID", *PAY, *BILL, *PAID, LABEL)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Columns = dict[str, Ints]


@dataclass(frozen=True)
class Dirt:
    """Planted shares of all customers. All but `negative_bill` are exact: round(share * rows)."""

    profile_only: float = 0.002
    transactions_only: float = 0.002
    duplicates: float = 35 / 30_000
    education_0: float = 14 / 30_000
    education_5: float = 280 / 30_000
    education_6: float = 51 / 30_000
    marriage_0: float = 54 / 30_000
    negative_bill: float = 0.02  # expected share of customers in any one month


DIRT = Dirt()

_CHUNK = 50_000
_DORMANT, _LATE, _VERY_LATE = -2, 2, 3  # repayment statuses; late ones count months
_STATES = np.array([-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8])
# Repayment status of the oldest month, then the monthly moves: a row is the status now, a column
# the status one month later. Status 1 does not occur here: only the latest month reports it.
_OLDEST = np.array([0.16, 0.19, 0.545, 0, 0.095, 0.006, 0.002, 0.0005, 0.0005, 0.001, 0])
_MOVES = np.array(
    [
        [0.84, 0.08, 0.06, 0, 0.02, 0, 0, 0, 0, 0, 0],
        [0.07, 0.76, 0.13, 0, 0.04, 0, 0, 0, 0, 0, 0],
        [0, 0.05, 0.885, 0, 0.065, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0.07, 0.23, 0, 0.64, 0.06, 0, 0, 0, 0, 0],
        [0, 0.05, 0.10, 0, 0.40, 0.18, 0.27, 0, 0, 0, 0],
        [0, 0, 0.05, 0, 0.25, 0.10, 0.30, 0.30, 0, 0, 0],
        [0, 0, 0.05, 0, 0.20, 0.05, 0.10, 0.20, 0.40, 0, 0],
        [0, 0, 0.05, 0, 0.15, 0, 0, 0.05, 0.15, 0.60, 0],
        [0, 0, 0, 0, 0.30, 0, 0, 0, 0, 0.65, 0.05],
        [0, 0, 0, 0, 0.50, 0, 0, 0, 0, 0, 0.50],
    ]
)
_LAST_MOVES = np.array(
    [
        [0.68, 0, 0, 0.32, 0, 0, 0, 0, 0, 0, 0],
        [0.03, 0.77, 0.08, 0.10, 0.02, 0, 0, 0, 0, 0, 0],
        [0, 0.04, 0.905, 0, 0.055, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        [0, 0.10, 0, 0.43, 0.40, 0.07, 0, 0, 0, 0, 0],
        [0, 0.10, 0, 0.35, 0.25, 0.12, 0.18, 0, 0, 0, 0],
        [0, 0.05, 0, 0.35, 0.15, 0.10, 0.15, 0.20, 0, 0, 0],
        [0, 0.10, 0, 0.30, 0.10, 0.05, 0.10, 0.10, 0.25, 0, 0],
        [0, 0, 0, 0.20, 0.10, 0, 0, 0.10, 0.10, 0.50, 0],
        [0, 0, 0, 0.10, 0.10, 0, 0, 0, 0, 0.40, 0.40],
        [0, 0, 0, 0.50, 0, 0, 0, 0, 0, 0, 0.50],
    ]
)


def write(out: Path, *, rows: int, seed: int = 42) -> dict[str, int]:
    """Write profile.csv and transactions.csv for `rows` customers into folder `out`.

    Returns the planted counts (customers, or lines for `*_rows`). Memory does not grow with
    `rows`; the same arguments give the same bytes. A write that fails leaves both files as they
    were. Raises ValueError for rows < 1 or seed < 0.
    """
    for name, value, least in (("rows", rows, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name}: expected a whole number >= {least}, found {value}")
    out.mkdir(parents=True, exist_ok=True)
    # Even chunks: a stub of a last chunk could be too small for the dirt that falls due in it.
    count = -(-rows // _CHUNK)
    edges = [rows * index // count for index in range(count + 1)]
    totals: dict[str, int] = {}
    names = ("profile.csv", "transactions.csv")
    with tempfile.TemporaryDirectory(prefix=".card_default-", dir=out) as folder:
        paths = [Path(folder, name) for name in names]
        with (
            paths[0].open("w", encoding="ascii", newline="") as profile,
            paths[1].open("w", encoding="ascii", newline="") as transactions,
        ):
            profile.write(",".join(PROFILE) + "\n")
            transactions.write(",".join(TRANSACTIONS))
            for index, (start, stop) in enumerate(itertools.pairwise(edges)):
                rng = np.random.default_rng([seed, index])
                columns = _customers(rng, stop - start)
                columns["CUSTOMER_ID"] = np.arange(start + 1, stop + 1)
                only = _soil(rng, columns, start, stop)
                profiled = rng.permutation(np.flatnonzero(only != 1))
                billed = rng.permutation(np.flatnonzero(only != -1))
                # Line ends lead in transactions.csv: like the real file it has none at its end.
                line = ",".join(["%d"] * len(PROFILE)) + ".0\n"
                profile.write(_text(line, PROFILE, columns, profiled))
                line = "\n" + ",".join(["%d"] * len(TRANSACTIONS))
                transactions.write(_text(line, TRANSACTIONS, columns, billed))
                for name, value in _counts(columns, profiled, billed).items():
                    totals[name] = totals.get(name, 0) + value
        for name, path in zip(names, paths, strict=True):
            os.replace(path, out / name)
    return {"rows": rows, "duplicates": round(DIRT.duplicates * rows), **totals}


def true_probability(columns: Mapping[str, NDArray[np.generic]]) -> Floats:
    """Return the planted probability of default, shape (n,), of customers given by column name.

    Needs PAY_*, BILL_AMT1, PAY_AMT1, PAY_AMT2, LIMIT_BAL and AGE, each of shape (n,); the rest
    is ignored. Raises KeyError for a missing column.
    """
    needed = (*PAY, "BILL_AMT1", "PAY_AMT1", "PAY_AMT2", "LIMIT_BAL", "AGE")
    c = {name: np.asarray(columns[name], dtype=np.float64) for name in needed}
    latest = c["PAY_0"]
    worst = np.max([c[name] for name in PAY[1:]], axis=0)
    used = np.clip(c["BILL_AMT1"] / c["LIMIT_BAL"], 0, 1.2)
    # Steps, not slopes: a model that is linear in the columns cannot reach this truth.
    score = np.select([latest >= _LATE, latest == 1, latest == 0], [-0.4, -1.6, -2.07], -1.83)
    score += np.select([worst >= _VERY_LATE, worst >= _LATE], [1.15, 0.95], -0.25)
    score += 0.4 * (used - 0.4)
    score -= 0.3 * np.log(c["LIMIT_BAL"] / 140_000)
    score -= 0.2 * (np.log1p(c["PAY_AMT1"] + c["PAY_AMT2"]) - 8)
    score += 0.02 * np.abs(c["AGE"] - 35)
    return np.asarray(1 / (1 + np.exp(-score)), dtype=np.float64)


def _customers(rng: np.random.Generator, n: int) -> Columns:
    """Draw n clean customers, label included: every column but CUSTOMER_ID."""
    age = np.minimum(21 + rng.gamma(2.4, 6.05, n).astype(np.int64), 79)
    married = _happens(rng, 1 / (1 + np.exp((34.5 - age) / 6)), n)
    education = 1 + np.searchsorted([0.355, 0.83, 0.996], rng.random(n))
    status = _statuses(rng, n)
    limit = _limits(rng, age, education, status)
    bills, paid = _amounts(rng, status, limit)
    columns: Columns = {
        "SEX": 1 + _happens(rng, 0.604, n),
        "EDUCATION": education,
        "MARRIAGE": np.where(_happens(rng, 0.011, n), 3, np.where(married, 1, 2)),
        "AGE": age,
        "LIMIT_BAL": limit,
    }
    for names, table in ((PAY, status), (BILL, bills), (PAID, paid)):
        columns |= dict(zip(names, table, strict=True))
    columns[LABEL] = _happens(rng, true_probability(columns), n).astype(np.int64)
    return columns


def _happens(
    rng: np.random.Generator, probability: float | Floats, shape: int | tuple[int, int]
) -> NDArray[np.bool_]:
    """Draw events of the given probability, one a cell of `shape`."""
    return rng.random(shape) < probability


def _statuses(rng: np.random.Generator, n: int) -> Ints:
    """Draw repayment statuses -2..8, shape (6, n), latest month first, as a Markov chain."""
    state = np.searchsorted(np.cumsum(_OLDEST)[:-1], rng.random(n), side="right")
    path = [state]
    for moves in (_MOVES, _MOVES, _MOVES, _MOVES, _LAST_MOVES):
        bounds = np.cumsum(moves, axis=1)[:, :-1]
        state = np.sum(bounds[state] <= rng.random((n, 1)), axis=1)
        path.append(state)
    return _STATES[np.array(path[::-1])]


def _limits(rng: np.random.Generator, age: Ints, education: Ints, status: Ints) -> Ints:
    """Draw credit limits in dollars, shape (n,): multiples of 10,000 up to 1,000,000."""
    mean = 11.75 - 1.4 * np.exp((21 - age) / 4) - 0.012 * np.maximum(age - 40, 0)
    mean += 0.25 * (education == 1) + 0.55 * np.mean(status < 0, axis=0)
    mean -= 0.8 * np.mean(status >= _LATE, axis=0)
    limit = np.exp(rng.normal(mean, 0.75))
    heap = 50_000  # every third larger limit is heaped on its multiples, as if granted by hand
    step = np.where(_happens(rng, 0.35, age.size) & (limit > heap), heap, 10_000)
    rounded: Floats = np.rint(limit / step) * step
    return rounded.clip(10_000, 1_000_000).astype(np.int64)


def _amounts(rng: np.random.Generator, status: Ints, limit: Ints) -> tuple[Ints, Ints]:
    """Draw bills and payments in dollars, each of shape (6, n), latest month first."""
    n = limit.size
    status = np.vstack([status, status[-1]])  # a seventh month: the bill that PAY_AMT6 pays
    # A customer who is one month late bills as in the month before.
    behaviour = np.where(status == 1, np.roll(status, -1, axis=0), status)
    back = np.arange(7)[:, None]
    level = 1.03 * rng.beta(1.0, 0.6, n) * (1 - rng.normal(0.035, 0.05, n) * back)
    level *= np.exp(rng.normal(0, 0.06, (7, n)))
    # Debt builds up slowly: who only now and then carries a balance carries a small one.
    level *= np.mean(behaviour >= 0, axis=0)
    revolving = np.clip(level, 0.01, 1.3) * limit
    spend = rng.lognormal(7.9, 1.1, n) * rng.lognormal(0, 0.7, (7, n))
    # A dormant account (-2) bills mostly nothing. Two of its months always do, so that two
    # customers are equal in every column only where that was planted.
    idle = (behaviour == _DORMANT) & _happens(rng, 0.6, (7, n))
    idle[[1, 4]] &= np.sum(~idle[:6], axis=0) > 1
    bills = np.where(behaviour < 0, np.minimum(spend, limit), revolving)
    bills = np.where(idle, 0, bills)
    # Credit balances: some of those who pay in full tend to overpay.
    credit = (behaviour < 0) & _happens(rng, 0.3, n) & _happens(rng, 0.2, (7, n))
    bills = np.rint(np.where(credit, -0.2 * spend, bills))
    part = np.clip(rng.lognormal(-2.75, 0.8, (7, n)), 0.03, 1)
    share = np.where(behaviour < 0, 1 + rng.exponential(0.02, (7, n)), part)
    # Who is late now missed a payment: about half pay nothing at all.
    share[(status > 0) & _happens(rng, 0.5, (7, n))] = 0
    paid = np.rint(share * np.maximum(bills, 0))
    return bills[:6].astype(np.int64), paid[1:].astype(np.int64)


def _soil(rng: np.random.Generator, columns: Columns, start: int, stop: int) -> Ints:
    """Plant the exact dirt of customers start..stop-1 in place.

    Returns, shape (n,): -1 for a customer known to profile.csv only, 1 for one known to
    transactions.csv only, else 0.
    """
    rest = rng.permutation(stop - start)

    def take(share: float, each: int = 1) -> Ints:
        """Take the customers due in this chunk: the roundings add up to round(share * rows)."""
        nonlocal rest
        due = each * (round(share * stop) - round(share * start))
        taken, rest = rest[:due], rest[due:]
        return taken

    only = np.zeros(stop - start, dtype=np.int64)
    only[take(DIRT.profile_only)] = -1
    only[take(DIRT.transactions_only)] = 1
    original, copy = take(DIRT.duplicates, each=2).reshape(2, -1)
    for name, values in columns.items():
        if name != "CUSTOMER_ID":
            values[copy] = values[original]
    for code, share in ((0, DIRT.education_0), (5, DIRT.education_5), (6, DIRT.education_6)):
        columns["EDUCATION"][take(share)] = code
    columns["MARRIAGE"][take(DIRT.marriage_0)] = 0
    return only


def _counts(columns: Columns, profiled: Ints, billed: Ints) -> dict[str, int]:
    """Count what one chunk's lines hold."""
    n = columns["CUSTOMER_ID"].size
    education = columns["EDUCATION"][profiled]
    negative = np.min([columns[name][billed] for name in BILL], axis=0, initial=0) < 0
    return {
        "profile_rows": profiled.size,
        "transactions_rows": billed.size,
        "profile_only": n - billed.size,
        "transactions_only": n - profiled.size,
        "education_undocumented": int(np.sum(~np.isin(education, (1, 2, 3, 4)))),
        "marriage_undocumented": int(np.sum(columns["MARRIAGE"][profiled] == 0)),
        "negative_bill_rows": int(np.sum(negative)),
        "defaults": int(np.sum(columns[LABEL][billed])),
    }


def _text(line: str, names: tuple[str, ...], columns: Columns, order: Ints) -> str:
    """Return one `line` a customer, in `order`. One format call: far faster than a csv writer."""
    table = np.column_stack([columns[name][order] for name in names])
    return line * order.size % tuple(table.ravel().tolist())

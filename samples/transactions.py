"""Sample data for the transactions scenario: one table of mobile-money transactions.

Schema, marginals and dirt imitate a public table of mobile-money transactions with parametric
distributions; no record of it is used. Amounts are whole Ugandan shillings.

Each customer has an engagement that moves slowly: a level for life and a wander from week to
week. It decides how often a customer transacts, and sways the amounts, categories, channels and
hours. So the earlier weeks tell who is least engaged in the last ones, but not for sure. Recency,
frequency and monetary value of the last weeks themselves tell it exactly, being its definition.

From DRIFT_FROM on the odds of DRIFT_CATEGORY are DRIFT_FACTOR times as large, at the cost of all
others.
"""

import itertools
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 95_662  # as many as the public table has
CUSTOMERS = 3_742  # of ROWS transactions; proportional otherwise
LEAST_CUSTOMERS = 30
FILE = "data.csv"
LABEL = "FraudResult"
COLUMNS = (
    "TransactionId",
    "BatchId",
    "AccountId",
    "SubscriptionId",
    "CustomerId",
    "CurrencyCode",
    "CountryCode",
    "ProviderId",
    "ProductId",
    "ProductCategory",
    "ChannelId",
    "Amount",
    "Value",
    "TransactionStartTime",
    "PricingStrategy",
    LABEL,
)
FIRST_DAY, LAST_DAY = "2018-11-15", "2019-02-13"
DRIFT_FROM = "2019-01-01"
DRIFT_CATEGORY = "data_bundles"
DRIFT_FACTOR = 6.0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Dirt:
    """Planted shares of all lines. All are exact, round(share * rows), and share no line."""

    duplicates: float = 0.001
    category_missing: float = 0.002
    sign_mismatch: float = 0.001  # Value bears a minus, so it is not the absolute Amount
    time_without_zone: float = 0.0005
    time_with_space: float = 0.0005
    fraud: float = 193 / 95_662


DIRT = Dirt()

_CHUNK = 50_000
_WEEKS = 13
_WORKDAYS, _WEEKEND = (0, 1, 4, 5, 6), (2, 3)  # FIRST_DAY is a Thursday
_START = np.datetime64(FIRST_DAY, "s")
_DRIFT_SECOND = int((np.datetime64(DRIFT_FROM, "s") - _START).astype(np.int64))
_LEVEL, _WANDER, _KEEP = 1.75, 1.0, 0.9  # spreads of the engagement; what a week keeps of the last
_USUAL = _LEVEL**2 + _WANDER**2  # mean engagement of the transactions; of the customers it is 0
_LARGE = 2_500  # amounts from here on are multiples of 500, smaller ones of 50
_OPERATOR = 0.8  # share of the credits that are booked on the operator's own account
_UNUSUAL = 0.15  # share of transactions with a provider or pricing that is not the category's
_SAME_BATCH = 0.01
# By category: odds, log-odds per unit of engagement, typical amount, first product, products,
# provider, pricing strategy.
_CATEGORIES = {
    "airtime": (0.470, 0.0, 1_200, 1, 5, 6, 2),
    "financial_services": (0.455, 0.2, 3_000, 6, 4, 4, 2),
    "utility_bill": (0.017, 0.1, 12_000, 10, 6, 5, 2),
    "data_bundles": (0.011, -0.1, 1_500, 16, 3, 6, 2),
    "tv": (0.011, 0.0, 20_000, 19, 4, 5, 2),
    "ticket": (0.0025, -0.3, 8_000, 23, 1, 1, 4),
    "transport": (0.0020, -0.3, 5_000, 24, 1, 2, 4),
    "movies": (0.0025, -0.3, 6_000, 25, 1, 3, 4),
    "other": (0.0020, 0.0, 4_000, 26, 2, 1, 4),
}
_ODDS, _SLOPE, _TYPICAL, _PRODUCT, _PRODUCTS, _PROVIDER, _PRICING = range(7)
_NAMES = np.array(list(_CATEGORIES), dtype=object)
_TABLE = np.array(list(_CATEGORIES.values()))
_DRIFTING = list(_CATEGORIES).index(DRIFT_CATEGORY)
_CHANNELS = np.array([[0.006, 0.0], [0.375, -0.2], [0.608, 0.2], [0.011, 0.0]])
_CHANNEL_NUMBERS = np.array([1, 2, 3, 5])


def write(out: Path, *, rows: int, seed: int = 42) -> dict[str, int]:
    """Write data.csv of `rows` lines into folder `out`.

    Returns the planted counts: `customers`; of the rest, lines. Memory does not grow with `rows`;
    the same arguments give the same bytes. A write that fails leaves the file as it was. Raises
    ValueError for rows < 1 or seed < 0.
    """
    for name, value, least in (("rows", rows, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name}: expected a whole number >= {least}, found {value}")
    out.mkdir(parents=True, exist_ok=True)
    customers = min(max(round(rows * CUSTOMERS / ROWS), LEAST_CUSTOMERS), rows)
    # Even chunks: a stub of a last chunk could be too small for the dirt that falls due in it.
    count = -(-rows // _CHUNK)
    parts = [(rows * index // count, customers * index // count) for index in range(count + 1)]
    credits = 0
    with tempfile.TemporaryDirectory(prefix=".transactions-", dir=out) as folder:
        path = Path(folder, FILE)
        with path.open("w", encoding="ascii", newline="") as file:
            file.write(",".join(COLUMNS) + "\n")
            for index, ((start, first), (stop, last)) in enumerate(itertools.pairwise(parts)):
                rng = np.random.default_rng([seed, index])
                # The roundings of the chunks add up to round(share * rows).
                due = {
                    name: round(share * stop) - round(share * start)
                    for name, share in vars(DIRT).items()
                }
                # A customer's transactions are all in one chunk: no chunk needs to know another.
                columns = _transactions(rng, last - first, stop - start - due["duplicates"])
                columns["customer"] += first
                for name in ("transaction", "batch"):
                    columns[name] += start
                lines = _soil(rng, columns, due)
                file.write(_text(columns, lines))
                credits += int(np.sum(columns["amount"][lines] < 0))
        os.replace(path, out / FILE)
    planted = {name: round(share * rows) for name, share in vars(DIRT).items()}
    return {"rows": rows, "customers": customers, "credits": credits, **planted}


def _choose(rng: np.random.Generator, log_odds: Floats) -> Ints:
    """Draw one column a row, shape (n,), by log-odds of shape (n, columns)."""
    drawn: Ints = np.argmax(log_odds + rng.gumbel(size=log_odds.shape), axis=1)
    return drawn


def _engagement(rng: np.random.Generator, customers: int) -> Floats:
    """Draw the engagement of each customer and week, shape (customers, weeks)."""
    # On a log scale: a few customers make most of the transactions.
    level = rng.normal(0, _LEVEL, customers)
    wander = rng.normal(0, _WANDER, (_WEEKS, customers))
    for week in range(1, _WEEKS):
        wander[week] = _KEEP * wander[week - 1] + np.sqrt(1 - _KEEP**2) * wander[week]
    return level[:, None] + wander.T


def _transactions(rng: np.random.Generator, customers: int, n: int) -> Columns:
    """Draw n clean transactions, n >= customers, by customer and time.

    Every customer has at least one. `customer`, `transaction` and `batch` count from 1.
    """
    engagement = _engagement(rng, customers)
    # All customers and weeks at once: the number of transactions comes out exactly.
    share = np.exp(engagement - engagement.max()).ravel()
    number = rng.multinomial(n - customers, share / share.sum()).reshape(engagement.shape)
    number[np.arange(customers), _choose(rng, engagement)] += 1
    customer, week = (
        np.repeat(index.ravel(), number.ravel()) for index in np.indices(number.shape)
    )
    engaged = engagement[customer, week] - _USUAL

    # The engaged transact at work: earlier in the day, and less on weekends.
    weekend = rng.random(n) < 2 / 7 * np.exp(-0.08 * engaged)
    day = np.where(weekend, rng.choice(_WEEKEND, n), rng.choice(_WORKDAYS, n))
    hour = np.floor(rng.normal(12.5 - 0.5 * engaged, 4.5)).astype(np.int64) % 24
    second = ((week * 7 + day) * 24 + hour) * 3_600 + rng.integers(0, 3_600, n)

    # Customers have tastes of their own, so that their shares by category and channel last.
    taste = rng.normal(0, 1, (customers, len(_NAMES)))[customer]
    log_odds = np.log(_TABLE[:, _ODDS]) + _TABLE[:, _SLOPE] * engaged[:, None] + taste
    log_odds[second >= _DRIFT_SECOND, _DRIFTING] += np.log(DRIFT_FACTOR)
    category = _choose(rng, log_odds)
    taste = rng.normal(0, 1, (customers, len(_CHANNELS)))[customer]
    log_odds = np.log(_CHANNELS[:, 0]) + _CHANNELS[:, 1] * engaged[:, None] + taste
    channel = _CHANNEL_NUMBERS[_choose(rng, log_odds)]

    drawn = _TABLE[category]
    wealth = rng.normal(0, 0.5, customers)[customer]
    amount = drawn[:, _TYPICAL] * np.exp(rng.normal(0.15 * engaged + wealth - 0.3, 0.9))
    step = np.where(amount < _LARGE, 50, 500)
    amount = np.maximum(np.rint(amount / step) * step, 50).astype(np.int64)
    # Credits into the account are mostly financial services.
    credit = rng.random(n) < np.where(_NAMES[category] == "financial_services", 0.7, 0.12)
    other = rng.random((2, n)) < _UNUSUAL
    order = np.lexsort((second, customer))
    # A few transactions share the batch of the customer's one before.
    new = (np.diff(customer[order], prepend=-1) != 0) | (rng.random(n) >= _SAME_BATCH)
    columns: Columns = {
        "customer": customer + 1,
        "operator": credit & (rng.random(n) < _OPERATOR),
        "provider": np.where(other[0], rng.integers(1, 7, n), drawn[:, _PROVIDER]),
        "product": drawn[:, _PRODUCT] + np.floor(drawn[:, _PRODUCTS] * rng.random(n) ** 2),
        "category": _NAMES[category],
        "channel": channel,
        "amount": np.where(credit, -amount, amount),
        "value": amount,
        "time": np.char.add(np.datetime_as_string(_START + second), "Z").astype(object),
        "pricing": np.where(other[1], rng.choice([0, 1, 4], n), drawn[:, _PRICING]),
    }
    columns = {name: values[order] for name, values in columns.items()}
    columns["batch"] = 1 + rng.permutation(n)[np.cumsum(new) - 1]
    columns["transaction"] = 1 + rng.permutation(n)
    return columns


def _soil(rng: np.random.Generator, columns: Columns, due: dict[str, int]) -> Ints:
    """Plant the exact dirt due in this chunk in place; return the order of its lines."""
    value = columns["value"]
    n = value.size
    # Fraud goes for the large amounts.
    rest = np.argsort(-np.log(value) - rng.gumbel(size=n))
    columns["fraud"] = np.zeros(n, dtype=np.int64)
    columns["fraud"][rest[: due["fraud"]]] = 1
    rest = rng.permutation(rest[due["fraud"] :])

    def take(name: str) -> Ints:
        """Take the lines due, so that no line has two kinds of dirt."""
        nonlocal rest
        taken, rest = rest[: due[name]], rest[due[name] :]
        return taken

    columns["category"][take("category_missing")] = ""
    value[take("sign_mismatch")] *= -1
    time = columns["time"]
    lines = take("time_without_zone")
    time[lines] = [cell.removesuffix("Z") for cell in time[lines]]
    time[take("time_with_space")] += " "
    return rng.permutation(np.concatenate([np.arange(n), take("duplicates")]))


def _text(columns: Columns, lines: Ints) -> str:
    """Return one line a transaction, in order. One format call: far faster than a csv writer."""
    form = (
        "TransactionId_%d,BatchId_%d,AccountId_%d,SubscriptionId_%d,CustomerId_%d,UGX,256,"
        "ProviderId_%d,ProductId_%d,%s,ChannelId_%d,%d.0,%d,%s,%d,%d\n"
    )
    columns["account"] = np.where(columns["operator"], 1, columns["customer"] + 1)
    names = ("transaction", "batch", "account", "account", "customer", "provider", "product")
    more = ("category", "channel", "amount", "value", "time", "pricing", "fraud")
    cells = zip(*(columns[name][lines].tolist() for name in (*names, *more)), strict=True)
    return form * lines.size % tuple(itertools.chain.from_iterable(cells))

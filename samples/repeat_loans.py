"""Sample data for the repeat-loans scenario: one table of loans, whose clients come back.

Schema, marginals and dirt imitate a public table of loans with parametric distributions; no
record of it is used. What a loan's status depends on is known at its date: the client's loans
strictly before that day, age, years on the job and car (`true_probability`).

A trap is planted: who does not pay on time borrows less afterwards, or never again. The client's
later loans therefore tell the status, and a feature that counts them has an AUC that no model
can have on the day of the loan.

Nothing but the clients drifts: from DRIFT_FROM on loans are larger by DRIFT_AMOUNT, and the
clients who join are younger and come back sooner.
"""

import itertools
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 777_000  # as many as the public table has
FILE = "loans.csv"
CLIENT = (  # what stays the same from loan to loan
    "id",
    "code_gender",
    "flag_own_car",
    "flag_own_realty",
    "cnt_children",
    "amt_income_total",
    "name_income_type",
    "name_education_type",
    "name_family_status",
    "name_housing_type",
    "flag_mobil",
    "flag_work_phone",
    "flag_phone",
    "flag_email",
    "occupation_type",
    "cnt_fam_members",
)
LABEL = "status"
COLUMNS = ("loan_id", *CLIENT, LABEL, "birthday", "job_start_date", "loan_date", "loan_amount")
FIRST_DAY, LAST_DAY = "2019-01-01", "2023-12-31"
DRIFT_FROM = "2023-07-01"
DRIFT_AMOUNT = 1.4
FAR_FUTURE = "3021-09-18"  # the job_start_date of every pensioner

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Dirt:
    """Planted shares. Those of all lines are exact, round(share * rows), and share no line."""

    duplicates: float = 0.001
    amount_missing: float = 0.002
    amount_negative: float = 0.001
    occupation_missing: float = 0.17  # expected share of clients at work; no pensioner has one
    same_day: float = 0.03  # expected share of the returns of a client


DIRT = Dirt()

_CHUNK = 50_000
_FIRST_ID = 5_000_001
_YEAR = 365.25
_LEAST = 500.0  # loan amount
_PENSION_AGE = 56
_DATES = np.arange(FIRST_DAY, np.datetime64(LAST_DAY) + 1, dtype="datetime64[D]")
_DAYS = _DATES.size
_DRIFT_DAY = int(np.searchsorted(_DATES, np.datetime64(DRIFT_FROM)))
_LEAVE, _LEAVE_BAD = 0.004, 0.25  # chance that a loan is the client's last, by its status
_SLOWER = 3.0  # factor on the wait for the next loan of who did not pay the last on time
_FEWEST_LOANS = 14  # a low guess of loans per client, so that one draw of clients mostly suffices

_INCOME_TYPES = {
    "Working": 0.615,
    "Commercial associate": 0.285,
    "State servant": 0.0985,
    "Student": 0.0015,
}
_EDUCATIONS = {
    "Secondary / secondary special": 0.68,
    "Higher education": 0.27,
    "Incomplete higher": 0.038,
    "Lower secondary": 0.011,
    "Academic degree": 0.001,
}
_FAMILIES = {
    "Married": 0.69,
    "Single / not married": 0.13,
    "Civil marriage": 0.08,
    "Separated": 0.06,
    "Widow": 0.04,
}
_HOUSINGS = {
    "House / apartment": 0.89,
    "With parents": 0.05,
    "Municipal apartment": 0.03,
    "Rented apartment": 0.015,
    "Office apartment": 0.01,
    "Co-op apartment": 0.005,
}
_OCCUPATIONS = {
    "Laborers": 0.25,
    "Core staff": 0.14,
    "Sales staff": 0.14,
    "Managers": 0.12,
    "Drivers": 0.085,
    "High skill tech staff": 0.055,
    "Accountants": 0.05,
    "Medicine staff": 0.05,
    "Cooking staff": 0.025,
    "Security staff": 0.025,
    "Cleaning staff": 0.02,
    "Private service staff": 0.014,
    "Low-skill Laborers": 0.007,
    "Secretaries": 0.006,
    "Waiters/barmen staff": 0.006,
    "HR staff": 0.003,
    "Realty agents": 0.002,
    "IT staff": 0.002,
}


def write(out: Path, *, rows: int, seed: int = 42) -> dict[str, int]:
    """Write loans.csv of `rows` lines into folder `out`.

    Returns the planted counts: `clients`; `same_day` loans, whose client has an earlier one that
    day; of the rest, lines. Memory does not grow with `rows`; the same arguments give the same
    bytes. A write that fails leaves the file as it was. Raises ValueError for rows < 1 or
    seed < 0.
    """
    for name, value, least in (("rows", rows, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name}: expected a whole number >= {least}, found {value}")
    out.mkdir(parents=True, exist_ok=True)
    # Even chunks: a stub of a last chunk could be too small for the dirt that falls due in it.
    count = -(-rows // _CHUNK)
    edges = [rows * index // count for index in range(count + 1)]
    totals: dict[str, int] = {"clients": 0}
    with tempfile.TemporaryDirectory(prefix=".repeat_loans-", dir=out) as folder:
        path = Path(folder, FILE)
        with path.open("w", encoding="ascii", newline="") as file:
            file.write(",".join(COLUMNS) + "\n")
            for index, (start, stop) in enumerate(itertools.pairwise(edges)):
                rng = np.random.default_rng([seed, index])
                copies, missing, negative = (
                    # The roundings of the chunks add up to round(share * rows).
                    round(share * stop) - round(share * start)
                    for share in (DIRT.duplicates, DIRT.amount_missing, DIRT.amount_negative)
                )
                # A client's loans are all in one chunk, so no chunk needs to know another.
                clients, loans = _chunk(rng, stop - start - copies)
                clients["id"] = _FIRST_ID + totals["clients"] + rng.permutation(clients["id"].size)
                loans["loan_id"] = start + 1 + rng.permutation(loans["who"].size)
                rest = rng.permutation(loans["who"].size)
                amount = loans["amount"]
                amount[rest[:missing]] = np.nan
                amount[rest[missing : missing + negative]] *= -1
                copied = rest[missing + negative :][:copies]
                lines = rng.permutation(np.concatenate([rest, copied]))
                file.write(_text(clients, loans, lines))
                for name, value in _counts(clients, loans, lines).items():
                    totals[name] = totals.get(name, 0) + value
        os.replace(path, out / FILE)
    return {"rows": rows, "duplicates": round(DIRT.duplicates * rows), **totals}


def true_probability(columns: Mapping[str, NDArray[np.generic]]) -> Floats:
    """Return the planted probability of status 1, shape (n,), of loans given by column name.

    Needs nb_previous_loans, avg_amount_loans_previous (NaN: none), age and years_on_the_job (NaN:
    pensioner) in years, and flag_own_car (0 or 1), each of shape (n,) and as of the loan's day;
    the rest is ignored. Raises KeyError for a missing column.
    """
    needed = ("nb_previous_loans", "avg_amount_loans_previous", "age", "years_on_the_job")
    c = {name: np.asarray(columns[name], dtype=np.float64) for name in (*needed, "flag_own_car")}
    average = np.where(c["nb_previous_loans"] > 0, c["avg_amount_loans_previous"], np.nan)
    average = np.maximum(average, _LEAST)  # only dirt is below
    score = -0.8 - 0.33 * np.log1p(c["nb_previous_loans"])
    score += 0.6 * np.nan_to_num(np.log(average / 15_000))
    score += 0.026 * np.maximum(45 - c["age"], -10)
    score -= 0.07 * np.minimum(np.nan_to_num(c["years_on_the_job"], nan=6), 15)
    score -= 0.35 * c["flag_own_car"]
    return np.asarray(1 / (1 + np.exp(-score)), dtype=np.float64)


def _happens(rng: np.random.Generator, probability: float | Floats, n: int) -> Bools:
    """Draw n events of the given probability."""
    return rng.random(n) < probability


def _draw(rng: np.random.Generator, shares: Mapping[str, float], n: int) -> NDArray[np.object_]:
    """Draw n of the names with these shares, which add up to 1."""
    bounds = np.cumsum(list(shares.values()))[:-1]
    return np.array(list(shares), dtype=object)[np.searchsorted(bounds, rng.random(n))]


def _chunk(rng: np.random.Generator, n: int) -> tuple[Columns, Columns]:
    """Draw n clean loans by client and day, and their clients, numbered by the loans' `who`."""
    size = 20 + n // _FEWEST_LOANS
    while True:
        clients = _clients(rng, size)
        loans = _histories(rng, clients)
        if loans["who"].size >= n:
            break
        size *= 2
    # The last client loses the latest loans: as good as gone away.
    loans = {name: values[:n] for name, values in loans.items()}
    used = int(loans["who"].max()) + 1
    return {name: values[:used] for name, values in clients.items()}, loans


def _clients(rng: np.random.Generator, n: int) -> Columns:
    """Draw n clients: what loans.csv says of them (`id` is still 0), and how they borrow."""
    first = (_DAYS * rng.random(n) ** 1.3).astype(np.int64)
    campaign = _happens(rng, 0.05, n)
    first[campaign] = rng.integers(_DRIFT_DAY, _DAYS, int(campaign.sum()))
    new = first >= _DRIFT_DAY
    age = 21 + np.where(new, 24 * rng.beta(1.2, 2.2, n), 47 * rng.beta(1.5, 1.6, n))
    pensioner = _happens(rng, np.where(age > _PENSION_AGE, 0.7, 0.03), n)
    worked = np.minimum(rng.gamma(1.1, 6, n), 0.9 * (age - 18))
    income = np.exp(rng.normal(11.95, 0.5, n) - 0.25 * pensioner)
    family = _draw(rng, _FAMILIES, n)
    children = np.where(age < _PENSION_AGE, rng.poisson(0.6, n), 0)
    jobless = pensioner | _happens(rng, DIRT.occupation_missing, n)
    return {
        "id": np.zeros(n, dtype=np.int64),
        "code_gender": _draw(rng, {"F": 0.67, "M": 0.33}, n),
        "flag_own_car": _draw(rng, {"N": 0.62, "Y": 0.38}, n),
        "flag_own_realty": _draw(rng, {"Y": 0.67, "N": 0.33}, n),
        "cnt_children": children,
        "amt_income_total": np.maximum(np.rint(income / 4_500), 6) * 4_500,
        "name_income_type": np.where(pensioner, "Pensioner", _draw(rng, _INCOME_TYPES, n)),
        "name_education_type": _draw(rng, _EDUCATIONS, n),
        "name_family_status": family,
        "name_housing_type": _draw(rng, _HOUSINGS, n),
        "flag_mobil": np.ones(n, dtype=np.int64),
        "flag_work_phone": _happens(rng, 0.225, n).astype(np.int64),
        "flag_phone": _happens(rng, 0.295, n).astype(np.int64),
        "flag_email": _happens(rng, 0.09, n).astype(np.int64),
        "occupation_type": np.where(jobless, "", _draw(rng, _OCCUPATIONS, n)),
        "cnt_fam_members": 1 + children + ((family == "Married") | (family == "Civil marriage")),
        # Days count from FIRST_DAY.
        "birth": first - (age * _YEAR).astype(np.int64),
        "job": np.where(pensioner, np.nan, first - np.floor(worked * _YEAR)),
        "first": first,
        # Few borrow every week, most a few times a year: the loans per client are heavy-tailed.
        "wait": np.maximum(rng.lognormal(3.62, 0.85, n) * np.where(new, 0.5, 1), 5),
        "level": np.exp(rng.normal(9.6, 0.45, n)) * (income / 155_000) ** 0.3,
    }


def _histories(rng: np.random.Generator, clients: Columns) -> Columns:
    """Draw the loans of all clients, by client and day: who, day, amount and status.

    Goes from loan to loan, all clients at once: a status depends on the loans before it, and the
    loans after it depend on the status.
    """
    birth, job, wait, level, day = (
        clients[name].astype(np.float64) for name in ("birth", "job", "wait", "level", "first")
    )
    car = clients["flag_own_car"] == "Y"
    who = np.arange(day.size)
    # Number and total of each client's loans: all so far, and those of the days before.
    so_far, before = np.zeros((2, day.size)), np.zeros((2, day.size))
    steps: list[tuple[Ints, Floats, Floats, Bools]] = []
    while who.size:
        n = who.size
        amount = (
            level[who] * rng.lognormal(0, 0.35, n) * (1 + 0.01 * np.minimum(so_far[0, who], 30))
        )
        amount *= np.where(day >= _DRIFT_DAY, DRIFT_AMOUNT, 1)
        # Two thirds of the amounts are round, the rest has cents.
        amount = np.where(_happens(rng, 2 / 3, n), np.rint(amount / 100) * 100, amount.round(2))
        amount = np.maximum(amount, _LEAST)
        number, total = before[:, who]
        status = _happens(
            rng,
            true_probability(
                {
                    "nb_previous_loans": number,
                    "avg_amount_loans_previous": total / np.maximum(number, 1),
                    "age": (day - birth[who]) / _YEAR,
                    "years_on_the_job": (day - job[who]) / _YEAR,
                    "flag_own_car": car[who],
                }
            ),
            n,
        )
        steps.append((who, day, amount, status))
        so_far[:, who] += np.vstack([np.ones(n), amount])
        pause = np.ceil(rng.exponential(wait[who] * np.where(status, _SLOWER, 1)))
        pause[_happens(rng, DIRT.same_day, n)] = 0
        day = day + pause
        moved = who[pause > 0]
        before[:, moved] = so_far[:, moved]
        stays = (day < _DAYS) & ~_happens(rng, np.where(status, _LEAVE_BAD, _LEAVE), n)
        who, day = who[stays], day[stays]
    columns = [np.concatenate(column) for column in zip(*steps, strict=True)]
    order = np.argsort(columns[0], kind="stable")  # stable: a client's loans keep their order
    loans = {
        name: column[order]
        for name, column in zip(("who", "day", "amount", "status"), columns, strict=True)
    }
    loans["day"] = loans["day"].astype(np.int64)
    return loans


def _counts(clients: Columns, loans: Columns, lines: Ints) -> dict[str, int]:
    """Count what one chunk's lines hold."""
    who, day, amount = loans["who"], loans["day"], loans["amount"]
    same_day = (who[1:] == who[:-1]) & (day[1:] == day[:-1])
    of_lines = {
        "defaults": loans["status"],
        "occupation_missing": (clients["occupation_type"] == "")[who],
        "job_start_future": np.isnan(clients["job"])[who],
        "amount_missing": np.isnan(amount),
        "amount_negative": amount < 0,
    }
    return {
        "clients": clients["id"].size,
        "same_day": int(np.sum(same_day)),
        **{name: int(np.sum(found[lines])) for name, found in of_lines.items()},
    }


def _text(clients: Columns, loans: Columns, lines: Ints) -> str:
    """Return one line a loan, in the order of `lines`.

    A client's columns are formatted once, not once a loan, and all cells of a kind by one format
    call: far faster than a csv writer.
    """
    heads = _cells(",".join(["%s"] * len(CLIENT)), *(clients[name].tolist() for name in CLIENT))
    birth, job = (
        np.datetime_as_string(_DATES[0] + np.nan_to_num(clients[name]).astype(np.int64))
        for name in ("birth", "job")
    )
    job = np.where(np.isnan(clients["job"]), FAR_FUTURE, job)
    tails = _cells("%s,%s", birth.tolist(), job.tolist())
    amounts = _cells("%.2f", loans["amount"].tolist())
    amounts[np.isnan(loans["amount"])] = ""
    who, days = loans["who"][lines], np.datetime_as_string(_DATES).astype(object)
    cells = (
        loans["loan_id"][lines],
        heads[who],
        loans["status"][lines],
        tails[who],
        days[loans["day"][lines]],
        amounts[lines],
    )
    return _format("%d,%s,%d,%s,%s,%s", *(cell.tolist() for cell in cells))


def _format(form: str, *columns: Iterable[object]) -> str:
    """Return one line of `form` for each row of the columns."""
    values = tuple(itertools.chain.from_iterable(zip(*columns, strict=True)))
    return (form + "\n") * (len(values) // len(columns)) % values


def _cells(form: str, *columns: Iterable[object]) -> NDArray[np.object_]:
    """Return the lines of `_format`, shape (rows,). No value may hold a line end."""
    return np.array(_format(form, *columns).split("\n")[:-1], dtype=object)

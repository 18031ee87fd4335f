"""Sample data for the credit-approval scenario: applicants, and the months of their accounts.

Schema, marginals and dirt imitate the public "Credit Card Approval Prediction" data set with
parametric distributions; no record of it is used. People apply again and again: a profile is what
all columns but ID say, several lines share one, and so do their outcomes. A model that has seen a
profile knows more of it than its columns tell.
"""

import itertools
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# fmt: off
APPLICATION = (
    "ID", "CODE_GENDER", "FLAG_OWN_CAR", "FLAG_OWN_REALTY", "CNT_CHILDREN", "AMT_INCOME_TOTAL",
    "NAME_INCOME_TYPE", "NAME_EDUCATION_TYPE", "NAME_FAMILY_STATUS", "NAME_HOUSING_TYPE",
    "DAYS_BIRTH", "DAYS_EMPLOYED", "FLAG_MOBIL", "FLAG_WORK_PHONE", "FLAG_PHONE", "FLAG_EMAIL",
    "OCCUPATION_TYPE", "CNT_FAM_MEMBERS",
)
CREDIT = ("ID", "MONTHS_BALANCE", "STATUS")
ROWS = 438_557  # lines of application_record.csv in the real data
NOT_EMPLOYED = 365_243  # DAYS_EMPLOYED of who has no job: the only positive value
INCOME_TYPES = ("Working", "Commercial associate", "State servant", "Pensioner", "Student")
EDUCATIONS = (
    "Secondary / secondary special", "Higher education", "Incomplete higher", "Lower secondary",
    "Academic degree",
)
FAMILIES = ("Married", "Civil marriage", "Single / not married", "Separated", "Widow")
HOUSINGS = (
    "House / apartment", "With parents", "Municipal apartment", "Rented apartment",
    "Office apartment", "Co-op apartment",
)
OCCUPATIONS = (
    "Laborers", "Core staff", "Sales staff", "Managers", "Drivers", "High skill tech staff",
    "Accountants", "Medicine staff", "Cooking staff", "Security staff", "Cleaning staff",
    "Private service staff", "Low-skill Laborers", "Secretaries", "Waiters/barmen staff",
    "Realty agents", "HR staff", "IT staff",
)
# fmt: on
STATUSES = ("0", "1", "2", "3", "4", "5", "C", "X")

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Columns = dict[str, Ints]


@dataclass(frozen=True)
class Dirt:
    """Planted shares of all lines of application_record.csv: round(share * rows) of each.

    Found exact from 300 rows on. The shares hold for samples of any size: 7 rows make one
    applicant with records, and about 360 one of them that was ever 60 days late.
    """

    profiles: float = 90_085 / ROWS
    joined: float = 36_457 / ROWS  # applicants with records
    joined_profiles: float = 9_728 / ROWS
    silent: float = 15_193 / ROWS  # without records, but of a profile that also has some with
    records_only: float = 9_528 / ROWS
    two_persons: float = 47 / ROWS  # IDs that two different persons share
    pensioners: float = 75_329 / ROWS
    no_occupation: float = 134_203 / ROWS  # the pensioners, and others
    bad_1_to_5: float = 4_291 / ROWS  # joined applicants, by the worst status they ever had
    bad_2_to_5: float = 616 / ROWS
    bad_5: float = 180 / ROWS


DIRT = Dirt()

_CHUNK = 50_000
_MOST_ROWS = 100_000_000  # more would leave a chunk too few birthdays of its own: see _own_days
_FIRST_ID = 5_000_001
_YOUNGEST, _OLDEST = 7_489, 25_201  # days since birth
_MONTHS = 61  # -60 to 0
_SERIOUS, _LOST, _C, _X = 2, 5, 6, 7  # statuses as codes: 60 days late, 150 or more, none due
_WORKING, _COMMERCIAL, _STATE, _PENSIONER, _STUDENT = range(len(INCOME_TYPES))
_MARRIED, _CIVIL, _SINGLE, _SEPARATED, _WIDOW = range(len(FAMILIES))
_MEN = (384, 81, 46, 134, 215, 52, 4, 3, 7, 47, 3, 1, 15, 1, 2, 1, 0, 4)
_WOMEN = (181, 177, 188, 106, 9, 60, 81, 69, 38, 14, 29, 17, 2, 10, 8, 5, 4, 1)
# What sets how late somebody ever gets: what the columns tell, what only the profile has, how
# long the account is watched, and chance. The second makes the trap, the first all that is honest.
_HONEST, _PROFILE, _LENGTH, _CHANCE = 1.25, 0.75, 0.3, 0.5


def write(out: Path, *, rows: int, seed: int = 42) -> dict[str, int]:
    """Write application_record.csv (`rows` lines) and credit_record.csv into folder `out`.

    Returns the planted counts: lines for `rows`, `repeats` (lines whose profile has an earlier
    one), `pensioners`, `no_occupation` and `credit_rows`, else IDs or profiles; the bad ones are
    IDs in both files. Memory does not grow with `rows`; the same arguments give the same bytes. A
    write that fails leaves both files as they were. Raises ValueError for rows outside
    1..100,000,000 or seed < 0.
    """
    if not 1 <= rows <= _MOST_ROWS:
        raise ValueError(f"rows: expected a whole number from 1 to {_MOST_ROWS}, found {rows}")
    if seed < 0:
        raise ValueError(f"seed: expected a whole number >= 0, found {seed}")
    out.mkdir(parents=True, exist_ok=True)
    # Even chunks: a stub of a last chunk could be too small for the dirt that falls due in it.
    count = -(-rows // _CHUNK)
    edges = [rows * index // count for index in range(count + 1)]
    totals: dict[str, int] = {"rows": rows}
    names = ("application_record.csv", "credit_record.csv")
    with tempfile.TemporaryDirectory(prefix=".credit_approval-", dir=out) as folder:
        paths = [Path(folder, name) for name in names]
        with (
            paths[0].open("w", encoding="ascii", newline="") as application,
            paths[1].open("w", encoding="ascii", newline="") as credit,
        ):
            application.write(",".join(APPLICATION) + "\n")
            # Like the real files: carriage returns in this one only.
            credit.write(",".join(CREDIT) + "\r\n")
            for index, (start, stop) in enumerate(itertools.pairwise(edges)):
                rng = np.random.default_rng([seed, index])
                texts, counts = _chunk(rng, start, stop, (index, count))
                application.write(texts[0])
                credit.write(texts[1])
                for name, value in counts.items():
                    totals[name] = totals.get(name, 0) + value
        for name, path in zip(names, paths, strict=True):
            os.replace(path, out / name)
    return totals


def _chunk(
    rng: np.random.Generator, start: int, stop: int, part: tuple[int, int]
) -> tuple[tuple[str, str], dict[str, int]]:
    """Return the text of lines start..stop-1 of the applicants and of their records; counts."""
    # What falls due in this chunk: the roundings add up to round(share * rows).
    due = {name: round(share * stop) - round(share * start) for name, share in asdict(DIRT).items()}
    n, outside = stop - start, due["records_only"]
    profile, joined = _lines(rng, n, due)
    size = np.bincount(profile)
    pensioner = _fill(rng, size, due["pensioners"], np.ones(size.size, dtype=np.bool_))
    rest = due["no_occupation"] - int(size[pensioner].sum())
    blank = pensioner | _fill(rng, size, rest, ~pensioner)
    people = _people(rng, pensioner, part)
    # IDs of records without an applicant lie between the others.
    ids = _FIRST_ID + start + round(DIRT.records_only * start) + np.arange(n + outside)
    extra = np.zeros(ids.size, dtype=np.bool_)
    extra[rng.choice(ids.size, outside, replace=False)] = True
    ids, strange = ids[~extra], ids[extra]
    accounts = np.concatenate([ids[joined], strange])

    closed, length = _spans(rng, int(joined.sum()), outside)
    score = _HONEST * _risk(people) + _PROFILE * rng.standard_normal(size.size)
    score = score[profile[joined]] + _CHANCE * rng.standard_normal(int(joined.sum()))
    score += _LENGTH * np.log(length)[: score.size]
    worst = _worst(rng, score, due)
    # The strangers owe less, and no profile explains them.
    levels = rng.choice(6, outside, p=[0.889, 0.1056, 0.0023, 0.0013, 0.0002, 0.0016])
    months = _months(rng, length, np.concatenate([worst, levels]))
    records = _credit_text(accounts, closed, length, months)

    _, first = np.unique(profile, return_index=True)
    quiet = first[np.bincount(profile, weights=joined) == 0]  # lines of different persons
    pairs = min(due["two_persons"], quiet.size // 2)
    one, other = rng.choice(quiet, (2, pairs), replace=False)
    ids[other] = ids[one]
    text = _profile_texts(rng, people, blank)
    applicants = "".join(
        f"{key},{text[who]}" for key, who in zip(ids.tolist(), profile.tolist(), strict=True)
    )
    return (applicants, records), {
        "ids": n - pairs,
        "profiles": size.size,
        "repeats": n - size.size,
        "joined": worst.size,
        "joined_profiles": np.unique(profile[joined]).size,
        "applicants_only": n - pairs - worst.size,
        "records_only": outside,
        "two_persons": pairs,
        "pensioners": int(size[pensioner].sum()),
        "no_occupation": int(size[blank].sum()),
        "credit_rows": int(length.sum()),
        "bad_1_to_5": int(np.sum(worst >= 1)),
        "bad_2_to_5": int(np.sum(worst >= _SERIOUS)),
        "bad_5": int(np.sum(worst == _LOST)),
    }


def _lines(rng: np.random.Generator, n: int, due: dict[str, int]) -> tuple[Ints, Bools]:
    """Draw the profile of each of n lines, in ascending order, and whether it has records."""
    joined = min(due["joined"], n)
    active = min(max(due["joined_profiles"], min(joined, 1)), joined)
    silent = min(due["silent"], n - joined) if active else 0
    rest = n - joined - silent
    quiet = min(max(due["profiles"] - active, min(rest, 1)), rest)
    profile = np.concatenate(
        [
            np.repeat(np.arange(active), _sizes(rng, joined, active)),
            rng.integers(active, size=silent) if silent else np.zeros(0, dtype=np.int64),
            np.repeat(np.arange(active, active + quiet), _sizes(rng, rest, quiet)),
        ]
    )
    profile = rng.permutation(active + quiet)[profile]
    order = np.argsort(profile, kind="stable")
    return profile[order], order < joined


def _sizes(rng: np.random.Generator, total: int, parts: int) -> Ints:
    """Cut `total` into `parts` sizes >= 1 at random: their distribution is about geometric."""
    if not parts:
        return np.zeros(0, dtype=np.int64)
    cuts = np.sort(rng.choice(np.arange(1, max(total, 2)), parts - 1, replace=False))
    return np.diff(cuts, prepend=0, append=total)


def _fill(rng: np.random.Generator, size: Ints, lines: int, allowed: Bools) -> Bools:
    """Pick profiles at random, of those allowed, that have `lines` lines together (if any do)."""
    picked = np.zeros(size.size, dtype=np.bool_)
    for who in rng.permutation(np.flatnonzero(allowed)).tolist():
        if size[who] <= lines:
            picked[who] = True
            lines -= int(size[who])
        if lines <= 0:
            break
    return picked


def _people(rng: np.random.Generator, pensioner: Bools, part: tuple[int, int]) -> Columns:
    """Draw one different person a profile: every column but ID and OCCUPATION_TYPE, as codes."""
    n = pensioner.size

    def happens(probability: float | Floats) -> Ints:
        return (rng.random(n) < probability).astype(np.int64)

    older = _OLDEST - np.abs(_OLDEST - rng.normal(21_715, 1_840, n))
    younger = 7_489 + 17_345 * rng.beta(2.1, 2.88, n)
    born = _own_days(np.where(pensioner, older, younger), part)
    age = born / 365.25
    man = happens(np.where(pensioner, 0.155, 0.365))
    job = rng.choice(len(INCOME_TYPES), n, p=[0.6225, 0.27735, 0.0996, 0.0005, 0.00005])
    job = np.where(pensioner, _PENSIONER, job)
    single = 0.095 + 0.5 * np.exp((20 - age) / 5)
    shares = [np.full(n, 0.083), single, np.full(n, 0.062), 0.12 * np.exp((age - 60) / 9)]
    # Who is none of these is married.
    family = np.sum(rng.random(n) < np.cumsum(shares[::-1], axis=0), axis=0)
    education = rng.choice(len(EDUCATIONS), n, p=[0.6882, 0.268, 0.0339, 0.0092, 0.0007])
    typical = 2_900 * (1 - np.exp((19 - age) / 14))
    employed = np.minimum(rng.gamma(1.3, typical / 0.98), born - 18 * 365).clip(12, 17_531)
    children = rng.poisson(0.87 * np.exp(-(((age - 34.5) / 8) ** 2) / 2))
    pay = np.array([11.9, 12.09, 12.02, 11.78, 11.9])[job] + 0.2 * man
    income = np.exp(rng.normal(pay + 0.2 * (education == 1), 0.42))
    step = np.where(happens(0.76), 22_500, 4_500)
    income = (np.rint(income / step) * step).clip(27_000, 6_750_000)
    people: Columns = {
        "CODE_GENDER": man,
        "FLAG_OWN_CAR": happens(np.where(man, 0.61, 0.255)),
        "FLAG_OWN_REALTY": happens(0.693),
        "CNT_CHILDREN": children,
        "AMT_INCOME_TOTAL": income.astype(np.int64),
        "NAME_INCOME_TYPE": job,
        "NAME_EDUCATION_TYPE": education,
        "NAME_FAMILY_STATUS": family,
        "NAME_HOUSING_TYPE": rng.choice(
            len(HOUSINGS), n, p=[0.8981, 0.0435, 0.0324, 0.0136, 0.0089, 0.0035]
        ),
        "DAYS_BIRTH": -born,
        "DAYS_EMPLOYED": np.where(pensioner, NOT_EMPLOYED, -employed.astype(np.int64)),
        "FLAG_MOBIL": np.ones(n, dtype=np.int64),
        "FLAG_WORK_PHONE": happens(np.where(pensioner, 0, 0.249)),
        "FLAG_PHONE": happens(0.288),
        "FLAG_EMAIL": happens(np.where(pensioner, 0.057, 0.119)),
        "CNT_FAM_MEMBERS": children + 1 + (family <= _CIVIL),
    }
    while True:
        table = np.column_stack(list(people.values()))
        _, first = np.unique(table, axis=0, return_index=True)
        again = np.setdiff1d(np.arange(n), first)
        if not again.size:
            return people
        # Mostly pensioners, whose columns say little: another day of birth tells them apart.
        born = rng.integers(np.minimum(-people["DAYS_BIRTH"][again], 20_000), _OLDEST + 1)
        people["DAYS_BIRTH"][again] = -_own_days(born.astype(np.float64), part)


def _own_days(days: Floats, part: tuple[int, int]) -> Ints:
    """Move ages in days to the nearest that only this chunk uses: no other repeats its profiles."""
    index, count = part
    above = days.clip(_YOUNGEST, _OLDEST).astype(np.int64) - _YOUNGEST
    above += index - above % count
    above -= count * (above > _OLDEST - _YOUNGEST)
    return _YOUNGEST + above


def _risk(people: Columns) -> Floats:
    """Return the honest part of the score, one a profile: the columns tell no more than this."""
    age = -people["DAYS_BIRTH"] / 365.25
    pensioner = people["DAYS_EMPLOYED"] == NOT_EMPLOYED
    years = np.where(pensioner, 0, -people["DAYS_EMPLOYED"] / 365.25)
    job, family = people["NAME_INCOME_TYPE"], people["NAME_FAMILY_STATUS"]
    risk = -0.010 * (age - 44) - 0.035 * np.minimum(years, 12) + 0.10 * pensioner
    risk += 0.18 * (1 - people["FLAG_OWN_REALTY"]) + 0.08 * people["CODE_GENDER"]
    risk += 0.15 * ((family == _SINGLE) | (family == _WIDOW)) - 0.10 * (job == _STATE)
    return np.asarray(risk - 0.08 * np.log(people["AMT_INCOME_TOTAL"] / 160_000), dtype=np.float64)


def _spans(rng: np.random.Generator, joined: int, outside: int) -> tuple[Ints, Ints]:
    """Draw how many months ago accounts ended, and how many they had; strangers' are older."""
    age = np.concatenate([rng.beta(0.95, 1.47, joined), rng.beta(1.27, 1.13, outside)])
    opened = (_MONTHS * age).astype(np.int64).clip(0, _MONTHS - 1)
    ended = rng.binomial(1, 0.264, opened.size)
    closed = ended * rng.integers(0, opened + 1)
    return closed, opened - closed + 1


def _worst(rng: np.random.Generator, score: Floats, due: dict[str, int]) -> Ints:
    """Return the worst status 0..5 of each applicant: the highest scores get the worst."""
    order = np.argsort(-score)
    worst = np.zeros(score.size, dtype=np.int64)
    worst[order[: due["bad_1_to_5"]]] = 1
    some = order[: due["bad_2_to_5"]]
    worst[some] = rng.choice([2, 3, 4], some.size, p=[0.72, 0.175, 0.105])
    worst[order[: due["bad_5"]]] = _LOST
    return worst


def _months(rng: np.random.Generator, length: Ints, worst: Ints) -> Ints:
    """Draw statuses as codes, shape (accounts, 61), oldest month first, `length` of them used."""
    n = length.size
    luck = rng.random((_MONTHS, n))
    state = np.array([0, _X, _C])[np.searchsorted([0.582, 0.99], luck[0])]
    path = [state]
    for draw in luck[1:]:
        # Paid off is for good; a month without a loan may end in one.
        paid = np.where(state == 0, 0.051, np.where(state == _X, 0.0103, 1))
        idle = np.where(state == 0, 0.073, np.where(state == _X, 0.827, 0))
        state = np.where(draw < paid, _C, np.where(draw < paid + idle, _X, 0))
        path.append(state)
    months = np.array(path).T
    # Arrears climb a status a month up to the worst, and stay there for a while.
    peak = rng.integers(np.minimum(worst.clip(1) - 1, length - 1), length)
    stay = rng.geometric(np.array([1, 0.45, 0.8, 0.8, 0.8, 0.115])[worst])
    since = np.arange(_MONTHS) - peak[:, None]
    late = np.where(since < stay[:, None], worst[:, None] + np.minimum(since, 0), 0)
    # Nobody who is to fall late has paid off before.
    before = (worst > 0)[:, None] & (since < stay[:, None]) & (months == _C)
    return np.where(late > 0, late, np.where(before, 0, months))


def _credit_text(ids: Ints, closed: Ints, length: Ints, months: Ints) -> str:
    """Return the records of all accounts by ID, latest month first."""
    order = np.argsort(ids)
    account = np.repeat(order, length[order])
    ends = np.cumsum(length[order])
    back = np.arange(account.size) - np.repeat(ends - length[order], length[order])
    status = np.array(STATUSES, dtype=object)[months[account, length[account] - 1 - back]]
    table = np.empty((account.size, len(CREDIT)), dtype=object)
    table[:, 0], table[:, 1], table[:, 2] = ids[account], -closed[account] - back, status
    # One format call: far faster than a csv writer.
    return "%d,%d,%s\r\n" * account.size % tuple(table.ravel().tolist())


def _profile_texts(rng: np.random.Generator, people: Columns, blank: Bools) -> list[str]:
    """Return what follows the ID in a line of application_record.csv, one text a profile."""
    weights = np.cumsum([_WOMEN, _MEN], axis=1) / np.sum([_WOMEN, _MEN], axis=1)[:, None]
    drawn = np.sum(rng.random((blank.size, 1)) > weights[people["CODE_GENDER"]], axis=1)
    words = {
        "CODE_GENDER": ("F", "M"),
        "FLAG_OWN_CAR": ("N", "Y"),
        "FLAG_OWN_REALTY": ("N", "Y"),
        "NAME_INCOME_TYPE": INCOME_TYPES,
        "NAME_EDUCATION_TYPE": EDUCATIONS,
        "NAME_FAMILY_STATUS": FAMILIES,
        "NAME_HOUSING_TYPE": HOUSINGS,
        "OCCUPATION_TYPE": (*OCCUPATIONS, ""),
    }
    codes = people | {"OCCUPATION_TYPE": np.where(blank, len(OCCUPATIONS), drawn)}
    cells: list[list[object]] = []
    for name in APPLICATION[1:]:
        values = codes[name]
        cells.append((np.array(words[name])[values] if name in words else values).tolist())
    # Like the real file: two columns are floats.
    floats = ("AMT_INCOME_TOTAL", "CNT_FAM_MEMBERS")
    line = ",".join("%s.0" if name in floats else "%s" for name in APPLICATION[1:]) + "\n"
    return [line % person for person in zip(*cells, strict=True)]

"""A small scenario of sources with dates: loans, what came due of them month by month, accounts."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.contracts.families import LogisticFamily, Training
from components.contracts.history import AsOfColumn, AsOfEnd, Figure, History, Lookup
from components.contracts.modelling import Feature, Reason
from components.contracts.outcomes import (
    GroupedSplit,
    MonthOnBookLabel,
    OutOfTimeSplit,
    ProxyLabel,
)
from components.contracts.policy import FixedCutoff, Gate, Policy, Rule
from components.contracts.scenario import Scenario
from components.contracts.sources import Column, Kind, Merge, Source

PEOPLE = 120

LOANS = Source(
    name="loans",
    grain="one row a loan",
    files=("loans.csv",),
    key=("LOAN",),
    date="START",
    columns=(
        Column(name="LOAN", kind=Kind.KEY),
        Column(name="ID", kind=Kind.KEY),
        Column(name="START", kind=Kind.DATE),
        Column(name="INCOME", kind=Kind.NUMBER, minimum=0),
    ),
)
DUES = Source(
    name="dues",
    grain="one row a loan and instalment",
    files=("dues",),
    key=("LOAN", "NUMBER"),
    date="DAY",
    monthly=True,
    columns=(
        Column(name="LOAN", kind=Kind.KEY),
        Column(name="ID", kind=Kind.KEY),
        Column(name="NUMBER", kind=Kind.INTEGER, minimum=1),
        Column(name="DAY", kind=Kind.DATE),
        Column(name="DUE", kind=Kind.NUMBER, minimum=0),
        Column(name="OVERDUE", kind=Kind.NUMBER, minimum=0),
    ),
)
ACCOUNTS = Source(
    name="accounts",
    grain="one row a person",
    files=("accounts.parquet",),
    table="bank.accounts",
    key=("ID",),
    columns=(Column(name="ID", kind=Kind.KEY), Column(name="BALANCE", kind=Kind.NUMBER)),
)
_PAST = History(
    source="dues",
    on="ID",
    figures=(
        Figure(name="DUES", how="count"),
        Figure(name="BEHIND", how="sum", of="OVERDUE"),
    ),
)
_TRAINING = Training(families=(LogisticFamily(search={}),))
_GATE = Gate(rules=(Rule(metric="auc", floor=0.5),))
_POLICY = Policy(cutoff=FixedCutoff(approve_below=0.5))


def _features(**titles: str) -> tuple[Feature, ...]:
    return tuple(
        Feature(name=name, title=title, reason=Reason.about(name, title))
        for name, title in titles.items()
    )


#: Trained on with three months that have a label: a loan has one when the next month is over.
MONTHLY = Scenario(
    name="monthly",
    title="Loans month by month",
    sources=(LOANS, DUES, ACCOUNTS),
    merge=Merge(table="loans", grain="one row a loan", key="LOAN", sources=("loans",)),
    entity="ID",
    as_of=AsOfColumn(column="START"),
    lookups=(Lookup(source="accounts", on="ID"),),
    histories=(_PAST,),
    label=MonthOnBookLabel(
        source="dues", on="LOAN", instalment="NUMBER", month=1, due="DUE", overdue="OVERDUE"
    ),
    split=OutOfTimeSplit(months=1, least_months=2, validation=0.4),
    features=_features(INCOME="income", BALANCE="balance", DUES="dues", BEHIND="behind"),
    training=_TRAINING,
    gate=_GATE,
    policy=_POLICY,
)
#: Nobody's outcome is known: who has no dues in the last days is at risk.
PROXY = Scenario(
    name="proxy",
    title="People by their dues",
    sources=(DUES,),
    merge=Merge(
        table="people", grain="one row a person", key="ID", sources=("dues",), columns=("ID",)
    ),
    as_of=AsOfEnd(days=30),
    histories=(_PAST,),
    label=ProxyLabel(source="dues", on="ID", amount="DUE", days=30, clusters=2),
    split=GroupedSplit(by=("ID",), test=0.3, validation=0.4),
    features=_features(DUES="dues", BEHIND="behind"),
    training=_TRAINING,
    gate=_GATE,
    policy=_POLICY,
)


def write(folder: Path, months: int) -> Path:
    """Write a data folder: a loan a person and month of 2024, what came due of it a month later.

    In the last month only every second person has something due.
    """
    (folder / "dues").mkdir(parents=True)
    loans, number = ["LOAN,ID,START,INCOME"], range(PEOPLE)
    for month in range(1, months + 1):
        loans += [
            f"{month}-{n},p{n},2024-{month:02d}-{1 + n % 28:02d},{_income(n)}" for n in number
        ]
        due = [
            f"{month - 1}-{n},p{n},1,2024-{month:02d}-15,100,{100 * _is_bad(n, month - 1)}"
            for n in number
            if month > 1 and (month < months or n % 2)
        ]
        if due:
            text = "\n".join(["LOAN,ID,NUMBER,DAY,DUE,OVERDUE", *due])
            (folder / "dues" / f"2024-{month:02d}.csv").write_text(text + "\n")
    (folder / "loans.csv").write_text("\n".join(loans) + "\n")
    accounts = {"ID": [f"p{n}" for n in number], "BALANCE": [float(n % 9) for n in number]}
    pq.write_table(pa.table(accounts), folder / "accounts.parquet")
    return folder


def _income(person: int) -> float:
    return 500.0 + person if person % 3 == 0 else 1000.0 + person


def _is_bad(person: int, month: int) -> bool:
    """Who earns little, and others now and then."""
    return (person % 3 == 0) != (person % 7 == month)

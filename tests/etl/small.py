"""A small scenario of two sources, and a folder with its files."""

from collections.abc import Sequence
from pathlib import Path

from components.contracts.families import LogisticFamily, Training
from components.contracts.modelling import Feature
from components.contracts.outcomes import GivenLabel, StratifiedSplit
from components.contracts.policy import FixedCutoff, Gate, Policy, Rule
from components.contracts.scenario import Scenario
from components.contracts.sources import Column, Kind, Merge, Naming, Source

PEOPLE = Source(
    name="people",
    grain="one row a person",
    files=("people.csv", "whole.csv"),
    naming=Naming.UPPER,
    aliases={"NUMBER": "ID"},
    key=("ID",),
    max_malformed=0.5,
    columns=(
        Column(name="ID", kind=Kind.KEY),
        Column(
            name="CITY",
            kind=Kind.CATEGORY,
            values=("Rome", "Oslo, N", 'the "Hague"'),
            replace={"Roma": "Rome", "?": None},
            max_missing=0.5,
        ),
        Column(name="AGE", kind=Kind.INTEGER, minimum=18, maximum=110, max_bad=0.34),
        Column(name="INCOME", kind=Kind.NUMBER, minimum=0, max_missing=0.5),
    ),
)
DEEDS = Source(
    name="deeds",
    grain="one row a person",
    files=("deeds.csv", "whole.csv"),
    naming=Naming.UPPER,
    key=("ID",),
    max_malformed=0.5,
    columns=(
        Column(name="ID", kind=Kind.KEY),
        Column(name="LATE", kind=Kind.INTEGER, max_bad=0.5),
        Column(
            name="DEFAULTPAYMENTNEXTMONTH",
            kind=Kind.INTEGER,
            minimum=0,
            maximum=1,
            max_missing=0.5,
        ),
    ),
)
MERGE = Merge(
    table="everyone", grain="one row a person", key="ID", drop_identical=True, max_unmatched=1
)
SMALL = Scenario(
    name="small",
    title="A small scenario",
    sources=(PEOPLE, DEEDS),
    merge=MERGE,
    label=GivenLabel(column="DEFAULTPAYMENTNEXTMONTH"),
    split=StratifiedSplit(test=0.25, validation=0.2, seed=42),
    features=(
        Feature(name="CITY", title="city"),
        Feature(name="INCOME", title="income"),
        Feature(name="LATE", title="late"),
        Feature(name="LATE_EACH", title="late by income", expression="LATE / INCOME"),
    ),
    protected=("AGE",),
    training=Training(families=(LogisticFamily(),)),
    gate=Gate(rules=(Rule(metric="auc", floor=0.5),)),
    policy=Policy(cutoff=FixedCutoff(approve_below=0.3)),
)
PEOPLE_HEAD = "Id,City,Age,Income"
DEEDS_HEAD = "id,late,default.payment.next.month"


def lines(count: int = 60) -> tuple[list[str], list[str]]:
    """Lines of clean people and their deeds: a third is bad, the last six are not known yet."""
    people = [
        f"{n},{('Rome', chr(34) + 'Oslo, N' + chr(34), '')[n % 3]},{20 + n},{n * 10.5}"
        for n in range(1, count + 1)
    ]
    deeds = [f"{n},{n % 5},{'' if n > count - 6 else int(n % 3 == 0)}" for n in range(1, count + 1)]
    return people, deeds


def write(folder: Path, people: Sequence[str] | None, deeds: Sequence[str] | None) -> Path:
    """Write the files of a data folder; None leaves a file out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, head, body in (
        ("people.csv", PEOPLE_HEAD, people),
        ("deeds.csv", DEEDS_HEAD, deeds),
    ):
        if body is not None:
            (folder / name).write_text("\n".join([head, *body]) + "\n")
    return folder

"""pledges: will a member keep this month's pledge? This file is all that a use case takes."""

from components.contracts.families import LogisticFamily, Search, Training
from components.contracts.history import AsOfColumn, Figure, History, Lookup
from components.contracts.modelling import Feature, Reason
from components.contracts.outcomes import GivenLabel, OutOfTimeSplit
from components.contracts.policy import FixedCutoff, Gate, Policy, Rule
from components.contracts.scenario import Scenario
from components.contracts.sources import Column, Kind, Merge, Source

_PLEDGES = Source(
    name="pledges",
    grain="one row a pledge",
    files=("pledges.csv",),
    key=("pledge",),
    date="made_on",
    columns=(
        Column(name="pledge", kind=Kind.KEY),
        Column(name="member", kind=Kind.KEY),
        Column(name="made_on", kind=Kind.DATE, formats=("dd/MM/yyyy",)),
        Column(name="amount", kind=Kind.NUMBER, minimum=0, strip="€ "),
        Column(name="broken", kind=Kind.INTEGER, minimum=0, maximum=1, after=True),
    ),
)
_MEMBERS = Source(
    name="members",
    grain="one row a member",
    files=("members.csv",),
    key=("member",),
    columns=(
        Column(name="member", kind=Kind.KEY),
        Column(name="born_on", kind=Kind.DATE),
        Column(name="branch", kind=Kind.CATEGORY, values=("north", "south")),
    ),
)

SCENARIO = Scenario(
    name="pledges",
    title="Pledges: kept or broken",
    sources=(_PLEDGES, _MEMBERS),
    merge=Merge(table="pledges", grain="one row a pledge", key="pledge", sources=("pledges",)),
    entity="member",
    as_of=AsOfColumn(column="made_on"),
    lookups=(Lookup(source="members", on="member"),),
    histories=(
        History(
            source="pledges",
            on="member",
            figures=(
                Figure(name="pledges_before", how="count"),
                Figure(name="amount_before", how="mean", of="amount"),
            ),
        ),
    ),
    label=GivenLabel(column="broken"),
    split=OutOfTimeSplit(months=2, least_months=6),
    features=(
        Feature(name="amount", title="amount", reason=Reason.about("AMOUNT", "the amount")),
        Feature(
            name="age",
            title="age in years",
            expression="(made_on - born_on) / 365.25",
            reason=Reason.about("AGE", "age in years"),
        ),
        Feature(
            name="pledges_before",
            title="pledges before",
            reason=Reason.about("BEFORE", "pledges before"),
        ),
        Feature(
            name="more_than_before",
            title="amount as a multiple of those before",
            expression="amount / amount_before",
            reason=Reason.about("MORE", "amount as a multiple of those before"),
        ),
        Feature(
            name="branch",
            title="branch",
            reason=Reason(code="BRANCH", text="Member of the branch {value}"),
        ),
    ),
    training=Training(families=(LogisticFamily(search={}),), search=Search(folds=3)),
    gate=Gate(rules=(Rule(metric="auc", floor=0.6),)),
    policy=Policy(cutoff=FixedCutoff(approve_below=0.5)),
)

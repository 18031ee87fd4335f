"""repeat-loans: will a client who comes back repay this loan on time?

One table of loans. What is known of a client are the loans before this one, strictly before its
day; scale is the point.
"""

from datetime import date

from components.contracts.families import ForestFamily, Search, Training, XGBoostFamily
from components.contracts.history import AsOfColumn, Figure, History
from components.contracts.modelling import Feature, Limits, Reason
from components.contracts.outcomes import GivenLabel, OutOfTimeSplit
from components.contracts.policy import Economics, FixedCutoff, Gate, Policy, Rule
from components.contracts.scenario import Scenario
from components.contracts.sources import Column, Kind, Merge, Source

_LOANS = Source(
    name="loans",
    grain="one row a loan",
    files=("loans.csv", "loans.parquet"),
    key=("loan_id",),
    date="loan_date",
    columns=(
        Column(name="loan_id", kind=Kind.KEY),
        Column(name="id", kind=Kind.KEY),
        Column(name="code_gender", kind=Kind.CATEGORY, values=("F", "M")),
        Column(name="flag_own_car", kind=Kind.CATEGORY, values=("N", "Y")),
        Column(name="flag_own_realty", kind=Kind.CATEGORY, values=("N", "Y")),
        Column(name="cnt_children", kind=Kind.INTEGER, minimum=0, maximum=30, max_bad=0.01),
        Column(name="amt_income_total", kind=Kind.NUMBER, minimum=0, max_bad=0.01),
        Column(
            name="name_income_type",
            kind=Kind.CATEGORY,
            values=("Commercial associate", "Pensioner", "State servant", "Student", "Working"),
        ),
        Column(
            name="name_education_type",
            kind=Kind.CATEGORY,
            values=(
                "Academic degree",
                "Higher education",
                "Incomplete higher",
                "Lower secondary",
                "Secondary / secondary special",
            ),
        ),
        Column(
            name="name_family_status",
            kind=Kind.CATEGORY,
            values=("Civil marriage", "Married", "Separated", "Single / not married", "Widow"),
        ),
        Column(
            name="name_housing_type",
            kind=Kind.CATEGORY,
            values=(
                "Co-op apartment",
                "House / apartment",
                "Municipal apartment",
                "Office apartment",
                "Rented apartment",
                "With parents",
            ),
        ),
        Column(name="flag_mobil", kind=Kind.INTEGER, minimum=0, maximum=1),
        Column(name="flag_work_phone", kind=Kind.INTEGER, minimum=0, maximum=1),
        Column(name="flag_phone", kind=Kind.INTEGER, minimum=0, maximum=1),
        Column(name="flag_email", kind=Kind.INTEGER, minimum=0, maximum=1),
        Column(
            name="occupation_type",
            kind=Kind.CATEGORY,
            values=(
                "Accountants",
                "Cleaning staff",
                "Cooking staff",
                "Core staff",
                "Drivers",
                "HR staff",
                "High skill tech staff",
                "IT staff",
                "Laborers",
                "Low-skill Laborers",
                "Managers",
                "Medicine staff",
                "Private service staff",
                "Realty agents",
                "Sales staff",
                "Secretaries",
                "Security staff",
                "Waiters/barmen staff",
            ),
            max_missing=0.5,
        ),
        Column(name="cnt_fam_members", kind=Kind.INTEGER, minimum=1, maximum=30, max_bad=0.01),
        # 1: not paid on time
        Column(name="status", kind=Kind.INTEGER, minimum=0, maximum=1, after=True),
        Column(name="birthday", kind=Kind.DATE, earliest=date(1900, 1, 1), max_bad=0.01),
        # a day a thousand years from now stands for "not employed"
        Column(
            name="job_start_date",
            kind=Kind.DATE,
            latest=date(2100, 1, 1),
            outside="missing",
            max_bad=0.5,
        ),
        Column(name="loan_date", kind=Kind.DATE, max_bad=0.01),
        Column(
            name="loan_amount",
            kind=Kind.NUMBER,
            minimum=0,
            max_missing=0.01,
            outside="missing",
            max_bad=0.01,
        ),
    ),
)

_FEATURES = (
    Feature(
        name="nb_previous_loans",
        title="loans before this one",
        reason=Reason(
            code="LOANS",
            text="{value} loans before this one, usual is {reference}",
            below="Only {value} loans before this one, usual is {reference}",
        ),
    ),
    Feature(
        name="avg_amount_loans_previous",
        title="mean amount of the loans before",
        reason=Reason(
            code="AMOUNT",
            text="The loans before were of {value} on average, usual is {reference}",
            below="The loans before were small: {value} on average, usual is {reference}",
            missing="This is the first loan",
        ),
    ),
    Feature(
        name="age",
        title="age in years on the day of the loan",
        expression="(loan_date - birthday) / 365.25",
        reason=Reason(code="AGE", text="The age on file is {value} years, usual is {reference}"),
    ),
    Feature(
        name="years_on_the_job",
        title="years in the present job on the day of the loan",
        expression="(loan_date - job_start_date) / 365.25",
        reason=Reason(
            code="JOB",
            text="{value} years in the present job, usual is {reference}",
            below="Only {value} years in the present job, usual is {reference}",
            missing="No present job is on file",
        ),
    ),
    Feature(
        name="flag_own_car",
        title="owns a car",
        reason=Reason(code="CAR", text="Owner of a car: {value}"),
    ),
)

SCENARIO = Scenario(
    name="repeat-loans",
    title="Repeat loans: paid on time",
    sources=(_LOANS,),
    merge=Merge(table="loans", grain="one row a loan", key="loan_id", sources=("loans",)),
    entity="id",
    as_of=AsOfColumn(column="loan_date"),
    histories=(
        History(
            source="loans",
            on="id",
            figures=(
                Figure(name="nb_previous_loans", how="count"),
                Figure(name="avg_amount_loans_previous", how="mean", of="loan_amount"),
            ),
        ),
    ),
    # The table does not say when a status was known: not in the month after the loan.
    label=GivenLabel(column="status", mature_days=30),
    split=OutOfTimeSplit(months=6, least_months=12, validation=0.2, seed=42),
    features=_FEATURES,
    protected=("code_gender", "name_family_status"),
    segments=("name_income_type",),
    training=Training(
        families=(
            ForestFamily(trees=100, max_depth=8),
            XGBoostFamily(rounds=300, max_depth=4, eta=0.1),
        ),
        # The five features are learned from far fewer loans than there are.
        search=Search(trials=20, folds=5, rows=50_000),
        seed=42,
    ),
    gate=Gate(rules=(Rule(metric="auc", floor=0.60), Rule(metric="ece", ceiling=0.05))),
    limits=Limits(executors=2),
    policy=Policy(
        version=1,
        cutoff=FixedCutoff(approve_below=0.20),
        economics=Economics(lgd=0.6, margin=0.10, ead=1_000),
    ),
)

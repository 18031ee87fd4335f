"""credit-approval: will an applicant for a card go bad on it?

Two tables: who applied, and what every account did month by month. All of the second is outcome:
the label is made of it, and no feature.
"""

from components.contracts.families import (
    Choice,
    ForestFamily,
    LogisticFamily,
    Search,
    Training,
    XGBoostFamily,
)
from components.contracts.modelling import Feature, Reason
from components.contracts.outcomes import GroupedSplit, StatusLabel
from components.contracts.policy import ApprovalLimit, Economics, Gate, Policy, Rule
from components.contracts.scenario import Scenario
from components.contracts.sources import Column, Kind, Merge, Source

_EDUCATION = (
    "Lower secondary", "Secondary / secondary special", "Incomplete higher", "Higher education",
    "Academic degree",
)  # fmt: skip
_HOUSING = (
    "With parents", "Rented apartment", "Municipal apartment", "Office apartment",
    "Co-op apartment", "House / apartment",
)  # fmt: skip
_OCCUPATIONS = (
    "Accountants", "Cleaning staff", "Cooking staff", "Core staff", "Drivers", "HR staff",
    "High skill tech staff", "IT staff", "Laborers", "Low-skill Laborers", "Managers",
    "Medicine staff", "Private service staff", "Realty agents", "Sales staff", "Secretaries",
    "Security staff", "Waiters/barmen staff",
)  # fmt: skip

_APPLICATIONS = Source(
    name="applications",
    grain="one row an applicant",
    files=("application_record.csv",),
    key=("ID",),
    # 47 ids stand on two different persons: which of them is meant, nobody knows.
    max_conflicts=0.001,
    columns=(
        Column(name="ID", kind=Kind.KEY),
        Column(name="CODE_GENDER", kind=Kind.CATEGORY, values=("F", "M")),
        Column(name="FLAG_OWN_CAR", kind=Kind.CATEGORY, values=("N", "Y")),
        Column(name="FLAG_OWN_REALTY", kind=Kind.CATEGORY, values=("N", "Y")),
        Column(name="CNT_CHILDREN", kind=Kind.INTEGER, minimum=0, maximum=30, max_bad=0.01),
        Column(name="AMT_INCOME_TOTAL", kind=Kind.NUMBER, minimum=0, max_bad=0.01),
        Column(
            name="NAME_INCOME_TYPE",
            kind=Kind.CATEGORY,
            values=("Commercial associate", "Pensioner", "State servant", "Student", "Working"),
        ),
        Column(name="NAME_EDUCATION_TYPE", kind=Kind.CATEGORY, values=_EDUCATION),
        Column(
            name="NAME_FAMILY_STATUS",
            kind=Kind.CATEGORY,
            values=("Civil marriage", "Married", "Separated", "Single / not married", "Widow"),
        ),
        Column(name="NAME_HOUSING_TYPE", kind=Kind.CATEGORY, values=_HOUSING),
        Column(name="DAYS_BIRTH", kind=Kind.INTEGER, minimum=-43_830, maximum=-5_000, max_bad=0.01),
        # 365243 stands for "not employed": pensioners, mostly
        Column(
            name="DAYS_EMPLOYED",
            kind=Kind.INTEGER,
            minimum=-30_000,
            maximum=0,
            replace={"365243": None},
            max_missing=0.5,
            max_bad=0.01,
        ),
        Column(name="FLAG_MOBIL", kind=Kind.INTEGER, minimum=0, maximum=1),
        Column(name="FLAG_WORK_PHONE", kind=Kind.INTEGER, minimum=0, maximum=1),
        Column(name="FLAG_PHONE", kind=Kind.INTEGER, minimum=0, maximum=1),
        Column(name="FLAG_EMAIL", kind=Kind.INTEGER, minimum=0, maximum=1),
        Column(name="OCCUPATION_TYPE", kind=Kind.CATEGORY, values=_OCCUPATIONS, max_missing=0.5),
        Column(name="CNT_FAM_MEMBERS", kind=Kind.INTEGER, minimum=1, maximum=30, max_bad=0.01),
    ),
)

_RECORDS = Source(
    name="records",
    grain="one row an account and month",
    files=("credit_record.csv",),
    key=("ID", "MONTHS_BALANCE"),
    columns=(
        Column(name="ID", kind=Kind.KEY),
        # 0 is now, -1 a month ago
        Column(name="MONTHS_BALANCE", kind=Kind.INTEGER, minimum=-120, maximum=0),
        # 0: 1 to 29 days overdue, 1: 30 to 59, ... 5: over 150 or written off; C: paid off that
        # month; X: no loan that month
        Column(
            name="STATUS",
            kind=Kind.CATEGORY,
            values=("0", "1", "2", "3", "4", "5", "C", "X"),
            after=True,
        ),
    ),
)

#: Applicants who are alike in all of this are one profile: 36,457 of them have only 9,728.
_PROFILE = tuple(c.name for c in _APPLICATIONS.columns if c.kind is not Kind.KEY)

_FEATURES = (
    Feature(
        name="AGE",
        title="age in years",
        expression="-DAYS_BIRTH / 365.25",
        reason=Reason(
            code="AGE",
            text="The age on file is {value} years, usual is {reference}",
        ),
    ),
    Feature(
        name="YEARS_EMPLOYED",
        title="years in the present job",
        expression="-DAYS_EMPLOYED / 365.25",
        reason=Reason(
            code="JOB",
            text="{value} years in the present job, usual is {reference}",
            below="Only {value} years in the present job, usual is {reference}",
            missing="No present job is on file",
        ),
    ),
    Feature(
        name="NOT_EMPLOYED",
        title="no present job",
        expression="missing(DAYS_EMPLOYED)",
        reason=Reason(code="NO-JOB", text="No present job is on file", below="A job is on file"),
    ),
    Feature(
        name="EMPLOYED_OF_LIFE",
        title="years in the job as a share of the age",
        expression="DAYS_EMPLOYED / DAYS_BIRTH",
        reason=Reason(
            code="JOB-AGE",
            text="The present job is {value} of the applicant's life, usual is {reference}",
            missing="No present job is on file",
        ),
    ),
    Feature(
        name="AMT_INCOME_TOTAL",
        title="yearly income",
        reason=Reason(
            code="INCOME",
            text="The yearly income is {value}, usual is {reference}",
            below="The yearly income is low: {value}, usual is {reference}",
        ),
    ),
    Feature(
        name="INCOME_A_HEAD",
        title="income per family member",
        expression="AMT_INCOME_TOTAL / CNT_FAM_MEMBERS",
        reason=Reason(
            code="INCOME-HEAD",
            text="The income per family member is {value}, usual is {reference}",
            below="The income per family member is low: {value}, usual is {reference}",
        ),
    ),
    Feature(
        name="CNT_CHILDREN",
        title="children",
        reason=Reason(code="CHILDREN", text="{value} children are on file"),
    ),
    Feature(
        name="CNT_FAM_MEMBERS",
        title="family members",
        reason=Reason(code="FAMILY", text="{value} family members are on file"),
    ),
    Feature(
        name="CHILDREN_OF_FAMILY",
        title="children as a share of the family",
        expression="CNT_CHILDREN / CNT_FAM_MEMBERS",
        reason=Reason(code="CHILD-SHARE", text="Children are {value} of the family"),
    ),
    Feature(
        name="NAME_INCOME_TYPE",
        title="kind of income",
        reason=Reason(code="KIND", text="The kind of income is {value}"),
    ),
    Feature(
        name="OCCUPATION_TYPE",
        title="occupation",
        reason=Reason(
            code="WORK", text="The occupation is {value}", missing="No occupation is on file"
        ),
    ),
    Feature(
        name="EDUCATION_RANK",
        title="education, from 0 (lower secondary) to 4 (academic degree)",
        expression="rank(NAME_EDUCATION_TYPE)",
        reason=Reason(code="EDU", text="The level of education on file is {value} of 4"),
    ),
    Feature(
        name="HOUSING_RANK",
        title="housing, from 0 (with parents) to 5 (own home)",
        expression="rank(NAME_HOUSING_TYPE)",
        reason=Reason(code="HOME", text="The kind of housing on file is {value} of 5"),
    ),
    Feature(
        name="FLAG_OWN_CAR",
        title="owns a car",
        reason=Reason(code="CAR", text="Owner of a car: {value}"),
    ),
    Feature(
        name="FLAG_OWN_REALTY",
        title="owns realty",
        reason=Reason(code="REALTY", text="Owner of realty: {value}"),
    ),
    Feature(
        name="CAR_AND_REALTY",
        title="owns both a car and realty",
        expression='(FLAG_OWN_CAR == "Y") * (FLAG_OWN_REALTY == "Y")',
        reason=Reason(
            code="BOTH",
            text="Owner of both a car and realty",
            below="Not the owner of both a car and realty",
        ),
    ),
    *(
        Feature(
            name=name,
            title=title,
            reason=Reason(code=code, text=f"On file: {title}", below=f"Not on file: {title}"),
        )
        for name, title, code in (
            ("FLAG_WORK_PHONE", "a phone at work", "WORK-PHONE"),
            ("FLAG_PHONE", "a phone", "PHONE"),
            ("FLAG_EMAIL", "an e-mail address", "EMAIL"),
        )
    ),
)

#: Bad rows are rare: what is done about it is searched like any other parameter.
_IMBALANCE = {"imbalance": Choice(values=("class-weights", "smote"))}

SCENARIO = Scenario(
    name="credit-approval",
    title="Credit card: approve an applicant",
    sources=(_APPLICATIONS, _RECORDS),
    merge=Merge(
        table="applications", grain="one row an applicant", key="ID", sources=("applications",)
    ),
    # The published label is {5} alone.
    label=StatusLabel(source="records", on="ID", column="STATUS", bad=("2", "3", "4", "5")),
    split=GroupedSplit(by=_PROFILE, test=0.25, validation=0.2, seed=42),
    features=_FEATURES,
    protected=("CODE_GENDER", "NAME_FAMILY_STATUS"),
    segments=("NAME_INCOME_TYPE",),
    training=Training(
        families=(
            LogisticFamily(
                imbalance="class-weights", search={**LogisticFamily.SPACES, **_IMBALANCE}
            ),
            ForestFamily(imbalance="class-weights", search={**ForestFamily.SPACES, **_IMBALANCE}),
            XGBoostFamily(
                # SMOTE cannot mix missing values.
                imputer="median",
                imbalance="class-weights",
                max_depth=3,
                eta=0.05,
                search={**XGBoostFamily.SPACES, **_IMBALANCE},
            ),
        ),
        # Half of the rows: more of them tell no two sets of parameters apart.
        search=Search(trials=20, folds=5, rows=10_000),
        refit=True,
        seed=42,
    ),
    # Honest figures are low here: profiles repeat, and an application says little.
    gate=Gate(rules=(Rule(metric="auc", floor=0.55), Rule(metric="ece", ceiling=0.02))),
    policy=Policy(
        version=1,
        cutoff=ApprovalLimit(share=0.90),
        economics=Economics(lgd=0.8, margin=0.12, ead=5_000),
    ),
)

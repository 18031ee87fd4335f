"""card-default: will a credit-card client miss next month's payment?

Two systems hold the clients: their profile, and what they did. No dates, only six relative months.
"""

from components.contracts.families import (
    Between,
    LogisticFamily,
    ScorecardFamily,
    Training,
    XGBoostFamily,
)
from components.contracts.modelling import Feature, Reason
from components.contracts.outcomes import GivenLabel, StratifiedSplit
from components.contracts.policy import Economics, FixedCutoff, Gate, Policy, Rule
from components.contracts.scenario import Scenario
from components.contracts.sources import Column, Kind, Merge, Naming, Source
from components.contracts.watching import Monitoring

_MONTHS = (0, 2, 3, 4, 5, 6)  # the source calls the latest month 0, not 1
_WHOLE_FILE = "UCI_Credit_Card.csv"  # the published file holds both systems' columns


_BILLS = tuple(f"BILL_AMT{month}" for month in range(1, 7))
_PAYMENTS = tuple(f"PAY_AMT{month}" for month in range(1, 7))
#: Month of the source -> when that was.
_AGO = {
    0: "a month ago", 1: "a month ago", **{month: f"{month} months ago" for month in range(2, 7)}
}  # fmt: skip

_PROFILE = Source(
    name="profile",
    grain="one row a customer",
    files=("profile.csv", _WHOLE_FILE),
    table="profile",
    naming=Naming.UPPER,
    aliases={"ID": "CUSTOMER_ID"},
    key=("CUSTOMER_ID",),
    columns=(
        Column(name="CUSTOMER_ID", kind=Kind.KEY),
        Column(name="SEX", kind=Kind.CATEGORY, values=("1", "2")),
        # 1 graduate school, 2 university, 3 high school, 4 others; the rest is undocumented
        Column(
            name="EDUCATION",
            kind=Kind.CATEGORY,
            values=("1", "2", "3", "4"),
            replace={"0": "4", "5": "4", "6": "4"},
        ),
        # 1 married, 2 single, 3 others; 0 is undocumented
        Column(name="MARRIAGE", kind=Kind.CATEGORY, values=("1", "2", "3"), replace={"0": "3"}),
        Column(name="AGE", kind=Kind.INTEGER, minimum=18, maximum=110, max_bad=0.01),
        Column(name="LIMIT_BAL", kind=Kind.NUMBER, minimum=0, max_bad=0.01),
    ),
)

_TRANSACTIONS = Source(
    name="transactions",
    grain="one row a customer: six months in columns",
    files=("transactions.csv", _WHOLE_FILE),
    naming=Naming.UPPER,
    aliases={"ID": "CUSTOMER_ID"},
    key=("CUSTOMER_ID",),
    columns=(
        Column(name="CUSTOMER_ID", kind=Kind.KEY),
        # months overdue; -2 (nothing spent) and 0 (revolving) are undocumented but in use
        *(
            Column(name=f"PAY_{m}", kind=Kind.INTEGER, minimum=-2, maximum=9, max_bad=0.01)
            for m in _MONTHS
        ),
        *(Column(name=name, kind=Kind.NUMBER, max_bad=0.01) for name in _BILLS),
        *(Column(name=name, kind=Kind.NUMBER, minimum=0, max_bad=0.01) for name in _PAYMENTS),
        Column(name="DEFAULTPAYMENTNEXTMONTH", kind=Kind.INTEGER, minimum=0, maximum=1),
    ),
)


_FEATURES = (
    Feature(
        name="LIMIT_BAL",
        title="credit limit",
        reason=Reason(
            code="LIMIT",
            text="The credit limit is high: {value}, usual is {reference}",
            below="The credit limit is low: {value}, usual is {reference}",
        ),
    ),
    Feature(
        name="EDUCATION",
        title="education",
        reason=Reason(code="EDU", text="The level of education on file is {value}"),
    ),
    *(
        # -2 is no spending, 0 is revolving credit: neither is less late than the other.
        Feature(
            name=f"PAY_{month}",
            title=f"months overdue, month {month or 1} back",
            monotone=1,
            special=(-2, 0),
            reason=Reason(
                code=f"LATE-{month or 1}",
                text=f"Payment was {{value}} months late {_AGO[month]}",
                below=f"The account was not in regular use {_AGO[month]}",
            ),
        )
        for month in _MONTHS
    ),
    *(
        Feature(
            name=name,
            title=f"bill, month {month} back",
            reason=Reason(
                code=f"BILL-{month}",
                text=f"The bill {_AGO[month]} was high: {{value}}, usual is {{reference}}",
                below=f"The bill {_AGO[month]} was low: {{value}}, usual is {{reference}}",
            ),
        )
        for month, name in enumerate(_BILLS, 1)
    ),
    *(
        Feature(
            name=name,
            title=f"payment, month {month} back",
            monotone=-1,
            reason=Reason(
                code=f"PAID-{month}",
                text=f"The payment {_AGO[month]} was {{value}}, usual is {{reference}}",
                below=f"The payment {_AGO[month]} was low: {{value}}, usual is {{reference}}",
            ),
        )
        for month, name in enumerate(_PAYMENTS, 1)
    ),
    Feature(
        name="UTILISATION",
        title="share of the limit in use two months ago",
        expression="BILL_AMT2 / LIMIT_BAL",
        reason=Reason(
            code="USE",
            text="The share of the limit in use was high: {value}, usual is {reference}",
            below="The share of the limit in use was low: {value}, usual is {reference}",
        ),
    ),
    Feature(
        name="SPENT_OF_LIMIT",
        title="spending over five months, as a share of the limit",
        expression="(BILL_AMT1 - BILL_AMT6 + PAY_AMT1 + PAY_AMT2 + PAY_AMT3 + PAY_AMT4 "
        "+ PAY_AMT5) / LIMIT_BAL",
        reason=Reason(
            code="SPEND-5",
            text="Spending over five months was high for the limit: {value} of it",
            below="Spending over five months was low for the limit: {value} of it",
        ),
    ),
    Feature(
        name="MONTHS_LATE",
        title="months with a late payment",
        expression=" + ".join(f"(PAY_{m} > 0)" for m in _MONTHS),
        monotone=1,
        reason=Reason(code="LATE", text="Payments were late in {value} of six months"),
    ),
    Feature(
        name="PAID_OF_BILLED",
        title="payments as a share of bills over six months",
        expression=f"({' + '.join(_PAYMENTS)}) / ({' + '.join(_BILLS)})",
        reason=Reason(
            code="PAID",
            text="Payments over six months were {value} of the bills, usual is {reference}",
            missing="There were no bills to pay in six months",
        ),
    ),
    Feature(
        name="PAID_OF_BILL_3",
        title="share of the bill paid three months back",
        expression="PAY_AMT3 / BILL_AMT4",
        reason=Reason(
            code="PAID-SHARE-3",
            text="The share of the bill paid three months ago was {value}, usual is {reference}",
            missing="There was no bill to pay three months ago",
        ),
    ),
    Feature(
        name="SPENT",
        title="spending in the last month",
        expression="BILL_AMT1 - BILL_AMT2 + PAY_AMT1",
        reason=Reason(
            code="SPEND",
            text="Spending in the last month was high: {value}, usual is {reference}",
            below="Spending in the last month was low: {value}, usual is {reference}",
        ),
    ),
    Feature(
        name="HEADROOM",
        title="unused part of the limit",
        expression="LIMIT_BAL - BILL_AMT1",
        reason=Reason(
            code="ROOM",
            text="The unused part of the limit is {value}, usual is {reference}",
            below="Little of the limit is unused: {value}, usual is {reference}",
        ),
    ),
    Feature(
        name="BILL_RANGE",
        title="swing of the bills over six months, as a share of the limit",
        expression=f"(maximum({', '.join(_BILLS)}) - minimum({', '.join(_BILLS)})) / LIMIT_BAL",
        reason=Reason(
            code="SWING",
            text="The bills moved much over six months: {value} of the limit",
            below="The bills hardly moved over six months: {value} of the limit",
        ),
    ),
)

SCENARIO = Scenario(
    name="card-default",
    title="Credit card: default next month",
    sources=(_PROFILE, _TRANSACTIONS),
    merge=Merge(
        table="customers", grain="one row a customer", key="CUSTOMER_ID", drop_identical=True
    ),
    label=GivenLabel(column="DEFAULTPAYMENTNEXTMONTH"),
    split=StratifiedSplit(test=0.25, validation=0.2, seed=42),
    features=_FEATURES,
    protected=("SEX", "MARRIAGE", "AGE"),
    segments=("EDUCATION",),
    training=Training(
        families=(
            # As published; the search starts here.
            XGBoostFamily(
                rounds=100,
                max_depth=5,
                eta=0.2,
                gamma=4,
                min_child_weight=6,
                subsample=0.8,
                search={**XGBoostFamily.SPACES, "gamma": Between(low=0, high=8)},
            ),
            ScorecardFamily(),
            LogisticFamily(),
        ),
        seed=42,
    ),
    gate=Gate(rules=(Rule(metric="accuracy", floor=0.80), Rule(metric="auc", floor=0.70))),
    policy=Policy(
        version=1,
        cutoff=FixedCutoff(approve_below=0.30),
        # A revolving line: interest and fees of a year, most of the balance lost in a default.
        economics=Economics(lgd=0.75, margin=0.16, ead=40_000),
    ),
    # The column is of the next month, and does not say so.
    monitoring=Monitoring(mature_months=1),
)

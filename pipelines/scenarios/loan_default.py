"""loan-default: will a loan be 30 days past due in its sixth month?

Four monthly tables: who the client is, how the client's finances stand, what the client clicked,
and how every loan is paid. A run is for one month: it sees what was known then, and no more.
"""

from components.contracts.families import (
    Choice,
    LogisticFamily,
    Search,
    Training,
    XGBoostFamily,
)
from components.contracts.history import AsOfColumn, Figure, History, Lookup
from components.contracts.modelling import Feature, Reason
from components.contracts.outcomes import MonthOnBookLabel, OutOfTimeSplit
from components.contracts.policy import Economics, FixedCutoff, Gate, Policy, Rule
from components.contracts.scenario import Scenario
from components.contracts.sources import (
    Column,
    CountOf,
    Kind,
    Merge,
    Pattern,
    Source,
    YearsAndMonths,
)

_CLICKS = tuple(f"fe_{number}" for number in range(1, 21))
_WINDOWS = (3, 6, 12)
_LOAN_TYPES = (
    "Auto Loan",
    "Credit-Builder Loan",
    "Debt Consolidation Loan",
    "Home Equity Loan",
    "Mortgage Loan",
    "Not Specified",
    "Payday Loan",
    "Personal Loan",
    "Student Loan",
)
#: Kind of loan -> the column that counts the client's.
_LOAN_COUNTS = {name: f"{name.replace(' ', '_').replace('-', '_')}s" for name in _LOAN_TYPES}

_ATTRIBUTES = Source(
    name="attributes",
    grain="one row a customer and month",
    files=("features_attributes.csv",),
    key=("Customer_ID", "snapshot_date"),
    date="snapshot_date",
    monthly=True,
    columns=(
        Column(name="Customer_ID", kind=Kind.KEY),
        Column(name="Name", kind=Kind.TEXT, max_missing=1, private=True),
        Column(
            name="Age",
            kind=Kind.INTEGER,
            strip="_",
            minimum=0,
            maximum=120,
            outside="missing",
            max_bad=0.05,
        ),
        Column(name="SSN", kind=Kind.TEXT, max_missing=1, private=True),
        Column(
            name="Occupation",
            kind=Kind.CATEGORY,
            strip="_",
            values=(
                "Accountant",
                "Architect",
                "Developer",
                "Doctor",
                "Engineer",
                "Entrepreneur",
                "Journalist",
                "Lawyer",
                "Manager",
                "Mechanic",
                "Media_Manager",
                "Musician",
                "Scientist",
                "Teacher",
                "Writer",
            ),
            max_missing=0.15,
        ),
        Column(name="snapshot_date", kind=Kind.DATE),
    ),
)


#: Numbers with marks behind them and outliers that nobody can have: what the least and the most
#: are, and the share that may be missing.
_AMOUNTS = (
    ("Annual_Income", 0, 1_000_000, 0),
    ("Monthly_Inhand_Salary", 0, 100_000, 0),
    ("Num_Bank_Accounts", 0, 20, 0),
    ("Num_Credit_Card", 0, 20, 0),
    ("Interest_Rate", 0, 50, 0),
    ("Num_of_Loan", 0, 20, 0),
    ("Delay_from_due_date", -30, 100, 0),
    ("Num_of_Delayed_Payment", 0, 60, 0),
    ("Changed_Credit_Limit", -100, 100, 0.05),
    ("Num_Credit_Inquiries", 0, 50, 0),
    ("Outstanding_Debt", 0, 100_000, 0),
    ("Credit_Utilization_Ratio", 0, 100, 0),
    ("Total_EMI_per_month", 0, 5_000, 0),
    ("Amount_invested_monthly", 0, 9_999.99, 0),  # __10000__ is a mark, not an amount
    ("Monthly_Balance", 0, 100_000, 0.05),
)

_FINANCIALS = Source(
    name="financials",
    grain="one row a customer and month",
    files=("features_financials.csv",),
    key=("Customer_ID", "snapshot_date"),
    date="snapshot_date",
    monthly=True,
    columns=(
        Column(name="Customer_ID", kind=Kind.KEY),
        *(
            Column(
                name=name,
                kind=Kind.NUMBER,
                strip="_",
                minimum=least,
                maximum=most,
                outside="missing",
                max_bad=0.10,
                max_missing=missing,
            )
            for name, least, most, missing in _AMOUNTS
        ),
        *(
            Column(
                name=column,
                kind=Kind.INTEGER,
                of="Type_of_Loan",
                reading=CountOf(text=name),
            )
            for name, column in _LOAN_COUNTS.items()
        ),
        Column(
            name="Credit_Mix",
            kind=Kind.CATEGORY,
            strip="_",
            values=("Bad", "Standard", "Good"),
            max_missing=0.3,
        ),
        Column(
            name="Credit_History_Months",
            kind=Kind.INTEGER,
            of="Credit_History_Age",
            reading=YearsAndMonths(),
            minimum=0,
            maximum=1_200,
            max_missing=0.05,
        ),
        Column(
            name="Payment_of_Min_Amount",
            kind=Kind.CATEGORY,
            values=("No", "Yes"),
            replace={"NM": None},
            max_missing=0.2,
        ),
        Column(
            name="Spending",
            kind=Kind.CATEGORY,
            of="Payment_Behaviour",
            reading=Pattern(pattern="^(Low|High)_spent"),
            values=("Low", "High"),
            replace={"!@9#%8": None},
            max_missing=0.15,
        ),
        Column(
            name="Payments",
            kind=Kind.CATEGORY,
            of="Payment_Behaviour",
            reading=Pattern(pattern="spent_(Small|Medium|Large)_value"),
            values=("Small", "Medium", "Large"),
            replace={"!@9#%8": None},
            max_missing=0.15,
        ),
        Column(name="snapshot_date", kind=Kind.DATE),
    ),
)

_CLICKSTREAM = Source(
    name="clickstream",
    grain="one row a customer and month; 28 % of customers have none",
    files=("feature_clickstream.csv",),
    key=("Customer_ID", "snapshot_date"),
    date="snapshot_date",
    monthly=True,
    columns=(
        *(Column(name=name, kind=Kind.NUMBER, max_bad=0.01) for name in _CLICKS),
        Column(name="Customer_ID", kind=Kind.KEY),
        Column(name="snapshot_date", kind=Kind.DATE),
    ),
)

_PAYMENTS = Source(
    name="payments",
    grain="one row a loan and instalment",
    files=("lms_loan_daily.csv",),
    key=("loan_id", "installment_num"),
    date="snapshot_date",
    monthly=True,
    # Loans are paid, or not, long after the last of them began; the other tables end with those.
    freshness_days=31,
    columns=(
        Column(name="loan_id", kind=Kind.KEY),
        Column(name="Customer_ID", kind=Kind.KEY),
        Column(name="loan_start_date", kind=Kind.DATE),
        Column(name="tenure", kind=Kind.INTEGER, minimum=1, maximum=600),
        Column(name="installment_num", kind=Kind.INTEGER, minimum=0, maximum=600),
        Column(name="loan_amt", kind=Kind.NUMBER, minimum=0),
        Column(name="due_amt", kind=Kind.NUMBER, minimum=0, after=True),
        Column(name="paid_amt", kind=Kind.NUMBER, minimum=0, after=True),
        Column(name="overdue_amt", kind=Kind.NUMBER, minimum=0, after=True),
        Column(name="balance", kind=Kind.NUMBER, minimum=0, after=True),
        Column(name="snapshot_date", kind=Kind.DATE),
    ),
)

_CLICK_FIGURES = (
    Figure(name="click_months", how="count"),
    *(Figure(name=f"{name}_last", how="last", of=name) for name in _CLICKS),
    *(
        Figure(name=f"{name}_{how}_{months}", how=how, of=name, months=months)
        for name in _CLICKS
        for months in _WINDOWS
        for how in ("mean", "trend", "deviation")
    ),
)

_RATIOS = (
    (
        "DEBT_TO_INCOME",
        "outstanding debt as a share of the yearly income",
        "Outstanding_Debt / Annual_Income",
        "DTI",
    ),
    (
        "INSTALMENT_TO_SALARY",
        "all instalments, this loan's included, as a share of the salary",
        "(Total_EMI_per_month + loan_amt / tenure) / Monthly_Inhand_Salary",
        "DSTI",
    ),
    (
        "INVESTED_OF_SALARY",
        "invested each month, as a share of the salary",
        "Amount_invested_monthly / Monthly_Inhand_Salary",
        "INVEST",
    ),
    (
        "DELAYS_A_LOAN",
        "delayed payments for each loan",
        "Num_of_Delayed_Payment / (Num_of_Loan + 1)",
        "LATE-LOAN",
    ),
)
_NUMBERS = (
    ("Age", "age in years", "AGE"),
    ("Annual_Income", "yearly income", "INCOME"),
    ("Monthly_Inhand_Salary", "monthly salary", "SALARY"),
    ("Num_Bank_Accounts", "number of bank accounts", "ACCOUNTS"),
    ("Num_Credit_Card", "number of credit cards", "CARDS"),
    ("Interest_Rate", "interest rate on cards", "RATE"),
    ("Num_of_Loan", "number of other loans", "LOANS"),
    ("Delay_from_due_date", "mean delay of payments, in days", "DELAY"),
    ("Num_of_Delayed_Payment", "number of delayed payments", "LATE"),
    ("Changed_Credit_Limit", "change of the credit limit, in per cent", "LIMIT"),
    ("Num_Credit_Inquiries", "number of credit inquiries", "INQUIRIES"),
    ("Outstanding_Debt", "outstanding debt", "DEBT"),
    ("Credit_Utilization_Ratio", "credit utilisation, in per cent", "USE"),
    ("Credit_History_Months", "age of the credit history, in months", "HISTORY"),
    ("Total_EMI_per_month", "instalments of other loans each month", "EMI"),
    ("Amount_invested_monthly", "invested each month", "INVESTED"),
    ("Monthly_Balance", "balance left each month", "BALANCE"),
    ("click_months", "months with activity before the loan", "CLICKS"),
    *(
        (column, f"other loans of the kind {name}", f"TYPE-{number}")
        for number, (name, column) in enumerate(_LOAN_COUNTS.items(), 1)
    ),
)
_CATEGORIES = (
    ("Occupation", "occupation", "WORK"),
    ("Credit_Mix", "mix of credits", "MIX"),
    ("Payment_of_Min_Amount", "pays the minimum amount only", "MINIMUM"),
    ("Spending", "spending", "SPENDING"),
    ("Payments", "size of payments", "PAYMENTS"),
)


_FEATURES = (
    *(
        Feature(name=name, title=title, reason=Reason.about(code, title))
        for name, title, code in _NUMBERS
    ),
    *(
        Feature(
            name=name,
            title=title,
            expression=expression,
            reason=Reason.about(code, title),
        )
        for name, title, expression, code in _RATIOS
    ),
    *(
        Feature(
            name=name,
            title=title,
            reason=Reason(
                code=code, text=f"On file: {title}, {{value}}", missing=f"Not on file: {title}"
            ),
        )
        for name, title, code in _CATEGORIES
    ),
    *(
        Feature(
            name=figure.name,
            title=f"activity {figure.name}",
            reason=Reason(
                code=f"ACT-{number}",
                text=f"Activity {figure.name} was {{value}}, usual is {{reference}}",
            ),
        )
        for number, figure in enumerate(_CLICK_FIGURES)
        if figure.of
    ),
)

SCENARIO = Scenario(
    name="loan-default",
    title="Consumer loan: 30 days past due at month 6",
    sources=(_ATTRIBUTES, _FINANCIALS, _CLICKSTREAM, _PAYMENTS),
    merge=Merge(
        table="loans",
        grain="one row a loan, as of its start",
        key="loan_id",
        sources=("payments",),
        columns=("loan_id", "Customer_ID", "loan_start_date", "tenure", "loan_amt"),
    ),
    entity="Customer_ID",
    as_of=AsOfColumn(column="loan_start_date"),
    lookups=(
        Lookup(source="attributes", on="Customer_ID"),
        Lookup(source="financials", on="Customer_ID"),
    ),
    histories=(History(source="clickstream", on="Customer_ID", figures=_CLICK_FIGURES),),
    label=MonthOnBookLabel(
        source="payments",
        on="loan_id",
        instalment="installment_num",
        month=6,
        due="due_amt",
        overdue="overdue_amt",
        days=30,
    ),
    split=OutOfTimeSplit(months=2, least_months=12, validation=0.2, seed=42),
    features=_FEATURES,
    segments=("Credit_Mix", "Occupation"),
    training=Training(
        families=(
            LogisticFamily(
                search={**LogisticFamily.SPACES, "imputer": Choice(values=("median", "mode"))},
                inverse_penalty=0.01,
            ),
            XGBoostFamily(
                rounds=300,
                max_depth=3,
                eta=0.06,
                min_child_weight=10,
                subsample=0.8,
                colsample_bytree=0.3,
                max_bin=64,
                reg_lambda=3.0,
            ),
        ),
        search=Search(trials=20, folds=5),
        seed=42,
    ),
    gate=Gate(rules=(Rule(metric="auc", floor=0.70), Rule(metric="ece", ceiling=0.08))),
    policy=Policy(
        version=1,
        cutoff=FixedCutoff(approve_below=0.35),
        economics=Economics(lgd=0.5, margin=0.25, ead=10_000),
    ),
)

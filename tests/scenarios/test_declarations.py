"""Each scenario against what is asked of it, point by point; and all of them as data alone."""

import ast
from datetime import date
from math import prod
from pathlib import Path

import numpy as np
import pytest

import pipelines.scenarios
from components.contracts.history import AsOfColumn, AsOfEnd
from components.contracts.outcomes import (
    GivenLabel,
    GroupedSplit,
    MonthOnBookLabel,
    OutOfTimeSplit,
    ProxyLabel,
    StatusLabel,
)
from components.contracts.scenario import Scenario
from components.contracts.sources import Column, CountOf, Pattern, YearsAndMonths
from components.scoring.instances import RowReader
from components.scoring.spec import Input
from pipelines.scenarios import load, names

ALL = names()


def columns_of(scenario: Scenario, source: str) -> dict[str, Column]:
    return {column.name: column for column in scenario.source(source).columns}


def cells_of(scenario: Scenario, source: str) -> set[str]:
    """The file's columns that are read."""
    return {column.cell() for column in scenario.source(source).columns}


def expressions(scenario: Scenario) -> dict[str, str | None]:
    return {feature.name: feature.expression for feature in scenario.features}


def families(scenario: Scenario) -> list[str]:
    return [family.kind for family in scenario.training.families]


def test_there_are_five() -> None:
    assert ALL == [
        "card-default", "credit-approval", "loan-default", "repeat-loans", "transactions",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_a_scenarios_file_is_data_it_defines_no_function_and_no_class(name: str) -> None:
    file = Path(pipelines.scenarios.__file__).parent / f"{name.replace('-', '_')}.py"
    code = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.While, ast.Try)
    found = [type(node).__name__ for node in ast.walk(ast.parse(file.read_text()))]
    assert not {kind.__name__ for kind in code} & set(found)


@pytest.mark.parametrize("name", ALL)
def test_every_feature_can_be_explained_and_every_table_says_its_grain(name: str) -> None:
    scenario = load(name)
    assert all(feature.reason for feature in scenario.features)
    assert all(source.grain for source in scenario.sources)
    assert scenario.merge.grain


@pytest.mark.parametrize("name", ALL)
def test_a_search_is_of_at_least_twenty_trials_a_family_in_five_folds(name: str) -> None:
    training = load(name).training
    assert training.search.folds == 5
    assert training.search.trials >= 20
    for family in training.families:
        assert family.spaces()
        points = prod(len(space.grid()) for space in family.spaces().values())
        assert family.method != "grid" or points >= 20


@pytest.mark.parametrize("name", ALL)
def test_every_task_is_tried_twice_and_ends_after_ten_minutes(name: str) -> None:
    limits = load(name).limits
    assert (limits.retries, limits.timeout_minutes) == (1, 10)


class TestCreditApproval:
    scenario = load("credit-approval")

    def test_reads_both_tables_whole(self) -> None:
        assert cells_of(self.scenario, "applications") == {
            "ID", "CODE_GENDER", "FLAG_OWN_CAR", "FLAG_OWN_REALTY", "CNT_CHILDREN",
            "AMT_INCOME_TOTAL", "NAME_INCOME_TYPE", "NAME_EDUCATION_TYPE", "NAME_FAMILY_STATUS",
            "NAME_HOUSING_TYPE", "DAYS_BIRTH", "DAYS_EMPLOYED", "FLAG_MOBIL", "FLAG_WORK_PHONE",
            "FLAG_PHONE", "FLAG_EMAIL", "OCCUPATION_TYPE", "CNT_FAM_MEMBERS",
        }  # fmt: skip
        assert cells_of(self.scenario, "records") == {"ID", "MONTHS_BALANCE", "STATUS"}

    def test_label_is_any_month_in_the_bad_set_and_the_record_is_no_feature(self) -> None:
        label = self.scenario.label
        assert isinstance(label, StatusLabel)
        assert (label.column, label.bad) == ("STATUS", ("2", "3", "4", "5"))
        assert not self.scenario.histories
        assert not {"MONTHS_BALANCE", "STATUS"} & set(self.scenario.columns())

    def test_not_employed_is_missing_and_a_flag(self) -> None:
        employed = columns_of(self.scenario, "applications")["DAYS_EMPLOYED"]
        assert employed.replace == {"365243": None}
        assert expressions(self.scenario)["NOT_EMPLOYED"] == "missing(DAYS_EMPLOYED)"

    def test_ids_of_two_persons_go_to_quarantine_and_occupations_may_be_missing(self) -> None:
        assert self.scenario.source("applications").max_conflicts >= 47 / 438_510
        assert columns_of(self.scenario, "applications")["OCCUPATION_TYPE"].max_missing > 0

    def test_identical_profiles_are_on_one_side(self) -> None:
        split = self.scenario.split
        assert isinstance(split, GroupedSplit)
        assert set(split.by) == cells_of(self.scenario, "applications") - {"ID"}
        assert self.scenario.train().groups == "sides"

    def test_features(self) -> None:
        found = set(expressions(self.scenario))
        assert found >= {
            "AGE", "YEARS_EMPLOYED", "INCOME_A_HEAD", "NOT_EMPLOYED", "EDUCATION_RANK",
            "HOUSING_RANK", "CAR_AND_REALTY", "FLAG_OWN_CAR", "FLAG_OWN_REALTY",
            "EMPLOYED_OF_LIFE", "CHILDREN_OF_FAMILY",
        }  # fmt: skip
        assert "FLAG_MOBIL" not in found  # it is 1 for everybody

    def test_models(self) -> None:
        assert families(self.scenario) == ["logistic", "forest", "xgboost"]
        for family in self.scenario.training.families:
            space = family.spaces()["imbalance"]
            assert set(space.grid()) == {"class-weights", "smote"}
        assert self.scenario.training.refit


class TestLoanDefault:
    scenario = load("loan-default")

    def test_reads_four_tables_whole(self) -> None:
        assert cells_of(self.scenario, "attributes") == {
            "Customer_ID", "Name", "Age", "SSN", "Occupation", "snapshot_date",
        }  # fmt: skip
        assert cells_of(self.scenario, "financials") == {
            "Customer_ID", "Annual_Income", "Monthly_Inhand_Salary", "Num_Bank_Accounts",
            "Num_Credit_Card", "Interest_Rate", "Num_of_Loan", "Type_of_Loan",
            "Delay_from_due_date", "Num_of_Delayed_Payment", "Changed_Credit_Limit",
            "Num_Credit_Inquiries", "Credit_Mix", "Outstanding_Debt", "Credit_Utilization_Ratio",
            "Credit_History_Age", "Payment_of_Min_Amount", "Total_EMI_per_month",
            "Amount_invested_monthly", "Payment_Behaviour", "Monthly_Balance", "snapshot_date",
        }  # fmt: skip
        assert cells_of(self.scenario, "clickstream") == {
            *(f"fe_{number}" for number in range(1, 21)), "Customer_ID", "snapshot_date",
        }  # fmt: skip
        assert cells_of(self.scenario, "payments") == {
            "loan_id", "Customer_ID", "loan_start_date", "tenure", "installment_num", "loan_amt",
            "due_amt", "paid_amt", "overdue_amt", "balance", "snapshot_date",
        }  # fmt: skip

    def test_every_table_is_known_from_its_snapshot_on(self) -> None:
        assert {source.date for source in self.scenario.sources} == {"snapshot_date"}
        assert all(source.monthly for source in self.scenario.sources)
        # The others end with the last loan's start; what is paid goes on.
        fresh = {s.name: s.freshness_days for s in self.scenario.sources if s.freshness_days}
        assert fresh == {"payments": 31}

    def test_one_row_a_loan_as_of_its_start(self) -> None:
        assert self.scenario.merge.key == "loan_id"
        assert self.scenario.as_of == AsOfColumn(column="loan_start_date")
        assert self.scenario.look_up_key() == "Customer_ID"

    def test_label_is_thirty_days_past_due_at_month_six(self) -> None:
        label = self.scenario.label
        assert isinstance(label, MonthOnBookLabel)
        assert (label.month, label.days) == (6, 30)
        assert (label.due, label.overdue) == ("due_amt", "overdue_amt")

    def test_private_columns_end_in_bronze(self) -> None:
        private = {c.name for s in self.scenario.sources for c in s.columns if c.private}
        assert private == {"Name", "SSN"}

    def test_what_is_known_later_is_no_feature(self) -> None:
        late = {c.name for c in self.scenario.source("payments").columns if c.after}
        assert late == {"due_amt", "paid_amt", "overdue_amt", "balance"}
        assert not late & {column.name for column in self.scenario.inputs()}

    @pytest.mark.parametrize(
        ("source", "column", "strip", "replace"),
        [
            ("attributes", "Age", "_", {}),
            ("attributes", "Occupation", "_", {}),
            ("financials", "Annual_Income", "_", {}),
            ("financials", "Credit_Mix", "_", {}),
            ("financials", "Payment_of_Min_Amount", "", {"NM": None}),
            ("financials", "Spending", "", {"!@9#%8": None}),
            ("financials", "Payments", "", {"!@9#%8": None}),
        ],
    )
    def test_marks_are_cleaned(
        self, source: str, column: str, strip: str, replace: dict[str, str | None]
    ) -> None:
        found = columns_of(self.scenario, source)[column]
        assert (found.strip, found.replace) == (strip, replace)

    @pytest.mark.parametrize(
        ("source", "column", "bad"),
        [
            ("attributes", "Age", (-500, 121)),
            ("financials", "Num_of_Loan", (-100, 1_495)),
            ("financials", "Amount_invested_monthly", (10_000,)),
            ("financials", "Num_Bank_Accounts", (-1, 1_756)),
            ("financials", "Interest_Rate", (5_789,)),
            ("financials", "Annual_Income", (23_834_698,)),
            ("financials", "Monthly_Balance", (-3.3e26,)),
        ],
    )
    def test_absurd_values_become_missing(
        self, source: str, column: str, bad: tuple[float, ...]
    ) -> None:
        found = columns_of(self.scenario, source)[column]
        assert found.outside == "missing"
        assert found.minimum is not None
        assert found.maximum is not None
        assert not any(found.minimum <= value <= found.maximum for value in bad)

    def test_texts_are_read(self) -> None:
        found = columns_of(self.scenario, "financials")
        assert isinstance(found["Credit_History_Months"].reading, YearsAndMonths)
        assert isinstance(found["Spending"].reading, Pattern)
        assert isinstance(found["Payday_Loans"].reading, CountOf)

    def test_clickstream_is_of_the_months_before(self) -> None:
        (history,) = self.scenario.histories
        found = {(f.of, f.how, f.months) for f in history.figures}
        for click in (f"fe_{number}" for number in range(1, 21)):
            assert (click, "last", None) in found
            for months in (3, 6, 12):
                assert {(click, how, months) for how in ("mean", "trend", "deviation")} <= found
        assert (None, "count", None) in found

    def test_features(self) -> None:
        assert set(expressions(self.scenario)) >= {
            "DEBT_TO_INCOME", "INSTALMENT_TO_SALARY", "Credit_Utilization_Ratio",
            "Num_Bank_Accounts", "Num_Credit_Card", "Num_Credit_Inquiries",
            "Delay_from_due_date", "Num_of_Delayed_Payment", "Credit_History_Months",
            "Payday_Loans", "Spending", "Payments", "Age", "Occupation", "click_months",
        }  # fmt: skip

    def test_fourteen_months_are_needed(self) -> None:
        split = self.scenario.split
        assert isinstance(split, OutOfTimeSplit)
        assert (split.least_months, split.months) == (12, 2)

    def test_models(self) -> None:
        assert families(self.scenario) == ["logistic", "xgboost"]
        logistic = self.scenario.training.families[0]
        assert logistic.parameters()["scaler"] == "standard"
        assert set(logistic.spaces()["imputer"].grid()) == {"median", "mode"}
        assert {family.method for family in self.scenario.training.families} == {"tpe"}


class TestCardDefault:
    scenario = load("card-default")

    def test_two_systems_hold_it_one_of_them_a_database(self) -> None:
        assert self.scenario.source("profile").table == "profile"
        assert cells_of(self.scenario, "profile") == {
            "CUSTOMER_ID", "SEX", "EDUCATION", "MARRIAGE", "AGE", "LIMIT_BAL",
        }  # fmt: skip
        source = self.scenario.source("profile")
        assert source.column_of("default.payment.next.month") == "DEFAULTPAYMENTNEXTMONTH"

    def test_reads_what_the_clients_did_whole(self) -> None:
        assert cells_of(self.scenario, "transactions") == {
            "CUSTOMER_ID", "PAY_0", *(f"PAY_{month}" for month in range(2, 7)),
            *(f"BILL_AMT{month}" for month in range(1, 7)),
            *(f"PAY_AMT{month}" for month in range(1, 7)), "DEFAULTPAYMENTNEXTMONTH",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("header", "name"),
        [
            ("ID", "CUSTOMER_ID"), ("customer_id", "CUSTOMER_ID"), ("limit bal", "LIMIT_BAL"),
            ("default.payment.next.month", "DEFAULTPAYMENTNEXTMONTH"),
        ],
    )  # fmt: skip
    def test_names_become_upper_case_without_spaces_and_dots(self, header: str, name: str) -> None:
        assert {source.column_of(header) for source in self.scenario.sources} == {name}

    def test_both_are_merged_on_the_customer_and_copies_of_one_go(self) -> None:
        merge = self.scenario.merge
        assert (merge.key, merge.drop_identical) == ("CUSTOMER_ID", True)
        assert merge.sources in {(), ("profile", "transactions")}
        assert self.scenario.label == GivenLabel(column="DEFAULTPAYMENTNEXTMONTH")

    def test_undocumented_codes_are_others_and_what_is_in_use_stays(self) -> None:
        profile = columns_of(self.scenario, "profile")
        assert profile["EDUCATION"].values == ("1", "2", "3", "4")
        assert profile["EDUCATION"].replace == {"0": "4", "5": "4", "6": "4"}
        assert profile["MARRIAGE"].values == ("1", "2", "3")
        assert profile["MARRIAGE"].replace == {"0": "3"}
        did = columns_of(self.scenario, "transactions")
        assert {did[f"PAY_{month}"].minimum for month in (0, 2, 3, 4, 5, 6)} == {-2}
        assert {did[f"BILL_AMT{month}"].minimum for month in range(1, 7)} == {None}  # below 0, too

    def test_xgboost_starts_as_published_and_is_tuned_from_there(self) -> None:
        xgboost = self.scenario.training.families[0]
        published = {
            "rounds": 100, "max_depth": 5, "eta": 0.2, "gamma": 4, "min_child_weight": 6,
            "subsample": 0.8,
        }  # fmt: skip
        assert published.items() <= xgboost.parameters().items()
        # Of the rounds a search finds the best by itself: it stops early.
        assert set(published) - {"rounds"} <= set(xgboost.spaces())

    def test_models_and_gate(self) -> None:
        assert families(self.scenario)[0] == "xgboost"
        limits = self.scenario.limits
        assert (limits.retries, limits.timeout_minutes) == (1, 10)
        rules = {rule.metric: rule.floor for rule in self.scenario.gate.rules}
        assert rules["accuracy"] == 0.80


class TestRepeatLoans:
    scenario = load("repeat-loans")

    def test_reads_the_table_whole(self) -> None:
        assert cells_of(self.scenario, "loans") == {
            "loan_id", "id", "code_gender", "flag_own_car", "flag_own_realty", "cnt_children",
            "amt_income_total", "name_income_type", "name_education_type", "name_family_status",
            "name_housing_type", "flag_mobil", "flag_work_phone", "flag_phone", "flag_email",
            "occupation_type", "cnt_fam_members", "status", "birthday", "job_start_date",
            "loan_date", "loan_amount",
        }  # fmt: skip

    def test_features_are_the_five_as_of_each_loan(self) -> None:
        assert list(expressions(self.scenario)) == [
            "nb_previous_loans", "avg_amount_loans_previous", "age", "years_on_the_job",
            "flag_own_car",
        ]  # fmt: skip
        assert self.scenario.as_of == AsOfColumn(column="loan_date")
        (history,) = self.scenario.histories
        assert [(f.how, f.of) for f in history.figures] == [
            ("count", None), ("mean", "loan_amount"),
        ]  # fmt: skip

    def test_a_job_a_thousand_years_from_now_is_none(self) -> None:
        job = columns_of(self.scenario, "loans")["job_start_date"]
        assert job.outside == "missing"
        assert job.latest is not None
        assert job.latest < date(3021, 9, 18)
        reader = RowReader([Input(**job.scoring_input())])
        cells = reader([{job.name: "3021-09-18"}, {job.name: None}, {job.name: "1970-01-02"}])
        assert np.array_equal(cells[:, 0], [np.nan, np.nan, 1.0], equal_nan=True)

    def test_look_ups_are_by_client_and_the_split_is_out_of_time(self) -> None:
        assert self.scenario.look_up_key() == "id"
        assert isinstance(self.scenario.split, OutOfTimeSplit)
        assert self.scenario.train().groups == "folds"

    def test_models(self) -> None:
        assert families(self.scenario) == ["forest", "xgboost"]
        assert self.scenario.label == GivenLabel(column="status", mature_days=30)


class TestTransactions:
    scenario = load("transactions")

    def test_reads_the_table_whole(self) -> None:
        assert cells_of(self.scenario, "transactions") == {
            "TransactionId", "BatchId", "AccountId", "SubscriptionId", "CustomerId",
            "CurrencyCode", "CountryCode", "ProviderId", "ProductId", "ProductCategory",
            "ChannelId", "Amount", "Value", "TransactionStartTime", "PricingStrategy",
            "FraudResult",
        }  # fmt: skip

    def test_label_is_a_proxy_of_three_clusters_after_the_features(self) -> None:
        label = self.scenario.label
        assert isinstance(label, ProxyLabel)
        assert (label.clusters, label.seed, label.start) == (3, 42, 0)
        assert self.scenario.as_of == AsOfEnd(days=label.days)

    def test_features(self) -> None:
        (history,) = self.scenario.histories
        found = {(f.of, f.how) for f in history.figures}
        for part in ("hour", "day", "month", "weekday"):
            assert (f"Started_{part}", "mean") in found
        for how in ("sum", "mean", "deviation"):
            assert {("Amount", how), ("Value", how)} <= found
        assert {("ProductCategory", "share"), ("ChannelId", "share"), (None, "count")} <= found
        assert "FraudResult" not in {column.name for column in self.scenario.inputs()}

    def test_customers_are_split_by_a_hash_before_any_cluster(self) -> None:
        split = self.scenario.split
        assert isinstance(split, GroupedSplit)
        assert (split.by, split.test, split.seed) == (("CustomerId",), 0.20, 42)

    def test_models(self) -> None:
        assert families(self.scenario) == ["logistic", "tree", "forest", "xgboost"]
        spaces = self.scenario.training.families[0].spaces()
        assert set(spaces["scaler"].grid()) == {"standard", "min-max", "robust"}
        assert set(spaces["encoder"].grid()) == {"one-hot", "ordinal", "woe"}

    def test_small_spaces_are_searched_by_grid_and_large_ones_at_random(self) -> None:
        assert {family.kind: family.method for family in self.scenario.training.families} == {
            "logistic": "grid", "tree": "grid", "forest": "random", "xgboost": "random",
        }  # fmt: skip

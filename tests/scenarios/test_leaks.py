"""Leaks planted in the scenarios themselves fail when one loads; honest changes are not blamed."""

from typing import Any

import pytest
from pydantic import ValidationError

from components.contracts.history import Figure, History, Lookup
from components.contracts.modelling import Feature
from components.contracts.scenario import Scenario
from components.contracts.sources import Merge
from pipelines.scenarios import load, names

_PAYMENTS = "loan_id", "Customer_ID", "loan_start_date", "tenure", "loan_amt"


def feature(expression: str | None, name: str = "ADDED") -> Feature:
    """A feature beside those that a scenario has."""
    return Feature(name=name, title="added", expression=expression)


def paid(**figure: Any) -> History:
    """A history of how a client's loans were paid."""
    return History(source="payments", on="Customer_ID", figures=(Figure(name="paid", **figure),))


def changed(name: str, add: dict[str, tuple[Any, ...]], put: dict[str, Any]) -> Scenario:
    """A scenario with something added to its parts, or put in their place."""
    declared = load(name)
    parts = {field: getattr(declared, field) for field in Scenario.model_fields}
    parts |= {field: (*parts[field], *more) for field, more in add.items()}
    return Scenario(**{**parts, **put})


def wider(*columns: str) -> dict[str, Any]:
    """loan-default with more of its payments' columns in what is scored."""
    merge = load("loan-default").merge
    return {"merge": Merge(**{**merge.model_dump(), "columns": (*_PAYMENTS, *columns)})}


def proxy(start: int) -> dict[str, Any]:
    """transactions with the label's window begun so many days after the features' ends."""
    return {"label": load("transactions").label.model_copy(update={"start": start})}


Change = tuple[str, dict[str, tuple[Any, ...]], dict[str, Any]]

LEAKS: dict[str, tuple[Change, str]] = {
    "what is overdue later": (
        ("loan-default", {"features": (feature(None, "overdue_amt"),)}, {}),
        "feature overdue_amt reads ['overdue_amt'], known only after the as-of",
    ),
    "what is overdue later, in the row": (
        ("loan-default", {"features": (feature(None, "overdue_amt"),)}, wider("overdue_amt")),
        "feature overdue_amt reads ['overdue_amt'], known only after the as-of",
    ),
    "a ratio of what is paid later": (
        ("loan-default", {"features": (feature("paid_amt / loan_amt"),)}, {}),
        "feature ADDED reads ['paid_amt'], known only after the as-of",
    ),
    "how earlier loans were paid": (
        ("loan-default", {"histories": (paid(how="sum", of="paid_amt"),)}, {}),
        "figure paid reads paid_amt, which is known only after its row's date",
    ),
    "the label's window in the features'": (
        ("transactions", {}, proxy(-30)),
        "circular: transactions, amount_sum, value_sum, amount_mean, value_mean come from rows",
    ),
    "a day of the label's window in the features'": (
        ("transactions", {}, proxy(-1)), "circular: transactions, amount_sum",
    ),
    "fraud that was found out later": (
        ("transactions", {"histories": (History(
            source="transactions", on="CustomerId",
            figures=(Figure(name="frauds", how="sum", of="FraudResult"),),
        ),)}, {}),
        "figure frauds reads FraudResult, which is known only after its row's date",
    ),
    "the label": (
        ("card-default", {"features": (feature(None, "DEFAULTPAYMENTNEXTMONTH"),)}, {}),
        "feature DEFAULTPAYMENTNEXTMONTH reads DEFAULTPAYMENTNEXTMONTH (the label)",
    ),
    "the label times an amount": (
        ("repeat-loans", {"features": (feature("status * loan_amount"),)}, {}),
        "feature ADDED reads status (the label): no feature may",
    ),
    "how the client's earlier loans ended": (
        ("repeat-loans", {"histories": (History(
            source="loans", on="id", figures=(Figure(name="bad_before", how="mean", of="status"),),
        ),)}, {}),
        "figure bad_before reads status (the label): no figure may",
    ),
    "a month of the credit record": (
        ("credit-approval", {"features": (feature('STATUS == "5"'),)}, {}),
        "feature ADDED reads ['STATUS'], known only after the as-of",
    ),
    "the credit record looked up": (
        ("credit-approval", {"lookups": (Lookup(source="records", on="ID"),)}, {}),
        "look-up of records: without a date it takes the only row of each ID",
    ),
}  # fmt: skip

HONEST: dict[str, Change] = {
    **{f"{name} as it is": (name, {}, {}) for name in names()},
    "the label's window later than the features'": ("transactions", {}, proxy(7)),
    "a further ratio of what was known": (
        "loan-default", {"features": (feature("Outstanding_Debt / loan_amt"),)}, {},
    ),
    "how many payments there were": ("loan-default", {"histories": (paid(how="count"),)}, {}),
    "the largest loan before": (
        "repeat-loans", {"histories": (History(
            source="loans", on="id",
            figures=(Figure(name="most_before", how="maximum", of="loan_amount"),),
        ),)}, {},
    ),
    "a payment as a share of the limit": (
        "card-default", {"features": (feature("PAY_AMT1 / LIMIT_BAL"),)}, {},
    ),
}  # fmt: skip


def test_there_are_ten_of_each() -> None:
    assert len(LEAKS) >= 10
    assert len(HONEST) >= 10


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_planted_in_a_scenario_is_refused_by_name(leak: str) -> None:
    change, message = LEAKS[leak]
    with pytest.raises(ValidationError) as refused:
        changed(*change)
    assert f"scenario {change[0]}: {message}" in str(refused.value)


@pytest.mark.parametrize("change", HONEST)
def test_an_honest_change_of_a_scenario_is_not_blamed(change: str) -> None:
    assert changed(*HONEST[change]).name == HONEST[change][0]

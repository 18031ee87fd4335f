"""How a scenario is watched: what the declaration says, and what it leaves to label and split."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contracts.outcomes import (
    GivenLabel,
    Label,
    MonthOnBookLabel,
    OutOfTimeSplit,
    ProxyLabel,
    StatusLabel,
    StratifiedSplit,
)
from components.contracts.watching import Monitoring, months_needed, months_until_known
from pipelines.scenarios import load
from tests.making import scenario

BOOK = MonthOnBookLabel(source="s", on="a", instalment="i", month=6, due="d", overdue="o")


def _ends(day: date, months: int) -> date:
    """The last day of the month so many months after a day's."""
    place = day.year * 12 + day.month + months
    return date(place // 12, place % 12 + 1, 1) - timedelta(days=1)


@pytest.mark.parametrize(
    ("label", "months"),
    [
        (BOOK, 6),
        (GivenLabel(column="bad"), 0),
        (GivenLabel(column="bad", mature_days=1), 1),
        (GivenLabel(column="bad", mature_days=28), 1),
        (GivenLabel(column="bad", mature_days=30), 2),  # from the end of January into March
        (GivenLabel(column="bad", mature_days=365), 12),
        (GivenLabel(column="bad", mature_days=366), 13),
        (ProxyLabel(source="s", on="a", amount="v", days=30), 2),
        (ProxyLabel(source="s", on="a", amount="v", start=60, days=30), 4),
        (ProxyLabel(source="s", on="a", amount="v", start=-60, days=30), 0),
        (StatusLabel(source="s", on="a", column="c", bad=("5",)), 0),
    ],
)
def test_a_vintage_is_mature_after_the_months_that_its_label_takes(
    label: Label, months: int
) -> None:
    assert months_until_known(label) == months


@given(st.dates(date(2001, 1, 1), date(2099, 1, 1)), st.integers(0, 1_500))
def test_no_month_is_so_short_that_a_mature_vintage_has_a_day_open(day: date, days: int) -> None:
    months = months_until_known(GivenLabel(column="bad", mature_days=days))
    assert _ends(day, 0) + timedelta(days=days) <= _ends(day, months)


def test_what_is_declared_goes_before_what_the_label_says() -> None:
    label = GivenLabel(column="BAD")
    assert scenario(label=label).watch().mature_months == 0
    declared = scenario(label=label, monitoring=Monitoring(mature_months=12))
    assert declared.watch().mature_months == 12


def test_the_history_that_a_training_needs_is_that_of_the_split() -> None:
    assert months_needed(OutOfTimeSplit(months=2, least_months=12)) == 14
    assert months_needed(StratifiedSplit()) == 0


def test_loan_default_is_judged_after_six_months_and_trained_every_three() -> None:
    found = load("loan-default").watch()
    assert (found.mature_months, found.retrain_after, found.history_months) == (6, 3, 14)
    assert not found.retrain_on_drift
    assert found.segments == ("Credit_Mix", "Occupation")


def test_card_default_says_itself_that_its_label_is_of_the_next_month() -> None:
    assert load("card-default").watch().mature_months == 1

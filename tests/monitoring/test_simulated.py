"""The page of a simulation says what became of its months."""

import pytest

from components.contracts.simulated import Lived, Simulated
from components.monitoring.simulated import render


def skipped(month: str, labelled: int) -> Lived:
    """A month with too little history."""
    due = f"skipped: expected 14 months with mature labels, found {labelled}"
    return Lived(month=month, labelled=labelled, due=due, outcome="skipped", seconds=0.0)


@pytest.mark.parametrize(
    ("months", "said"),
    [
        (
            [skipped("2024-02", 12), skipped("2024-03", 13)],
            "2 months were skipped, 2024-02 to 2024-03: expected 14 months with mature labels, "
            "found 13 at the last.",
        ),
        (
            [skipped("2024-03", 13)],
            "2024-03 was skipped: expected 14 months with mature labels, found 13.",
        ),
    ],
)
def test_months_without_history_enough_are_told_together(months: list[Lived], said: str) -> None:
    found = Simulated(
        scenario="small-loans", title="Small loans", run="walk", first=months[0].month,
        last=months[-1].month, preparing=1.0, months=tuple(months),
    )  # fmt: skip
    assert f"<p>{said}</p>" in render(found, [], {})

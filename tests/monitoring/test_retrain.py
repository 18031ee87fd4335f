"""Whether a training is due: every case, and why in words."""

import pytest

from components.monitoring.retrain import retraining
from pipelines.scenarios import load

SPEC = load("loan-default").watch()
DRIFT = SPEC.model_copy(update={"retrain_on_drift": True})
SINCE = "the last training was as of 2024-03"


@pytest.mark.parametrize(
    ("trained", "as_of", "labelled", "drift", "opts_in", "reason", "why"),
    [
        (None, "2024-08", 14, False, False, "initial", "no champion yet: initial training"),
        (None, "2024-08", 14, True, True, "initial", "no champion yet: initial training"),
        (None, "2024-07", 13, False, False, "history",
         "skipped: expected 14 months with mature labels, found 13"),
        (None, "2023-01", 0, True, True, "history",
         "skipped: expected 14 months with mature labels, found 0"),
        ("2024-03", "2024-08", 13, True, True, "history",
         "skipped: expected 14 months with mature labels, found 13"),
        ("2024-03", "2024-06", 14, False, False, "months",
         f"due: {SINCE}, 3 months before 2024-06; one is due after 3 months"),
        ("2024-03", "2025-03", 14, False, False, "months",
         f"due: {SINCE}, 12 months before 2025-03; one is due after 3 months"),
        ("2024-03", "2024-06", 14, True, True, "months",
         f"due: {SINCE}, 3 months before 2024-06; one is due after 3 months"),
        ("2024-03", "2024-05", 14, False, True, "not due",
         f"not due: {SINCE}, 2 months before 2024-05; the next is due in 2024-06"),
        ("2024-03", "2024-04", 14, True, False, "not due",
         f"not due: {SINCE}, 1 month before 2024-04; the next is due in 2024-06; "
         "drift alone is no reason here"),
        ("2024-03", "2024-04", 14, True, True, "drift",
         f"due: significant drift; {SINCE}, 1 month before 2024-04"),
        ("2024-03", "2024-03", 14, True, True, "not due",
         f"not due: {SINCE}, 0 months before 2024-03; the next is due in 2024-06"),
        ("2024-03", "2023-12", 14, True, True, "not due",
         f"not due: {SINCE}, after 2023-12; the next is due in 2024-06"),
    ],
)  # fmt: skip
def test_a_training_is_due_or_not_and_says_why(
    trained: str | None, as_of: str, labelled: int, drift: bool, opts_in: bool, reason: str,
    why: str,
) -> None:  # fmt: skip
    spec = DRIFT if opts_in else SPEC
    found = retraining(spec, as_of=as_of, trained=trained, labelled=labelled, drift=drift)
    assert (found.reason, found.why) == (reason, why)
    assert found.due == (reason in {"initial", "months", "drift"})


def test_a_walk_over_the_months_trains_every_third_from_the_first_that_can() -> None:
    months = [f"{2023 + n // 12}-{n % 12 + 1:02d}" for n in range(30)]
    trained, due = None, []
    for number, month in enumerate(months):
        # Loans are labelled six months after their start.
        labelled = max(0, number - 5)
        found = retraining(SPEC, as_of=month, trained=trained, labelled=labelled, drift=True)
        if found.due:
            trained = month
            due.append(month)
    assert due == ["2024-08", "2024-11", "2025-02", "2025-05"]


def test_without_a_declared_history_none_is_needed() -> None:
    spec = load("card-default").watch()
    found = retraining(spec, as_of="2024-01", trained=None, labelled=0, drift=False)
    assert (found.due, found.reason) == (True, "initial")

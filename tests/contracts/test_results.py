"""Results and errors: what people read of them, and that they outlive the run as text."""

import math

import pytest

from components.contracts.errors import (
    ContractError,
    EnvironmentFaultError,
    InstanceError,
    VintageError,
    is_no_space,
    no_space,
)
from components.contracts.results import (
    Candidate,
    Candidates,
    CutoffDocument,
    Decision,
    RuleResult,
    Trial,
)

CUTOFF = CutoffDocument(
    version=1, rule="fixed", approve_below=0.3, approval_share=0.8, judged_share=0.8, profit=None
)


def result(**changes: object) -> RuleResult:
    """One gate rule with its figure."""
    given = {"metric": "auc", "bound": "floor", "limit": 0.7, "cutoff": None, "found": 0.75,
             "passed": True}  # fmt: skip
    return RuleResult.model_validate({**given, **changes})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (result(), "auc >= 0.7: found 0.7500, passed"),
        (
            result(metric="ece", bound="ceiling", found=0.9, passed=False),
            "ece <= 0.7: found 0.9000, FAILED",
        ),
        (
            result(metric="approval_ratio", found=math.nan, passed=False),
            "approval_ratio >= 0.7: found nothing to measure, FAILED",
        ),
        (result(metric="f1", cutoff=0.3), "f1 at 0.3 >= 0.7: found 0.7500, passed"),
        (result(metric="f1", cutoff=0.0), "f1 at 0.0 >= 0.7: found 0.7500, passed"),
        (
            result(metric="reasons", bound="ceiling", limit=0, found=0),
            "reasons: expected a text for every feature: passed",
        ),
        (
            result(metric="reasons", bound="ceiling", found=2, passed=False, silent=("A", "B")),
            "reasons: expected a text for every feature, found none for A, B: FAILED",
        ),
    ],
)
def test_a_rule_says_how_it_went_in_a_sentence(given: RuleResult, sentence: str) -> None:
    assert given.sentence() == sentence


@pytest.mark.parametrize("found", [0.1 + 0.2, 0.0, -1.0, math.nan, math.inf])
def test_a_decision_comes_back_from_its_text_whatever_was_found(found: float) -> None:
    made = Decision(scenario="a", family="b", bundle="c", evaluated="d", cutoff=CUTOFF,
                    passed=False, rules=(result(found=found, passed=False),))  # fmt: skip
    again = Decision.model_validate_json(made.model_dump_json())
    assert repr(again) == repr(made)


@pytest.mark.parametrize(
    ("folds", "auc"), [((0.7,), 0.7), ((0.6, 0.8), 0.7), ((0.5, 0.5, 0.8), 0.6)]
)
def test_the_auc_of_a_trial_is_the_mean_over_the_folds_that_it_saw(
    folds: tuple[float, ...], auc: float
) -> None:
    trial = Trial(number=0, parameters={}, folds=folds, pruned=False)
    assert trial.auc == pytest.approx(auc)


def test_candidates_know_the_chosen_one() -> None:
    def candidate(family: str) -> Candidate:
        return Candidate(
            family=family, method="tpe", bundle="a", folder=family, released="a",
            released_folder=family, validation_auc=0.7, search_auc=math.nan,
            calibration="platt", parameters={}, trials=(),
        )  # fmt: skip

    both = (candidate("tree"), candidate("forest"))
    found = Candidates(scenario="a", chosen="forest", candidates=both)
    assert found.of_chosen() is both[1]
    assert repr(Candidates.model_validate_json(found.model_dump_json())) == repr(found)


@pytest.mark.parametrize(
    ("failures", "text"),
    [
        (["one"], "people.csv: 1 contract failure\n  - one"),
        (["one", "two"], "people.csv: 2 contract failures\n  - one\n  - two"),
    ],
)
def test_a_broken_contract_lists_every_failure(failures: list[str], text: str) -> None:
    error = ContractError("people.csv", failures)
    assert (str(error), error.failures) == (text, tuple(failures))


def test_a_wrong_row_lists_every_fault() -> None:
    error = InstanceError("instance", ["A: not an input", "B: expected a number"])
    assert str(error) == "instance: A: not an input; B: expected a number"
    assert error.faults == ("A: not an input", "B: expected a number")


def test_only_the_faults_of_a_machine_may_pass_by_themselves() -> None:
    assert EnvironmentFaultError.transient
    assert not VintageError.transient
    assert not ContractError.transient


def _chained(*, explicit: bool) -> BaseException:
    try:
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            if explicit:
                raise VintageError("publishing failed") from error
            raise VintageError("publishing failed")  # noqa: B904 - the case without a cause
    except VintageError as chained:
        return chained


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(28, "No space left on device"), True),
        (RuntimeError("database or disk is full"), True),
        (_chained(explicit=True), True),
        (_chained(explicit=False), True),
        (OSError(13, "Permission denied"), False),
    ],
)
def test_a_full_disk_is_told_from_other_errors(error: BaseException, full: bool) -> None:
    assert is_no_space(error) is full


def test_a_full_disk_is_told_with_the_room_that_is_left() -> None:
    assert "lake: expected room to write, found a full disk (3 MB free)" in str(
        no_space("lake", 3_000_000)
    )

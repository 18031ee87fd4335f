"""Evidently beside the PSI: its flags, its page, and the one verdict of both."""

import os
import socket
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

from components.contracts.drift import SCORE, Drift, Evidence, Omitted
from components.monitoring.drift import Month, drift
from components.monitoring.evidence import (
    Page,
    evidently,
    limits_of,
    not_asked,
    outcomes_page,
    sampled,
    verdict,
)
from components.scoring.reference import freeze

NAMES = ("AGE", "AMOUNT", "KIND", "EMPTY", "GONE", "SAME")
KINDS = {"KIND": ("car", "house", "other")}


def _frame(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"AGE": rng.normal(40, 10, rows), "AMOUNT": rng.lognormal(8, 1, rows)})
    frame["KIND"] = rng.choice(KINDS["KIND"], rows, p=[0.5, 0.3, 0.2])
    frame["EMPTY"] = rng.normal(size=rows)
    frame["GONE"] = rng.normal(size=rows)
    frame["SAME"] = 1.0
    frame[SCORE] = 1 / (1 + np.exp(2 - rng.normal(size=rows)))
    return frame


def _both(reference: pd.DataFrame, month: pd.DataFrame) -> tuple[Drift, Page]:
    """Our drift of these rows, and Evidently's."""

    def matrix(frame: pd.DataFrame, names: list[str]) -> NDArray[np.float64]:
        codes = {kind: code for code, kind in enumerate(KINDS["KIND"])}
        return frame[names].assign(KIND=frame["KIND"].map(codes)).to_numpy(dtype=np.float64)

    known = freeze(
        NAMES, [len(KINDS.get(n, ())) for n in NAMES], matrix(reference, list(NAMES)),
        reference[SCORE].to_numpy(),
    )  # fmt: skip
    names = [name for name in NAMES if name in month]
    pds = month[SCORE].to_numpy()
    found = drift(known, Month(names, matrix(month, names), pds, pds < 0.2, KINDS))
    some = [frame.iloc[sampled(len(frame))] for frame in (reference, month)]
    return found, evidently(*some, KINDS, found)


@pytest.fixture(scope="module")
def moved() -> tuple[Drift, Page]:
    """A month that lost a column and the values of another, and where two features moved: one by
    so little that no PSI says so.
    """
    month = _frame(9_000, 2).drop(columns="GONE")
    month["EMPTY"] = np.nan
    month["AGE"] += 8
    month["AMOUNT"] *= 1.25
    month["KIND"] = np.random.default_rng(5).choice(KINDS["KIND"], 9_000, p=[0.2, 0.3, 0.5])
    month.loc[3, "AMOUNT"] = np.inf
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("DO_NOT_TRACK", raising=False)
        patched.setattr(socket.socket, "connect", _refused)
        found = _both(_frame(6_000, 1), month)
        assert os.environ["DO_NOT_TRACK"] == "1"
    return found


def _refused(*_: object) -> None:
    raise AssertionError("it asks the network")


def test_what_moved_is_flagged_by_its_named_test(moved: tuple[Drift, Page]) -> None:
    found = {flag.name: flag for flag in moved[1].evidence.flags}
    assert {name for name, flag in found.items() if flag.drifted} == {"AGE", "AMOUNT", "KIND"}
    assert set(moved[1].evidence.shown) == set(found) == {SCORE, "AGE", "AMOUNT", "KIND", "SAME"}
    assert {found[n].method for n in found} == {"ks", "jensenshannon"}
    assert found["KIND"].threshold == 0.1
    assert found["AGE"].threshold == 0.002 / 4


def test_the_sample_is_stated_and_the_score_is_of_it(moved: tuple[Drift, Page]) -> None:
    evidence = moved[1].evidence
    assert (evidence.reference, evidence.month) == ((3_000, 6_000), (3_000, 9_000))
    before, after = (
        frame.iloc[
            np.sort(np.random.default_rng(evidence.seed).choice(len(frame), 3_000, replace=False))
        ][SCORE]
        for frame in (_frame(6_000, 1), _frame(9_000, 2))
    )
    flag = next(flag for flag in evidence.flags if flag.name == SCORE)
    assert flag.score == pytest.approx(ks_2samp(before, after)[1], rel=1e-9)
    assert not flag.drifted


def test_what_evidently_cannot_take_is_left_out_by_name(moved: tuple[Drift, Page]) -> None:
    assert set(moved[1].evidence.omitted) == {
        Omitted(name="GONE", why="the month has no such column"),
        Omitted(name="EMPTY", why="the month has 0 rows with a value, 30 are needed"),
    }


def test_the_verdict_says_which_of_the_two_raised_what(moved: tuple[Drift, Page]) -> None:
    found = verdict(moved[0], moved[1].evidence)
    assert found.alarmed
    assert {one.name: one.by for one in found.raised} == {
        "GONE": ("PSI",), "EMPTY": ("PSI",), "AGE": ("PSI", "Evidently"),
        "KIND": ("PSI", "Evidently"), "AMOUNT": ("Evidently",),
    }  # fmt: skip
    assert all(len(one.why) == len(one.by) for one in found.raised)


def _is_one_file(html: str | None) -> bool:
    assert html is not None
    outside = ("<script src", "<link", "<img", "<iframe", "@import url(http")
    return len(html.encode()) <= 8_000_000 and not any(tag in html for tag in outside)


def test_the_page_is_one_file(moved: tuple[Drift, Page]) -> None:
    html = moved[1].html
    assert _is_one_file(html) and html is not None
    assert "AMOUNT" in html
    # Evidently's own count of the flags.
    assert "3 out of 5" in html
    # One flag is enough for an alarm, and for its headline.
    assert "Dataset Drift is detected. Dataset drift detection threshold is 0.2" in html


def test_outcomes_have_a_page_of_their_own() -> None:
    rng = np.random.default_rng(3)
    scores = [rng.beta(1.2, 3, rows) for rows in (4_000, 600)]
    before, now = ((rng.binomial(1, score), score) for score in scores)
    html = outcomes_page(before, now)
    assert _is_one_file(html)
    assert "Classification" in html


def test_what_evidently_was_not_asked_is_named_with_the_reason(
    moved: tuple[Drift, Page],
) -> None:
    page = not_asked(moved[0], "gone")
    assert page.html is None
    assert {one.name for one in page.evidence.omitted} == {SCORE, *NAMES}
    assert {one.why for one in page.evidence.omitted} == {"gone"}
    assert (page.evidence.reference, page.evidence.month) == ((0, 6_000), (0, 9_000))
    # Ours raises all the same.
    assert {one.by for one in verdict(moved[0], page.evidence).raised} == {("PSI",)}


def test_a_result_survives_its_json(moved: tuple[Drift, Page]) -> None:
    evidence = moved[1].evidence
    assert Evidence.model_validate_json(evidence.model_dump_json()) == evidence


def test_a_month_that_has_not_moved_is_not_flagged() -> None:
    month = _frame(2_000, 3)
    found, page = _both(_frame(6_000, 1), month)
    assert not verdict(found, page.evidence).alarmed
    assert page.evidence.month == (2_000, 2_000)
    assert page.evidence.omitted == ()
    assert page.html is not None


@pytest.mark.parametrize("rows", [0, 1, 29])
def test_a_month_of_few_rows_has_no_page(rows: int) -> None:
    found, page = _both(_frame(1_000, 1), _frame(rows, 2))
    assert (page.html, page.evidence.flags) == (None, ())
    assert {one.name for one in page.evidence.omitted} >= {SCORE, *NAMES}
    assert not verdict(found, page.evidence).alarmed


def test_limits_hold_for_columns_that_have_not_moved() -> None:
    """Of numbers and of categories 1 report in 500: of 200, 5 or more come once in 800 times."""
    rng = np.random.default_rng(8)
    numbers, kinds = [f"N{place}" for place in range(20)], [f"K{place}" for place in range(20)]
    shares = [0.5, 0.3, 0.1, 0.05, 0.03, 0.015, 0.004, 0.001]

    def frame(rows: int) -> pd.DataFrame:
        codes = rng.choice(list("abcdefgh"), (rows, 20), p=shares)
        drawn = pd.DataFrame(rng.normal(size=(rows, 20)), columns=numbers)
        return drawn.join(pd.DataFrame(codes, columns=kinds))

    flagged = 0
    for report in range(200):
        if report % 20 == 0:
            before = frame(2_000)
            known = before[kinds].apply(pd.Series.value_counts).fillna(0) / 2_000
        after = frame(200)
        limits = limits_of(before, after, [*numbers, *kinds], kinds)
        found = after[kinds].apply(pd.Series.value_counts).reindex(known.index).fillna(0) / 200
        apart = jensenshannon(known.to_numpy(), found.to_numpy(), axis=0)
        flagged += any(ks_2samp(before[n], after[n])[1] <= limits[n] for n in numbers) or any(
            distance >= limits[name] for name, distance in zip(kinds, apart, strict=True)
        )
    assert flagged <= 4


def test_it_is_imported_late() -> None:
    subprocess.run(
        [
            sys.executable, "-c",
            "import sys, components.monitoring.evidence; assert 'evidently' not in sys.modules",
        ],
        check=True,
    )  # fmt: skip

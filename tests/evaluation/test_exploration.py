"""The figures of a gold table: by hand where tables are small, by law where they are not."""

import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from components.contracts.errors import VintageError
from components.contracts.exploration import Exploration
from components.evaluation.correlations import by_bad_rate, spearman, strong_pairs
from components.evaluation.exploration import slices_of
from components.evaluation.numbers import short, spans
from components.evaluation.rates import wilson
from components.evaluation.words import psi_word
from components.scoring.evidence import information_value
from components.scoring.reference import bins_of
from tests.evaluation.golds import COLOURS, explore_spec, explored, of

NAN = math.nan
SEEDS = st.integers(0, 2**32 - 1)


def table(rows: int = 400, seed: int = 3, **columns: Any) -> dict[str, Any]:
    """Rows of A, B and COLOUR; bad more often where A is large. A quarter is of the test."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(size=rows)
    given = {
        "A": amount,
        "B": np.round(rng.normal(size=rows), 1),
        "COLOUR": rng.choice(np.array(COLOURS), rows),
        "_label": (rng.random(rows) < 1 / (1 + np.exp(-amount))).astype(np.int64),
        "_split": np.array(["train", "train", "validation", "test"])[np.arange(rows) % 4],
    }
    return {**given, **columns}


SPEC = explore_spec("A", "B", "COLOUR")


def test_the_information_value_is_the_one_by_hand(tmp_path: Path) -> None:
    # red: 30 bad, 70 good; green: 10 bad, 90 good. Half a good row and its share of a bad one
    # are added to each, as in a scorecard.
    colours = ["red"] * 100 + ["green"] * 100
    label = [1] * 30 + [0] * 70 + [1] * 10 + [0] * 90
    found = of(explored(tmp_path, {"COLOUR": colours, "_label": label},
                        explore_spec("COLOUR")), "COLOUR")  # fmt: skip
    red = math.log((30 + 0.125) / (70 + 0.5) / (40 / 160))
    green = math.log((10 + 0.125) / (90 + 0.5) / (40 / 160))
    assert [(b.label, b.rows, b.bad) for b in found.bins] == [("red", 100, 30), ("green", 100, 10)]
    assert [b.woe for b in found.bins] == pytest.approx([red, green])
    by_hand = (30 / 40 - 70 / 160) * red + (10 / 40 - 90 / 160) * green
    assert found.iv == pytest.approx(by_hand)
    assert found.iv == pytest.approx(0.3125 * math.log((30 / 40 * 90) / (70 * 10 / 40)), rel=0.02)


def test_missing_values_have_the_last_bin_and_a_category_is_told_by_value(tmp_path: Path) -> None:
    found = explored(
        tmp_path,
        {
            "A": [1.0, 2.0, None, None],
            "COLOUR": ["<b>&", None, "red", "red"],
            "_label": [0, 0, 1, 1],
        },
        explore_spec("A", "COLOUR"),
    )
    numbers, colours = of(found, "A"), of(found, "COLOUR")
    assert [(b.label, b.rows, b.bad) for b in numbers.bins] == [
        ("up to 1", 1, 0), ("2", 1, 0), ("missing", 2, 2),
    ]  # fmt: skip
    assert [(b.label, b.rows, b.bad) for b in colours.bins] == [
        ("red", 2, 2), ("<b>&", 1, 0), ("missing", 1, 0),
    ]  # fmt: skip
    assert (numbers.missing, numbers.distinct, numbers.kind) == (0.5, 2, "number")
    assert (numbers.minimum, numbers.median, numbers.maximum) == (1.0, 1.5, 2.0)
    assert (colours.missing, colours.distinct, colours.kind) == (0.25, 2, "category")
    assert (colours.minimum, colours.median, colours.maximum) == (None, None, None)
    assert [(gap.name, gap.development, gap.test) for gap in found.inputs] == [
        ("A", 0.5, None), ("COLOUR", 0.25, None),
    ]  # fmt: skip


def test_a_feature_that_is_all_missing_tells_nothing(tmp_path: Path) -> None:
    found = explored(tmp_path, table(B=[None] * 400), SPEC)
    empty = of(found, "B")
    assert (empty.iv, empty.missing, empty.distinct) == (0.0, 1.0, 0)
    assert (empty.minimum, empty.histogram) == (None, None)
    assert [(b.label, b.rows, b.woe) for b in empty.bins] == [("missing", 300, 0.0)]
    place = found.correlations.features.index("B")
    assert set(found.correlations.table[place]) == {None}


def test_features_come_by_their_information(tmp_path: Path) -> None:
    found = explored(tmp_path, table(), SPEC)
    assert found.features[0].name == "A"
    values = [feature.iv for feature in found.features]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_psi_tells_a_feature_that_moved_from_one_that_did_not(tmp_path: Path, shift: float) -> None:
    values = np.tile(np.arange(100.0), 2)
    split = ["train"] * 100 + ["test"] * 100
    moved = np.where(np.array(split) == "test", values + shift * 30, values)
    found = explored(
        tmp_path,
        {"A": moved, "_label": [0, 1] * 100, "_split": split},
        explore_spec("A"),
    )
    (feature,) = found.features
    assert feature.moved is not None and found.target is not None
    word = psi_word(feature.moved)
    assert word == ("significant" if shift else "too few rows to tell")
    assert feature.moved.psi > 0.25 if shift else feature.moved.psi == pytest.approx(0.0)
    assert found.target.psi == pytest.approx(0.0)


def test_the_psi_of_the_target_is_the_one_by_hand(tmp_path: Path) -> None:
    label = [1] * 10 + [0] * 90 + [1] * 20 + [0] * 80
    split = ["train"] * 100 + ["test"] * 100
    found = explored(tmp_path, {"A": range(200), "_label": label, "_split": split},
                     explore_spec("A"))  # fmt: skip
    assert found.target is not None
    assert found.target.psi == pytest.approx(0.1 * math.log(2) + 0.1 * math.log(0.9 / 0.8))


def psi_of(found: Exploration) -> float:
    """The PSI of A."""
    moved = of(found, "A").moved
    assert moved is not None
    return moved.psi


def test_no_test_row_has_a_part_in_the_bins(tmp_path: Path) -> None:
    rows = table()
    test = rows["_split"] == "test"
    others = {
        **rows,
        "A": np.where(test, 99.0, rows["A"]),
        "COLOUR": np.where(test, "red", rows["COLOUR"]),
        "_label": np.where(test, 1 - rows["_label"], rows["_label"]),
    }
    before, after = (explored(tmp_path, found, SPEC) for found in (rows, others))
    moved = {"moved"}
    assert [f.model_dump(exclude=moved) for f in before.features] == [
        f.model_dump(exclude=moved) for f in after.features
    ]
    assert before.correlations == after.correlations
    assert psi_of(after) > psi_of(before)


@given(SEEDS, st.integers(1, 200), st.floats(0, 1))
def test_the_bins_hold_every_labelled_row_once(seed: int, rows: int, gaps: float) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size=rows), 1)
    values[rng.random(rows) < gaps] = NAN
    label = rng.integers(-1, 2, rows)
    bins, iv = slices_of(bins_of(values), (), values, label)
    assert sum(own.rows for own in bins) == (label >= 0).sum()
    assert sum(own.bad for own in bins) == (label == 1).sum()
    assert iv >= 0
    assert len({own.label for own in bins}) == len(bins)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12))
def test_bins_that_are_alike_tell_nothing_and_no_bins_tell_less(
    counts: list[tuple[int, int]],
) -> None:
    bad, good = (np.array(side, dtype=np.float64) for side in zip(*counts, strict=True))
    assert information_value(bad, good, max(1.0, bad.sum()), max(1.0, good.sum())) >= 0
    same = np.full(len(counts), 10.0)
    told = information_value(same, same * 2, same.sum(), same.sum() * 2)
    assert told == pytest.approx(0)


def test_an_interval_is_wilsons_and_holds_its_rate() -> None:
    assert wilson(0, 10) == (0.0, pytest.approx(0.2775, abs=1e-4))
    assert wilson(5, 10) == (pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4))
    assert wilson(10, 10) == (pytest.approx(0.7225, abs=1e-4), 1.0)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=60))
def test_a_histogram_holds_every_known_value(values: list[float]) -> None:
    from components.evaluation.exploration import _histogram

    found = _histogram(np.array(values))
    assert sum(found.counts) == len(values)
    assert len(found.edges) == len(found.counts) + 1


def test_the_bars_of_few_whole_numbers_are_those_numbers(tmp_path: Path) -> None:
    found = explored(tmp_path, {"A": [0.0, 0.0, 1.0, 3.0], "_label": [0, 1, 0, 1]},
                     explore_spec("A"))  # fmt: skip
    histogram = of(found, "A").histogram
    assert histogram is not None
    assert histogram.counts == (2, 1, 0, 1)
    assert (histogram.edges[0], histogram.edges[-1]) == (-0.5, 3.5)


@pytest.mark.parametrize(
    ("edges", "whole", "expected"),
    [
        ((), False, ["any"]),
        ((1.5,), False, ["up to 1.5", "above 1.5"]),
        ((0.123, 12345.678), False, ["up to 0.123", "0.123 to 12,346", "above 12,346"]),
        ((1.00001, 1.00002), False, ["up to 1.00001", "1.00001 to 1.00002", "above 1.00002"]),
        ((-1, 0, 10), True, ["up to -1", "0", "1 to 10", "above 10"]),
    ],
)
def test_a_bin_is_called_by_as_few_digits_as_tell_it_apart(
    edges: tuple[float, ...], whole: bool, expected: list[str]
) -> None:
    assert spans(edges, whole=whole) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1234567.0, "1,234,567"), (0.000123456, "0.0001235"), (98765.4, "98,765"), (1e300, "1e+300")],
)
def test_a_number_is_short(value: float, expected: str) -> None:
    assert short(value) == expected


@given(SEEDS, st.integers(30, 80))
def test_a_correlation_of_whole_columns_is_spearmans(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    columns = np.round(rng.normal(size=(rows, 3)), 1)
    columns[:, 2] += columns[:, 0]
    assert np.allclose(spearman(columns), spearmanr(columns).statistic, atol=1e-9)


def test_a_correlation_is_over_the_rows_that_know_both() -> None:
    first = np.arange(100.0)
    second = np.where(first < 50, first**3, NAN)
    few = np.where(first < 20, first, NAN)
    found = spearman(np.column_stack([first, second, few, np.ones(100), -first]))
    assert found[0, 1] == pytest.approx(1)
    assert np.isnan(found[0, 2])  # 20 rows say too little
    assert np.isnan(found[3]).all()
    assert found[0, 4] == pytest.approx(-1)
    assert [pair[:2] for pair in strong_pairs(found, 0.8)] == [(0, 1), (0, 4), (1, 4)]


def test_categories_are_ranked_by_their_bad_rate() -> None:
    codes = np.array([0.0, 0, 1, 1, 2, NAN])
    label = np.array([1, 0, 0, 0, 1, 1])
    assert by_bad_rate(codes, 3, label)[:5].tolist() == [0.5, 0.5, 0.0, 0.0, 1.0]
    assert np.isnan(by_bad_rate(codes, 3, label)[5])


def test_rows_alike_in_every_feature_are_found_on_both_sides(tmp_path: Path) -> None:
    found = explored(
        tmp_path,
        {
            "A": [1.0, 1.0, None, None, 0.0, 5.0],
            "B": [2.0, 2.0, 2.0, 2.0, -0.0, 0.0],
            "_label": [0, 1, 0, 1, 0, 1],
            "_split": ["train", "test", "train", "test", "train", "test"],
        },
        explore_spec("A", "B"),
    )
    assert found.alike.model_dump() == {
        "rows": 6, "distinct": 4, "test_rows": 3, "test_alike": 2,
    }  # fmt: skip


def test_the_months_of_the_as_of_have_their_rates_and_their_drift(tmp_path: Path) -> None:
    days = [date(2024, 1, 5)] * 100 + [date(2024, 2, 29)] * 100 + [date(2024, 3, 1)] * 100
    split = ["train"] * 100 + ["test"] * 100 + ["score"] * 100
    label = [1] * 10 + [0] * 90 + [1] * 20 + [0] * 80 + [None] * 100
    people = [str(n % 150) for n in range(300)]
    found = explored(
        tmp_path,
        {
            "A": [*range(100), *range(100), *range(100, 200)], "_as_of": days, "_split": split,
            "_label": label, "WHO": people,
        },
        explore_spec("A", entity="WHO"),
    )  # fmt: skip
    assert [(m.month, m.rows, m.labelled, m.bad) for m in found.months] == [
        ("2024-01", 100, 100, 10), ("2024-02", 100, 100, 20), ("2024-03", 100, 0, 0),
    ]  # fmt: skip
    assert (found.months[0].low, found.months[0].high) == wilson(10, 100)
    assert found.months[2].low is None
    assert found.monthly is not None
    assert found.monthly.months == ("2024-01", "2024-02", "2024-03")
    assert found.monthly.rows == (100, 100, 100)
    (moved,) = found.monthly.moved
    assert [one.psi for one in moved[:2]] == pytest.approx([0.0, 0.0])
    assert moved[2].psi > 5 > moved[2].by_chance
    assert found.persons is not None
    assert (found.persons.both, found.persons.rows_of_both) == (50, 50)
    assert [(s.split, s.rows, s.labelled, s.bad) for s in found.sides] == [
        ("train", 100, 100, 10), ("test", 100, 100, 20), ("score", 100, 0, 0),
    ]  # fmt: skip


def test_a_table_without_dates_has_no_months(tmp_path: Path) -> None:
    found = explored(tmp_path, table(), SPEC)
    assert (found.months, found.monthly, found.persons) == ((), None, None)


def test_where_the_history_was_too_short_to_split_all_rows_count(tmp_path: Path) -> None:
    found = explored(tmp_path, table(_split=["score"] * 400), SPEC)
    assert found.development == 400
    assert of(found, "A").moved is None
    assert found.target is None
    assert sum(own.rows for own in of(found, "A").bins) == 400
    nobody = explored(tmp_path, table(_split=["score"] * 400, _label=[None] * 400), SPEC)
    assert {feature.iv for feature in nobody.features} == {0.0}


def test_protected_columns_and_segments_have_their_rates(tmp_path: Path) -> None:
    spec = explore_spec("A", protected=("AGE", "SEX"), segments=("BORN",))
    found = explored(
        tmp_path,
        {
            "A": range(4), "AGE": [20.0, 30.0, 40.0, None], "SEX": ["m", None, "f", "f"],
            "BORN": [date(1990, 1, 1), date(1990, 1, 1), date(1999, 1, 1), None],
            "_label": [0, 1, 1, 1],
        },
        spec,
    )  # fmt: skip
    ages, sexes, born = found.columns
    assert (ages.column, ages.role, born.role) == ("AGE", "protected", "segment")
    assert [own.label for own in ages.bins] == ["up to 20", "21 to 30", "31 to 40", "missing"]
    assert [(own.label, own.rows, own.bad) for own in sexes.bins] == [
        ("f", 2, 2), ("m", 1, 0), ("missing", 1, 1),
    ]  # fmt: skip
    assert [(own.label, own.rows) for own in born.bins] == [
        ("1990", 2),
        ("1999", 1),
        ("missing", 1),
    ]


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VintageError, match="expected rows in the gold table of small, found 0"):
        explored(tmp_path, {"A": np.array([], dtype=np.float64), "_label": []}, explore_spec("A"))

"""Rows by the values of a column: a category is its own group, a number in its fifth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.figures.groups import MISSING, each_group, groups_of


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        (["a", "b", "a"], ["a", "b", "a"]),
        (["a", None], ["a", "(missing)"]),
        (["missing", None], ["missing", "(missing)"]),
        ([20240101, 20240102], ["20240101", "20240102"]),
        ([1_000_001.5, 1_000_001.25], ["1000001.5", "1000001.25"]),
        ([0.1 + 0.2, 1], ["0.3", "1"]),
        ([None, None], ["(missing)", "(missing)"]),
        ([7.0, 7.0, None], ["7", "7", "(missing)"]),
        ([0, 1, 1, 0, None], ["0", "1", "1", "0", "(missing)"]),
        ([0.0] * 9 + [1.0], ["0"] * 9 + ["1"]),
        (
            [float(n) for n in range(10)],
            [f"{low:g} to {low + 1.8:g}" for low in (0, 1.8, 3.6, 5.4, 7.2) for _ in range(2)],
        ),
    ],
)
def test_a_category_is_its_own_group_and_a_number_is_in_its_fifth(
    values: list[object], groups: list[str]
) -> None:
    assert groups_of(values).tolist() == groups


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=60))
def test_every_row_is_in_one_group_and_bands_keep_the_order_of_the_numbers(
    values: list[float | None],
) -> None:
    groups = groups_of(values)
    seen = list(each_group(groups))
    assert sum(own.sum() for _, own in seen) == len(values)
    tops = [
        max(v for v, inside in zip(values, own, strict=True) if inside and v is not None)
        for name, own in seen
        if name != MISSING
    ]
    assert tops == sorted(tops)


def test_groups_come_in_the_order_of_their_size_then_by_name() -> None:
    groups = np.array(["10 to 20", "south", "2 to 10", "(missing)", "2 to 10"])
    assert [name for name, _ in each_group(groups)] == [
        "2 to 10", "10 to 20", "(missing)", "south",
    ]  # fmt: skip


def test_a_value_that_reads_as_no_number_does_not_spoil_the_order() -> None:
    groups = np.array(["b", "nan", "2", "a", "10"])
    assert [name for name, _ in each_group(groups)] == ["2", "10", "a", "b", "nan"]

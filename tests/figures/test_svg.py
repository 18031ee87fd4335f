"""Pieces of pictures: scales that stay inside, ticks that people can read."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.figures.svg import Scale, clipped, text, told


@pytest.mark.parametrize(
    ("low", "high", "percent", "names"),
    [
        (0.0, 1.0, False, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0.0, 0.26, False, ["0.0", "0.1", "0.2"]),
        (0.68, 0.79, False, ["0.70", "0.75"]),
        (0.075, 0.104, True, ["8%", "9%", "10%"]),
        (0.0, 0.011, True, ["0.0%", "0.5%", "1.0%"]),
        (0.0, 3900.0, False, ["0", "1,000", "2,000", "3,000"]),
        (-0.05, 0.05, False, ["-0.04", "-0.02", "0.00", "0.02", "0.04"]),
    ],
)
def test_ticks_are_round_and_told_in_as_few_digits_as_they_need(
    low: float, high: float, percent: bool, names: list[str]
) -> None:
    assert [name for _, name in Scale(low, high, 0, 1).ticks(percent=percent)] == names


_VALUES = st.floats(-1e9, 1e9)


@given(_VALUES, _VALUES, st.booleans())
def test_ticks_lie_on_the_scale_and_no_two_are_called_the_same(
    low: float, high: float, percent: bool
) -> None:
    assume(high - low > 1e-6 * max(1.0, abs(low), abs(high)))
    ticks = Scale(low, high, 10, 20).ticks(percent=percent)
    slight = 1e-6 * (high - low)
    assert 1 <= len(ticks) <= 6
    assert all(low - slight <= value <= high + slight for value, _ in ticks)
    assert len({name for _, name in ticks}) == len(ticks)


@given(_VALUES, _VALUES, _VALUES)
def test_a_value_outside_a_scale_lies_at_its_edge(low: float, high: float, value: float) -> None:
    assume(high - low > 1e-6 * max(1.0, abs(low), abs(high)))
    place = Scale(low, high, 100, 20)(value)
    assert 20 <= place <= 100
    assert place == 100 if value <= low else place == 20 if value >= high else True


def test_words_in_a_picture_are_escaped_and_fit() -> None:
    assert "&lt;b&gt;" in text(0, 0, "<b>")
    assert told("<b>", "") == "<g><title>&lt;b&gt;</title></g>"
    assert clipped("x" * 24) == "x" * 24
    assert clipped("x" * 25) == "x" * 23 + "…"

"""What pages are made of."""

import re

import pytest

from components.figures.page import opened, table, verdict


@pytest.mark.parametrize(
    ("rows", "most", "open_rows", "said"),
    [(3, 3, 3, None), (4, 3, 3, "And 1 more"), (0, 3, 0, None), (1500, 20, 20, "And 1,480 more")],
)
def test_rows_after_the_first_many_are_folded_away_with_their_marks(
    rows: int, most: int, open_rows: int, said: str | None
) -> None:
    last = rows - 1
    found = opened(("A",), [(f"row {n}",) for n in range(rows)], most=most, failed=[0, last])
    first, *rest = found.split("<details>")
    assert first.count("<td>") == open_rows
    assert found.count("<td>") == rows
    assert re.findall("<summary>(.*?)</summary>", found) == ([said] if said else [])
    marked = re.findall("<tr class=failed><td>row ([0-9]+)</td>", found)
    assert marked == [str(n) for n in sorted({0, last} - {-1}) if n < rows]
    assert len(rest) == (said is not None)


def test_a_cell_is_shaded_by_its_row_and_column() -> None:
    found = table(("A", "B"), [(1, 2), (3, 4)], shades={(1, 0): 1.0, (0, 1): 0.5})
    depths = re.findall(r"/ ([0-9.]+)\)[^>]*>([0-9])</td>", found)
    assert depths == [("0.35", "2"), ("0.70", "3")]


@pytest.mark.parametrize(("good", "kind"), [(True, "passed"), (False, "refused"), (None, "open")])
def test_a_verdict_is_good_or_bad_or_open(good: bool | None, kind: str) -> None:
    assert f'class="verdict {kind}">a &amp; b<' in verdict("a & b", good=good)

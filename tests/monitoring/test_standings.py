"""Days past due of decisions: from when on they are bad, and how their states follow each other."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.vintages import Curve, RollRates
from components.monitoring.join import arrays, joined
from components.monitoring.outcomes import SCHEMA
from components.monitoring.report import lent_curves
from components.monitoring.rows import schema_of
from components.monitoring.standings import BUCKETS

STANDINGS = pa.schema(
    [
        pa.field("decision", pa.string()),
        pa.field("month", pa.date32()),
        pa.field("days", pa.int64()),
    ]
)
#: Decided in January; d was declined, and z is no decision.
DECIDED = {"a": True, "b": True, "c": True, "d": False}
Standing = tuple[str, int, int]
#: Decision, month of 2024, days past due at its end. b pauses in March.
ROWS: list[Standing] = [
    ("a", 1, 0), ("a", 2, 1), ("a", 3, 30), ("a", 4, 59),
    ("b", 1, 0), ("b", 2, 29), ("b", 4, 0), ("b", 5, 0),
    ("c", 4, 60), ("c", 5, 90), ("d", 2, 90), ("z", 2, 500), ("z", 3, 0),
]  # fmt: skip


def _found(
    folder: Path,
    *deliveries: Sequence[Standing],
    as_of: str = "2024-05",
    outcomes: Sequence[tuple[str, date, bool]] = (),
) -> tuple[tuple[Curve, ...], RollRates | None]:
    """The curves, and the roll rates, of deliveries of standings."""
    rows = [
        {"decision": name, "at": datetime(2024, 1, 9, tzinfo=UTC), "entity": None,
         "release": "r", "pd": 0.1, "points": 600, "approved": approved, "reasons": None,
         "other_release": None, "other_pd": None}
        for name, approved in DECIDED.items()
    ]  # fmt: skip
    decisions = folder / "decisions.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema_of(())), decisions)
    known = folder / "outcomes.parquet"
    columns = list(zip(*outcomes, strict=True)) if outcomes else [[], [], []]
    pq.write_table(pa.table([list(one) for one in columns], schema=SCHEMA), known)
    files = []
    for number, delivery in enumerate(deliveries):
        told = [(name, date(2024, month, 1), days) for name, month, days in delivery]
        parts = list(zip(*told, strict=True)) if told else [[], [], []]
        files.append(folder / f"standings-{number}.parquet")
        pq.write_table(pa.table([list(one) for one in parts], schema=STANDINGS), files[-1])
    with joined(
        [decisions], [known], as_of=as_of, columns=[], scratch=folder, memory_gb=0.5, threads=2,
        standings=files,
    ) as found:  # fmt: skip
        return lent_curves(arrays(found.rows), as_of), found.roll_rates


@pytest.mark.parametrize(
    ("as_of", "bad"),
    [
        ("2024-01", (0,)),
        ("2024-02", (0, 0)),
        ("2024-03", (0, 0, 1)),  # a
        ("2024-05", (0, 0, 1, 2, 2)),  # and c
    ],
)
def test_what_was_lent_is_bad_from_the_first_month_of_30_days_past_due(
    tmp_path: Path, as_of: str, bad: tuple[int, ...]
) -> None:
    assert _found(tmp_path, ROWS, as_of=as_of)[0] == (Curve(month="2024-01", rows=3, bad=bad),)


@pytest.mark.parametrize(
    ("outcome", "bad"),
    [
        (("a", date(2024, 2, 9), True), (0, 1, 1, 2, 2)),  # known before it shows in days
        (("a", date(2024, 5, 9), True), (0, 0, 1, 2, 2)),  # known after it
        (("b", date(2024, 3, 9), True), (0, 0, 2, 3, 3)),  # it never shows
        (("a", date(2024, 5, 9), False), (0, 0, 1, 2, 2)),  # it was late, and was mended
        (("d", date(2024, 2, 9), True), (0, 0, 1, 2, 2)),  # never lent
    ],
)
def test_an_outcome_counts_where_it_comes_first(
    tmp_path: Path, outcome: tuple[str, date, bool], bad: tuple[int, ...]
) -> None:
    (curve,), _ = _found(tmp_path, ROWS, outcomes=[outcome])
    assert curve.bad == bad


def _rates(counts: dict[tuple[int, int], int], left: dict[int, int]) -> RollRates:
    every = range(len(BUCKETS))
    return RollRates(
        states=BUCKETS,
        counts=tuple(tuple(counts.get((a, b), 0) for b in every) for a in every),
        left=tuple(left.get(a, 0) for a in every),
    )


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2024-01", _rates({}, {})),
        ("2024-02", _rates({(0, 1): 2}, {})),
        ("2024-03", _rates({(0, 1): 2, (1, 2): 1}, {1: 1, 4: 1})),  # b and d after February
        # a is not there in May, the last month of all.
        ("2024-05",
         _rates({(0, 1): 2, (1, 2): 1, (2, 2): 1, (0, 0): 1, (3, 4): 1}, {1: 1, 4: 1, 2: 1})),
    ],
)  # fmt: skip
def test_a_state_is_followed_by_that_of_a_month_later(
    tmp_path: Path, as_of: str, expected: RollRates
) -> None:
    assert _found(tmp_path, ROWS, as_of=as_of)[1] == expected


@pytest.mark.parametrize("rows", [[], [("z", 2, 90)], [("a", 6, 90)]])
def test_without_standings_of_decisions_up_to_the_month_there_are_no_roll_rates(
    tmp_path: Path, rows: list[Standing]
) -> None:
    (curve,), rates = _found(tmp_path, rows)
    assert rates is None
    assert curve.bad == (0,) * 5


def test_days_past_due_are_in_the_usual_buckets(tmp_path: Path) -> None:
    for days, bucket in zip(
        [0, 1, 29, 30, 59, 60, 89, 90, 91, 900], [0, 1, 1, 2, 2, 3, 3, 4, 4, 4], strict=True
    ):
        assert _found(tmp_path, [("a", 1, days), ("a", 2, 0)])[1] == _rates({(bucket, 0): 1}, {})


def test_of_two_values_of_one_month_the_worse_stands(tmp_path: Path) -> None:
    rows = [("a", 2, 0), ("a", 2, 40), ("a", 3, 0)]
    for turn in (rows, rows[::-1]):
        (curve,), rates = _found(tmp_path, turn[:1], turn[1:])
        assert curve.bad == (0, 1, 1, 1, 1)
        assert rates == _rates({(2, 0): 1}, {})


_SOME = st.lists(
    st.tuples(
        st.sampled_from(sorted(DECIDED)), st.integers(1, 4), st.sampled_from([0, 5, 35, 70, 95])
    ),
    max_size=20,
    unique_by=lambda one: one[:2],
)
_LATE = st.lists(st.tuples(st.sampled_from("abcz"), st.integers(5, 9), st.just(90)), max_size=5)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_any_order_any_split_what_comes_again_and_what_is_of_later_change_nothing(
    data: st.DataObject,
) -> None:
    rows = data.draw(_SOME)
    again = data.draw(st.lists(st.sampled_from(rows), max_size=3)) if rows else []
    mixed = data.draw(st.permutations([*rows, *again, *data.draw(_LATE)]))
    cut = data.draw(st.integers(0, len(mixed)))
    with TemporaryDirectory() as name:
        before = _found(Path(name), rows, as_of="2024-04")
        assert _found(Path(name), mixed[:cut], mixed[cut:], as_of="2024-04") == before
    _, rates = before
    last = max((month for _, month, _ in rows), default=0)
    goes_on = Counter(days for _, month, days in rows if month < last)
    # Every row but those of the last month goes on, or leaves.
    found = [] if rates is None else [
        sum(row) + left for row, left in zip(rates.counts, rates.left, strict=True)
    ]  # fmt: skip
    assert sum(found) == goes_on.total()
    assert found == [goes_on[days] for days in (0, 5, 35, 70, 95)][: len(found)]


def test_more_standings_than_memory_are_counted_all_the_same(tmp_path: Path) -> None:
    rows, months = 100_000, 6
    ids = pa.array([f"{number:036x}" for number in range(rows)])
    one = pa.Table.from_pylist(
        [{"decision": "a", "at": datetime(2024, 1, 9, tzinfo=UTC), "release": "r", "pd": 0.1,
          "points": 600, "approved": True}] * rows, schema=schema_of(()),
    )  # fmt: skip
    pq.write_table(one.set_column(0, "decision", ids), tmp_path / "decisions.parquet")
    days = np.arange(rows) % 2 * 45
    for month in range(1, months + 1):
        told = [ids, pa.array([date(2024, month, 1)] * rows), pa.array(days * (month > 3))]
        pq.write_table(pa.table(told, schema=STANDINGS), tmp_path / f"standings-{month}.parquet")
    with joined(
        [tmp_path / "decisions.parquet"], [], as_of="2024-06", columns=[], scratch=tmp_path,
        memory_gb=0.06, threads=2, standings=sorted(tmp_path.glob("standings-*")),
    ) as found:  # fmt: skip
        (curve,) = lent_curves(arrays(found.rows), "2024-06")
    half = rows // 2
    assert curve.bad == (0, 0, 0, half, half, half)
    assert found.roll_rates == _rates({(0, 0): 7 * half, (0, 2): half, (2, 2): 2 * half}, {})

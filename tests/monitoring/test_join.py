"""Decisions find what came of them, as of a month; what is known later changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.errors import VintageError
from components.contracts.monitoring import Matched
from components.monitoring.join import Coded, arrays, joined
from components.monitoring.outcomes import SCHEMA
from components.monitoring.rows import schema_of
from components.scoring.decisions import Column

IDS = [f"019155e8b6{number:020x}-0" for number in range(9)]
INPUTS = (Column("REGION", "category", ("north", "south")), Column("INCOME", "number", ()))
AS_OF = "2024-08"
Outcome = tuple[str, date, bool]


def _decided(number: int, at: datetime, **changes: object) -> dict[str, object]:
    row = {
        "decision": IDS[number], "at": at, "entity": str(number), "release": "b" * 64,
        "pd": 0.1 * number, "points": 600 + number, "approved": number % 2 == 0, "reasons": ["INC"],
        "other_release": None, "other_pd": None, "in_REGION": "north", "in_INCOME": 40.0,
    }  # fmt: skip
    return {**row, **changes}


JULY, AUGUST = datetime(2024, 7, 31, 23, 59, 59, tzinfo=UTC), datetime(2024, 8, 1, tzinfo=UTC)
SEPTEMBER = datetime(2024, 9, 1, tzinfo=UTC)
DECISIONS = [
    _decided(3, AUGUST, pd=None),
    _decided(1, JULY, release="a" * 64),
    _decided(2, datetime(2024, 8, 31, 23, 59, 59, tzinfo=UTC), **{"in_REGION": None}),
    _decided(4, SEPTEMBER, release="c" * 64),
]
OUTCOMES = [
    (IDS[2], date(2024, 8, 31), True), (IDS[1], date(2024, 8, 1), False),
    (IDS[3], date(2024, 9, 1), True),
]  # fmt: skip


@dataclass(frozen=True)
class _Found:
    matched: Matched
    columns: dict[str, object]


def _file(path: Path, rows: Sequence[Outcome]) -> Path:
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    pq.write_table(pa.table([list(values) for values in columns], schema=SCHEMA), path)
    return path


def _joined(
    folder: Path,
    *outcomes: Sequence[Outcome],
    decisions: Sequence[Sequence[dict[str, object]]] = (DECISIONS,),
    columns: Sequence[str] = ("in_REGION", "in_INCOME"),
    as_of: str = AS_OF,
) -> _Found:
    tables = []
    for number, rows in enumerate(decisions):
        tables.append(folder / f"decisions-{number}.parquet")
        made = pa.Table.from_pylist(list(rows), schema=schema_of(INPUTS))
        pq.write_table(made, tables[-1])
    files = [_file(folder / f"outcomes-{n}.parquet", rows) for n, rows in enumerate(outcomes)]
    with joined(
        tables, files, as_of=as_of, columns=columns, scratch=folder, memory_gb=0.5, threads=2
    ) as found:
        return _Found(found.matched, dict(arrays(found.rows)))


def _plain(found: _Found) -> dict[str, list[object]]:
    """As lists; texts spelled out."""
    plain: dict[str, list[object]] = {}
    for name, values in found.columns.items():
        if isinstance(values, Coded):
            plain[name] = [values.texts[c] if c >= 0 else None for c in values.codes.tolist()]
        else:
            assert isinstance(values, np.ndarray)
            plain[name] = values.tolist()
    return plain


def test_each_decision_stands_beside_what_came_of_it(tmp_path: Path) -> None:
    found = _joined(tmp_path, OUTCOMES)
    plain = _plain(found)
    assert np.isnan(plain["pd"].pop())  # type: ignore[call-overload]
    assert plain == {
        "vintage": [date(2024, 7, 1), date(2024, 8, 1), date(2024, 8, 1)],
        "release": ["a" * 64, "b" * 64, "b" * 64],
        "pd": [0.1, 0.2],
        "approved": [False, True, False],
        "known": [date(2024, 8, 1), date(2024, 8, 31), None],
        "bad": [0, 1, -1],
        "gone_bad": [None, date(2024, 8, 31), None],
        "in_REGION": ["north", None, "north"],
        "in_INCOME": [40.0, 40.0, 40.0],
    }
    assert found.matched == Matched(
        as_of=AS_OF, joined=2, waiting=1, outcomes=2, repeated=0, conflicting=0, conflict=None,
        strange=0, stranger=None,
    )  # fmt: skip


def test_arrays_have_types_that_figures_are_made_of(tmp_path: Path) -> None:
    columns = _joined(tmp_path, OUTCOMES).columns
    types = {
        name: (values.codes if isinstance(values, Coded) else values).dtype  # type: ignore[attr-defined]
        for name, values in columns.items()
    }
    assert {name: str(dtype) for name, dtype in types.items()} == {
        "vintage": "datetime64[D]", "release": "int32", "pd": "float64",
        "approved": "bool", "known": "datetime64[D]", "bad": "int8",
        "gone_bad": "datetime64[D]", "in_REGION": "int32", "in_INCOME": "float64",
    }  # fmt: skip
    assert columns["release"].texts == ("a" * 64, "b" * 64)  # type: ignore[attr-defined]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_the_vintage_is_that_of_utc_wherever_it_is_made(
    tmp_path: Path, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    assert _plain(_joined(tmp_path))["vintage"] == [
        date(2024, 7, 1), date(2024, 8, 1), date(2024, 8, 1)
    ]  # fmt: skip


def test_what_is_said_twice_counts_once(tmp_path: Path) -> None:
    again = (IDS[1], date(2024, 8, 20), False)
    found = _joined(tmp_path, [again, *OUTCOMES], OUTCOMES)
    assert _plain(found)["known"][0] == date(2024, 8, 1)
    assert (found.matched.outcomes, found.matched.repeated) == (5, 3)
    assert (found.matched.joined, found.matched.conflicting) == (2, 0)


@pytest.mark.parametrize("turn", [False, True])
def test_of_two_values_the_one_that_was_known_first_stands(tmp_path: Path, turn: bool) -> None:
    rows = [
        (IDS[1], date(2024, 8, 2), True), (IDS[1], date(2024, 8, 1), False),
        (IDS[2], date(2024, 8, 3), False), (IDS[2], date(2024, 8, 2), True),
        (IDS[2], date(2024, 8, 4), True),
    ]  # fmt: skip
    found = _joined(tmp_path, rows[::-1] if turn else rows)
    assert _plain(found)["bad"] == [0, 1, -1]
    assert (found.matched.conflicting, found.matched.conflict) == (2, IDS[1])
    assert (found.matched.repeated, found.matched.joined) == (1, 2)


@pytest.mark.parametrize("turn", [False, True])
def test_of_two_values_of_one_day_the_bad_one_stands(tmp_path: Path, turn: bool) -> None:
    rows = [(IDS[1], date(2024, 8, 2), bad) for bad in (turn, not turn)]
    found = _joined(tmp_path, rows)
    assert _plain(found)["bad"] == [1, -1, -1] and found.matched.conflicting == 1


def test_a_conflict_that_is_known_later_is_none_yet(tmp_path: Path) -> None:
    rows = [(IDS[1], date(2024, 8, 2), False), (IDS[1], date(2024, 9, 2), True)]
    assert _joined(tmp_path, rows).matched.conflicting == 0
    later = _joined(tmp_path, rows, as_of="2024-09")
    assert later.matched.conflicting == 1 and _plain(later)["bad"][0] == 0


def test_an_outcome_of_no_decision_is_counted(tmp_path: Path) -> None:
    rows = [(IDS[8], date(2024, 8, 2), True), (IDS[7], date(2024, 8, 3), False), *OUTCOMES]
    found = _joined(tmp_path, rows)
    assert (found.matched.strange, found.matched.stranger) == (2, IDS[7])
    assert (found.matched.joined, found.matched.waiting, found.matched.outcomes) == (2, 1, 4)


def test_an_outcome_known_before_its_decision_is_counted_and_used(tmp_path: Path) -> None:
    rows = [(IDS[3], AUGUST.date(), True), (IDS[1], date(2024, 7, 30), False)]
    found = _joined(tmp_path, rows)
    assert (found.matched.early, found.matched.earliest) == (1, IDS[1])
    assert found.matched.joined == 2
    assert _joined(tmp_path, OUTCOMES).matched.early == 0


def test_without_outcomes_every_decision_waits(tmp_path: Path) -> None:
    for none in ((), ([],)):
        found = _joined(tmp_path, *none)
        assert (found.matched.joined, found.matched.waiting) == (0, 3)
        assert _plain(found)["bad"] == [-1, -1, -1] and _plain(found)["known"] == [None] * 3


def test_without_decisions_there_are_columns_without_rows(tmp_path: Path) -> None:
    found = _joined(tmp_path, OUTCOMES, decisions=[[]])
    assert {name: len(values) for name, values in _plain(found).items()} == dict.fromkeys(
        ["vintage", "release", "pd", "approved", "known", "bad", "gone_bad",
         "in_REGION", "in_INCOME"], 0,
    )  # fmt: skip
    assert found.matched.strange == 2


def test_a_release_without_a_column_has_nothing_there(tmp_path: Path) -> None:
    other = pa.Table.from_pylist([DECISIONS[0]], schema=schema_of(()))
    pq.write_table(other, tmp_path / "other.parquet")
    pq.write_table(
        pa.Table.from_pylist([DECISIONS[1]], schema=schema_of(INPUTS)), tmp_path / "one.parquet"
    )
    with joined(
        [tmp_path / "other.parquet", tmp_path / "one.parquet"], [], as_of=AS_OF,
        columns=["in_REGION"], scratch=tmp_path, memory_gb=0.5, threads=1,
    ) as found:  # fmt: skip
        columns = arrays(found.rows)
    assert _plain(_Found(found.matched, dict(columns)))["in_REGION"] == ["north", None]


def test_a_column_that_is_nowhere_or_of_two_types_is_named(tmp_path: Path) -> None:
    with pytest.raises(VintageError, match=r"column 'in_AGE' .* expected .*, found none"):
        _joined(tmp_path, columns=["in_AGE"])
    pq.write_table(
        schema_of((Column("INCOME", "category", ()),)).empty_table(), tmp_path / "other.parquet"
    )
    files = [tmp_path / "decisions-0.parquet", tmp_path / "other.parquet"]
    for columns, told in ((["in_INCOME"], "found double and string"), ([], None)):
        try:
            with joined(
                files, [], as_of=AS_OF, columns=columns, scratch=tmp_path, memory_gb=0.5, threads=1
            ) as found:
                assert told is None and found.matched.waiting == 3
        except VintageError as error:
            assert told is not None and told in str(error)


def test_nothing_is_left_in_the_folder_of_what_did_not_fit(tmp_path: Path) -> None:
    _joined(tmp_path, OUTCOMES)
    assert all(path.suffix == ".parquet" for path in tmp_path.iterdir())


def test_more_rows_than_memory_are_joined_all_the_same(tmp_path: Path) -> None:
    rows = 300_000
    ids = pa.array([f"019155e8b6{number:020x}-0" for number in range(rows)])
    table = pa.Table.from_pylist([DECISIONS[1]] * rows, schema=schema_of(INPUTS))
    pq.write_table(table.set_column(0, "decision", ids), tmp_path / "decisions.parquet")
    flags = np.arange(rows) % 3 == 0
    made = pa.table([ids[::-1], pa.array([date(2024, 8, 1)] * rows), flags], schema=SCHEMA)
    pq.write_table(made, tmp_path / "outcomes.parquet")
    with joined(
        [tmp_path / "decisions.parquet"], [tmp_path / "outcomes.parquet"], as_of=AS_OF,
        columns=[], scratch=tmp_path, memory_gb=0.06, threads=2,
    ) as found:  # fmt: skip
        assert list(tmp_path.glob("join-*/*"))  # what did not fit
        assert found.matched.joined == rows
        assert np.array_equal(arrays(found.rows)["bad"], flags[::-1])


_OUTCOMES = st.tuples(
    st.sampled_from(IDS[:6]), st.dates(date(2024, 7, 1), date(2024, 8, 31)), st.booleans()
)
_LATE = st.tuples(st.sampled_from(IDS), st.dates(date(2024, 9, 1), date(2100, 1, 1)), st.booleans())


def _bytes(found: _Found) -> dict[str, bytes]:
    return {
        name: values.codes.tobytes() + repr(values.texts).encode()
        if isinstance(values, Coded)
        else values.tobytes()  # type: ignore[attr-defined]
        for name, values in found.columns.items()
    }


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_late_outcomes_change_nothing_in_any_order_and_any_split(data: st.DataObject) -> None:
    early = data.draw(st.lists(_OUTCOMES, max_size=8))
    late = data.draw(st.lists(_LATE, max_size=8))
    mixed = data.draw(st.permutations(early + late))
    cut = data.draw(st.integers(0, len(mixed)))
    with TemporaryDirectory() as name:
        before = _joined(Path(name), early)
        for found in (
            _joined(Path(name), mixed[:cut], mixed[cut:]),
            _joined(Path(name), mixed, decisions=[DECISIONS[2:], DECISIONS[:2]]),
        ):
            assert found.matched == before.matched
            assert _bytes(found) == _bytes(before)

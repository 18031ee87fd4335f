"""Segments of the decision log become a month's table; what is damaged costs nothing else."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.monitoring import Gathered
from components.monitoring import decisions
from components.monitoring.decisions import day_folders, gather
from components.monitoring.rows import INPUT, inputs_of
from components.scoring.instances import Matrix, from_columns
from components.scoring.spec import Input
from serving import records, scoring
from tests.making import Models, models, same_bits
from tests.monitoring.logged import (
    CHALLENGER,
    CHAMPION,
    INPUTS,
    SCENARIO,
    header,
    record,
    request,
    rows,
)
from tests.serving.deciding import asked, served_of

__all__ = ["models"]
MONTH = "2024-08"


def _gathered(
    folder: Path, *contents: bytes, month: str = MONTH
) -> tuple[Gathered, Sequence[pa.Table]]:
    segments = [(f"s{number}", data) for number, data in enumerate(contents)]
    found = gather(segments, folder / "made", scenario=SCENARIO, month=month)
    files = sorted((folder / "made").iterdir())
    return found, [pq.read_table(path) for path in files]


def _ids(tables: Sequence[pa.Table]) -> list[str]:
    return [one for table in tables for one in table["decision"].to_pylist()]


def test_a_decision_is_a_row_with_what_was_given_and_answered(tmp_path: Path) -> None:
    one = request()
    given_inputs = np.array([[40.5, 3.0, 1.0, 7_305.0], [np.nan] * 4])
    line = record(
        given_inputs, id=one, entities=["17", None], pd=[0.25, None], points=[612, -3],
        approved=[True, False], reasons=[["INC", "REG"], []],
    )  # fmt: skip
    found, (table,) = _gathered(tmp_path, header() + line)
    assert (found.segments, found.requests, found.decisions) == (1, 1, 2)
    first, second = table.to_pylist()
    assert str(first.pop("at")) == "2024-08-15 12:00:00.123000+00:00"
    assert first == {
        "decision": f"{one}-0", "entity": "17", "release": CHAMPION.id, "pd": 0.25, "points": 612,
        "approved": True, "reasons": ["INC", "REG"], "other_release": None, "other_pd": None,
        "in_INCOME": 40.5, "in_VISITS": 3.0, "in_REGION": "south",
        "in_BORN": np.datetime64("1990-01-01").item(),
    }  # fmt: skip
    assert second["decision"] == f"{one}-1" and second["reasons"] == []
    missing = {name for name, value in second.items() if value is None}
    assert missing == {
        "entity", "pd", "other_release", "other_pd", *(INPUT + i.name for i in INPUTS)
    }  # fmt: skip
    assert str(table.schema.field("at").type) == "timestamp[ms, tz=UTC]"
    assert str(table.schema.field("points").type) == "int32"


def test_a_row_names_who_answered_it_and_who_scored_beside(tmp_path: Path) -> None:
    line = record(rows(2), challenged=[False, True], pd=[0.1, 0.2], other=[0.3, None])
    _, (table,) = _gathered(tmp_path, header(challenger=CHALLENGER) + line)
    assert table["release"].to_pylist() == [CHAMPION.id, CHALLENGER.id]
    assert table["other_release"].to_pylist() == [CHALLENGER.id, CHAMPION.id]
    assert table["other_pd"].to_pylist() == [0.3, None]


_FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 5e-324])
_CELLS = {
    "number": _FLOATS,
    "integer": st.integers(-(2**60), 2**60).map(float),
    "category": st.integers(0, 2).map(float),
    "date": st.integers(-719_162, 2_932_896).map(float),
}


@st.composite
def _matrices(draw: st.DrawFn) -> Matrix:
    row = st.tuples(*(st.just(np.nan) | _CELLS[i.kind] for i in INPUTS))
    return np.array(draw(st.lists(row, min_size=1, max_size=5)))


@settings(deadline=None, max_examples=150)
@given(st.lists(_matrices(), min_size=1, max_size=4))
def test_the_table_makes_the_scored_matrix_again_to_the_bit(matrices: list[Matrix]) -> None:
    with TemporaryDirectory() as folder:
        _, (table,) = _gathered(Path(folder), header() + b"".join(map(record, matrices)))
    assert same_bits(from_columns(INPUTS, inputs_of(table)), np.concatenate(matrices))


def test_what_the_server_logged_is_scored_again_to_the_bit(models: Models, tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    served = served_of(models, tmp_path / "served", 0.5)
    questions = [
        asked(served, part, [f"e{n}" for n in range(len(part))])
        for part in np.array_split(models.data.inputs, 40)
    ]
    at = questions[0].at
    lines = map(records.record, questions, scoring.answers(questions))
    month = str(np.datetime64(at, "ns").astype("M8[M]"))
    found, (table,) = _gathered(
        tmp_path, records.header(served, "host", at) + b"".join(lines), month=month
    )
    assert found.decisions == len(models.data.inputs) and found.clocks.count == 0
    assert served.challenger is not None
    again = served.champion.bundle.columns(inputs_of(table))
    assert same_bits(again, models.data.inputs)
    for scorer in (served.champion, served.challenger):
        assert 0 < sum(one == scorer.id for one in table["release"].to_pylist()) < len(again)
        by_it = np.where(
            table["release"].to_numpy() == scorer.id, table["pd"], table["other_pd"]
        ).astype(np.float64)
        assert same_bits(scorer.bundle.score(again).pd, by_it)


def test_a_record_that_was_cut_off_is_counted_and_the_rest_stays(tmp_path: Path) -> None:
    whole, last = record(), record()
    found, tables = _gathered(tmp_path, header() + whole + last[:-20], header() + record())
    assert len(_ids(tables)) == found.decisions == 2
    assert found.cut.count == 1 and found.cut.example is not None
    assert (found.cut.example.file, found.cut.example.line) == ("s0", 3)
    assert found.cut.example.found == f"{len(last) - 20} bytes of a record"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"nonsense\n", "JSONDecodeError"),
        (record(id="some request"), "30 hexadecimal digits"),
        (record(id="0" * 31), "30 hexadecimal digits"),
        (record(pd=[0.5, 0.5]), "not 1 of NoneType or float"),
        (record(pd=[1.5]), "a PD that is not from 0 to 1"),
        (record(pd=[-0.5]), "a PD that is not from 0 to 1"),
        (record(points=[2**31]), "points beyond 32 bits"),
        (record(points=[10**30]), "OverflowError"),
        (
            record().replace(b'"2024-08-15T12:00:00.123456789Z"', b'"NaTZ"'),
            "the time 'NaTZ', which is none",
        ),
        (record(entities=["\ud800"]), "surrogates"),
        (record(reasons=[["INC", 2]]), "got a 'int' object"),
        (record(np.array([[np.inf, 1, 1, 1]])), "INCOME: no number is inf"),
        (record(np.array([[1, -np.inf, 1, 1]])), "VISITS: no integer is -inf"),
        (record(np.array([[1, 1, 3, 1]])), r"REGION: no category is 3\.0"),
        (record(np.array([[1, 1, -1, 1]])), r"REGION: no category is -1\.0"),
        (record(np.array([[1, 1, 0.5, 1]])), r"REGION: no category is 0\.5"),
        (record(np.array([[1, 1, np.inf, 1]])), "REGION: no category is inf"),
        (record(np.array([[1, 1, 1, 1e300]])), r"BORN: no date is 1e\+300"),
        (record(np.array([[1, 1, 1, -719_163]])), r"BORN: no date is -719163\.0"),
    ],
)
def test_a_damaged_record_is_counted_and_those_beside_it_stay(
    tmp_path: Path, line: bytes, what: str
) -> None:
    sound = [record() for _ in range(5)]
    data = header() + b"".join([*sound[:2], line, *sound[2:], line])
    found, tables = _gathered(tmp_path, data)
    assert len(_ids(tables)) == found.requests == 5
    assert found.damaged.count == 2 and found.damaged.example is not None
    assert (found.damaged.example.file, found.damaged.example.line) == ("s0", 4)
    assert "s0" not in found.damaged.example.found
    with pytest.raises(AssertionError, match=what):
        raise AssertionError(found.damaged.example.found)


@pytest.mark.parametrize(
    ("first", "what"),
    [
        (b"", "no whole line"),
        (header(format=2), "format 2, and not 1"),
        (header().replace(b"a" * 64, b"d" * 64), "whose parts are those of"),
        (header(champion=CHAMPION, host=None, started="yesterday"), "ValueError"),
        (header(inputs=(*INPUTS, INPUTS[0])), "expected a name for each, found one twice"),
        (header(inputs=(Input("INCOME", "colour"),)), "found \\['colour'\\]"),
    ],
)
def test_a_segment_whose_header_is_none_is_counted(tmp_path: Path, first: bytes, what: str) -> None:
    lines = record() + record()
    found, tables = _gathered(tmp_path, first + lines if first else b"", header() + record())
    assert len(_ids(tables)) == found.requests == 1 and found.segments == 2
    assert found.unreadable.count == 1 and found.unreadable.example is not None
    assert found.damaged.count == 0 and "s0" not in found.unreadable.example.found
    with pytest.raises(AssertionError, match=what):
        raise AssertionError(found.unreadable.example.found)


def test_a_segment_without_a_release_is_counted(tmp_path: Path) -> None:
    bare = header().replace(b'"champion"', b'"nobody"')
    found, tables = _gathered(tmp_path, bare + record(), header() + record())
    assert found.unreadable.count == 1 and len(_ids(tables)) == 1


def test_a_segment_of_another_scenario_is_counted(tmp_path: Path) -> None:
    segment = header() + record()
    found = gather([("s", segment)], tmp_path / "made", scenario="other-loans", month=MONTH)
    assert found.decisions == 0 and found.unreadable.example is not None
    assert found.unreadable.example.found == (
        "expected decisions of other-loans, found those of 'small-loans'"
    )


def test_a_segment_that_was_shipped_twice_counts_once(tmp_path: Path) -> None:
    data = header() + record(rows(3)) + record()
    found, tables = _gathered(tmp_path, data, data)
    assert len(_ids(tables)) == len(set(_ids(tables))) == found.decisions == 4
    assert found.twice.count == 2 and found.twice.example is not None
    assert (found.twice.example.file, found.twice.example.line) == ("s1", 2)


def test_a_segment_whose_first_copy_was_cut_short_is_read_to_its_end(tmp_path: Path) -> None:
    data = header() + record() + record(rows(2))
    found, tables = _gathered(tmp_path, data[:-20], data)
    assert len(_ids(tables)) == len(set(_ids(tables))) == 3
    assert (found.cut.count, found.twice.count, found.requests) == (1, 1, 2)


def test_a_request_that_was_read_hours_ago_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "_QUARTERS", 2)
    times = [f"2024-08-15T{hour:02}:00:00" for hour in range(24)]
    segments = [header(started=at) + record(at=at) for at in times]
    found, tables = _gathered(tmp_path, *segments, *segments[::-1])
    assert len(_ids(tables)) == len(set(_ids(tables))) == 24
    assert (found.twice.count, found.clocks.count) == (24, 0)


def test_the_sound_copy_of_a_damaged_record_counts(tmp_path: Path) -> None:
    one = request()
    copies = [record(id=one, points=[2**40]), record(id=one), record(id=one, points=[1])]
    found, tables = _gathered(tmp_path, header() + copies[0] + copies[1], header() + copies[2])
    assert _ids(tables) == [f"{one}-0"] and tables[0]["points"].to_pylist() == [600]
    assert (found.damaged.count, found.twice.count) == (1, 1)


def test_a_decision_belongs_to_the_month_of_its_own_time(tmp_path: Path) -> None:
    before, first, last, after = (
        record(at=at)
        for at in (
            "2024-07-31T23:59:59", "2024-08-01T00:00:00", "2024-08-31T23:59:59",
            "2024-09-01T00:00:00",
        )
    )  # fmt: skip
    found, tables = _gathered(
        tmp_path,
        header(started="2024-07-31T23:58:00") + before + first,
        header(started="2024-08-31T23:58:00") + last + after,
    )
    assert found.decisions == 2 and found.clocks.count == 0
    times = [str(at)[:19] for at in tables[0]["at"].to_pylist()]
    assert times == ["2024-08-01 00:00:00", "2024-08-31 23:59:59"]


def test_clocks_that_differ_are_counted_and_the_record_s_own_time_holds(tmp_path: Path) -> None:
    early, late, other = (
        record(at=at)
        for at in ("2024-08-15T10:59:00", "2024-08-15T13:01:00", "2024-05-15T12:00:00")
    )
    near = record(at="2024-08-15T11:01:00") + record(at="2024-08-15T12:59:00")
    found, _ = _gathered(tmp_path, header() + near + early + late + other)
    assert found.decisions == 4 and found.clocks.count == 3
    assert found.clocks.example is not None and found.clocks.example.line == 4


def test_a_month_without_a_decision_is_a_table_without_rows(tmp_path: Path) -> None:
    found, (table,) = _gathered(tmp_path, header() + record(), month="2024-03")
    assert (found.segments, found.requests, found.decisions) == (1, 0, 0)
    assert len(table) == 0 and table.column_names[:2] == ["decision", "at"]


def test_releases_with_other_inputs_lie_in_files_of_their_own(tmp_path: Path) -> None:
    other = (Input("INCOME", "category", ("low", "high")),)
    segments = [
        header() + record(),
        header(champion=CHALLENGER, inputs=other) + record(np.array([[1.0]])),
        header() + record(),
    ]
    found, (first, second) = _gathered(tmp_path, *segments)
    assert found.decisions == 3 and len(first) == 2
    assert second["in_INCOME"].to_pylist() == ["high"] and "in_BORN" not in second.column_names


def test_rows_stay_in_the_order_of_the_log_however_they_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [record(rows(2)) for _ in range(20)]
    monkeypatch.setattr(decisions, "_RECORDS", 3)
    monkeypatch.setattr(decisions, "_ROWS", 7)
    _, (table,) = _gathered(tmp_path, header() + b"".join(lines))
    assert _ids([table]) == sorted(_ids([table])) and len(table) == 40
    assert pq.ParquetFile(tmp_path / "made" / "part-0.parquet").num_row_groups > 1


def test_a_table_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def segments() -> object:
        yield "s", header() + record()
        raise OSError("the store is away")

    with pytest.raises(OSError, match="the store is away"):
        gather(segments(), tmp_path / "made", scenario=SCENARIO, month=MONTH)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_month_lies_in_its_days_and_the_two_beside() -> None:
    folders = day_folders(SCENARIO, "2024-02")
    assert folders[:2] == ["decisions/small-loans/2024-01-31", "decisions/small-loans/2024-02-01"]
    assert folders[-2:] == ["decisions/small-loans/2024-02-29", "decisions/small-loans/2024-03-01"]
    assert len(folders) == 31

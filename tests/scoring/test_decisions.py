"""The decision log's format: what is written is read to the bit, what is damaged is named."""

import json
import re
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from components.contracts.errors import VintageError
from components.scoring.decisions import (
    Segment,
    folders_of,
    is_segment,
    nearest_first,
    parse_decision,
    segment_name,
    shipped_name,
)
from components.scoring.reasons import Reason
from serving import records
from serving.models import Served
from serving.question import Answer, new_id
from tests.making import Models, packages_after, same_bits
from tests.serving.deciding import asked, served_of

AT = 1_795_315_393_123_456_789  # 2026-11-22, in ns
TIMES = st.integers(0, 4_000_000_000_000_000_000)
PDS = st.floats(0.0, 1.0) | st.just(float("nan"))
CELLS = st.floats(width=64) | st.sampled_from([-0.0, 1e308, -1e308, 5e-324, float("inf")])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)


@pytest.fixture(scope="module")
def alone(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A champion."""
    return served_of(models, tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def beside(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A champion and a challenger, who answers for some."""
    return served_of(models, tmp_path_factory.mktemp("beside"), 0.25)


def _answer(draw: st.DrawFn, rows: int, *, challenged: bool) -> Answer:
    told = st.lists(st.builds(Reason, TEXTS, TEXTS, TEXTS), max_size=3).map(tuple)
    pds = npst.arrays(np.float64, rows, elements=PDS)
    flags = npst.arrays(np.bool_, rows)
    return Answer(
        challenged=draw(flags) if challenged else None,
        pd=draw(pds),
        points=draw(npst.arrays(np.int64, rows)),
        approved=draw(flags),
        reasons=draw(st.none() | st.lists(told, min_size=rows, max_size=rows)),
        parts=None,
        other=draw(pds) if challenged else None,
        otherwise=draw(flags) if challenged else None,
    )


@pytest.mark.parametrize("kind", ["alone", "beside"])
@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_what_is_written_is_read_to_the_bit(
    data: st.DataObject, kind: str, request: pytest.FixtureRequest
) -> None:
    served: Served = request.getfixturevalue(kind)
    width = len(served.champion.bundle.spec.inputs)

    @st.composite
    def pairs(draw: st.DrawFn) -> tuple[object, Answer]:
        rows = draw(st.integers(1, 4))
        inputs = draw(npst.arrays(np.float64, (rows, width), elements=CELLS))
        entities = st.lists(st.none() | TEXTS, min_size=rows, max_size=rows)
        question = asked(served, inputs, draw(st.none() | entities))
        question.at = draw(TIMES)
        return question, _answer(draw, rows, challenged=served.challenger is not None)

    written = data.draw(st.lists(pairs(), max_size=3))
    lines = [records.record(*pair) for pair in written]  # type: ignore[arg-type]
    read = list(Segment("s", records.header(served, "host", AT) + b"".join(lines)))
    for (question, answer), record in zip(written, read, strict=True):
        assert (record.id, record.at.astype(int)) == (question.id, question.at)  # type: ignore[attr-defined]
        assert same_bits(record.inputs, question.inputs)  # type: ignore[attr-defined]
        assert record.entities == (question.entities and tuple(question.entities))  # type: ignore[attr-defined]
        assert np.array_equal(record.pd, answer.pd, equal_nan=True)
        assert record.points.tolist() == answer.points.tolist()
        assert record.approved.tolist() == answer.approved.tolist()
        codes = answer.reasons and tuple(tuple(r.code for r in some) for some in answer.reasons)
        assert record.reasons == codes
        if answer.challenged is None or answer.other is None:
            assert record.challenged is None and record.other is None
        else:
            assert record.challenged is not None and record.other is not None
            assert record.challenged.tolist() == answer.challenged.tolist()
            assert np.array_equal(record.other, answer.other, equal_nan=True)


def test_a_header_says_who_answered_and_what_the_columns_mean(beside: Served) -> None:
    header = Segment("s", records.header(beside, "some-host", AT)).header
    assert beside.challenger is not None
    assert header.scenario == "small-loans"
    assert (header.champion, header.challenger) == (
        beside.champion.release,
        beside.challenger.release,
    )
    assert (header.share, header.host) == (0.25, "some-host")
    assert str(header.started) == "2026-11-22T02:43:13.123456789"
    assert [(i.name, i.kind, i.values) for i in header.inputs] == [
        ("INCOME", "number", ()),
        ("VISITS", "integer", ()),
        ("REGION", "category", ("north", "south", "7")),
        ("AMOUNT", "number", ()),
    ]


def _written(served: Served, rows: int = 2) -> tuple[bytes, list[str]]:
    """A segment with three records, and their ids."""
    inputs = np.arange(4.0 * rows).reshape(rows, 4)
    questions = [asked(served, inputs) for _ in range(3)]
    answer = Answer(
        None, np.full(rows, 0.5), np.full(rows, 600), np.full(rows, False), None, None, None, None
    )
    lines = b"".join(records.record(one, answer) for one in questions)
    return records.header(served, "host", AT) + lines, [one.id for one in questions]


def test_the_record_of_a_request_is_found(alone: Served) -> None:
    data, ids = _written(alone)
    for one in ids:
        found = Segment("s", data).find(one)
        assert found is not None and found.id == one
        assert found.decision(1) == f"{one}-1"
    assert Segment("s", data).find(new_id(AT)) is None


def test_a_last_line_that_was_cut_is_told_and_not_read(alone: Served) -> None:
    data, ids = _written(alone)
    assert not Segment("s", data).cut
    last = data.rindex(b"\n", 0, -1) + 1
    for end in (last + 1, last + 40, len(data) - 1):
        segment = Segment("s", data[:end])
        assert segment.cut
        assert [record.id for record in segment] == ids[:2]
        assert segment.find(ids[2]) is None
    assert not Segment("s", data[:last]).cut


def _changed(data: bytes, line: int, **values: object) -> bytes:
    lines = data.splitlines(keepends=True)
    lines[line] = json.dumps({**json.loads(lines[line]), **values}).encode() + b"\n"
    return b"".join(lines)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"pd": [0.5]}, r"not 2 of .*float.*: \[0\.5\]"),
        ({"pd": [0.5, "0.5"]}, "not 2 of .*float"),
        ({"points": [600, 600.5]}, "not 2 of int"),
        ({"approved": [True, 1]}, "not 2 of bool"),
        ({"entities": ["1", 2]}, "not 2 of .*str"),
        ({"reasons": [["A"], None]}, "not 2 of list"),
        ({"rows": 3}, "8 inputs, and not 3 rows of 4"),
        ({"inputs": "AAAA AAA="}, "Error"),
        ({"inputs": "AAA"}, "Error"),
        ({"at": "2026-11-22"}, "not UTC"),
        ({"at": "yesterdayZ"}, "ValueError"),
        ({"at": "NaTZ"}, "the time 'NaTZ', which is none"),
        ({"points": [10**30, 600]}, "OverflowError"),
        ({"challenged": [True, False]}, "two releases, where one alone"),
    ],
)
def test_a_damaged_record_is_named(alone: Served, values: dict[str, object], found: str) -> None:
    data, _ = _written(alone)
    read = iter(Segment("a/b.jsonl", _changed(data, 2, **values)))
    next(read)
    with pytest.raises(VintageError, match=rf"^a/b\.jsonl, line 3: expected a record, .*{found}"):
        next(read)


def test_records_after_a_damaged_one_are_read_where_each_is_asked_for(alone: Served) -> None:
    data, ids = _written(alone)
    found = list(Segment("s", _changed(data, 2, rows=3)).each())
    assert [number for number, _ in found] == [2, 3, 4]
    assert isinstance(found[1][1], VintageError)
    assert [getattr(record, "id", None) for _, record in found] == [ids[0], None, ids[2]]


@pytest.mark.parametrize("line", [b"{}", b"", b"[]", b"nonsense", b"\xff\xfe", b"[" * 9999])
def test_a_line_that_is_no_record_is_named(alone: Served, line: bytes) -> None:
    data, _ = _written(alone)
    lines = data.splitlines()
    lines[2] = line
    with pytest.raises(VintageError, match=r"^s, line 3: expected a record, found otherwise"):
        list(Segment("s", b"\n".join(lines) + b"\n"))


def test_a_record_with_a_challenger_needs_what_both_said(alone: Served, beside: Served) -> None:
    data, _ = _written(alone)
    _, *lines = data.splitlines(keepends=True)
    with pytest.raises(VintageError, match=r"line 2: .*not 2 of bool"):
        list(Segment("s", records.header(beside, "host", AT) + b"".join(lines)))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"format": 2}, "format 2, and not 1"),
        ({"champion": None}, "TypeError"),
        ({"share": "much"}, "ValueError"),
        ({"inputs": [{"name": "A"}]}, "KeyError 'kind'"),
    ],
)
def test_a_header_that_is_none_is_named(
    alone: Served, values: dict[str, object], found: str
) -> None:
    data, _ = _written(alone)
    with pytest.raises(VintageError, match=rf"^s, line 1: expected the header .*{found}"):
        Segment("s", _changed(data, 0, **values))


@pytest.mark.parametrize("data", [b"", b'{"format":1', b"\n", b"{}\n"])
def test_a_file_without_a_header_is_named(data: bytes) -> None:
    with pytest.raises(VintageError, match=r"^s, line 1: expected the header of a segment"):
        Segment("s", data)


def test_a_release_that_is_not_what_its_id_says_is_named(alone: Served) -> None:
    data, _ = _written(alone)
    champion = {**json.loads(data.splitlines()[0])["champion"], "bundle": "0" * 64}
    with pytest.raises(VintageError, match=r"line 1: .* whose parts are those of"):
        Segment("s", _changed(data, 0, champion=champion))


def test_a_segment_s_name_tells_its_beginning_and_its_writer() -> None:
    name = segment_name(AT, "pod-7f", 12, 3)
    assert name == "20261122T024313.123456Z-pod-7f-12-3.jsonl"
    assert is_segment(name) and not is_segment(name + ".open") and not is_segment("notes.jsonl")
    assert shipped_name("s", name) == f"decisions/s/2026-11-22/{name}"
    with pytest.raises(VintageError, match="expected the name of a segment, found 'notes"):
        shipped_name("s", "notes.jsonl")


def test_names_of_one_process_are_in_the_order_of_time() -> None:
    times = [AT + step * 999_999_999 for step in range(50)]
    names = [segment_name(at, "h", 1, 0) for at in times]
    assert names == sorted(names)


def test_a_record_is_looked_for_at_its_day_and_those_beside() -> None:
    request = new_id(AT)
    assert folders_of("s", request) == [
        "decisions/s/2026-11-22", "decisions/s/2026-11-21", "decisions/s/2026-11-23",
    ]  # fmt: skip
    names = [segment_name(AT + minutes * 60_000_000_000, "h", 1, 0) for minutes in (-9, -1, 5)]
    assert nearest_first(request, [*names, "decisions/s/notes.txt"]) == [
        names[1], names[2], names[0],
    ]  # fmt: skip


def test_an_id_tells_its_request_and_row() -> None:
    request = new_id(AT)
    assert parse_decision(f"{request}-17") == (request, 17)
    at = datetime.fromtimestamp(int(request[:12], 16) / 1000, UTC)
    assert (at.date().isoformat(), at.hour) == ("2026-11-22", 2)


@pytest.mark.parametrize(
    "text",
    ["", "17", "a" * 30, "g" * 30 + "-0", "0" * 30 + "-01", "0" * 30 + "--1", "f" * 30 + "-0"],
)
def test_a_text_that_is_no_id_is_told(text: str) -> None:
    with pytest.raises(VintageError, match=re.escape(f"decision {text!r:.80}: expected an id")):
        parse_decision(text)


def test_the_reader_needs_numpy_alone() -> None:
    assert packages_after("import components.scoring.decisions") <= {"numpy", "components"}

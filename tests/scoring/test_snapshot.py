"""The snapshot: what was packed is found again, by its id and by nothing else."""

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.errors import BundleError, VintageError
from components.scoring.instances import RowReader
from components.scoring.snapshot import Snapshot, pack
from components.scoring.spec import Input

INPUTS = (
    Input("AMOUNT", "number", nullable=True, minimum=0.5),
    Input("VISITS", "integer"),
    Input("GRADE", "category", values=("1", "höch", "2"), nullable=True),
)
ROW = {"AMOUNT": 1.5, "VISITS": 3, "GRADE": "höch"}


def cells(row: dict[str, object]) -> list[float]:
    """A row as the packed matrix holds it."""
    amount, visits, grade = row["AMOUNT"], row["VISITS"], row["GRADE"]
    return [
        math.nan if amount is None else float(str(amount)),
        float(str(visits)),
        math.nan if grade is None else float(INPUTS[2].values.index(str(grade))),
    ]


def packed(folder: Path, rows: dict[str, dict[str, object]]) -> tuple[Path, str]:
    """A snapshot of these rows, and its hash."""
    path = folder / "snapshot.bin"
    matrix = np.array([cells(row) for row in rows.values()], dtype=np.float64)
    return path, pack(path, list(rows), INPUTS, matrix.reshape(len(rows), len(INPUTS)))


ENTITIES = st.dictionaries(
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12),
    st.fixed_dictionaries(
        {
            "AMOUNT": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "VISITS": st.integers(-(2**53), 2**53),
            "GRADE": st.none() | st.sampled_from(INPUTS[2].values),
        }
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=80)
@given(rows=ENTITIES, other=st.text(max_size=40))
def test_what_was_packed_is_found_again(rows: dict[str, dict[str, object]], other: str) -> None:
    with TemporaryDirectory() as folder:
        snapshot = Snapshot(*packed(Path(folder), rows))
        assert len(snapshot) == len(rows)
        assert snapshot.inputs == INPUTS
        assert {entity: snapshot.row(entity) for entity in rows} == rows
        assert snapshot.row(other) == rows.get(other)


@settings(deadline=None, max_examples=20)
@given(st.permutations(["a", "b", "ab", "é", "10", "1"]))
def test_the_order_of_the_rows_leaves_no_trace_in_the_file(ids: list[str]) -> None:
    with TemporaryDirectory() as folder:
        _, digest = packed(Path(folder), {i: {**ROW, "VISITS": ord(i[0])} for i in ids})
        _, again = packed(Path(folder), {i: {**ROW, "VISITS": ord(i[0])} for i in sorted(ids)})
        assert digest == again


@pytest.mark.parametrize(
    ("entity", "visits"),
    [
        ("1", 1),
        ("10", 2),
        ("100", 3),
        ("é", 4),
        ("11", None),
        ("", None),
        ("1000", None),
        ("1" * 500, None),
        ("e", None),
        ("1 ", None),
        ("01", None),
        ("1\0", None),
        ("\udcff", None),
    ],
)
def test_an_id_is_found_whole_or_not_at_all(
    tmp_path: Path, entity: str, visits: int | None
) -> None:
    ids = ["1", "10", "100", "é"]
    rows = {i: {**ROW, "VISITS": n} for n, i in enumerate(ids, start=1)}
    found = Snapshot(*packed(tmp_path, rows)).row(entity)
    assert (None if found is None else found["VISITS"]) == visits


def test_an_id_that_ends_in_a_null_character_is_found_or_refused(tmp_path: Path) -> None:
    try:
        snapshot = Snapshot(*packed(tmp_path, {"a\0": ROW}))
    except VintageError:
        return
    assert snapshot.row("a\0") == ROW


def test_an_id_that_occurs_twice_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        VintageError, match=r"snapshot s\.bin: expected unique ids, found 'é' twice"
    ):
        pack(tmp_path / "s.bin", ["a", "é", "b", "é"], INPUTS, np.zeros((4, 3)))


def test_another_file_than_the_expected_one_is_refused_by_its_hash(tmp_path: Path) -> None:
    path, digest = packed(tmp_path, {"a": ROW})
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(BundleError, match=rf"expected sha256 {digest[:12]}, found [0-9a-f]{{12}}"):
        Snapshot(path, digest)


@pytest.mark.parametrize("content", [b"", b"id,amount\n1,2\n", b"VINTAGE-SNAPSHOT-2\n" + b"x" * 99])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "snapshot.bin"
    path.write_bytes(content)
    with pytest.raises(BundleError, match="not a snapshot of this format"):
        Snapshot(path)


def test_a_snapshot_that_is_not_there_is_an_error_to_act_on(tmp_path: Path) -> None:
    with pytest.raises(VintageError, match=r"snapshot\.bin"):
        Snapshot(tmp_path / "snapshot.bin", "0" * 64)


def test_rows_may_come_in_blocks_of_any_size(tmp_path: Path) -> None:
    ids, matrix = [f"{n}" for n in range(50)], np.arange(150.0).reshape(50, 3)
    whole = pack(tmp_path / "a", ids, INPUTS, [matrix])
    assert pack(tmp_path / "b", ids, INPUTS, (matrix[n : n + 7] for n in range(0, 50, 7))) == whole


def test_dates_are_found_as_a_caller_gives_them(tmp_path: Path) -> None:
    inputs = (Input("BIRTHDAY", "date"), Input("SINCE", "date", nullable=True))
    rows: list[dict[str, object]] = [
        {"BIRTHDAY": "1969-12-31", "SINCE": None},
        {"BIRTHDAY": "2024-02-29", "SINCE": "0001-01-01"},
    ]
    path = tmp_path / "snapshot.bin"
    snapshot = Snapshot(path, pack(path, ["a", "b"], inputs, [RowReader(inputs)(rows)]))
    assert [snapshot.row("a"), snapshot.row("b")] == rows


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_row_for_each_id_is_expected(tmp_path: Path, rows: int) -> None:
    with pytest.raises(VintageError, match=f"a row for each of 2 ids, found {rows}"):
        pack(tmp_path / "s", ["a", "b"], INPUTS, [np.zeros((rows, 3))])

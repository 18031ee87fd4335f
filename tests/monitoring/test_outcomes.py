"""Outcomes are read as they were delivered, or every fault is named and nothing is kept."""

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.contracts.errors import ContractError
from components.monitoring import outcomes
from components.monitoring.outcomes import SCHEMA, read_outcomes

A, B, C = (f"019155e8b6{number:020x}-0" for number in range(3))
HEADER = "decision,known,bad\n"
DAY = date(2024, 8, 31)


def _csv(folder: Path, text: str | bytes, name: str = "outcomes.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _parquet(folder: Path, **columns: object) -> Path:
    path = folder / "outcomes.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def _read(*files: Path) -> list[tuple[str, date, bool]]:
    target = files[0].parent / "read"
    count = read_outcomes(files, target)
    table = pq.read_table(target)
    assert table.schema.equals(SCHEMA) and len(table) == count
    return [tuple(row.values()) for row in table.to_pylist()]


def _faults(*files: Path) -> tuple[str, ...]:
    """What is wrong with files of which nothing may be kept."""
    before = sorted(files[0].parent.iterdir())
    with pytest.raises(ContractError, match=r"^outcomes: \d+ contract failure") as error:
        read_outcomes(files, files[0].parent / "read")
    assert sorted(files[0].parent.iterdir()) == before
    return error.value.failures


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}{A},2024-08-31,0\n{B},2024-09-01,1\n",
        f"{HEADER}{A},2024-08-31,0\n{B},2024-09-01,1",
        f"{HEADER}{A},2024-08-31,0\r\n{B},2024-09-01,1\r\n",
        f'"decision","known","bad"\n"{A}","2024-08-31","0"\n"{B}",2024-09-01,1\n',
        f"bad,decision,known\n0,{A},2024-08-31\n1,{B},2024-09-01\n",
        f"\ufeff{HEADER}{A},2024-08-31,0\n{B},2024-09-01,1\n",
    ],
)
def test_csv_files_are_read(tmp_path: Path, text: str) -> None:
    assert _read(_csv(tmp_path, text)) == [(A, DAY, False), (B, date(2024, 9, 1), True)]


@pytest.mark.parametrize(
    ("known", "bad"),
    [
        (pa.array([DAY]), pa.array([True])),
        (pa.array([DAY]), pa.array([1], pa.int8())),
        (pa.array([datetime(2024, 8, 31)]), pa.array([1])),
        (pa.array([DAY]).dictionary_encode(), pa.array([1]).dictionary_encode()),
    ],
)
def test_parquet_files_are_read(tmp_path: Path, known: pa.Array, bad: pa.Array) -> None:
    assert _read(_parquet(tmp_path, decision=[A], known=known, bad=bad)) == [(A, DAY, True)]
    coded = pa.array([A]).dictionary_encode()
    assert _read(_parquet(tmp_path, decision=coded, known=known, bad=bad)) == [(A, DAY, True)]


def test_several_files_become_one_in_their_order(tmp_path: Path) -> None:
    first = _csv(tmp_path, f"{HEADER}{B},2024-08-31,0\n")
    assert [row[0] for row in _read(first, _parquet(tmp_path, decision=[A], known=[DAY], bad=[0]))]
    assert _read(_csv(tmp_path, HEADER)) == []


def test_a_delivery_again_takes_the_place_of_the_former(tmp_path: Path) -> None:
    path = _csv(tmp_path, f"{HEADER}{A},2024-08-31,0\n")
    assert _read(path) == _read(path)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = (
        f"{HEADER}{A},2024-08-31,0\nnonsense,2024-02-30,0\n\n{B},2024-08-31,2\n"
        f"{C},,1\n{C},2024-08-31\n{C},2024-08-31,1,1\n{C},20240831,\n"
    )
    second = _parquet(tmp_path, decision=[A, None], known=[DAY, DAY], bad=[0.0, 1.0])
    assert _faults(_csv(tmp_path, text), second) == (
        "outcomes.csv, line 3, decision: expected an id as the answer has it, found 'nonsense'",
        "outcomes.csv, line 3, known: expected a day such as 2024-08-31, found '2024-02-30'",
        "outcomes.csv, line 4, bad: expected 0 or 1, found nothing",
        "outcomes.csv, line 4, decision: expected an id as the answer has it, found nothing",
        "outcomes.csv, line 4, known: expected a day such as 2024-08-31, found nothing",
        "outcomes.csv, line 5, bad: expected 0 or 1, found '2'",
        "outcomes.csv, line 6, known: expected a day such as 2024-08-31, found nothing",
        "outcomes.csv, line 9, bad: expected 0 or 1, found nothing",
        "outcomes.csv, line 9, known: expected a day such as 2024-08-31, found '20240831'",
        "outcomes.csv, line 7: expected 3 cells, found 2",
        "outcomes.csv, line 8: expected 3 cells, found 4",
        "outcomes.parquet, row 1, bad: expected 0 or 1, found 0.0",
        "outcomes.parquet, row 2, bad: expected 0 or 1, found 1.0",
        "outcomes.parquet, row 2, decision: expected an id as the answer has it, found nothing",
    )


@pytest.mark.parametrize(
    ("line", "column", "found"),
    [
        (f" {A},2024-08-31,0", "decision", f"' {A}'"),
        (f"{A[:-2]},2024-08-31,0", "decision", f"'{A[:-2]}'"),
        (f"{A.upper()},2024-08-31,0", "decision", f"'{A.upper()}'"),
        (f"{A}\0,2024-08-31,0", "decision", repr(f"{A}\0")),
        (f'"{A}\n",2024-08-31,0', "decision", repr(f"{A}\n")),
        (f"{A},31.08.2024,0", "known", "'31.08.2024'"),
        (f"{A},2024-08-31T00:00:00,0", "known", "'2024-08-31T00:00:00'"),
        (f"{A},2024-08-31,true", "bad", "'true'"),
        (f"{A},2024-08-31,1.0", "bad", "'1.0'"),
        (f"{A},2024-08-31, 1", "bad", "' 1'"),
        (f"{A},NaN,1", "known", "'NaN'"),
    ],
)
def test_a_cell_is_not_guessed_at(tmp_path: Path, line: str, column: str, found: str) -> None:
    (fault,) = _faults(_csv(tmp_path, f"{HEADER}{line}\n{B},2024-08-31,0\n"))
    assert fault.startswith(f"outcomes.csv, line 2, {column}: expected ")
    assert fault.endswith(f"found {found}")


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (datetime(2024, 8, 31, 12), "datetime"),
        (datetime(2024, 8, 31, tzinfo=UTC), "datetime"),
        ("2024-08-31", "'2024-08-31'"),
        (17, "17"),
    ],
)
def test_a_moment_a_text_and_a_number_are_no_day_in_parquet(
    tmp_path: Path, known: object, found: str
) -> None:
    (fault,) = _faults(_parquet(tmp_path, decision=[A], known=[known], bad=[0]))
    assert fault.startswith("outcomes.parquet, row 1, known: expected a day") and found in fault


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "Empty CSV file"),
        ("decision,known\n", r"found \['decision', 'known'\]"),
        ("decision,known,bad,note\n", "'note'"),
        ("decision,known,bad,bad\n", r"'bad', 'bad'\]"),
        (HEADER.encode("utf-16"), "utf-8"),
        (HEADER.replace(",", ";"), "found"),
    ],
)
def test_other_columns_are_refused(tmp_path: Path, text: str | bytes, found: str) -> None:
    fault = _faults(_csv(tmp_path, text))[0]
    assert fault.startswith("outcomes.csv: expected a CSV file in UTF-8 of outcomes: ")
    with pytest.raises(AssertionError, match=found):
        raise AssertionError(fault)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"nonsense" * 99])
def test_what_is_no_parquet_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (fault,) = _faults(_csv(tmp_path, data, "outcomes.parquet"))
    assert fault.startswith("outcomes.parquet: expected a Parquet file of outcomes: ")


def test_columns_of_no_known_kind_are_refused(tmp_path: Path) -> None:
    (fault,) = _faults(_parquet(tmp_path, decision=[[A]], known=[DAY], bad=[0]))
    assert fault.startswith("outcomes.parquet: expected a Parquet file of outcomes: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    _csv(tmp_path, HEADER)
    (fault,) = _faults(tmp_path / "gone.csv")
    assert fault.startswith("gone.csv: ") and "No such file" in fault


def test_as_many_faults_are_told_as_anybody_reads(tmp_path: Path) -> None:
    first = _csv(tmp_path, HEADER + "nonsense,2024-08-31,0\n" * 1_000)
    faults = _faults(first, _csv(tmp_path, HEADER + "other,2024-08-31,0\n", "second.csv"))
    assert len(faults) == 21 and faults[-1] == "and more: the rest was not read"


def test_lines_are_told_right_across_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "_BLOCK", 200)
    sound = f"{A},2024-08-31,0\n"
    text = HEADER + sound * 10 + "one,two\n" + sound * 10 + f"{A},2024-08-31,5\n" + sound * 10
    assert _faults(_csv(tmp_path, text)) == (
        "outcomes.csv, line 23, bad: expected 0 or 1, found '5'",
        "outcomes.csv, line 12: expected 3 cells, found 2",
    )

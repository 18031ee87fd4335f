"""Bad input of every kind: it is named, nothing is half-written, what was deployed serves on."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.deployment.step import load_deployed
from tests.etl.dated import MONTHLY, write
from tests.support import Walk

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Capture = pytest.CaptureFixture[str]
_LAST = Path("dues") / "2024-06.csv"


@pytest.fixture(scope="module")
def deployed_once(
    spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A folder with a home that has a champion, and its data; and the champion's release."""
    del spark
    folder = tmp_path_factory.mktemp("deployed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VINTAGE_HOME", str(folder / "home"))
        Walk(MONTHLY, write(folder / "data", 6), "first").to_deployed()
        return folder, load_deployed("monthly").release.id


@pytest.fixture
def champion(
    deployed_once: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The release of a champion in a home of this test's own, with its data in `data`."""
    shutil.copytree(deployed_once[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("VINTAGE_HOME", str(tmp_path / "home"))
    return deployed_once[1]


def _refused(folder: Path, champion: str, capsys: Capture, as_of: str = "") -> str:
    """What ingest says that refuses the data; nothing but what landed whole may be new."""
    store = folder / "home" / "store"
    before = _made(store)
    capsys.readouterr()
    walk = Walk(MONTHLY, folder / "data", "second", as_of=as_of)
    with pytest.raises(SystemExit) as caught:
        walk.ingest()
    assert caught.value.code == 1
    error = str(walk.record("ingest")["error"])
    said = capsys.readouterr().err
    assert said.rstrip("\n").endswith(error)
    assert "Traceback" not in said
    assert _made(store) == before
    assert not list((store / ".work").glob("*"))
    scorer = load_deployed("monthly")
    assert scorer.release.id == champion
    assert 0 < scorer.score([scorer.entity("p7")])[0].pd < 1
    return error


def _made(store: Path) -> list[str]:
    """Every file of the scenario, beside those that landed."""
    files = (path.relative_to(store) for path in (store / "monthly").rglob("*") if path.is_file())
    return sorted(str(path) for path in files if path.parts[1] != "raw")


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _recode(path: Path, encoding: str) -> None:
    path.write_bytes(path.read_text().replace("1-0,", "1-\u00e9,", 1).encode(encoding))


def _cut(path: Path, by: int) -> None:
    path.write_bytes(path.read_bytes()[:-by])


#: What is wrong -> how it comes about in a data folder, and how it is named.
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "values that the contract forbids": (
        lambda data: _change(data / "loans.csv", ",5", ",-5"),
        "loans.INCOME in loans.csv: expected a number of at least 0 in every row, found 204 "
        "other, such as '-500.0'",
    ),
    "a key on two rows": (
        lambda data: _change(data / _LAST, "\n5-1,", "\n5-3,"),
        "dues.LOAN, NUMBER in dues: expected a key that names one row, found 1 key with rows that "
        "differ, such as '5-",
    ),
    "a column renamed overnight in the new file": (
        lambda data: _change(data / _LAST, "OVERDUE", "ARREARS"),
        "dues: expected in 2024-06.csv the columns of 2024-02.csv, LOAN, ID, NUMBER, DAY, DUE, "
        "OVERDUE, found LOAN, ID, NUMBER, DAY, DUE, ARREARS",
    ),
    "a column renamed overnight everywhere": (
        lambda data: _change(data / "loans.csv", "INCOME", "INCOMES"),
        "loans.INCOME: expected a column of loans.csv, found columns LOAN, ID, START, INCOMES; "
        "near: INCOMES",
    ),
    "dates written in another way overnight": (
        lambda data: _change(data / _LAST, "2024-06-15", "15.06.2024"),
        "dues.DAY in dues: expected a date written as 2024-03-15 in every row, "
        "found 60 other, such as '15.06.2024'",
    ),
    "a month missing": (
        lambda data: (data / "dues" / "2024-04.csv").unlink(),
        "dues.DAY in dues: expected rows of every month from 2024-02 to 2024-06, found "
        "none of 2024-04",
    ),
    "a month twice": (
        lambda data: shutil.copy(data / "dues" / "2024-04.csv", data / "dues" / "again.csv"),
        "dues.DAY in dues: expected each month in one file, found 2024-04 in "
        "2024-04.csv and again.csv",
    ),
    "a table cut in the middle of a line": (
        lambda data: _cut(data / "loans.csv", len(",1000.0\n") + 3),
        "loans: expected 4 cells in the last line of loans.csv, found 3: the file is cut in the "
        "middle of a line",
    ),
    "Latin-1": (
        lambda data: _recode(data / "loans.csv", "latin-1"),
        "loans: expected UTF-8 text in loans.csv, found Latin-1 or the like: byte 0xe9 in line 2",
    ),
    "UTF-16 with its byte-order mark": (
        lambda data: _recode(data / "loans.csv", "utf-16"),
        "loans: expected UTF-8 text in loans.csv, found UTF-16, or no text at all",
    ),
    "a Parquet file without its end": (
        lambda data: _cut(data / "accounts.parquet", 9),
        "accounts: expected a whole Parquet file accounts.parquet, found a damaged one: ",
    ),
    "no file": (
        lambda data: (data / "accounts.parquet").unlink(),
        "accounts: expected a file accounts.parquet in ",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "named"), BAD.values(), ids=BAD)
def test_bad_input_is_named_and_leaves_all_as_it_was(
    champion: str, tmp_path: Path, capsys: Capture, spoil: Callable[[Path], object], named: str
) -> None:
    data = tmp_path / "data"
    spoil(data)
    first, failure = _refused(tmp_path, champion, capsys).splitlines()
    assert first == f"ingest: data {data}: 1 contract failure"
    assert failure.startswith(f"  - {named}")


def test_a_byte_order_mark_before_utf_8_changes_nothing(champion: str, tmp_path: Path) -> None:
    loans = tmp_path / "data" / "loans.csv"
    loans.write_text(loans.read_text(), encoding="utf-8-sig")
    first, second = (Walk(MONTHLY, tmp_path / "data", run) for run in ("first", "second"))
    second.ingest()
    assert not second.record("ingest")["reused"]
    assert second.entry("silver")["digest"] == first.entry("silver")["digest"]
    assert load_deployed("monthly").release.id == champion


def test_an_as_of_in_the_future_is_named_with_what_there_is(
    champion: str, tmp_path: Path, capsys: Capture
) -> None:
    assert _refused(tmp_path, champion, capsys, as_of="2025-01") == (
        "ingest: as-of 2025-01-31: expected data of that month, found that dues ends on "
        "2024-06-15, loans ends on 2024-06-28"
    )


def test_a_database_that_nobody_answers_for_is_named(
    champion: str, tmp_path: Path, capsys: Capture, jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "jars").mkdir()
    shutil.copy(jar, tmp_path / "home" / "jars")
    monkeypatch.setenv("VINTAGE_SOURCES", "jdbc:postgresql://127.0.0.1:1/bank")
    error = _refused(tmp_path, champion, capsys)
    assert error.startswith(
        "ingest: source accounts: expected table bank.accounts of "
        "jdbc:postgresql://127.0.0.1:1/bank, found: Connection to 127.0.0.1:1 refused"
    )

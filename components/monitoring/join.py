"""Decisions beside what came of them, as it was known at the end of a month.

Nothing that was known later, and nothing that was decided later, changes anything here. DuckDB
joins: what does not fit into its memory goes to its folder. The rows:

vintage   date32      the first day of the month of the decision
release   dictionary  the release that answered
pd        double      null where it was no number
approved  bool
known     date32      when the outcome was known; null, as the next, where none was
bad       bool
gone_bad  date32      from when on it is bad, by its outcome or by days past due; null else
...       the columns of the decisions table that were asked for; texts as dictionaries
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.contracts.errors import VintageError
from components.contracts.monitoring import Matched
from components.contracts.vintages import RollRates
from components.monitoring.standings import LATE, roll_rates, stand

#: Rows that are handed over together.
_BATCH = 1 << 17
_TABLE = "read_parquet($files, union_by_name = true)"
# Of two values that were known on one day the bad one stands; a rank says both, the day and that.
_RANK = "(known - DATE '0001-01-01') * 2 + (NOT bad)::INT"
_STANDING = f"""
    INSERT INTO standing
    SELECT decision, DATE '0001-01-01' + (rank // 2)::INT, rank % 2 = 0, low <> high FROM (
        SELECT decision, min({_RANK}) AS rank, min(bad) AS low, max(bad) AS high
        FROM {_TABLE} WHERE known <= $day GROUP BY decision
    )
"""  # noqa: S608 - names of ours
# What comes first of the two: later deliveries add to what is known, and take nothing of it away.
_GONE_BAD = "least(late, CASE WHEN bad THEN known END)"
_ROWS = f"""
    SELECT vintage, release, pd, approved, known, bad, {_GONE_BAD} AS gone_bad{{columns}}
    FROM joined LEFT JOIN ({LATE}) ON joined.rowid = place ORDER BY decision
"""  # noqa: S608 - names of ours


@dataclass(frozen=True, eq=False)
class Joined:
    """Rows in the order of the decisions' ids, to be read once; and how they came about."""

    matched: Matched
    #: Of the decisions' standings; None where there are none.
    roll_rates: RollRates | None
    rows: pa.RecordBatchReader


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of texts: of each row the place of its text, -1 where there is none."""

    codes: NDArray[np.int32]
    texts: tuple[str, ...]


@contextmanager
def joined(
    decisions: Sequence[Path],
    outcomes: Sequence[Path],
    *,
    as_of: str,
    columns: Sequence[str],
    scratch: Path,
    memory_gb: float,
    threads: int,
    standings: Sequence[Path] = (),
) -> Iterator[Joined]:
    """Join files of the decisions table, each decision in one of them, with files of outcomes and
    of standings (see `standings.py`).

    `columns` are those of the decisions table that are wanted beside the usual ones.
    """
    with (
        tempfile.TemporaryDirectory(dir=scratch, prefix="join-") as folder,
        duckdb.connect(
            config={
                "memory_limit": f"{memory_gb:g}GB",
                "threads": threads,
                "temp_directory": folder,
                # Rows are sorted at the end.
                "preserve_insertion_order": False,
                # Nothing is fetched from anywhere.
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        ) as session,
    ):
        last = (np.datetime64(as_of, "M") + 1).astype("M8[D]") - 1
        known = _standing(session, outcomes, str(last))
        _join(session, decisions, columns, str(last))
        stand(session, standings, str(last))
        matched = _matched(session, as_of, known)
        rolled = roll_rates(session)
        rows = session.sql(_ROWS.format(columns="".join(f", {_name(one)}" for one in columns)))
        yield Joined(matched, rolled, rows.to_arrow_reader(_BATCH))


def arrays(rows: pa.RecordBatchReader) -> dict[str, NDArray[Any] | Coded]:
    """Every column in memory: a PD that is none is NaN, a day NaT; `bad` is -1 where it is not
    known; texts are coded.
    """
    empty = pa.RecordBatch.from_arrays(
        [pa.array([], field.type) for field in rows.schema], schema=rows.schema
    )
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in rows.schema.names}
    texts: dict[str, tuple[str, ...]] = {}
    for batch in chain([empty], rows):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            values = column
            if pa.types.is_dictionary(column.type):
                texts[name] = tuple(column.dictionary.to_pylist())
                values = column.indices.cast(pa.int32()).fill_null(-1)
            elif name == "bad":
                values = column.cast(pa.int8()).fill_null(-1)
            parts[name].append(values.to_numpy(zero_copy_only=False))
    whole: dict[str, NDArray[Any] | Coded] = {}
    for name in rows.schema.names:
        values = np.concatenate(parts.pop(name))
        whole[name] = Coded(values, texts[name]) if name in texts else values
    return whole


def _name(column: str) -> str:
    """A column's name in SQL."""
    doubled = column.replace('"', '""')
    return f'"{doubled}"'


def _standing(session: duckdb.DuckDBPyConnection, files: Sequence[Path], day: str) -> int:
    """Make the table of one outcome a decision; how many were delivered."""
    session.execute(
        "CREATE TEMP TABLE standing (decision VARCHAR, known DATE, bad BOOLEAN, conflict BOOLEAN)"
    )
    if not files:
        return 0
    given = {"files": [str(file) for file in files], "day": day}
    session.execute(_STANDING, given)
    counted = session.execute(f"SELECT count(*) FROM {_TABLE} WHERE known <= $day", given)  # noqa: S608
    return int(counted.fetchall()[0][0])


def _join(
    session: duckdb.DuckDBPyConnection, files: Sequence[Path], columns: Sequence[str], day: str
) -> None:
    """Make the table of the rows."""
    kinds = _kinds(files, ["release", *columns])
    # The time is in UTC, whatever zone the session has.
    until = 'epoch_ms("at") < epoch_ms($day::TIMESTAMP + INTERVAL 1 DAY)'
    given = {"files": [str(file) for file in files], "day": day}
    read = {column: _name(column) for column in kinds}
    for number, (column, kind) in enumerate(kinds.items()):
        if kind == pa.string():
            name = _name(column)
            session.execute(
                f"CREATE TEMP TABLE texts_{number} AS SELECT DISTINCT {name} AS text "  # noqa: S608
                f"FROM {_TABLE} WHERE {until} AND {name} IS NOT NULL",
                given,
            )
            session.execute(
                f"CREATE TYPE text_{number} AS ENUM (SELECT text FROM texts_{number} ORDER BY text)"  # noqa: S608 - a number
            )
            read[column] = f"{name}::text_{number} AS {name}"
    session.execute(
        f"""
        CREATE TEMP TABLE joined AS
        SELECT decision, date_trunc('month', make_timestamp(epoch_us("at")))::DATE AS vintage,
            known < make_timestamp(epoch_us("at"))::DATE AS early,
            pd, approved, {", ".join(read.values())}, known, bad
        FROM {_TABLE} LEFT JOIN standing USING (decision)
        WHERE {until}
        """,  # noqa: S608 - quoted
        given,
    )


def _kinds(files: Sequence[Path], columns: Sequence[str]) -> dict[str, pa.DataType]:
    """Of each column its type, which is the same in every file that has it."""
    schemas = [pq.read_schema(file) for file in files]
    kinds: dict[str, pa.DataType] = {}
    for column in columns:
        found = {schema.field(column).type for schema in schemas if column in schema.names}
        if len(found) != 1:
            told = " and ".join(sorted(map(str, found))) or "none"
            raise VintageError(
                f"column {column!r} of the decisions: expected one of one type, found {told}"
            )
        kinds[column] = found.pop()
    return kinds


def _matched(session: duckdb.DuckDBPyConnection, as_of: str, outcomes: int) -> Matched:
    """What to tell of it."""
    ((rows, with_outcome),) = session.sql("SELECT count(*), count(bad) FROM joined").fetchall()
    ((standing, conflicting, conflict),) = session.sql(
        """
        SELECT count(*), count(*) FILTER (conflict), min(decision) FILTER (conflict) FROM standing
        """
    ).fetchall()
    ((strange, stranger),) = session.sql(
        "SELECT count(*), min(decision) FROM standing ANTI JOIN joined USING (decision)"
    ).fetchall()
    ((early, earliest),) = session.sql(
        "SELECT count(*), min(decision) FROM joined WHERE early"
    ).fetchall()
    return Matched(
        as_of=as_of,
        joined=with_outcome,
        waiting=rows - with_outcome,
        outcomes=outcomes,
        repeated=outcomes - standing - conflicting,
        conflicting=conflicting,
        conflict=conflict,
        strange=strange,
        stranger=stranger,
        early=early,
        earliest=earliest,
    )

"""Days past due at the end of every month, as one's own loan system counts them, of decisions.

decision  string
month     date32  its first day
days      int64   past due at the month's end

DuckDB counts, as it joins decisions and outcomes: there are many times more standings than those.
What is of no decision is left out.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np

from components.contracts.vintages import RollRates

#: Days past due, as lenders count them.
BUCKETS = ("0", "1 to 29", "30 to 59", "60 to 89", "90 and more")
_STEPS = (1, 30, 60, 90)
#: From so many days past due on what was lent has gone bad.
LATE_DAYS = 30
# Of two values for one month the worse stands, whichever was delivered first.
_STAND = """
    INSERT INTO stood
    SELECT joined.rowid, month, max(days)
    FROM read_parquet($files) JOIN joined USING (decision)
    WHERE month <= $day GROUP BY joined.rowid, month
"""
#: The place of each decision that was ever late, and the month in which it first was.
LATE = f"SELECT place, min(month) AS late FROM stood WHERE days >= {LATE_DAYS} GROUP BY place"  # noqa: S608 - a number
_STATE = " + ".join(f"(days >= {step})::INT" for step in _STEPS)
# In the last month of all nobody has a next one.
_ROLLED = f"""
    WITH states AS (SELECT place, month, {_STATE} AS state FROM stood)
    SELECT now.state, later.state, count(*) FROM states AS now LEFT JOIN states AS later
    ON later.place = now.place AND later.month = (now.month + INTERVAL 1 MONTH)::DATE
    WHERE now.month < (SELECT max(month) FROM stood) GROUP BY ALL
"""  # noqa: S608 - names of ours


def stand(session: duckdb.DuckDBPyConnection, files: Sequence[Path], day: str) -> None:
    """Make the table of one row a decision and month up to a day, beside that of the decisions
    (`joined`), whose rows it names by their place.
    """
    session.execute("CREATE TEMP TABLE stood (place BIGINT, month DATE, days BIGINT)")
    if files:
        session.execute(_STAND, {"files": [str(file) for file in files], "day": day})


def roll_rates(session: duckdb.DuckDBPyConnection) -> RollRates | None:
    """How often each state followed each, a month later; None where nobody stands anywhere."""
    if not session.sql("SELECT 1 FROM stood LIMIT 1").fetchall():
        return None
    counts = np.zeros((len(BUCKETS), len(BUCKETS)), dtype=np.int64)
    left = np.zeros(len(BUCKETS), dtype=np.int64)
    for now, later, rows in session.sql(_ROLLED).fetchall():
        if later is None:
            left[now] = rows
        else:
            counts[now, later] = rows
    return RollRates(
        states=BUCKETS,
        counts=tuple(tuple(row) for row in counts.tolist()),
        left=tuple(left.tolist()),
    )

"""The step that decides: month after month, what came of the months before is taken in."""

from pathlib import Path
from typing import NoReturn

import pyarrow.parquet as pq
import pytest

from components.etl import step
from components.monitoring.join import joined
from components.monitoring.report import look
from components.storage.steps import installation
from tests.etl.dated import MONTHLY, PEOPLE, write
from tests.support import Walk

NAME = "monthly"


def _files(pattern: str) -> list[Path]:
    _, store = installation()
    return sorted(Path(store.uri, NAME).glob(f"{pattern}.parquet"))


def _taken_in(kind: str) -> list[int]:
    """The rows of each entry."""
    return sorted(pq.read_metadata(file).num_rows for file in _files(f"{kind}/*/{kind}"))


def _no_release(release: str) -> NoReturn:
    pytest.fail(f"{release} decided on something")


def _decide(walk: Walk, day: str) -> dict[str, object]:
    walk.look_back(day)
    walk.decide(f"gold-{day}")
    facts = walk.record("decide")["facts"]
    assert isinstance(facts, dict)
    return facts


@pytest.mark.usefixtures("spark")
def test_month_after_month_outcomes_are_taken_in_by_themselves(tmp_path: Path, home: Path) -> None:
    data = write(tmp_path / "data", 6)
    loans = (data / "loans.csv").read_text().splitlines()
    none_in_june = [line for line in loans if not line.startswith("6-")]
    (data / "loans.csv").write_text("\n".join(none_in_june) + "\n")
    april = Walk(MONTHLY, data, "april", as_of="2024-04")
    april.to_deployed()
    facts = april.entry("release")["facts"]
    assert isinstance(facts, dict)
    assert facts["as_of"] == "2024-04-30"

    walk = Walk(MONTHLY, data, "later")
    walk.ingest()
    walk.features()
    months = {"2024-03": 2, "2024-04-14": 2, "2024-04": 3, "2024-06": 5}
    assert months == step.months_known(
        spec=MONTHLY.gold().brief(), run="later", timeout_minutes=5, gold=walk.paper("gold"),
        days=list(months),
    )  # fmt: skip

    # Nothing of what was decided in April is known yet; a loan's dues are those of its next month.
    found = _decide(walk, "2024-04")
    assert (found["rows"], found["outcomes"], found["month"]) == (PEOPLE, 0, "2024-04")
    assert _taken_in("outcomes") == _taken_in("standings") == []
    assert _decide(walk, "2024-05")["outcomes"] == PEOPLE
    assert _taken_in("outcomes") == _taken_in("standings") == [PEOPLE]
    # No loan starts in June: there is nothing to decide on, and May's loans are settled all the
    # same, every second of them.
    found = _decide(walk, "2024-06")
    assert (found["rows"], found["approved"], found["outcomes"]) == (0, 0, PEOPLE // 2)
    assert _taken_in("outcomes") == _taken_in("standings") == [PEOPLE // 2, PEOPLE]

    # The same again publishes nothing, and needs no Spark.
    _decide(walk, "2024-06")
    assert _taken_in("outcomes") == _taken_in("standings") == [PEOPLE // 2, PEOPLE]
    assert walk.record("decide")["reused"]

    # Monitoring reads it, the month without decisions too.
    with joined(
        _files("decided/*/decisions/*"), _files("outcomes/*/*"), as_of="2024-06", columns=(),
        scratch=home, memory_gb=0.5, threads=1,
    ) as rows:  # fmt: skip
        matched = rows.matched
    assert (matched.joined, matched.waiting) == (PEOPLE + PEOPLE // 2, PEOPLE // 2)
    assert (matched.strange, matched.repeated, matched.conflicting) == (0, 0, 0)
    assert look(_files("decided/2024-06/decisions/*"), _no_release, _no_release) == {}

"""The steps of ETL where rows have dates: what is known when, and what there is to learn from."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests.etl.dated import MONTHLY, PEOPLE, PROXY, write
from tests.support import Walk

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(autouse=True)
def _session(spark: "SparkSession", home: Path) -> None:
    """Every step here has Spark and a home."""
    del spark, home


def _gold(walk: Walk, name: str = "gold") -> list[dict[str, object]]:
    place = Path(str(walk.entry(name)["uri"])) / "final-dataset"
    rows: list[dict[str, object]] = pq.read_table(place).to_pylist()
    return rows


def _facts(walk: Walk, name: str) -> dict[str, object]:
    found = walk.entry(name)["facts"]
    assert isinstance(found, dict)
    return found


def test_with_too_little_history_every_row_is_to_score_and_nothing_to_train_on(
    tmp_path: Path,
) -> None:
    walk = Walk(MONTHLY, write(tmp_path / "data", 6), "r", as_of="2024-03")
    walk.ingest()
    assert walk.features() is False
    rows = _gold(walk)
    assert {row["_split"] for row in rows} == {"score"}
    assert len(rows) == 3 * PEOPLE
    assert {str(row["_as_of"])[:7] for row in rows if row["_label"] is not None} == {
        "2024-01", "2024-02",
    }  # fmt: skip
    facts = _facts(walk, "gold")
    assert (facts["ready"], facts["history"]) == (False, {"found": 2, "needed": 3})
    bad = sum(row["_label"] == 1 for row in rows)
    assert facts["splits"] == {"score": {"rows": 3 * PEOPLE, "bad": bad}}
    assert walk.record("features")["status"] == "done"
    assert _facts(walk, "snapshot")["rows"] == PEOPLE


def test_gold_as_of_an_earlier_month_is_the_same_to_the_byte_whatever_came_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks = []
    for name, months in (("then", 4), ("later", 6)):
        monkeypatch.setenv("VINTAGE_HOME", str(tmp_path / f"home-{name}"))
        data = write(tmp_path / name, 6)
        for month in range(months + 1, 7):  # files that had not come yet
            (data / "dues" / f"2024-{month:02d}.csv").unlink()
        loans = (data / "loans.csv").read_text().splitlines()
        known = [line for line in loans if line.split("-")[0] <= str(months) or "LOAN" in line]
        (data / "loans.csv").write_text("\n".join(known) + "\n")
        walk = Walk(MONTHLY, data, name, as_of="2024-04-28")  # the last day that both know of
        walk.ingest()
        assert walk.features() is True
        walks.append(walk)
    then, later = walks
    assert then.entry("bronze")["digest"] != later.entry("bronze")["digest"]
    for name in ("gold", "snapshot"):
        assert then.entry(name)["digest"] == later.entry(name)["digest"]
        assert then.entry(name)["facts"] == later.entry(name)["facts"]
    assert {(str(row["_as_of"])[:7], row["_split"]) for row in _gold(later)} == {
        *itertools.product(("2024-01", "2024-02"), ("train", "validation")),
        ("2024-03", "test"), ("2024-04", "score"),
    }  # fmt: skip


def test_gold_looked_back_at_is_what_a_run_of_that_day_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data", 6)
    later, then = Walk(MONTHLY, data, "later"), Walk(MONTHLY, data, "then", as_of="2024-04-29")
    for walk in (later, then):
        walk.ingest()
        walk.features()
    assert later.look_back("2024-04-29") is True
    assert _gold(later, "gold-2024-04-29") == _gold(then)
    for name in ("gold", "snapshot"):
        made, back = then.entry(name), later.entry(f"{name}-2024-04-29")
        assert back["facts"] == made["facts"]
        assert str(back["key"]).rpartition("/")[0] == str(made["key"]).rpartition("/")[0]
    assert later.entry("snapshot-2024-04-29")["digest"] == then.entry("snapshot")["digest"]
    assert later.record("look-back")["facts"] == then.record("features")["facts"]

    # On the day after it nothing more is known: what is made of gold is met again.
    assert later.look_back("2024-04") is True
    first, second = (later.entry(f"gold-{day}") for day in ("2024-04-29", "2024-04"))
    assert first["digest"] == second["digest"]
    assert first["key"] != second["key"]
    assert not later.record("look-back")["reused"]
    assert later.look_back("2024-04") is True
    assert later.record("look-back")["reused"]

    for walk, day, why in (
        (later, "2024-07", "look-back: as-of 2024-07-31: expected data of that month"),
        (
            Walk(PROXY, data, "x"),
            "2024-02",
            "look-back: proxy: expected rows that each have a",
        ),
    ):
        with pytest.raises(SystemExit):
            walk.look_back(day)
        assert why in capsys.readouterr().err


def test_the_facts_of_a_proxy_hold_its_clusters(tmp_path: Path) -> None:
    walk = Walk(PROXY, write(tmp_path / "data", 6), "r", as_of="2024-06")
    walk.ingest()
    assert walk.features() is True
    rows = _gold(walk)
    assert {row["ID"]: row["_label"] for row in rows} == {
        f"p{n}": int(n % 2 == 0) for n in range(PEOPLE)
    }
    # Its window ends with the run's last day.
    assert {str(row["_known"]) for row in rows} == {"2024-06-15"}
    clusters = _facts(walk, "gold")["labels"]
    assert isinstance(clusters, list)
    told = {line["at_risk"]: line for line in clusters}
    assert [told[risky]["rows"] for risky in (True, False)] == [PEOPLE // 2, PEOPLE // 2]
    names = ("recency", "frequency", "monetary")
    assert [told[True][name] for name in names] == pytest.approx([30, 0, 0], abs=1e-9)
    assert [told[False][name] for name in names][1:] == pytest.approx([1, 100])
    # A hash of what must be on one side.
    assert {type(row["_group"]) for row in rows} == {int}

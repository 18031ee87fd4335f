"""The scoring pipeline: a month is decided on once, by the champion that serves."""

from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

import samples
from components.deployment.step import deployed, load_deployed
from components.monitoring.join import arrays, joined
from components.monitoring.rows import inputs_of, schema_of
from components.scoring.decisions import Column, parse_decision
from components.scoring.release import Release
from pipelines.cli import main
from tests.support import Champion

pytestmark = pytest.mark.usefixtures("tasks_here")


def test_a_month_is_decided_on_once_by_the_champion_and_as_monitoring_reads_it(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("run", "card-default", "--pipeline", "scoring", "--data", str(champion.data))
    assert main(command) == 0
    said = capsys.readouterr().out
    month = datetime.now(UTC).date().isoformat()[:7]  # nothing is dated there: it is today's
    folder = champion.home / "store" / "card-default" / "decided" / month / "decisions"
    files = sorted(folder.glob("*.parquet"))
    found = pq.read_table(files)
    release = Release.read(deployed("card-default")).id
    approved = sum(found["approved"].to_pylist())
    told = f"{len(found):,} rows of {month}, {approved:,} of them approved, by release"
    assert "status      decided" in said
    assert f"{told} {release[:12]}" in said

    scorer = load_deployed("card-default")
    declared = [Column(i.name, i.kind, i.values) for i in scorer.bundle.spec.inputs]
    assert found.schema.names == schema_of(declared).names
    again = scorer.bundle.score(scorer.bundle.columns(inputs_of(found))).pd
    assert again.tolist() == found["pd"].to_pylist()
    assert set(found["release"].to_pylist()) == {release}
    ids = found["decision"].to_pylist()
    assert len(set(ids)) == len(ids) == len(scorer.snapshot)
    assert {parse_decision(identity)[1] for identity in ids} == {0}
    with joined(
        files, [], as_of=month, columns=(), scratch=champion.home, memory_gb=0.5, threads=1
    ) as rows:
        assert rows.matched.waiting == len(ids)
        assert sorted(arrays(rows.rows)["pd"].tolist()) == sorted(again.tolist())  # type: ignore[union-attr]

    assert f"they are in {folder.parent}/decisions" in said
    before = {file: file.read_bytes() for file in files}
    assert main(command) == 0
    assert " reused" in next(
        line for line in capsys.readouterr().out.splitlines() if line.startswith("  decide ")
    )
    assert {file: file.read_bytes() for file in files} == before

    # Other rows of a month that was decided are not decided on, and nobody is told that they were.
    samples.write("card-default", champion.home / "others", rows=400, seed=7)
    assert main((*command[:-1], str(champion.home / "others"))) == 0
    said = capsys.readouterr().out
    assert "decided     nothing: the month was decided before, on other rows" in said
    assert {file: file.read_bytes() for file in files} == before


def test_without_a_champion_nothing_is_decided(
    champion: Champion, capsys: pytest.CaptureFixture[str]
) -> None:
    (champion.home / "store" / "deployments" / "card-default").unlink()
    command = ("run", "card-default", "--pipeline", "scoring", "--data", str(champion.data))
    assert main(command) == 1
    said = capsys.readouterr()
    assert said.err.startswith("vintage: card-default: expected a deployed champion in")
    assert not (champion.home / "store" / "card-default" / "decided").exists()

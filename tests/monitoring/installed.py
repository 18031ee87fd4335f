"""An installation where the small use case has a release: made without Spark, in seconds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.contracts.monitoring import Watched
from components.evaluation.entries import write_evaluation
from components.monitoring import step
from components.monitoring.rows import INPUT, schema_of
from components.scoring.decisions import Column
from components.scoring.instances import Matrix
from components.scoring.scorer import Scorer
from components.storage import registry
from components.storage.objects import Entry
from components.storage.steps import installation
from components.training.fit import train
from tests.making import (
    XGBOOST,
    Models,
    data,
    inputs_of,
    plain_columns,
    scenario,
    silent,
    train_spec,
    write_gold,
)
from tests.support import Paper

DECLARED = scenario()
NAME = DECLARED.name
STANDINGS = pa.schema([("decision", pa.string()), ("month", pa.date32()), ("days", pa.int64())])


def install(folder: Path) -> str:
    """Make the release in the installation that the environment names; its id."""
    made, spec = data(4_000), train_spec(XGBOOST)
    models = folder / "models"
    models.mkdir()
    found = Models(models, train(made, spec, models, silent), spec, made)
    (models / "candidates.json").write_text(found.candidates.model_dump_json())
    gold = folder / "gold"
    gold.mkdir()
    write_gold(gold / "final-dataset", made)
    evaluation = folder / "evaluation"
    evaluation.mkdir()
    brief = DECLARED.evaluate().brief()
    write_evaluation(evaluation, brief, gold=gold, models=models, facts={})
    place = folder / "release"
    place.mkdir()
    release = Scorer(found.release("xgboost", place)).id
    _, store = installation()
    parts = {"gold": gold, "evaluation": evaluation}
    facts = {role: store.publish(f"{NAME}/{role}/0", part, {}).key for role, part in parts.items()}
    store.publish(registry.release_key(NAME, release), place, {"release": release, **facts})
    return release


@dataclass(frozen=True)
class Decisions:
    """What was decided on a month: the ids, and the PDs."""

    ids: list[str]
    pd: np.ndarray


def decide(
    release: str, month: str, rows: int = 1_500, seed: int = 1, *, inputs: Matrix | None = None,
    without: Sequence[str] = (),
) -> Decisions:  # fmt: skip
    """Decide on new rows in a month; the columns of some inputs are not kept."""
    _, store = installation()
    scorer = Scorer(store.local(registry.find_release(store, NAME, release)), release)
    matrix = inputs_of(rows, seed) if inputs is None else inputs
    pds = scorer.bundle.score(matrix).pd
    ids = [f"{month}-{number:05d}" for number in range(len(matrix))]
    at = datetime.fromisoformat(f"{month}-10").replace(tzinfo=UTC)
    nothing = [None] * len(ids)
    columns: dict[str, Sequence[object]] = {
        "decision": ids, "at": [at] * len(ids), "entity": nothing, "release": [release] * len(ids),
        "pd": pds.tolist(), "points": [600] * len(ids),
        "approved": scorer.release.policy.approves(pds).tolist(), "reasons": nothing,
        "other_release": nothing, "other_pd": nothing,
        **{f"{INPUT}{name}": values for name, values in plain_columns(matrix).items()},
    }  # fmt: skip
    declared = [Column(i.name, i.kind, i.values) for i in scorer.bundle.spec.inputs]
    table = pa.table(columns, schema=schema_of(declared))
    folder = store.scratch()
    (folder / "decisions").mkdir()
    pq.write_table(
        table.drop_columns([f"{INPUT}{name}" for name in without]),
        folder / "decisions" / "part-00000.parquet",
    )
    store.publish(f"{NAME}/decided/{month}", folder, {"rows": len(ids)})
    return Decisions(ids, pds)


def outcomes_of(decided: Decisions, known: str, seed: int = 1) -> list[tuple[str, date, bool]]:
    """Outcomes as the PDs say."""
    bad = np.random.default_rng(seed).random(len(decided.ids)) < decided.pd
    day = date.fromisoformat(known)
    return [(one, day, flag) for one, flag in zip(decided.ids, bad.tolist(), strict=True)]


def deliver_table(
    what: str, number: int, rows: Sequence[Sequence[object]], schema: pa.Schema
) -> None:
    """Put a delivery of outcomes or standings where those are taken in."""
    _, store = installation()
    folder = store.scratch()
    columns = [list(one) for one in zip(*rows, strict=True)] or [[] for _ in schema.names]
    pq.write_table(pa.table(columns, schema=schema), folder / f"{what}.parquet")
    store.publish(f"{NAME}/{what}/{number:064x}", folder, {"rows": len(rows)})


@dataclass(frozen=True)
class Report:
    """A month's report, and its folder."""

    watched: Watched
    folder: Path
    alarmed: bool
    facts: Mapping[str, object]


def report_on(month: str, folder: Path) -> Report:
    """Have the step report on a month."""
    paper = Paper(str(folder / f"report-{month}"))
    with pytest.MonkeyPatch.context() as patch:
        # What it tells to other systems is tested apart: MLflow takes longer than all of it.
        patch.setattr(step, "_tell", lambda *_: None)
        alarmed = step.monitor(
            spec=DECLARED.watch().brief(), run=f"run-{month}", timeout_minutes=5, month=month,
            report=paper,
        )  # fmt: skip
    entry = Entry.from_json(Path(paper.path).read_text())
    _, store = installation()
    place = store.local(entry)
    watched = Watched.model_validate_json((place / step.REPORT).read_text())
    return Report(watched, place, alarmed, json.loads(Path(paper.path).read_text())["facts"])

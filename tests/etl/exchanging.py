"""A program: repeat-loans' ETL and a batch of decisions, with Spark's files going by an exchange.

Spark takes jars when its Java starts, so this is a process of its own. Its executors are threads;
they see the bucket alone all the same.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from components.etl import batch, executors, jars, s3a, session, step
from components.scoring.scorer import Scorer
from components.storage.objects import Entry, open_store
from components.storage.settings import Settings
from pipelines.scenarios import load
from tests.support import Walk

if TYPE_CHECKING:
    from components.storage.steps import Task


class _Threads(executors.Executors):
    """Executors without a Kubernetes."""

    def settings(self, workshop: Path) -> dict[str, str]:
        del workshop
        own = {
            "spark.master": "local[2]",
            "spark.driver.extraClassPath": ":".join(map(str, self.jars)),
        }
        return {**session._LOCAL, **own, **executors.s3a(self.endpoint)}


def _of(own: Settings) -> _Threads:
    return _Threads(
        count=2, image="", pod="", address="", store=own.store.replace("s3:", "s3a:", 1),
        endpoint=own.endpoint, jars=jars.have(s3a.JARS, own.jars, own.home),
    )  # fmt: skip


def _of_task(work: "Task") -> _Threads:
    return _of(work.settings)


def main(data: Path, release: Path, target: Path) -> None:
    """Say where silver and gold are, and what is left in the bucket; `target` gets the decisions on
    `rows`.
    """
    own = Settings.from_environment()
    with session.spark_session("batch", own.home, 0, _of(own)) as spark:
        rows = session.read_table(spark, data / "rows")
        decided = batch.decide(rows, release, Scorer(release).id)
        batch.write(decided, target, 2)
    step._executors = _of_task
    walk = Walk(load("repeat-loans"), data / "loans", "exchange")
    walk.ingest()
    walk.features()
    store = open_store(own.store, own.home)
    places = {
        name: str(store.local(Entry.from_json(Path(walk.paper(name).path).read_text())))
        for name in ("silver", "gold")
    }
    sys.stdout.write(f"{json.dumps(places)}\n{json.dumps(store.names('exchange'))}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

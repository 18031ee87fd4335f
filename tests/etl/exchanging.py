"""A program: repeat-loans' ETL and a batch of decisions, with Spark's files going by an exchange.

Spark takes jars when its Java starts, so this is a process of its own. Its executors are threads;
they see the bucket alone all the same.
"""

import json
import sys
from pathlib import Path

from components.etl import batch, session
from components.etl.executors import Executors
from components.scoring.scorer import Scorer
from components.storage.objects import Entry, open_store
from components.storage.settings import Settings
from pipelines.scenarios import load
from tests.support import Walk


def _threads(self: Executors) -> dict[str, str]:
    """What Spark is told of executors without a Kubernetes."""
    return {**session._LOCAL, "spark.master": "local[2]", **self.s3a()}


def main(data: Path, release: Path, target: Path) -> None:
    """Say where silver and gold are, and what is left in the bucket; `target` gets the decisions on
    `rows`.
    """
    Executors.settings = _threads  # type: ignore[method-assign]
    own = Settings.from_environment()
    pods = Executors(2, "", "", "", own.store, own.endpoint, own.jars, own.home)
    with session.spark_session("batch", own.home, 0, pods) as spark:
        rows = session.read_table(spark, data / "rows")
        decided = batch.decide(rows, release, Scorer(release).id)
        batch.write(decided, target, 2)
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

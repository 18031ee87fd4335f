"""The two steps of ETL as a pipeline runs them, outside of one."""

import os
from pathlib import Path

from components.contracts.scenario import Scenario
from components.storage.objects import Entry


class _Reference:
    def __init__(self, path: Path) -> None:
        self.path, self.metadata = str(path), dict[str, object]()


def gold_of(scenario: Scenario, data: Path, home: Path) -> Path:
    """The folder of the gold table; all that is made on the way lies below `home`."""
    from components.etl.step import features, ingest

    os.environ["VINTAGE_HOME"] = str(home)
    common = {"run": "benchmark", "timeout_minutes": 60.0}
    bronze, silver, gold, snapshot = (
        _Reference(home / "kfp" / name) for name in ("bronze", "silver", "gold", "snapshot")
    )
    spec = scenario.ingest().model_dump_json()
    ingest(spec=spec, data=str(data), as_of="", bronze=bronze, silver=silver, **common)
    spec = scenario.gold().model_dump_json()
    features(spec=spec, silver=silver, gold=gold, snapshot=snapshot, **common)
    return Path(Entry.from_json(Path(gold.path).read_text()).uri) / "final-dataset"

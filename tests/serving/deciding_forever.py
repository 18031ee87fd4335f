"""A process that decides again and again, and says each id once it is written down.

python -m tests.serving.deciding_forever RELEASE FOLDER COUNT
"""

import sys
from pathlib import Path

import numpy as np

from components.scoring.scorer import Scorer
from serving.decision_log import DecisionLog
from serving.models import Served
from tests.serving.deciding import log_rows

_ROWS = np.array([[40.0, 2.0, 1.0, 20.0], [np.nan, 3.0, 0.0, 9.0], [-0.0, 9.0, 2.0, 1e300]])


def main(release: Path, folder: Path, count: int) -> None:
    scorer = Scorer(release)
    served = Served(scorer.release.scenario, scorer)
    # Small segments and a busy thread: many are opened, closed and flushed before the end.
    with DecisionLog(folder, most_bytes=20_000, sync_seconds=0.005) as log:
        for _ in range(count):
            ids = log_rows(log, served, _ROWS, _ROWS[:1])
            sys.stdout.write("\n".join(ids) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))

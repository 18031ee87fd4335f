"""The server under test: `python -m benchmarks._peers.scoring PORT LOG RELEASE...`."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.scoring.release import RELEASE
from serving.app import Log
from serving.decision_log import DecisionLog
from serving.models import Declared
from serving.question import Answer, Question
from serving.server import listen_on, serve
from serving.settings import Limits

#: What it says where decisions are not written.
LOG_IS_OFF = "the decision log is off"


class _NoLog:
    def write(self, questions: Sequence[Question], answers: Sequence[Answer]) -> None:
        """Nothing is written."""


@contextmanager
def _log(folder: Path) -> Iterator[Log]:
    folder.mkdir(parents=True, exist_ok=True)
    log: Any = DecisionLog(folder)
    try:
        log.write([], [])
    except NotImplementedError:
        print(f"{LOG_IS_OFF}: it cannot write yet", file=sys.stderr, flush=True)
        yield _NoLog()
        return
    with log:
        yield log


def main(port: int, log: Path, folders: list[Path]) -> None:
    declared = {json.loads((f / RELEASE).read_text())["scenario"]: Declared(f) for f in folders}
    limits = Limits(drain_seconds=0.0, stop_seconds=1.0)
    with _log(log) as written:
        serve(lambda: declared, written, limits, lambda: listen_on("127.0.0.1", port), print)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), [Path(one) for one in sys.argv[3:]])

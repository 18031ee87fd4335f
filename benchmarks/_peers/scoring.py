"""The server under test: `python -m benchmarks._peers.scoring PORT LOG RELEASE...`."""

import json
import sys
from pathlib import Path

from components.scoring.release import RELEASE
from serving.models import Declared
from serving.server import listen_on, serve
from serving.settings import Limits


def main(port: int, log: Path, folders: list[Path]) -> None:
    declared = {json.loads((f / RELEASE).read_text())["scenario"]: Declared(f) for f in folders}
    limits = Limits(drain_seconds=0.0, stop_seconds=1.0)
    bind = lambda: listen_on("127.0.0.1", port)  # noqa: E731
    serve(lambda: declared, log, limits, bind, print, ships=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), [Path(one) for one in sys.argv[3:]])

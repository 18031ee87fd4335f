"""Serve the release in a folder: what the serving image starts."""

import os
import sys
from pathlib import Path

from components.contracts.errors import VintageError
from components.scoring.release import Release
from serving.decision_log import DecisionLog
from serving.models import Declared
from serving.server import listen_on, serve
from serving.settings import Limits

_PORT = 8080


def main(folder: Path, release: str | None) -> int:
    """Verify the release, then listen; nothing listens before. `release` is the id to find."""

    def declared() -> dict[str, Declared]:
        return {Release.read(folder).scenario: Declared(folder, release)}

    try:
        limits = Limits.from_environment()
        serve(
            declared,
            DecisionLog(Path(os.environ.get("VINTAGE_DECISIONS") or "/tmp/decisions")),
            limits,
            lambda: listen_on("0.0.0.0", _PORT),  # noqa: S104 - a pod is reached by its address
            lambda where: sys.stdout.write(f"serving on {where}\n"),
        )
    except VintageError as error:
        sys.stderr.write(f"serving: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), os.environ.get("VINTAGE_RELEASE")))

"""Serve the release in a folder: what the serving image starts."""

import os
import sys
from pathlib import Path

from components.contracts.errors import VintageError
from serving.server import build, check_port, listen

_PORT = 8080


def main(folder: Path, release: str | None) -> int:
    """Verify the release, then listen; nothing listens before. `release` is the id to find."""
    try:
        app = build({folder: release})
        check_port("0.0.0.0", _PORT)  # noqa: S104 - a pod is reached by its address
    except VintageError as error:
        sys.stderr.write(f"serving: {error}\n")
        return 1
    listen(app, host="0.0.0.0", port=_PORT)  # noqa: S104 - as above
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), os.environ.get("VINTAGE_RELEASE")))

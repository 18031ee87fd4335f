"""Serve the release in a folder: what the serving image starts."""

import os
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from components.contracts.errors import VintageError
from serving import workers
from serving.settings import Limits

if TYPE_CHECKING:
    from serving.models import Declared

_DECISIONS = "/tmp/decisions"  # noqa: S108 - of a pod alone
_HOST = "0.0.0.0"  # noqa: S104 - a pod is reached by its address


def main(folder: Path, release: str | None, *, host: str = _HOST) -> int:
    """Verify the release, then listen; nothing listens before. `release` is the id to find."""

    def declared() -> "Mapping[str, Declared]":
        from components.scoring.release import Release
        from serving.models import Declared

        found = Release.read(folder)
        return {found.scenario: Declared(folder, release or found.id)}

    def serve(shared: bool) -> None:
        from serving.challengers import Challengers
        from serving.server import listen_on, serve
        from serving.shipping import installed_store

        # Without a store segments stay where they are, and nobody declares a challenger.
        stored = bool(os.environ.get("VINTAGE_STORE"))
        challengers = Challengers(declared, installed_store, look_seconds=limits.reload_seconds)
        with challengers if stored else nullcontext():
            serve(
                challengers if stored else declared,
                Path(os.environ.get("VINTAGE_DECISIONS") or _DECISIONS),
                limits,
                lambda: listen_on(host, limits.port, shared=shared),
                lambda where: print(f"serving on {where}", flush=True),  # noqa: T201 - to its user
                ships=stored,
            )

    try:
        limits = Limits.from_environment()
        return workers.run(limits.workers, serve)
    except VintageError as error:
        sys.stderr.write(f"serving: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), os.environ.get("VINTAGE_RELEASE")))

"""The server as a process, on a loopback port."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import user_environment

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import sys
from pathlib import Path
from serving.models import Declared
from serving.server import listen_on, serve
from serving.settings import Limits

folders = zip(*[iter(sys.argv[2:])] * 2)
declared = {name: Declared(Path(folder)) for name, folder in folders}
serve(
    lambda: declared, Path(sys.argv[1]), Limits.from_environment(),
    lambda: listen_on("127.0.0.1", 0), lambda where: print(where, flush=True), ships=False,
)
"""


@contextmanager
def running(**folders: Path) -> Iterator[str]:
    """Where a server of these releases answers, by the scenario's name with `_`, while it runs."""
    words = [
        word
        for name, folder in folders.items()
        for word in (name.replace("_", "-"), str(folder))
    ]  # fmt: skip
    with (
        tempfile.TemporaryDirectory() as decisions,
        subprocess.Popen(  # noqa: S603 - our own interpreter on our own words
            [sys.executable, "-c", _PROGRAM, decisions, *words],
            cwd=ROOT,
            env=user_environment(VINTAGE_SERVE_DRAIN_SECONDS="0", NO_PROXY="*"),
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            where = process.stdout.readline().strip()
            assert where.startswith("http://127.0.0.1:")
            yield where
        finally:
            process.terminate()
            process.wait(20)

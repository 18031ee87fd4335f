"""The server as a process, on a loopback port."""

import http.client
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.serving.asking import JSON, Reply
from tests.support import user_environment

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import sys
from pathlib import Path
from serving.models import Declared
from serving.server import listen_on, serve
from serving.settings import Limits

declared = {}
for name, champion, challenger in zip(*[iter(sys.argv[2:])] * 3):
    beside = {"challenger": Path(challenger), "share": 0.5} if challenger else {}
    declared[name] = Declared(Path(champion), **beside)
serve(
    lambda: declared, Path(sys.argv[1]), Limits.from_environment(),
    lambda: listen_on("127.0.0.1", 0), lambda where: print(where, flush=True), ships=False,
)
"""


@dataclass(frozen=True)
class Server:
    """A server that runs, and what it holds."""

    url: str
    pid: int

    @property
    def memory(self) -> int:
        """Bytes of memory that are its own."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("RssAnon:"))
        return int(line.split()[1]) * 1024

    @property
    def sockets(self) -> int:
        """Sockets that are open: its own, and one for each connection."""
        count = 0
        for file in Path(f"/proc/{self.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                count += os.readlink(file).startswith("socket:")
        return count


def connected(url: str) -> http.client.HTTPConnection:
    """A connection to a server; it is made again where the server closed it."""
    return http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)


def ask_on(
    connection: http.client.HTTPConnection,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] = JSON,
) -> Reply:
    """What is answered to one request: a POST, if it has a body."""
    connection.request("GET" if body is None else "POST", path, body, dict(headers))
    answer = connection.getresponse()
    told = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, told, answer.read())


def ask(url: str, path: str, body: bytes | None = None) -> Reply:
    """The same, on a connection of its own."""
    with closing(connected(url)) as connection:
        return ask_on(connection, path, body)


@contextmanager
def running(
    environment: Mapping[str, str] | None = None, **folders: Path | tuple[Path, Path]
) -> Iterator[Server]:
    """A server of these releases, by the scenario's name with `_`: a champion, or a champion and a
    challenger who answers half of the entities.
    """
    words = []
    for name, folder in folders.items():
        champion, challenger = folder if isinstance(folder, tuple) else (folder, "")
        words += [name.replace("_", "-"), str(champion), str(challenger)]
    with (
        tempfile.TemporaryDirectory() as decisions,
        subprocess.Popen(  # noqa: S603 - our own interpreter on our own words
            [sys.executable, "-c", _PROGRAM, decisions, *words],
            cwd=ROOT,
            env=user_environment(VINTAGE_SERVE_DRAIN_SECONDS="0", **(environment or {})),
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            where = process.stdout.readline().strip()
            assert where.startswith("http://127.0.0.1:")
            yield Server(where, process.pid)
        finally:
            process.terminate()
            process.wait(20)

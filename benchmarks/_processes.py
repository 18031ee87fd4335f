"""Servers as processes on a core of their own, and what they cost. Linux only: it reads /proc."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks._load import ask, get

#: The servers' core, and the clients'.
SERVER, CLIENT = 0, 1
#: Seconds until a server must be ready, and until it must have gone.
_START, _STOP = 120.0, 15.0
#: One thread a library, and no word to anybody else.
_ENVIRON = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "DO_NOT_TRACK"), "1"
)
_TICK = os.sysconf("SC_CLK_TCK")
_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ ")


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run this thread, and what it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """A port where nothing listens now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class UnavailableError(Exception):
    """A server that cannot be had here."""


class Server:
    """A server that runs, with all processes that it started."""

    def __init__(
        self, name: str, command: Sequence[str], port: int, ready: str, folder: Path,
        environ: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Start it in a folder, where its output goes too, and wait for `ready` to answer 200."""
        self.name, self.port = name, port
        folder.mkdir(parents=True, exist_ok=True)
        self._output = folder / f"{name}.output"
        self._started = time.perf_counter()
        with self._output.open("wb") as output, on_core(SERVER):
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command, cwd=folder, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, **_ENVIRON, **(environ or {})},
            )  # fmt: skip
        try:
            with on_core(CLIENT):
                self._wait(ready)
        except BaseException:
            self.stop()
            raise
        #: From the start of the process to the first 200.
        self.ready_seconds = time.perf_counter() - self._started

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait(self, path: str) -> None:
        while True:
            with contextlib.suppress(OSError):
                if ask(self.port, get(path)).status == 200:  # noqa: PLR2004 - HTTP's own number
                    return
            if self._process.poll() is not None:
                raise UnavailableError(
                    f"{self.name}: expected a server, found its end:\n{self.said()}"
                )
            if time.perf_counter() - self._started > _START:
                raise UnavailableError(
                    f"{self.name}: not ready within {_START:g} s:\n{self.said()}"
                )
            time.sleep(0.01)

    def said(self) -> str:
        """The end of what it wrote to its standard output and error."""
        return self._output.read_text(errors="replace")[-2_000:]

    def _all(self) -> list[int]:
        """The processes of its session."""
        found = []
        for one in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if int(_stat(one)[3]) == self._process.pid:
                    found.append(int(one.name))
        return found

    def cpu_seconds(self) -> float:
        """What all of it used so far, in user and system."""
        stats = [_stat(Path("/proc") / str(one)) for one in self._all()]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / _TICK

    def resident_mb(self, without: str) -> float:
        """Its memory, less what it mapped of files of this name."""
        found, counts = 0, True
        for one in self._all():
            for line in Path(f"/proc/{one}/smaps").read_text().splitlines():
                if _MAPPING.match(line):
                    counts = not line.endswith(f"/{without}")
                elif counts and line.startswith("Rss:"):
                    found += int(line.split()[1])
        return found / 1_024

    def stop(self) -> None:
        """End it: kindly, and then for good."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP)
        for one in self._all():
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self._process.wait()


def _stat(process: Path) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may have blanks."""
    return (process / "stat").read_text().rpartition(")")[2].split()

"""One process for each worker, on one port: the kernel deals out the connections."""

import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable

from components.contracts.errors import VintageError

#: Where workers meet with their figures; prometheus_client reads it once, when it is imported.
SHARED = "PROMETHEUS_MULTIPROC_DIR"
_PAUSE_S = 1.0  # before a worker that died has a successor
_FAILED = 1
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run(workers: int, serve: Callable[[bool], None]) -> int:
    """Serve in this process, or in so many beside it; returns the exit status, or raises what
    the one process raised.

    `serve` is told whether it shares its port. A worker that is killed has a successor; one that
    fails by itself, as it starts or later, says why and ends them all.
    """
    if workers == 1:
        serve(False)
        return 0
    with tempfile.TemporaryDirectory(prefix="vintage-metrics-") as folder:
        os.environ[SHARED] = folder
        return _Family(workers, serve).live()


class _Family:
    """The workers, as their parent sees them."""

    def __init__(self, workers: int, serve: Callable[[bool], None]) -> None:
        self._serve = serve
        self._wanted = workers
        self._alive: set[int] = set()
        self._stopping = False

    def live(self) -> int:
        """Start them, pass signals on, and wait until all have ended."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop())
        signal.signal(signal.SIGHUP, lambda *_: self._tell(signal.SIGHUP))
        for _ in range(self._wanted):
            self._start()
        status = 0
        while self._alive:
            pid, ended = os.wait()
            self._alive.discard(pid)
            if os.waitstatus_to_exitcode(ended) == _FAILED:
                status = _FAILED
                self._stop()
            elif not self._stopping:
                sys.stderr.write(f"serving: worker {pid} ended, another one starts\n")
                time.sleep(_PAUSE_S)
                self._start()
        return status

    def _start(self) -> None:
        if self._stopping:
            return
        sys.stdout.flush()
        # A signal between the fork and the note of it would miss the child.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        if pid := os.fork():
            self._alive.add(pid)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            return
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        status = 2
        try:
            self._serve(True)
            status = 0
        except Exception as error:  # noqa: BLE001 - nobody else has a word of it
            if not isinstance(error, VintageError):
                traceback.print_exc()
            sys.stderr.write(f"serving: {error}\n")
            status = _FAILED
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)  # the parent's clean-up is not the child's

    def _stop(self) -> None:
        self._stopping = True
        self._tell(signal.SIGTERM)

    def _tell(self, number: int) -> None:
        for pid in tuple(self._alive):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                self._alive.discard(pid)

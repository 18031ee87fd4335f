"""The server's process: models first, then the socket; and a calm end."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

import uvloop

from components.contracts.errors import EnvironmentFaultError
from serving.app import App
from serving.decision_log import DecisionLog
from serving.http import Listener
from serving.metrics import Metrics
from serving.models import Models, Source
from serving.settings import Limits
from serving.shipping import Shipper, installed_store

_BACKLOG = 2_048
_log = logging.getLogger("serving")


def listen_on(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket that listens; raises where nothing can. `shared` is with other workers."""
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind((host, port))
        found.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        found.close()
        raise EnvironmentFaultError(
            f"port {port} on {host}: expected to listen there, found: {error}; "
            "choose another with --port"
        ) from None
    found.setblocking(False)
    return found


def serve(
    source: Source, decisions: Path, limits: Limits, bind: Callable[[], socket.socket],
    ready: Callable[[str], None], *, ships: bool,
) -> None:  # fmt: skip
    """Verify what is declared, listen, answer until SIGTERM or SIGINT, drain.

    Nothing listens before every release scored its golden rows as recorded. `ready` is told where
    the server listens. Decisions are written to a folder, and with `ships` taken from there to the
    store that the environment names.
    """
    models = Models(source)
    sock = bind()
    host, port = sock.getsockname()[:2]
    shipper = Shipper(decisions, installed_store)
    with shipper if ships else nullcontext(), DecisionLog(decisions) as log:
        metrics = Metrics(models)
        metrics.watch(log, shipper)

        async def run() -> None:
            app = App(models, log, limits, metrics, asyncio.get_running_loop())
            await _serve(app, models, limits, sock, lambda: ready(f"http://{host}:{port}"))

        uvloop.run(run())


async def _serve(
    app: App, models: Models, limits: Limits, sock: socket.socket, ready: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    listener = Listener(app, limits, loop)
    server = await loop.create_server(listener.connection, sock=sock)
    stop, drain = asyncio.Event(), limits.drain_seconds

    def hurry() -> None:
        # Who presses Ctrl-C has no balancer that would have to learn of it.
        nonlocal drain
        drain = 0.0
        stop.set()

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, hurry)
    looked_again = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, looked_again.set)
    tasks = [
        asyncio.create_task(_sweep(listener)),
        asyncio.create_task(_reload(models, limits, looked_again)),
    ]
    ready()
    await stop.wait()
    # A balancer learns of the end later than we do: until then its requests are welcome.
    app.routes.draining = listener.draining = True
    await asyncio.sleep(drain)
    server.close()
    listener.close_idle()
    if not await _until(lambda: not listener.busy, limits.stop_seconds):
        _log.error("%d requests were not answered within %g s", listener.busy, limits.stop_seconds)
    for task in tasks:
        task.cancel()
    app.close()


async def _sweep(listener: Listener) -> None:
    while True:
        await asyncio.sleep(1.0)
        listener.sweep()


async def _reload(models: Models, limits: Limits, asked: asyncio.Event) -> None:
    """Look again and again at what is declared; loading waits in a thread, answers do not."""
    told: dict[str, str] = {}
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), limits.reload_seconds)
        asked.clear()
        before = models.served
        faults = dict(await asyncio.to_thread(models.refresh))
        for name, one in models.served.items():
            if one is not before.get(name):
                _log.warning("%s", one.told())
        for name, why in faults.items():
            if told.get(name) != why:
                _log.error("%s", why)
        told = faults


async def _until(done: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so, at most so long."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not done():
        if loop.time() >= end:
            return False
        await asyncio.sleep(min(0.05, max(0.0, end - loop.time())))
    return True

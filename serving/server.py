"""Start the server: verify every release first, then listen."""

import socket
from collections.abc import Sequence

import uvicorn

from components.contracts.errors import EnvironmentFaultError
from components.scoring.release import Place, Scorer
from serving.app import App


def check_port(host: str, port: int) -> None:
    """Raise where nothing can listen on this port."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        raise EnvironmentFaultError(
            f"port {port} on {host}: expected to listen there, found: {error}; "
            "choose another with --port"
        ) from None


def build(places: Sequence[Place]) -> App:
    """The application for these releases; raises where one does not verify."""
    return App({place.scenario: Scorer(place) for place in places})


def listen(app: App, *, host: str, port: int) -> None:
    """Answer requests until stopped."""
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)

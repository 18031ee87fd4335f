"""Start the server: verify every release first, then listen."""

import socket
from collections.abc import Mapping
from pathlib import Path

import uvicorn

from components.contracts.errors import EnvironmentFaultError
from components.scoring.scorer import Scorer
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


def build(folders: Mapping[Path, str | None]) -> App:
    """The application for the releases in these folders; raises where one does not verify.

    With each folder goes the id of the release that must be in it; None takes any.
    """
    scorers = [Scorer(folder, expected) for folder, expected in folders.items()]
    return App({scorer.release.scenario: scorer for scorer in scorers})


def listen(app: App, *, host: str, port: int) -> None:
    """Answer requests until stopped."""
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)

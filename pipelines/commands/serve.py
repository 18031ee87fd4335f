"""`vintage serve`: answer clients for the deployed champions, and follow their changes."""

import argparse
import sys
from collections.abc import Mapping
from socket import socket
from typing import TYPE_CHECKING

from components.contracts.errors import VintageError

if TYPE_CHECKING:
    from serving.models import Declared

HELP = "serve the champions over HTTP (KServe V1 and V2)"
EXAMPLE = "vintage serve card-default --port 8080"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenarios", nargs="*", help="which to serve (default: all deployed)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--port", type=int, help="port to listen on (default: VINTAGE_SERVE_PORT, or 8080)"
    )


def main(args: argparse.Namespace) -> int:
    from components.deployment.step import decisions_folder, deployed, deployed_scenarios
    from pipelines.scenarios import check_name
    from serving import workers
    from serving.settings import Limits

    for name in args.scenarios:
        check_name(name)
    limits = Limits.from_environment()
    port = limits.port if args.port is None else args.port
    names = args.scenarios or deployed_scenarios()
    if not names:
        raise VintageError("serve: expected a deployed champion, found none; see: vintage run")

    def declared() -> "Mapping[str, Declared]":
        from components.scoring.release import Release
        from serving.models import Declared

        folders = {name: deployed(name) for name in names}
        return {name: Declared(found, Release.read(found).id) for name, found in folders.items()}

    def ready(where: str) -> None:
        sys.stdout.write(f"serving {', '.join(names)} on {where}; stop with Ctrl-C\n")
        sys.stdout.flush()

    def serve(shared: bool) -> None:
        from serving.challengers import Challengers
        from serving.server import listen_on, serve
        from serving.shipping import installed_store

        def bind() -> socket:
            return listen_on(args.host, port, shared=shared)

        with Challengers(declared, installed_store, look_seconds=limits.reload_seconds) as source:
            serve(source, decisions_folder(), limits, bind, ready, ships=True)

    return workers.run(limits.workers, serve)

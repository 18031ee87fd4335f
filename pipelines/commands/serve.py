"""`vintage serve`: answer KServe V1 predict for deployed champions."""

import argparse
import sys

from components.contracts.errors import VintageError

HELP = "serve the champions over HTTP (KServe V1)"
EXAMPLE = "vintage serve card-default --port 8080"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenarios", nargs="*", help="which to serve (default: all deployed)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on")


def main(args: argparse.Namespace) -> int:
    from components.deployment.step import deployed, deployed_scenarios
    from pipelines.scenarios import check_name
    from serving.server import build, check_port, listen

    for name in args.scenarios:
        check_name(name)
    names = args.scenarios or deployed_scenarios()
    if not names:
        raise VintageError("serve: expected a deployed champion, found none; see: vintage run")
    app = build(dict.fromkeys(deployed(name) for name in names))
    check_port(args.host, args.port)
    sys.stdout.write(
        f"serving {', '.join(names)} on http://{args.host}:{args.port}; stop with Ctrl-C\n"
    )
    sys.stdout.flush()
    listen(app, host=args.host, port=args.port)
    return 0

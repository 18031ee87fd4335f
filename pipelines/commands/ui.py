"""`vintage ui`: MLflow's own UI on this installation's store."""

import argparse
import os
import sys

HELP = "open MLflow's UI on this store"
EXAMPLE = "vintage ui --port 5000"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=5000, help="port to listen on")


def main(args: argparse.Namespace) -> int:
    from components.deployment.step import tracking_uri
    from serving.server import listen_on

    uri = tracking_uri()
    listen_on(args.host, args.port).close()
    sys.stdout.write(f"MLflow on http://{args.host}:{args.port}; stop with Ctrl-C\n")
    sys.stdout.flush()
    # Its job queues are for hosted language models: eight processes that nobody here talks to.
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="1")
    # In place of this process, so that whoever stops it stops the server.
    os.execv(  # noqa: S606 - our own interpreter and settings
        sys.executable,
        [
            sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri,
            "--host", args.host, "--port", str(args.port), "--workers", "1",
        ],
    )  # fmt: skip

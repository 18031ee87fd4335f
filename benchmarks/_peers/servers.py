"""How each server is started."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks._model import NAMES
from benchmarks._peers import mlflow_model
from benchmarks._peers.environment import environment
from benchmarks._processes import Server, free_port

#: What the peers call the model.
MODEL = "model"
_ROOT = Path(__file__).parents[2]
_OURS = {"PYTHONPATH": str(_ROOT)}
_XGBOOST = "xgboost-cpu==3.2.0"  # as the project has it


def ours(folder: Path, releases: Sequence[Path], scenario: str) -> Server:
    """The server under test, one worker, its decisions logged below the folder."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks._peers.scoring", str(port)]
    command += [str(folder / "decisions"), *map(str, releases)]
    return Server("ours", command, port, f"/v1/models/{scenario}", folder / "ours", _OURS)


def kserve(folder: Path, booster: Path) -> Server:
    """KServe's server as it starts by itself: one worker, gRPC beside, a line logged a request."""
    http, grpc = free_port(), free_port()
    command = [sys.executable, "-m", "benchmarks._peers.kserve_xgboost", str(http), str(grpc)]
    command += [MODEL, str(booster)]
    return Server("kserve", command, http, f"/v1/models/{MODEL}", folder / "kserve", _OURS)


def mlserver(folder: Path, booster: Path) -> Server:
    """MLServer as it starts by itself: one process for HTTP, one that scores."""
    home = environment(
        "mlserver",
        # Its workers ask for an event loop in a way that newer ones of uvloop refuse.
        ("mlserver==1.7.1", "uvloop==0.21.0", _XGBOOST, "scikit-learn"),
        ("--no-deps", "mlserver-xgboost==1.7.1"),  # asks for XGBoost's other, larger package
    )
    own = folder / "mlserver"
    own.mkdir()
    http, grpc, metrics = free_port(), free_port(), free_port()
    settings = {"http_port": http, "grpc_port": grpc, "metrics_port": metrics}
    (own / "settings.json").write_text(json.dumps({"host": "127.0.0.1", **settings}))
    implementation = "mlserver_xgboost.XGBoostModel"
    model = {"name": MODEL, "implementation": implementation, "parameters": {"uri": str(booster)}}
    (own / "model-settings.json").write_text(json.dumps(model))
    command = [str(home / "bin" / "mlserver"), "start", str(own)]
    return Server("mlserver", command, http, f"/v2/models/{MODEL}/ready", own, _path(home))


def mlflow(folder: Path, booster: Path) -> Server:
    """`mlflow models serve`, one worker as by default, a model without a signature: the least that
    it can check.
    """
    home = environment("mlflow", ("mlflow==3.17.2", _XGBOOST))
    own, port = folder / "mlflow", free_port()
    own.mkdir()
    subprocess.run(  # noqa: S603 - our own command
        [home / "bin" / "python", mlflow_model.__file__, booster, own / "model", *NAMES],
        check=True, capture_output=True, cwd=own,
    )  # fmt: skip
    command = [str(home / "bin" / "mlflow"), "models", "serve", "--env-manager", "local"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--model-uri", str(own / "model")]
    return Server("mlflow", command, port, "/ping", own, _path(home))


def _path(home: Path) -> dict[str, str]:
    return {"PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ""}

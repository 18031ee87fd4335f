"""Run pipelines on this machine: kfp.local, one subprocess a task, no environment of its own."""

import contextlib
import os
import shutil
import uuid
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def new_run() -> str:
    """A name for a run: when it began, and something that no other one has."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"


def home() -> Path:
    """The folder with all state, wherever the tasks are started."""
    folder = Path(os.environ.get("VINTAGE_HOME") or ".vintage").absolute()
    os.environ["VINTAGE_HOME"] = str(folder)
    return folder


def as_typed(path: str) -> str:
    """A path as it is typed from here."""
    relative = os.path.relpath(path) if path.startswith("/") else path
    return relative if not relative.startswith("..") else path


def run_locally(pipeline: Any, *, run: str, **arguments: str) -> bool:
    """Run one pipeline of a run to its end. True if it succeeded."""
    from kfp import local

    from components.deployment.step import log_of

    # KFP's own artifacts: references into the store, gone afterwards.
    root, log = home() / "kfp" / run, log_of(run)
    # Not ours, and read by kfp.local's messages only.
    warnings.filterwarnings("ignore", message="You may be attemping to run a task")
    # What a task's pod is given means nothing here, and is meant to.
    warnings.filterwarnings("ignore", message="Task .* have no effect in the current local runner")
    local.init(
        runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(root), raise_on_error=True
    )
    log.parent.mkdir(parents=True, exist_ok=True)
    # KFP's runner leaves a folder a task in the temporary folder; there they go with the rest.
    (root / "tmp").mkdir(parents=True)
    os.environ["TMPDIR"] = str(root / "tmp")
    with log.open("a") as stream, contextlib.redirect_stdout(stream):
        try:
            pipeline(run=run, **arguments)
        except RuntimeError as error:  # kfp.local's word for a task that failed
            stream.write(f"{error}\n")
            return False
        finally:
            shutil.rmtree(root, ignore_errors=True)
    return True

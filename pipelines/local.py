"""Run a pipeline on this machine: kfp.local, one subprocess a task, no environment of its own."""

import contextlib
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

from kfp import local


def run_locally(pipeline: Any, arguments: dict[str, str], *, root: Path, log: Path) -> bool:
    """Run to the end; everything that KFP and the tasks print goes to `log`. True if it succeeded.

    `root` holds KFP's own artifacts of this run: references into the store, gone afterwards.
    """
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
    with log.open("w") as stream, contextlib.redirect_stdout(stream):
        try:
            pipeline(**arguments)
        except RuntimeError as error:  # kfp.local's word for a task that failed
            stream.write(f"{error}\n")
            return False
        finally:
            shutil.rmtree(root, ignore_errors=True)
    return True

"""What the local pipeline costs: a whole run, an unchanged one, and KFP's overhead a task.

Peers: the limit in seconds where the goal is one (30,000 rows of sample data, set-up done), and
kfp.local's default of an environment a task for the overhead.
"""

import contextlib
import io
import subprocess
import sys
import tempfile
import time

from kfp import dsl, local

from benchmarks._line import line

_TASKS = 8


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def nothing() -> None:
    """A task that does nothing."""


@dsl.pipeline(name="nothing")
def eight() -> None:
    """As many tasks as the training pipeline has."""
    for _ in range(_TASKS):
        nothing()


@dsl.component(base_image="python:3.11")
def nothing_alone() -> None:
    """The same as KFP makes it by default: it installs KFP into its environment first."""


@dsl.pipeline(name="nothing-once")
def one() -> None:
    """One task."""
    nothing_alone()


def _seconds_a_task(*, use_venv: bool, pipeline: object, tasks: int) -> float:
    with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(io.StringIO()):
        local.init(local.SubprocessRunner(use_venv=use_venv), pipeline_root=root)
        started = time.perf_counter()
        pipeline()  # type: ignore[operator]
        return (time.perf_counter() - started) / tasks


def _run(home: str) -> float:
    command = [sys.executable, "-m", "pipelines.cli", "run", "card-default", "--home", home]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own command
    return time.perf_counter() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        first = _run(home)
        again = min(_run(home) for _ in range(3))
    line("run on sample data, s (peer: the limit)", ours=first, peer=120.0, goal=1.0)
    line("unchanged run, s (peer: the limit)", ours=again, peer=3.0, goal=1.0)
    line("unchanged run against the first", ours=again, peer=first, goal=0.1)
    thin = min(_seconds_a_task(use_venv=False, pipeline=eight, tasks=_TASKS) for _ in range(3))
    thick = _seconds_a_task(use_venv=True, pipeline=one, tasks=1)
    line("overhead a task, s (peer: the limit)", ours=thin, peer=0.15, goal=1.0)
    line("overhead a task (peer: kfp.local's default)", ours=thin, peer=thick, goal=0.1)


if __name__ == "__main__":
    main()

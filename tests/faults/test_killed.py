"""A whole run that is killed: the same command goes on with it.

A file of its own: it is long, and starts processes of its own; another one may run beside it.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import samples
from tests.support import user_environment


def test_a_run_that_was_killed_while_it_ingests_is_resumed_by_the_same_command(
    tmp_path: Path,
) -> None:
    home, data = tmp_path / "home", tmp_path / "data"
    samples.write("card-default", data, rows=1_000, seed=42)
    command = [
        sys.executable, "-m", "pipelines.cli", "run", "card-default", "--pipeline", "exploration",
        "--data", str(data), "--home", str(home),
    ]  # fmt: skip
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        command,
        cwd=tmp_path,
        env=user_environment(),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        try:
            deadline = time.monotonic() + 120
            while not list(home.glob("store/.work/*/profile")):  # Spark is at its first table
                assert run.poll() is None, "the run ended before it could be killed"
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            os.killpg(run.pid, signal.SIGKILL)
    assert list(home.glob("store/.work/*"))
    assert not (home / "store" / "card-default").exists()
    done = subprocess.run(  # noqa: S603 - as above
        command,
        cwd=tmp_path,
        env=user_environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "status      explored" in done.stdout
    assert list(home.glob("store/.work/*")) == [], "what the killed run left is swept"
    assert len(list((home / "store" / "card-default" / "explorations").glob("*"))) == 1

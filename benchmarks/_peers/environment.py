"""The peers' own environments: made once, below VINTAGE_BENCH_HOME or the system's temp."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks._processes import UnavailableError

_MADE = "made.txt"


def environment(name: str, *installs: tuple[str, ...]) -> Path:
    """The folder of an environment with these packages; raises where it cannot be made.

    Each of the installs is what `uv pip install` is told, in this order.
    """
    home = Path(
        os.environ.get("VINTAGE_BENCH_HOME") or Path(tempfile.gettempdir(), "vintage-bench")
    )
    folder = home / name
    wanted = repr(installs)
    made = folder / _MADE
    if made.is_file() and made.read_text() == wanted:
        return folder
    print(f"serving: {name}: its environment is made in {folder}", file=sys.stderr)
    try:
        _uv("venv", "--clear", "--python", sys.executable, str(folder))
        for packages in installs:
            _uv("pip", "install", "--python", str(folder / "bin" / "python"), *packages)
    except (OSError, subprocess.CalledProcessError) as error:
        told = (getattr(error, "stderr", None) or b"").decode()
        raise UnavailableError(f"{name} cannot be installed: {error}\n{told[-1_000:]}") from None
    made.write_text(wanted)
    return folder


def _uv(*arguments: str) -> None:
    subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "uv", "--quiet", *arguments], check=True, capture_output=True
    )

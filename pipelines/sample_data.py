"""Sample data of a scenario's real size, made once an installation."""

import shutil
import sys
import time
import uuid
from pathlib import Path


def data_for(scenario: str, home: Path, given: str | None) -> str:
    """Where the files are: what was given, else the scenario's sample data."""
    data = given or str(sample_data(scenario, home))
    return data if data.startswith(("s3://", "s3a://")) else str(Path(data).absolute())


def sample_data(scenario: str, home: Path) -> Path:
    """The folder of a scenario's sample data."""
    import samples

    rows = samples.real_size(scenario)
    folder = home / "samples" / f"{scenario}-{rows}"
    if not folder.is_dir():
        started = time.monotonic()
        working = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}")
        samples.write(scenario, working, rows=rows, seed=42)
        try:
            working.rename(folder)
        except OSError:  # another run made the same files meanwhile
            shutil.rmtree(working)
        sys.stdout.write(f"  {'sample data':<12}{time.monotonic() - started:7.1f} s\n")
    return folder

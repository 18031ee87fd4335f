"""Thousands of requests that the server's own description allows, and forbids, over the network."""

import re
import sys
from pathlib import Path

from tests.serving.running import ask, running
from tests.support import python

#: How many requests fit is for the machine to say; a run of few would have tried nothing.
_SECONDS, _AT_LEAST = 30, 200
#: A schema cannot say that there are as many entities as instances, or as much data as a shape
#: tells: what it allows beyond that is refused, with a word. What is too large has a 413.
_SETTINGS = """
[checks.positive_data_acceptance]
enabled = false
[checks.negative_data_rejection]
expected-statuses = [400, 401, 404, 405, 406, 413, 415, 422, 431]
"""


def test_no_request_that_the_description_allows_or_forbids_breaks_the_server(
    release: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(_SETTINGS)
    command = Path(sys.executable).with_name("schemathesis")
    with running(small_loans=release) as server:
        done = python(
            str(command), "--config-file", str(settings), "run", f"{server.url}/openapi.json",
            "--max-time", str(_SECONDS), "--seed", "1", "--generation-database", "none",
            "--continue-on-failure", "--no-color", "--no-shrink", "--warnings", "off",
            cwd=tmp_path,
        )  # fmt: skip
        counts = _answers(server.url)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-1_000:]
    assert sum(counts.values()) >= _AT_LEAST, counts
    assert not [status for status in counts if status >= 500], counts
    assert counts[200]


def _answers(url: str) -> dict[int, float]:
    """How often the server answered with which status."""
    lines = ask(url, "/metrics").body.decode().splitlines()
    counts: dict[int, float] = {}
    for line in lines:
        if found := re.fullmatch(r'vintage_requests_total\{.*status="(\d+)"\} (.*)', line):
            counts[int(found[1])] = counts.get(int(found[1]), 0.0) + float(found[2])
    return counts

"""Sample data is written in chunks: what is held at a time does not grow with the rows."""

import tracemalloc
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pytest

import samples
from pipelines.scenarios import names

_CHUNK = 300


def _most_held(scenario: str, out: Path, rows: int) -> int:
    """Bytes that were held at most while so many rows were written."""
    tracemalloc.start()
    try:
        samples.write(scenario, out, rows=rows, seed=7)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("scenario", names())
def test_memory_does_not_grow_with_the_rows(scenario: str, tmp_path: Path) -> None:
    module = import_module(f"samples.{scenario.replace('-', '_')}")
    with patch.object(module, "_CHUNK", _CHUNK):
        samples.write(scenario, tmp_path, rows=_CHUNK, seed=7)  # what is loaded and cached once
        few, many = (_most_held(scenario, tmp_path, rows) for rows in (2 * _CHUNK, 8 * _CHUNK))
    # Chunks differ by chance; the text of four times the rows, if it were held, is far more.
    assert many < 1.4 * few

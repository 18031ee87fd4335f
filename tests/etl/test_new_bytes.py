"""A source file is what its bytes are, not its name, size or date."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

import samples
from components.etl import step
from pipelines.scenarios import load
from tests.support import Walk


@pytest.fixture
def landings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were landed; landing and cleaning themselves are left out."""
    seen: list[Path] = []

    def land(
        _work: object, _spark: object, _spec: str, _data: str, places: tuple[Path, Path], _day: str,
        target: Path,
    ) -> Mapping[str, object]:  # fmt: skip
        folder, _ = places
        seen.append(folder)
        for source in ("profile.csv", "transactions.csv"):
            (target / source).write_bytes((folder / source).read_bytes())
        return {}

    def clean(
        _work: object, _spark: object, _spec: str, _data: str, _landed: object, _as_of: str,
        target: Path,
    ) -> Mapping[str, object]:  # fmt: skip
        (target / "rows").write_text("one")
        return {"rows": 1, "as_of": "", "layers": [], "quarantine": []}

    monkeypatch.setattr(step, "_land", land)
    monkeypatch.setattr(step, "_clean", clean)
    return seen


@pytest.mark.usefixtures("home")
def test_twelve_changes_of_one_byte_land_twelve_times_and_going_back_lands_none(
    tmp_path: Path, landings: list[Path]
) -> None:
    data = tmp_path / "data"
    samples.write("card-default", data, rows=60, seed=1)
    scenario, runs = load("card-default"), iter(f"run-{n}" for n in range(40))
    Walk(scenario, data, next(runs)).ingest()
    assert len(landings) == 1
    landed_again = 0
    for name in ("profile.csv", "transactions.csv"):
        file = data / name
        original, dated = file.read_bytes(), file.stat()
        for place in range(6):
            position = len(original) * (place + 1) // 7
            changed = bytearray(original)
            changed[position] ^= 1
            before = len(landings)
            file.write_bytes(bytes(changed))
            os.utime(file, ns=(dated.st_atime_ns, dated.st_mtime_ns))
            assert file.stat().st_size == dated.st_size
            Walk(scenario, data, next(runs)).ingest()
            landed_again += len(landings) - before
        file.write_bytes(original)
    assert landed_again == 12
    before = len(landings)
    Walk(scenario, data, next(runs)).ingest()
    assert len(landings) == before

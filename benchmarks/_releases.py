"""Releases of the model that the figures are promised for."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._model import rows_of
from components.scoring.bundle import CARD, SPEC, Bundle, write_manifest
from components.scoring.release import BUNDLE, RELEASE, SNAPSHOT, CutOff, Release
from components.scoring.snapshot import pack

_BLOCK = 50_000


def entity(number: int) -> str:
    """The id of an entity of a release made here."""
    return f"e{number:07d}"


def whole_rows(count: int, seed: int) -> NDArray[np.float64]:
    """Rows without a gap: a gap in JSON is null, which not every peer reads."""
    return np.nan_to_num(rows_of(count, seed)[0])


def entity_rows(entities: int) -> Iterator[NDArray[np.float64]]:
    """The entities' inputs, in blocks."""
    for start in range(0, entities, _BLOCK):
        yield whole_rows(min(_BLOCK, entities - start), 1_000 + start // _BLOCK)


def release(folder: Path, bundle: Bundle, scenario: str, entities: int) -> Path:
    """Write a release of the bundle under a scenario's name, for so many entities."""
    own = folder / BUNDLE
    shutil.copytree(bundle.folder, own)
    for name in (SPEC, CARD):
        text = json.loads((own / name).read_text())
        (own / name).write_text(json.dumps({**text, "scenario": scenario}))
    identity = write_manifest(own)
    ids = [entity(number) for number in range(entities)]
    packed = pack(folder / SNAPSHOT, ids, bundle.spec.inputs, entity_rows(entities))
    found = Release(scenario, bundle.spec.family, identity, packed, CutOff(1, 0.3))
    (folder / RELEASE).write_text(found.to_json())
    return folder

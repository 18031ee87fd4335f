"""A bundle scores as its library does, or is not written; the same rows write the same."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from components.contracts.errors import BundleError
from components.scoring.bundle import BUNDLE, MODEL, Bundle
from components.scoring.reference import freeze
from components.scoring.spec import TreesModel
from components.training.bundle import TOLERANCE, write_bundle
from components.training.fit import train
from tests.making import (
    EVERY,
    FAMILIES,
    LOGISTIC,
    Models,
    data,
    silent,
    train_models,
    train_spec,
)

ROOT = Path(__file__).parents[2]
families = pytest.mark.parametrize("family", FAMILIES)


def written_again(models: Models, family: str, folder: Path, margin: Any) -> str:
    """A bundle of the fixture, written with other margins of its library's own."""
    bundle = models.bundle(family)
    spec = bundle.spec
    rows = models.data.rows("train", "validation")
    inputs, features = models.data.inputs[rows], models.data.features[rows]
    onnx = (
        (models.folder / family / MODEL).read_bytes() if isinstance(spec.model, TreesModel) else b""
    )
    scores = bundle.score(inputs)
    return write_bundle(
        folder,
        spec=spec,
        onnx=onnx,
        own_margin=margin(scores.margin),
        rows=inputs,
        reference=freeze([f.name for f in spec.features], [0, 0, 3, 0, 0], features, scores.pd),
        card={},
        scorecard=None,
    )


@families
def test_a_bundle_that_scores_as_its_library_is_written(
    models: Models, tmp_path: Path, family: str
) -> None:
    identity = written_again(models, family, tmp_path / "bundle", lambda own: own)
    assert Bundle.load(tmp_path / "bundle", identity).verify() > 20


@families
def test_a_bundle_that_scores_otherwise_than_its_library_is_refused(
    models: Models, tmp_path: Path, family: str
) -> None:
    def moved(own: NDArray[np.float64]) -> NDArray[np.float64]:
        # One row, and twice as far as it may be.
        far = own.copy()
        row = int(np.abs(own).argmin())
        far[row] += 2 * TOLERANCE * max(1.0, abs(own[row]))
        return far

    message = f"bundle small-loans {family}: expected log odds within 0.0001 of the library's own"
    with pytest.raises(BundleError, match=message):
        written_again(models, family, tmp_path / "bundle", moved)


@families
def test_a_bundle_whose_library_gives_no_number_is_refused(
    models: Models, tmp_path: Path, family: str
) -> None:
    with pytest.raises(BundleError, match="expected log odds within"):
        written_again(models, family, tmp_path / "bundle", lambda own: np.full_like(own, np.nan))


def test_training_twice_gives_the_same_bundles_byte_for_byte(
    models: Models, tmp_path: Path
) -> None:
    again = train_models(tmp_path)
    assert again.candidates == models.candidates
    for family in FAMILIES:
        names = {path.name for path in (models.folder / family).iterdir()}
        assert names == {path.name for path in (tmp_path / family).iterdir()}
        for name in names:
            first, second = (
                (root / family / name).read_bytes() for root in (models.folder, tmp_path)
            )
            assert first == second


@pytest.mark.parametrize("made", [data(500), data(seed=8)], ids=["other rows", "other values"])
def test_other_rows_give_another_bundle(models: Models, tmp_path: Path, made: Any) -> None:
    found = train(made, train_spec(LOGISTIC), tmp_path, silent).candidates[0].bundle
    assert found != models.of("logistic").bundle


# Every family, searched, one of them with rows made up, and fitted again on all rows.
_TRAIN = """
import json, sys
from pathlib import Path
from components.contracts.families import Search, Training
from components.training.fit import train
from tests.making import EVERY, data, silent, train_spec

every = tuple(f.at({"search": None, "imbalance": "smote"} if f.kind == "logistic" else
                   {"search": None}) for f in EVERY)
training = Training(families=every, search=Search(trials=2, folds=2), refit=True)
found = train(data(2000), train_spec(training=training), Path(sys.argv[1]), silent)
print(json.dumps([[c.family, c.bundle, c.released, [t.folds for t in c.trials]]
                  for c in found.candidates]))
"""


def test_every_family_is_the_same_to_the_byte_on_one_thread_or_two_at_any_place(
    tmp_path: Path,
) -> None:
    started = []
    for threads, zone, seed in (("1", "Pacific/Kiritimati", "1"), ("2", "America/Lima", "2")):
        folder = tmp_path / f"on {threads}"
        (folder / "work").mkdir(parents=True)
        environment = {
            **os.environ,
            **{"OMP_NUM_THREADS": threads, "TZ": zone, "PYTHONHASHSEED": seed},
            **{"PYTHONPATH": str(ROOT), "LC_ALL": "C" if seed == "1" else "C.UTF-8"},
            # What scikit-learn takes for the number of cores.
            "LOKY_MAX_CPU_COUNT": threads,
        }
        started.append(
            subprocess.Popen(  # noqa: S603 - our own interpreter, our own text
                [sys.executable, "-c", _TRAIN, folder / "models"],
                cwd=folder / "work",
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    answers = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0], answers
    first, second = (json.loads(out) for out, _ in answers)
    assert [found[0] for found in first] == [family.kind for family in EVERY]
    assert first == second
    for family in FAMILIES:
        one, two = (
            (tmp_path / f"on {n}" / "models" / family / BUNDLE).read_bytes() for n in (1, 2)
        )
        assert one == two

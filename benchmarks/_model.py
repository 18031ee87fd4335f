"""A model of the size that the figures are promised for: 200 trees of depth 6 on 40 numbers."""

from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import xgboost
from numpy.typing import NDArray

from components.contracts.families import Search, Training, XGBoostFamily
from components.contracts.modelling import Feature, Reason
from components.contracts.policy import Points
from components.contracts.scenario import TrainSpec
from components.contracts.sources import Column, Kind
from components.scoring.bundle import Bundle
from components.training import onnx
from components.training.fit import train
from components.training.matrix import Data
from components.training.onnx import of_xgboost

WIDTH = 40
NAMES = tuple(f"F{number:02d}" for number in range(WIDTH))


@dataclass(frozen=True)
class Made:
    """A bundle, rows that it knows, and the model in it as its library has it."""

    bundle: Bundle
    rows: NDArray[np.float64]
    booster: xgboost.Booster


def rows_of(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Numbers, a twentieth of them missing, and a label that half of them tell something of."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, WIDTH))
    weights = np.where(np.arange(WIDTH) % 2, rng.normal(size=WIDTH) / 3, 0.0)
    odds = values @ weights + 0.3 * values[:, 0] * values[:, 1] - 1.5
    label = (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    values[rng.integers(0, 20, values.shape) == 0] = np.nan
    return values, label


def make(folder: Path, *, rows: int = 20_000, rounds: int = 200) -> Made:
    """Train it the way the pipeline does, nothing searched."""
    values, label = rows_of(rows, 1)
    split = np.where(np.arange(len(label)) % 5, "train", "validation")
    spec = TrainSpec(
        scenario="forty-numbers",
        label="bad",
        inputs=tuple(Column(name=name, kind=Kind.NUMBER, max_missing=1) for name in NAMES),
        features=tuple(
            Feature(
                name=name,
                title=name,
                reason=Reason(code=name, text="{value} is high", below="{value} is low"),
            )
            for name in NAMES
        ),
        training=Training(
            families=(XGBoostFamily(rounds=rounds, max_depth=6, eta=0.05, search={}),),
            search=Search(folds=2),
        ),
        points=Points(),
        most_reasons=4,
        groups="none",
    )
    boosters = list[xgboost.Booster]()

    def kept(booster: xgboost.Booster, width: int) -> bytes:
        boosters.append(booster)
        return of_xgboost(booster, width)

    with patch.object(onnx, "of_xgboost", kept):
        trained = train(Data(values, values, label, split), spec, folder, lambda *_: None)
    found = trained.of_chosen()
    return Made(Bundle.load(folder / found.folder, found.bundle), values, boosters[0])

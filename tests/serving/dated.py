"""A release made by hand: a model of dates and flags, with its golden rows."""

import json
from datetime import date
from pathlib import Path

import numpy as np

from components.scoring.bundle import CARD, GOLDEN, REFERENCE, SPEC, Bundle, write_manifest
from components.scoring.model import Linear
from components.scoring.reference import freeze
from components.scoring.release import BUNDLE, RELEASE, SNAPSHOT, CutOff, Release
from components.scoring.snapshot import pack
from components.scoring.spec import (
    Columns,
    Input,
    LinearModel,
    NumberColumn,
    Platt,
    ReasonText,
    RowFeature,
    Scale,
    Spec,
)
from tests.making import changed

#: The first birthday that is believed, and the last day that anybody begins a job: in days.
EARLIEST, LATEST = (float((day - date(1970, 1, 1)).days) for day in (
    date(1900, 1, 1), date(2100, 1, 1),
))  # fmt: skip
MODEL = LinearModel(1.0, (-0.05, -0.1, -1.0))
SPECIFICATION = Spec(
    scenario="repeat",
    family="logistic",
    inputs=(
        Input("BIRTHDAY", "date", minimum=EARLIEST),
        Input("JOB_START", "date", nullable=True, maximum=LATEST, outside="missing"),
        Input("LOAN_DATE", "date"),
        Input("OWNS_CAR", "category", ("N", "Y")),
    ),
    features=(
        RowFeature("AGE", "(LOAN_DATE - BIRTHDAY) / 365.25"),
        RowFeature("YEARS_ON_JOB", "(LOAN_DATE - JOB_START) / 365.25"),
        RowFeature("CAR", 'OWNS_CAR == "Y"'),
    ),
    columns=Columns(tuple(NumberColumn(n, impute=0.0) for n in range(3))),
    model=MODEL,
    calibration=Platt(),
    points=Scale(600, 50, 20),
    reasons=(
        ReasonText("AGE", "Older", "{value} years old, usual is {reference}", None, 40.0),
        ReasonText("JOB", "Long in the job", "New in the job", "No job", 5.0),
        ReasonText("CAR", "A car", "No car", None, 1.0),
    ),
    most_reasons=3,
)
ROW: dict[str, object] = {
    "BIRTHDAY": "1990-05-31",
    "JOB_START": "2023-06-01",
    "LOAN_DATE": "2024-05-31",
    "OWNS_CAR": "N",
}
ROWS = [ROW, changed(ROW, JOB_START=None), changed(ROW, OWNS_CAR="Y", BIRTHDAY="1960-01-01")]


def release(folder: Path) -> Path:
    """The release in a folder; `a`, `b` and `c` are in its snapshot."""
    parts = folder / BUNDLE
    parts.mkdir()
    bundle = Bundle(parts, "", SPECIFICATION, Linear(MODEL))
    matrix = bundle.rows(ROWS)
    names = [feature.name for feature in SPECIFICATION.features]
    known = freeze(names, [0, 0, 0], bundle.features(matrix), np.array([0.1, 0.2, 0.3]))
    (parts / SPEC).write_text(SPECIFICATION.to_json())
    (parts / REFERENCE).write_text(known.to_json())
    (parts / CARD).write_text(json.dumps({"scenario": "repeat"}))
    (parts / GOLDEN).write_text(json.dumps(vars(bundle.answers_of(ROWS))))
    made = Release(
        scenario="repeat",
        family="logistic",
        bundle=write_manifest(parts),
        snapshot=pack(folder / SNAPSHOT, ["a", "b", "c"], SPECIFICATION.inputs, matrix),
        policy=CutOff(1, 0.5),
    )
    (folder / RELEASE).write_text(made.to_json())
    return folder

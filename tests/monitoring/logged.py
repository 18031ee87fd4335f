"""Segments of a decision log, written by hand."""

import itertools
import json
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from components.scoring.decisions import FORMAT
from components.scoring.instances import Matrix
from components.scoring.release import CutOff, Release
from components.scoring.spec import Input

SCENARIO = "small-loans"
STARTED = "2024-08-15T12:00:00"
INPUTS = (
    Input("INCOME", "number", nullable=True),
    Input("VISITS", "integer", nullable=True),
    Input("REGION", "category", ("north", "south", "7"), nullable=True),
    Input("BORN", "date", nullable=True),
)
_count = itertools.count()


def release(letter: str, approve_below: float = 0.3) -> Release:
    """Some release."""
    return Release(SCENARIO, "xgboost", letter * 64, "5" * 64, CutOff(1, approve_below))


CHAMPION, CHALLENGER = release("a"), release("b")


def _part(one: Release) -> dict[str, object]:
    said = asdict(one)
    del said["scenario"]
    return {"id": one.id, **said}


def _line(values: dict[str, object]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def header(
    *,
    champion: Release = CHAMPION,
    challenger: Release | None = None,
    inputs: Sequence[Input] = INPUTS,
    started: str = STARTED,
    **changes: object,
) -> bytes:
    """The first line of a segment."""
    return _line(
        {
            "format": FORMAT,
            "scenario": SCENARIO,
            "champion": _part(champion),
            "challenger": None if challenger is None else _part(challenger),
            "share": 0.5 if challenger else 0.0,
            "inputs": [{"name": i.name, "kind": i.kind, "values": i.values} for i in inputs],
            "host": "pod",
            "started": f"{started}.000000000Z",
            **changes,
        }
    )


def request(at: str = STARTED) -> str:
    """An id that no other request has."""
    ms = int(np.datetime64(at, "ms").astype(np.int64))
    return f"{ms:012x}{next(_count):018x}"


def rows(count: int = 1, number: float = 40.0) -> Matrix:
    """Rows of the inputs."""
    return np.array([[number + n, n, n % 3, 7_000 + n] for n in range(count)])


def record(inputs: Matrix | None = None, *, at: str = STARTED, **changes: object) -> bytes:
    """The line of a request."""
    cells = rows() if inputs is None else inputs
    count = len(cells)
    return _line(
        {
            "id": request(at),
            "at": f"{at}.123456789Z",
            "rows": count,
            "entities": None,
            "inputs": b2a_base64(cells.astype("<f8").tobytes(), newline=False).decode(),
            "pd": [0.25] * count,
            "points": [600] * count,
            "approved": [True] * count,
            "reasons": None,
            "challenged": None,
            "other": None,
            **changes,
        }
    )

"""A question to a model, on its way from a request's body to the reply."""

import itertools
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from components.scoring.instances import Matrix
from components.scoring.reasons import Reason
from components.scoring.scorer import Scorer
from serving.exchange import MOST_FAULTS, ProblemError, Reply
from serving.models import Served

#: Up to so many rows, reasons are told unasked; and up to so many where they are asked for.
FEW_ROWS, MOST_TOLD = 100, 10_000
_count = itertools.count()
_process = os.urandom(5).hex()


def new_id(at: int) -> str:
    """An id that no other question has, in the order of time: `at` is in ns since 1970."""
    return f"{at // 1_000_000:012x}{_process}{next(_count) & 0xFFFFFFFF:08x}"


def look_up(scorer: Scorer, entities: Iterable[tuple[int, str]], inputs: Matrix) -> dict[int, str]:
    """Fill these rows with the entities' inputs from the snapshot; by row the unknown ones."""
    unknown: dict[int, str] = {}
    for row, entity in entities:
        if (cells := scorer.inputs_of(entity)) is not None:
            inputs[row] = cells
        elif len(unknown) < MOST_FAULTS:
            unknown[row] = f"row {row}: no entity {entity!r:.60} in the snapshot"
    return unknown


@dataclass(frozen=True, slots=True)
class Answer:
    """Of every row of a question: who answered, and what."""

    #: True where the challenger answered.
    challenged: NDArray[np.bool_] | None
    pd: NDArray[np.float64]
    points: NDArray[np.int64]
    approved: NDArray[np.bool_]
    #: None where they were not asked for.
    reasons: Sequence[tuple[Reason, ...]] | None
    #: Log odds that each feature of the release adds; for an explanation alone.
    parts: Sequence[Mapping[str, float]] | None
    #: The PDs of the release that did not answer, where there is a challenger.
    other: NDArray[np.float64] | None
    #: Whom that release would have approved.
    otherwise: NDArray[np.bool_] | None


@dataclass(slots=True, eq=False)
class Question:
    """Rows of one scenario, read and found right; scored by the releases that were met then."""

    served: Served
    inputs: Matrix
    entities: Sequence[str | None] | None
    reasons: bool
    explain: bool
    #: Puts the answer into the words of the client's protocol.
    write: Callable[["Question", Answer], Reply]
    at: int = field(default_factory=time.time_ns)
    id: str = ""
    #: Whether the champion answers for everybody: the client named its release.
    pinned: bool = False

    def __post_init__(self) -> None:
        self.id = new_id(self.at)
        if (self.reasons or self.explain) and len(self.inputs) > MOST_TOLD:
            raise ProblemError(
                413, f"reasons: expected at most {MOST_TOLD:,} rows, found {len(self.inputs):,}"
            )

    @property
    def weight(self) -> int:
        """Rows that the model scores for it: reasons take one for each feature."""
        rows = len(self.inputs)
        told = self.reasons or self.explain
        return rows * (1 + len(self.served.champion.bundle.spec.features)) if told else rows

    def decision(self, row: int) -> str:
        """The id of the decision on a row."""
        return f"{self.id}-{row}"

    def release(self, answer: Answer, row: int) -> str:
        """The id of the release that answered for a row."""
        challenger, flags = self.served.challenger, answer.challenged
        if challenger is not None and flags is not None and flags[row]:
            return challenger.id
        return self.served.champion.id

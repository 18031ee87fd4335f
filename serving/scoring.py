"""Questions that came in together are scored together: one run of the model for all of them.

Nothing waits for company. What the loop read in one turn is scored in the next, be it one row or
fifty; a row scores the same, to the bit, in any company.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.scoring.instances import Matrix
from components.scoring.reasons import Reason
from components.scoring.scorer import Scorer
from serving.models import Served
from serving.question import Answer, Question


def answers(questions: Sequence[Question]) -> list[Answer]:
    """The answer to each; the questions may be of several scenarios and releases."""
    alike: dict[int, list[int]] = {}
    for place, question in enumerate(questions):
        alike.setdefault(id(question.served), []).append(place)
    found: dict[int, Answer] = {}
    for places in alike.values():
        some = [questions[place] for place in places]
        found.update(zip(places, _of_one(some[0].served, some), strict=True))
    return [found[place] for place in range(len(questions))]


def _of_one(served: Served, questions: Sequence[Question]) -> list[Answer]:
    sizes = [len(question.inputs) for question in questions]
    inputs = [question.inputs for question in questions]
    together = inputs[0] if len(inputs) == 1 else np.concatenate(inputs)
    told = np.repeat([question.reasons or question.explain for question in questions], sizes)
    own = _Scored(served.champion, together, told)
    other = None if served.challenger is None else _Scored(served.challenger, together, told)
    ends = np.cumsum(sizes).tolist()
    places = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    if other is None:
        return [own.answer(*pair) for pair in zip(questions, places, strict=True)]
    return [_split(own, other, *pair) for pair in zip(questions, places, strict=True)]


class _Scored:
    """Rows as one release scores them, and why those that are to be told why."""

    def __init__(self, scorer: Scorer, inputs: Matrix, told: NDArray[np.bool_]) -> None:
        bundle = scorer.bundle
        features = bundle.features(inputs)
        self.pd = bundle.score_features(features).pd
        self.points = bundle.points(self.pd)
        self.approved = self.pd < scorer.release.policy.approve_below
        # Of a row, how many before it are told why.
        self._before: NDArray[np.int64] = np.cumsum(told) - told
        self._parts: Matrix | None = None
        self._reasons: list[tuple[Reason, ...]] = []
        if told.any():
            some = features if told.all() else features[told]
            self._parts = bundle.explain_features(some)
            self._reasons = bundle.reasons_of(self._parts, some)

    def answer(self, question: Question, rows: slice) -> Answer:
        """The answer to a question whose rows are these."""
        first = int(self._before[rows.start])
        why = slice(first, first + rows.stop - rows.start)
        explained = question.explain and self._parts is not None
        return Answer(
            challenged=None,
            pd=self.pd[rows],
            points=self.points[rows],
            approved=self.approved[rows],
            reasons=self._reasons[why] if question.reasons else None,
            parts=self._parts[why] if explained and self._parts is not None else None,
            other=None,
        )


def _split(own: _Scored, other: _Scored, question: Question, rows: slice) -> Answer:
    """The champion's answers, and the challenger's for the entities that are its own."""
    mine, its = own.answer(question, rows), other.answer(question, rows)
    entities = question.entities or [None] * len(mine.pd)
    challenged = np.array([question.served.is_challenged(entity) for entity in entities])
    reasons, parts = mine.reasons, mine.parts
    if mine.reasons is not None and its.reasons is not None:
        both = zip(challenged.tolist(), mine.reasons, its.reasons, strict=True)
        reasons = [theirs if flag else ours for flag, ours, theirs in both]
    if mine.parts is not None and its.parts is not None:
        parts = np.where(challenged[:, None], its.parts, mine.parts)
    return Answer(
        challenged=challenged,
        pd=np.where(challenged, its.pd, mine.pd),
        points=np.where(challenged, its.points, mine.points),
        approved=np.where(challenged, its.approved, mine.approved),
        reasons=reasons,
        parts=parts,
        other=np.where(challenged, mine.pd, its.pd),
    )

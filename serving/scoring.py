"""Questions that came in together are scored together: one run of the model for all of them.

Nothing waits for company. What the loop read in one turn is scored in the next, be it one row or
fifty; a row scores the same, to the bit, in any company.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from components.scoring.reasons import Reason
from components.scoring.scorer import Scorer
from serving.models import Served
from serving.question import Answer, Question

_Told = TypeVar("_Told")


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
    places, end = list[slice](), 0
    for question in questions:
        places.append(slice(end, end + len(question.inputs)))
        end = places[-1].stop
    own = _Scored(served.champion, questions, places)
    if served.challenger is None:
        return [own.answer(*pair) for pair in zip(questions, places, strict=True)]
    other = _Scored(served.challenger, questions, places)
    return [_split(own, other, *pair) for pair in zip(questions, places, strict=True)]


class _Scored:
    """The rows of some questions as one release scores them, and why where that is asked."""

    def __init__(
        self, scorer: Scorer, questions: Sequence[Question], places: Sequence[slice]
    ) -> None:
        bundle = scorer.bundle
        inputs = [question.inputs for question in questions]
        features = bundle.features(inputs[0] if len(inputs) == 1 else np.concatenate(inputs))
        self._pd = bundle.score_features(features).pd
        self._points = bundle.points(self._pd)
        self._approved = scorer.release.policy.approves(self._pd)
        pairs = zip(questions, places, strict=True)
        told = [place for question, place in pairs if question.reasons or question.explain]
        self._names = [feature.name for feature in bundle.spec.features]
        self._parts = features[:0]
        self._reasons: list[tuple[Reason, ...]] = []
        self._first: dict[int, int] = {}  # of the rows that are told why, by their place
        if told:
            all_are = len(told) == len(places)
            some = features if all_are else np.concatenate([features[place] for place in told])
            self._parts = bundle.explain_features(some)
            self._reasons = bundle.reasons_of(self._parts, some)
            first = 0
            for place in told:
                self._first[place.start] = first
                first += place.stop - place.start

    def answer(self, question: Question, rows: slice) -> Answer:
        """The answer to a question whose rows are these."""
        reasons, parts = None, None
        if (first := self._first.get(rows.start)) is not None:
            why = slice(first, first + rows.stop - rows.start)
            reasons = self._reasons[why] if question.reasons else None
            if question.explain:
                found = self._parts[why].tolist()
                parts = [dict(zip(self._names, row, strict=True)) for row in found]
        return Answer(
            challenged=None,
            pd=self._pd[rows],
            points=self._points[rows],
            approved=self._approved[rows],
            reasons=reasons,
            parts=parts,
            other=None,
            otherwise=None,
        )


def _split(own: _Scored, other: _Scored, question: Question, rows: slice) -> Answer:
    """The champion's answers, and the challenger's for the entities that are its own."""
    mine, its = own.answer(question, rows), other.answer(question, rows)
    entities = question.entities or [None] * len(mine.pd)
    served, pinned = question.served, question.pinned
    challenged = np.array([not pinned and served.is_challenged(entity) for entity in entities])
    return Answer(
        challenged=challenged,
        pd=np.where(challenged, its.pd, mine.pd),
        points=np.where(challenged, its.points, mine.points),
        approved=np.where(challenged, its.approved, mine.approved),
        reasons=_either(challenged, mine.reasons, its.reasons),
        parts=_either(challenged, mine.parts, its.parts),
        other=np.where(challenged, mine.pd, its.pd),
        otherwise=np.where(challenged, mine.approved, its.approved),
    )


def _either(
    challenged: NDArray[np.bool_], mine: Sequence[_Told] | None, its: Sequence[_Told] | None
) -> Sequence[_Told] | None:
    if mine is None or its is None:
        return None
    both = zip(challenged.tolist(), mine, its, strict=True)
    return [theirs if flag else ours for flag, ours, theirs in both]

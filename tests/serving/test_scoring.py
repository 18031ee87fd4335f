"""Rows score the same in any company, and each answer is of the releases that it names."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.scoring.instances import Matrix
from components.scoring.scorer import Scorer
from serving.exchange import Reply
from serving.models import Served
from serving.question import Answer, Question, new_id
from serving.scoring import answers
from tests.making import Models

NAME = "small-loans"


@pytest.fixture(scope="module")
def served(models: Models, tmp_path_factory: pytest.TempPathFactory) -> list[Served]:
    """Four ways to be served: two champions alone, a shadow, a split."""
    scorers = {}
    for family in ("xgboost", "logistic"):
        scorers[family] = Scorer(models.release(family, tmp_path_factory.mktemp(family)))
    both = scorers["xgboost"], scorers["logistic"]
    return [
        Served(NAME, both[0]),
        Served(NAME, both[1]),
        Served(NAME, *both),
        Served(NAME, *both, share=0.5),
    ]


def question(
    served: Served, inputs: Matrix, *, reasons: bool = False, explain: bool = False,
    entities: Sequence[str | None] | None = None,
) -> Question:  # fmt: skip
    """A question that is never written."""
    return Question(served, inputs, entities, reasons, explain, lambda *_: Reply(200, b""))


def same(one: Answer, other: Answer) -> bool:
    """Whether two answers are alike, to the bit."""
    for left, right in zip(parts_of(one), parts_of(other), strict=True):
        if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
            if left.tobytes() != right.tobytes() or left.dtype != right.dtype:
                return False
        elif left != right:
            return False
    return True


def parts_of(answer: Answer) -> list[object]:
    """An answer's fields."""
    return [
        answer.challenged, answer.pd, answer.points, answer.approved,
        None if answer.reasons is None else list(answer.reasons), answer.parts, answer.other,
        answer.otherwise,
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(0, 50), st.integers(1, 9), st.booleans(), st.booleans()
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_question_has_the_same_answer_alone_and_among_others(
    models: Models, served: list[Served], asked: list[tuple[int, int, int, bool, bool]]
) -> None:
    questions = [
        question(
            served[which], models.data.inputs[first : first + rows], reasons=reasons,
            explain=explain, entities=[f"{first + n}" for n in range(rows)],
        )
        for which, first, rows, reasons, explain in asked
    ]  # fmt: skip
    together = answers(questions)
    assert all(
        same(one, answers([alone])[0]) for one, alone in zip(together, questions, strict=True)
    )


def test_an_answer_is_what_the_scorer_says(models: Models, served: list[Served]) -> None:
    rows = models.data.inputs[:7]
    scorer = served[0].champion
    (found,) = answers([question(served[0], rows, reasons=True, explain=True)])
    features = scorer.bundle.features(rows)
    assert found.pd.tolist() == scorer.bundle.score(rows).pd.tolist()
    assert found.approved.tolist() == [pd < 0.3 for pd in found.pd]
    assert found.reasons == scorer.bundle.reasons(features)
    names = [feature.name for feature in scorer.bundle.spec.features]
    assert found.parts is not None
    assert [list(one) for one in found.parts] == [names] * 7
    assert [list(one.values()) for one in found.parts] == scorer.bundle.explain(rows).tolist()
    assert (found.challenged, found.other) == (None, None)


def test_a_shadow_scores_and_answers_nobody(models: Models, served: list[Served]) -> None:
    rows = models.data.inputs[:20]
    entities = [f"{n}" for n in range(20)]
    (alone,) = answers([question(served[0], rows, reasons=True)])
    (beside,) = answers([question(served[1], rows)])
    (found,) = answers([question(served[2], rows, reasons=True, entities=entities)])
    assert found.challenged is not None
    assert not found.challenged.any()
    assert found.pd.tolist() == alone.pd.tolist()
    assert found.reasons == alone.reasons
    assert found.other is not None
    assert found.other.tolist() == beside.pd.tolist()


def test_of_a_split_each_answer_is_of_the_release_that_it_names(
    models: Models, served: list[Served]
) -> None:
    rows, entities = models.data.inputs[:40], [f"{n}" for n in range(40)]
    asked = question(served[3], rows, reasons=True, explain=True, entities=entities)
    (found,) = answers([asked])
    sides = {s.champion.id: answers([question(s, rows, reasons=True)])[0] for s in served[:2]}
    ids = [asked.release(found, row) for row in range(40)]
    assert set(ids) == set(sides)
    for row, release in enumerate(ids):
        own = sides[release]
        assert found.pd[row] == own.pd[row]
        assert found.points[row] == own.points[row]
        assert found.approved[row] == own.approved[row]
        assert found.reasons is not None
        assert own.reasons is not None
        assert found.reasons[row] == own.reasons[row]
        (other,) = set(sides) - {release}
        assert found.otherwise is not None
        assert found.otherwise[row] == sides[other].approved[row]
        assert found.other is not None
        assert found.other[row] == sides[other].pd[row]


def test_rows_of_nobody_are_the_champion_s(models: Models, served: list[Served]) -> None:
    (found,) = answers([question(served[3], models.data.inputs[:20])])
    assert found.challenged is not None
    assert not found.challenged.any()


def test_ids_are_never_met_again_and_grow_with_time() -> None:
    ids = [new_id(at) for at in range(0, 10**12, 10**9)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    assert {len(one) for one in ids} == {30}


def test_a_decision_s_id_names_its_row(models: Models, served: list[Served]) -> None:
    asked = question(served[0], models.data.inputs[:2])
    assert [asked.decision(row) for row in (0, 1)] == [f"{asked.id}-0", f"{asked.id}-1"]

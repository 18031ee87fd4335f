"""Questions and answers for the decision log, and what it made of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.scoring.decisions import OPEN, Record, Segment
from components.scoring.instances import Matrix
from components.scoring.scorer import Scorer
from serving import scoring
from serving.decision_log import DecisionLog
from serving.exchange import Reply
from serving.models import Served
from serving.question import Answer, Question
from tests.making import Models

SCENARIO = "small-loans"


def served_of(models: Models, folder: Path, share: float | None = None) -> Served:
    """The boosted trees at work; with a share, a challenger beside them."""
    champion = Scorer(models.release("xgboost", folder / "champion"))
    if share is None:
        return Served(SCENARIO, champion)
    challenger = Scorer(models.release("logistic", folder / "challenger", 0.4))
    return Served(SCENARIO, champion, challenger, share)


def _unsaid(question: Question, answer: Answer) -> Reply:
    raise AssertionError((question, answer))


def asked(served: Served, inputs: Matrix, entities: Sequence[str | None] | None = None) -> Question:
    """A question about some rows."""
    return Question(served, inputs, entities, reasons=True, explain=False, write=_unsaid)


def log_rows(log: DecisionLog, served: Served, *matrices: Matrix) -> list[str]:
    """Score and write down questions that came together; the ids of the requests."""
    questions = [asked(served, one, [f"e{n}" for n in range(len(one))]) for one in matrices]
    log.write(questions, scoring.answers(questions))
    return [question.id for question in questions]


def row(number: float = 0.0) -> Matrix:
    """One row of the small use case."""
    return np.array([[40.0, 2.0, 1.0, 10.0 + number]])


def closed(folder: Path) -> list[Path]:
    """The closed segments of a folder, the oldest first."""
    return sorted(folder.glob("*/*.jsonl"))


def still_open(folder: Path) -> list[Path]:
    """The open ones."""
    return sorted(folder.glob(f"*/*{OPEN}"))


def records_of(paths: Sequence[Path]) -> list[Record]:
    """Every record of some segments."""
    return [record for path in paths for record in Segment(path.name, path.read_bytes())]


def ids_of(paths: Sequence[Path]) -> list[str]:
    """The id of each."""
    return [record.id for record in records_of(paths)]

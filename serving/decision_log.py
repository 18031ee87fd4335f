"""The decision log: one record a request, written before the answer goes out."""

from collections.abc import Sequence
from pathlib import Path

from serving.question import Answer, Question


class DecisionLog:
    """Appends to segments in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, questions: Sequence[Question], answers: Sequence[Answer]) -> None:
        raise NotImplementedError

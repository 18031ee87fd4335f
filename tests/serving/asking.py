"""Ask the application directly, as the server's sockets do."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from components.scoring.scorer import Answer as Scored
from serving import exchange
from serving.app import App
from serving.exchange import Request
from serving.metrics import Metrics
from serving.models import Declared, Models
from serving.question import Answer, Question
from serving.settings import Limits

JSON = {"content-type": "application/json"}
PREDICT = "/v1/models/small-loans:predict"
#: A right row of the small use case.
ROW: dict[str, object] = {"INCOME": 40.0, "VISITS": 2, "REGION": "north", "AMOUNT": 20.0}


@dataclass
class Written:
    """A log that keeps in memory what it is told."""

    decisions: list[tuple[Question, Answer]] = field(default_factory=list)

    def write(self, questions: Sequence[Question], answers: Sequence[Answer]) -> None:
        self.decisions += zip(questions, answers, strict=True)


@dataclass(frozen=True)
class Reply:
    """What the application answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The answer as a value."""
        return orjson.loads(self.body)

    @property
    def faults(self) -> list[str]:
        """What a problem names."""
        found: list[str] = self.json().get("faults", [])
        return found


class Asked:
    """An application with a loop of its own."""

    def __init__(self, folders: Mapping[str, Path | tuple[Path, Path]], limits: Limits) -> None:
        self.loop = asyncio.new_event_loop()
        self.log = Written()
        declared = {
            name: Declared(of[0], challenger=of[1], share=0.5)
            if isinstance(of, tuple) else Declared(of)
            for name, of in folders.items()
        }  # fmt: skip
        self.models = Models(lambda: declared)
        self.app = App(self.models, self.log, limits, Metrics(self.models), self.loop)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = JSON
    ) -> Reply:
        """One request, and its answer."""
        path, _, query = path.partition("?")
        return self.together(Request(method, path, query, headers, body))[0]

    def post(self, path: str, value: object) -> Reply:
        """A value as JSON, and what is answered to it."""
        return self.ask("POST", path, orjson.dumps(value))

    def together(self, *requests: Request) -> list[Reply]:
        """Requests that came in one turn of the loop, and their answers."""

        async def all_of_them() -> list[exchange.Reply]:
            waiting = []
            for request in requests:
                one: asyncio.Future[exchange.Reply] = self.loop.create_future()
                self.app.handle(request, one.set_result)
                waiting.append(one)
            return await asyncio.wait_for(asyncio.gather(*waiting), 30)

        return [
            Reply(
                reply.status,
                {
                    "content-type": reply.kind.decode(),
                    **{name.decode(): value.decode() for name, value in reply.headers},
                },
                reply.body,
            )
            for reply in self.loop.run_until_complete(all_of_them())
        ]

    def close(self) -> None:
        self.app.close()
        self.loop.close()


def as_json(answers: Sequence[Scored]) -> list[dict[str, Any]]:
    """A scorer's answers as a client gets them: a tuple of reasons is a list."""
    found: list[dict[str, Any]] = orjson.loads(orjson.dumps([asdict(a) for a in answers]))
    return found


def scored(predictions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a client gets, less the ids of the decisions: they are never the same twice."""
    assert all(one["decision_id"] for one in predictions)
    return [
        {name: value for name, value in one.items() if name != "decision_id"} for one in predictions
    ]


@contextmanager
def asked(limits: Limits | None = None, **folders: Path | tuple[Path, Path]) -> Iterator[Asked]:
    """An application that serves the releases in these folders, by the scenario's name with `_`: a
    champion, or a champion and a challenger who answers half of the entities.
    """
    named = {name.replace("_", "-"): folder for name, folder in folders.items()}
    made = Asked(named, limits or Limits())
    try:
        yield made
    finally:
        made.close()

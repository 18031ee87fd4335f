"""Ask the application directly, as an ASGI server would."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from components.scoring.scorer import Answer
from serving.app import App


@dataclass(frozen=True)
class Reply:
    """What the application answered."""

    status: int
    headers: dict[bytes, bytes]
    text: bytes

    def json(self) -> Any:
        """The answer as a value."""
        return orjson.loads(self.text)


def ask(app: App, method: str, path: str, *parts: bytes, leaves: bool = False) -> Reply:
    """One request, its body in parts; `leaves` is a client that goes away before the last."""
    sent: list[Mapping[str, Any]] = []
    bodies: Sequence[bytes] = parts or (b"",)
    waiting: list[Mapping[str, Any]] = [
        {"type": "http.request", "body": body, "more_body": leaves or n < len(bodies)}
        for n, body in enumerate(bodies, start=1)
    ]
    waiting.append({"type": "http.disconnect"})

    async def receive() -> Mapping[str, Any]:
        return waiting.pop(0)

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": []}
    asyncio.run(app(scope, receive, send))
    start, body = sent
    assert (start["type"], body["type"]) == ("http.response.start", "http.response.body")
    return Reply(start["status"], dict(start["headers"]), body["body"])


def as_json(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Answers as a client gets them: a tuple of reasons is a list."""
    found: list[dict[str, Any]] = orjson.loads(orjson.dumps([asdict(a) for a in answers]))
    return found

"""KServe's V1 protocol over ASGI: bare, since a framework costs more than the score itself.

GET  /                              alive
GET  /v1/models                     the names
GET  /v1/models/NAME                is it ready
POST /v1/models/NAME:predict        {"instances": [{...}, ...]} -> {"predictions": [...]}

Reasons come with every answer; with more than a hundred rows at once where "reasons": true asks.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

import orjson

from components.contracts.errors import InstanceError
from components.scoring.scorer import Scorer

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

_MODELS = "/v1/models"
_PREDICT = ":predict"
LARGEST_BODY = 10_000_000  # bytes
MOST_ROWS = 100_000
FEW_ROWS = 100  # up to these, reasons are told unasked
MOST_FAULTS = 1_000  # an answer should not outgrow its question


class _ProblemError(Exception):
    """An answer that is not a score."""

    def __init__(self, status: int, title: str, faults: tuple[str, ...] = ()) -> None:
        self.status, self.title, self.faults = status, title, faults
        super().__init__(title)


class App:
    """Serves the scorers that it is given; each verified itself when it was built."""

    def __init__(self, scorers: Mapping[str, Scorer]) -> None:
        self._scorers = dict(scorers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope["method"], scope["path"], receive)
            await _reply(send, 200, answer)
        except _ProblemError as problem:
            body = {"error": problem.title, "faults": list(problem.faults)}
            await _reply(send, problem.status, body)

    async def _answer(self, method: str, path: str, receive: Receive) -> dict[str, object]:
        if path in {"/", _MODELS} and method != "GET":
            raise _ProblemError(405, f"{path}: expected GET, found {method}")
        if path == "/":
            return {"status": "alive"}
        if path == _MODELS:
            return {"models": sorted(self._scorers)}
        name = path.removeprefix(_MODELS + "/")
        if name == path:
            raise _ProblemError(404, f"no such path: {path}")
        if name.endswith(_PREDICT):
            scorer = self._scorer(name.removesuffix(_PREDICT))
            if method != "POST":
                raise _ProblemError(405, f"{path}: expected POST, found {method}")
            return _predict(scorer, await _body(receive))
        self._scorer(name)
        if method != "GET":
            raise _ProblemError(405, f"{path}: expected GET, found {method}")
        return {"name": name, "ready": True}

    def _scorer(self, name: str) -> Scorer:
        if name not in self._scorers:
            served = ", ".join(sorted(self._scorers))
            raise _ProblemError(404, f"model {name!r}: expected one of {served}")
        return self._scorers[name]


def _predict(scorer: Scorer, body: bytes) -> dict[str, object]:
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _ProblemError(400, f"body: expected JSON, found something else: {error}") from None
    rows = request.get("instances") if isinstance(request, dict) else None
    if not isinstance(rows, list) or not rows:
        raise _ProblemError(400, 'body: expected {"instances": [row, ...]} with at least one row')
    if len(rows) > MOST_ROWS:
        raise _ProblemError(413, f"instances: expected at most {MOST_ROWS} rows, found {len(rows)}")
    wrong = [number for number, row in enumerate(rows) if not isinstance(row, dict)]
    if wrong:
        raise _ProblemError(
            400,
            "instances: expected objects of named inputs",
            tuple(f"row {n}" for n in wrong[:20]),
        )
    reasons = request.get("reasons", len(rows) <= FEW_ROWS)
    if not isinstance(reasons, bool):
        raise _ProblemError(400, f"reasons: expected true or false, found {reasons!r:.60}")
    try:
        answers = scorer.score(rows, reasons=reasons)
    except InstanceError as error:
        faults = error.faults[:MOST_FAULTS]
        raise _ProblemError(400, "instances: not as the model declares", faults) from None
    return {"predictions": [asdict(answer) for answer in answers]}


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ProblemError(400, "the client went away")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            raise _ProblemError(413, f"body: expected at most {LARGEST_BODY} bytes")
        if not message.get("more_body", False):
            return b"".join(parts)


async def _reply(send: Send, status: int, body: Mapping[str, object]) -> None:
    data = orjson.dumps(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return

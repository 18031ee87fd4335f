"""Answers requests: the question read, scored with those that came beside it, logged, told."""

import asyncio
import hmac
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Protocol

from serving import scoring
from serving.exchange import ProblemError, Reply, Request
from serving.metrics import Metrics
from serving.models import Models
from serving.question import Answer, Question
from serving.routes import OPEN, Routes
from serving.settings import Limits

#: A body of more bytes, or a question that is heavier, has a thread: the others do not wait for it.
_LARGE_BODY, _WEIGHT = 200_000, 20_000
_RETRY = ((b"retry-after", b"1"),)
_log = logging.getLogger("serving")

_Answering = Callable[[Reply], None]


class Log(Protocol):
    """Where decisions are written down."""

    def write(self, questions: Sequence[Question], answers: Sequence[Answer]) -> None:
        """Write them down. When it returns, the end of this process does not lose them; it raises
        OSError where they cannot be written.
        """


class App:
    """Answers requests with the models that are served."""

    def __init__(
        self,
        models: Models,
        log: Log,
        limits: Limits,
        metrics: Metrics,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.metrics = metrics
        self.routes = Routes(models, limits, self.metrics)
        self._log, self._limits, self._loop = log, limits, loop
        self._token = f"Bearer {limits.token}".encode() if limits.token else b""
        self._together: list[tuple[Question, _Answering]] = []
        self._large = ThreadPoolExecutor(1, thread_name_prefix="large")
        self._pending = 0

    def handle(self, request: Request, answer: _Answering) -> None:
        """Answer a request, in this turn of the loop or a later one."""
        started = perf_counter()
        self._pending += 1

        def done(reply: Reply) -> None:
            self._pending -= 1
            self.metrics.answered(request.path, reply.status, perf_counter() - started)
            answer(reply)

        try:
            self._admit(request)
        except ProblemError as problem:
            done(problem.reply())
            return
        if len(request.body) > _LARGE_BODY:
            self._apart(lambda: self._whole(request), done)
            return
        found = self._asked(request)
        if isinstance(found, Reply):
            done(found)
        elif found.weight > _WEIGHT:
            self._apart(lambda: self._replies([found])[0], done)
        else:
            self._together.append((found, done))
            if len(self._together) == 1:
                self._loop.call_soon(self._score)

    def refused(self, status: int) -> None:
        """A request was refused before it was whole."""
        self.metrics.refused(status)

    def _admit(self, request: Request) -> None:
        """Turn away who may not ask, and who is one too many; not who watches over the server."""
        if request.path in OPEN:
            return
        if self._pending > self._limits.waiting:
            raise ProblemError(503, "expected room for one more request, found none", (), _RETRY)
        if self._token:
            self._check(request.headers.get("authorization", ""))

    def _asked(self, request: Request) -> Question | Reply:
        try:
            return self.routes.find(request)
        except ProblemError as problem:
            return problem.reply()
        except RecursionError:
            return ProblemError(400, "body: expected values, found them nested too deep").reply()
        except Exception:  # noqa: BLE001 - no fault of ours may end the connection
            _log.exception("%s %s: a fault of the server", request.method, request.path)
            return ProblemError(500, "a fault of the server").reply()

    def _check(self, given: str) -> None:
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._token):
            raise ProblemError(
                401, "authorization: expected a bearer's token that this server knows", (),
                ((b"www-authenticate", b"Bearer"),),
            )  # fmt: skip

    def _score(self) -> None:
        """Score what came together; what would make this turn long has the next one."""
        weight, count = 0, 0
        for question, _ in self._together:
            weight += question.weight
            if count and weight > _WEIGHT:
                self._loop.call_soon(self._score)
                break
            count += 1
        together, self._together = self._together[:count], self._together[count:]
        replies = self._replies([question for question, _ in together])
        for (_, done), reply in zip(together, replies, strict=True):
            done(reply)

    def _whole(self, request: Request) -> Reply:
        found = self._asked(request)
        return found if isinstance(found, Reply) else self._replies([found])[0]

    def _replies(self, questions: Sequence[Question]) -> list[Reply]:
        try:
            answers = scoring.answers(questions)
            decided = [n for n, question in enumerate(questions) if not question.explain]
            self._log.write([questions[n] for n in decided], [answers[n] for n in decided])
            replies = [q.write(q, answer) for q, answer in zip(questions, answers, strict=True)]
        except OSError as error:
            # Who is told a decision that nobody can find again is told too much.
            _log.error("decision log: %s", error)
            problem = ProblemError(
                503, "expected to write the decision down, found: the log is full"
            )
            return [problem.reply()] * len(questions)
        except Exception:  # noqa: BLE001 - no fault of ours may end the connection
            _log.exception("%d questions: a fault of the server", len(questions))
            return [ProblemError(500, "a fault of the server").reply()] * len(questions)
        try:
            self.metrics.scored(questions, answers)
        except Exception:  # noqa: BLE001 - an answer does not wait for a figure
            _log.exception("metrics: a fault of the server")
        return replies

    def _apart(self, work: Callable[[], Reply], done: _Answering) -> None:
        future = self._loop.run_in_executor(self._large, work)
        future.add_done_callback(lambda one: done(one.result()))

    def close(self) -> None:
        """End the thread for large questions."""
        self._large.shutdown(wait=False, cancel_futures=True)

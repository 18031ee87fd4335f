"""A request, the reply to it, and the problem that a reply may tell of."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import orjson

JSON = b"application/json"
_PROBLEM = b"application/problem+json"
#: An answer should not outgrow its question.
MOST_FAULTS = 1_000
#: What is told where `faults` has the rest.
NOT_AS_DECLARED = "body: not as the model declares"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked, whole. Names of headers are in small letters."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client gets."""

    status: int
    body: bytes
    kind: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class ProblemError(Exception):
    """An answer that is no score: what was expected, what was found, every fault."""

    def __init__(
        self,
        status: int,
        detail: str,
        faults: tuple[str, ...] = (),
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        self.status, self.detail, self.faults, self.headers = status, detail, faults, headers
        super().__init__(detail)

    def reply(self) -> Reply:
        """The problem as problem+json (RFC 9457)."""
        told: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.faults:
            told["faults"] = self.faults[:MOST_FAULTS]
        return Reply(self.status, orjson.dumps(told), _PROBLEM, self.headers)


def unknown(where: str, given: Mapping[str, object], known: frozenset[str]) -> list[str]:
    """A fault for each member of an object that nobody reads."""
    if not (strange := given.keys() - known):
        return []
    expected = ", ".join(sorted(known))
    return [
        f"{where}: expected nothing but {expected}, found {name!r:.60}"
        for name in sorted(strange)[:MOST_FAULTS]
    ]


def as_json(value: object) -> Reply:
    """A reply that is well."""
    return Reply(200, orjson.dumps(value))

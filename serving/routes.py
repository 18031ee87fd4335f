"""What is asked where."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from serving import openapi, page, v1, v2
from serving.exchange import ProblemError, Reply, Request, as_json
from serving.metrics import Metrics
from serving.models import Models, Served
from serving.question import Question
from serving.settings import Limits

#: Who watches over the server asks these, and has no token.
OPEN = frozenset({"/", "/health", "/metrics", "/v2/health/live", "/v2/health/ready"})
_PREDICT, _EXPLAIN = ":predict", ":explain"
_MODELS = "/v1/models/"
_PLAIN = "/predict"
_MODELS_V2 = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(/infer|/ready)?")
_FEATURES = re.compile(r"/v1/features/([^/]+)/(.+)")
#: Of a body's kind what is read as JSON: said, not said, and what curl's -d says unasked.
_AS_JSON = frozenset({"", "application/json", "application/x-www-form-urlencoded"})
_OR_OCTETS = _AS_JSON | {v2.OCTETS.decode()}

_Route = Callable[[Request], Reply]


class Routes:
    """The paths of the server; what each says."""

    def __init__(self, models: Models, limits: Limits, metrics: Metrics) -> None:
        self._models, self._limits = models, limits
        #: Set while the server goes away: it is alive, and not ready for more.
        self.draining = False
        self._document: tuple[Mapping[str, Served], openapi.Document] | None = None
        self._exact: dict[str, _Route] = {
            "/": lambda _: as_json({"status": "alive"}),
            "/health": self._health,
            "/metrics": lambda _: metrics.page(),
            "/v1/models": lambda _: as_json({"models": sorted(models.served)}),
            "/v2": lambda _: as_json(v2.server()),
            "/v2/health/live": lambda _: as_json({"live": True}),
            "/v2/health/ready": self._ready,
            "/openapi.json": lambda _: as_json(self._described()),
            "/docs": lambda request: page.page(self._described(), request),
        }
        metrics.paths = frozenset(self._exact) | {_PLAIN}

    def find(self, request: Request) -> Question | Reply:
        """The question that a request asks, or the reply to one that asks for no score."""
        path = request.path
        if path.startswith(_MODELS):
            return self._v1(request, path.removeprefix(_MODELS))
        if path == _PLAIN:
            return self._plain(request)
        if (route := self._exact.get(path)) is not None:
            expect(request, "GET")
            return route(request)
        if found := _MODELS_V2.fullmatch(path):
            return self._v2(request, *found.groups())
        if found := _FEATURES.fullmatch(path):
            expect(request, "GET")
            return self._features(*found.groups())
        raise ProblemError(404, f"no such path: {path:.200}")

    def _v1(self, request: Request, rest: str) -> Question | Reply:
        for verb in (_PREDICT, _EXPLAIN):
            if rest.endswith(verb):
                served = self.served(rest.removesuffix(verb))
                expect(request, "POST")
                expect_kind(request, _AS_JSON)
                most, explain = self._limits.rows, verb == _EXPLAIN
                return v1.read(served, request.body, most, explain=explain)
        self.served(rest)
        expect(request, "GET")
        return as_json({"name": rest, "ready": not self.draining})

    def _v2(
        self, request: Request, name: str, release: str | None, verb: str | None
    ) -> Question | Reply:
        served = self.served(name)
        if release not in {None, served.champion.id}:
            raise ProblemError(
                404, f"{name}: expected version {served.champion.id}, found {release!r:.80}"
            )
        if verb == "/infer":
            expect(request, "POST")
            expect_kind(request, _OR_OCTETS)
            question = v2.read(served, request, self._limits.rows)
            # Who names the champion's release is answered by it, whoever the entity is.
            question.pinned = release is not None
            return question
        expect(request, "GET")
        return as_json(v2.metadata(served)) if verb is None else self._ready(request)

    def _ready(self, _: Request) -> Reply:
        self._expect_to_stay()
        return as_json({"ready": True})

    def _expect_to_stay(self) -> None:
        if self.draining:
            raise ProblemError(503, "the server goes away")

    def _described(self) -> openapi.Document:
        """The document of what is served; made again where that has changed."""
        served = self._models.served
        if self._document is None or self._document[0] is not served:
            self._document = served, openapi.document(served, self._limits, OPEN)
        return self._document[1]

    def served(self, name: str) -> Served:
        """What answers for a scenario."""
        if (served := self._models.served.get(name)) is None:
            known = ", ".join(sorted(self._models.served))
            raise ProblemError(404, f"model {name!r:.60}: expected one of {known}")
        return served

    def _plain(self, request: Request) -> Question:
        """V1 without a model in the path: the query says it, where more than one is served."""
        expect(request, "POST")
        expect_kind(request, _AS_JSON)
        known = sorted(self._models.served)
        names = parse_qs(request.query, keep_blank_values=True).get("scenario", known)
        if len(names) != 1:
            raise ProblemError(400, f"query: expected ?scenario= once, one of {', '.join(known)}")
        return v1.read(self.served(names[0]), request.body, self._limits.rows, explain=False)

    def _health(self, _: Request) -> Reply:
        served, refused = self._models.served, self._models.refused
        self._expect_to_stay()
        told: dict[str, object] = {
            "status": "ok" if not refused else "serving, but not all that is declared",
            "releases": {name: one.champion.id for name, one in sorted(served.items())},
        }
        if refused:
            told["refused"] = dict(refused)
        return as_json(told)

    def _features(self, name: str, entity: str) -> Reply:
        served = self.served(name)
        row = served.champion.snapshot.row(entity)
        if row is None:
            raise ProblemError(404, f"{name}: no entity {entity!r:.60} in the snapshot")
        wanted = [i.name for i in served.champion.bundle.spec.inputs]
        return as_json(
            {
                "scenario": name,
                "entity": entity,
                "release": served.champion.id,
                "inputs": {column: row[column] for column in wanted},
            }
        )


def expect(request: Request, method: str) -> None:
    """Refuse another method; HEAD is GET without the body."""
    if request.method != method and not (method == "GET" and request.method == "HEAD"):
        raise ProblemError(
            405, f"{request.path:.200}: expected {method}, found {request.method}", (),
            ((b"allow", b"GET, HEAD" if method == "GET" else method.encode()),),
        )  # fmt: skip


def expect_kind(request: Request, kinds: frozenset[str]) -> None:
    """Refuse a body that says it is something else than what is read here, or packed."""
    found = request.headers.get("content-type", "")
    if found not in kinds and found.partition(";")[0].strip().lower() not in kinds:
        raise ProblemError(415, f"content-type: expected application/json, found {found!r:.80}")
    packed = request.headers.get("content-encoding", "identity")
    if packed != "identity":
        raise ProblemError(415, f"content-encoding: expected identity, found {packed!r:.80}")

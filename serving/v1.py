"""KServe's V1 protocol: rows as JSON objects, answers as JSON objects.

POST /v1/models/NAME:predict  {"instances": [...]} -> {"predictions": [...]}
POST /v1/models/NAME:explain  the same, with what every feature adds to the log odds of bad

An instance is an object of named inputs, or an entity's id as a text, whose inputs are in the
snapshot. Beside the instances may stand `"reasons": true` or `false` (default: true up to a
hundred rows), and `"entities"`, the ids of whom the rows are about.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import orjson

from components.contracts.errors import InstanceError
from components.scoring.instances import Matrix
from components.scoring.reasons import Reason
from components.scoring.release import DECISIONS
from components.scoring.scorer import Scorer
from serving.exchange import (
    MOST_FAULTS,
    NOT_AS_DECLARED,
    ProblemError,
    Reply,
    as_json,
    unknown,
)
from serving.models import Served
from serving.question import FEW_ROWS, Answer, Question, look_up

_KNOWN = frozenset({"instances", "reasons", "entities"})
_COLON, _LONG = ord(":"), 4_096


def read(served: Served, body: bytes, most_rows: int, *, explain: bool) -> Question:
    """The question in a body; raises ProblemError with every fault."""
    request = parsed(body)
    faults = unknown("body", request, _KNOWN)
    rows = request.get("instances")
    if not isinstance(rows, list) or not rows:
        expected = 'body: expected {"instances": [row, ...]} with at least one row'
        raise ProblemError(400, expected, tuple(faults))
    if len(rows) > most_rows:
        raise ProblemError(
            413, f"instances: expected at most {most_rows:,} rows, found {len(rows):,}"
        )
    reasons = _flag(request, len(rows), faults)
    entities = _entities(rows, request.get("entities"), faults)
    return Question(
        served=served,
        inputs=_matrix(served.champion, rows, faults),
        entities=entities,
        reasons=reasons,
        explain=explain,
        write=_explained if explain else _predicted,
    )


def parsed(body: bytes) -> dict[str, Any]:
    """A body's object; raises ProblemError where it is none."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, f"body: expected JSON, found something else: {error}") from None
    if not isinstance(found, dict):
        raise ProblemError(400, f"body: expected a JSON object, found a {type(found).__name__}")
    _expect_keys_once(body, found)
    return found


def _expect_keys_once(body: bytes, found: Mapping[str, Any]) -> None:
    """Refuse a key that comes twice in an object: of its values all but the last are lost."""
    members = len(found)
    for value in found.values():
        for one in value if value.__class__ is list else (value,):
            if one.__class__ is dict:
                members += len(one)
                if (inner := one.get("parameters")).__class__ is dict:
                    members += len(inner)
    # Each member has a colon, one that was lost too: where there are no more, none was lost.
    if members == _colons(body):
        return
    twice: dict[str, None] = {}

    def look(members: list[tuple[str, object]]) -> None:
        met: set[str] = set()
        for name, _ in members:
            if name in met:
                twice[name] = None
            met.add(name)

    json.loads(body, object_pairs_hook=look, parse_int=str, parse_float=str)
    if twice:
        faults = tuple(f"{name:.60}: expected once in an object, found again" for name in twice)
        raise ProblemError(400, "body: expected each key of an object once", faults)


def _colons(body: bytes) -> int:
    if len(body) < _LONG:
        return body.count(b":")
    # Bytes.count stops at each one that it finds: numpy looks at many bytes at once.
    return int(np.count_nonzero(np.frombuffer(body, dtype=np.uint8) == _COLON))


def _flag(request: Mapping[str, object], rows: int, faults: list[str]) -> bool:
    reasons = request.get("reasons", rows <= FEW_ROWS)
    if not isinstance(reasons, bool):
        faults.append(f"reasons: expected true or false, found {reasons!r:.60}")
    return reasons is True


def _matrix(scorer: Scorer, rows: Sequence[object], faults: list[str]) -> Matrix:
    """The inputs of the rows; raises ProblemError with what is wrong in them, after `faults`."""
    inputs, strangers = np.empty((0, 0)), dict[int, str]()
    if set(map(type, rows)) == {dict}:
        try:
            inputs = scorer.bundle.rows(cast("Sequence[Mapping[str, object]]", rows))
        except InstanceError as error:
            faults += error.faults
    else:
        inputs, strangers = _mixed(scorer, rows, faults)
    if faults:
        # No other fault than that nobody knows them.
        status = 404 if len(faults) == len(strangers) else 400
        raise ProblemError(status, NOT_AS_DECLARED, tuple(faults))
    return inputs


def _mixed(
    scorer: Scorer, rows: Sequence[object], faults: list[str]
) -> tuple[Matrix, dict[int, str]]:
    """The same of rows some of which are ids; the faults of those that nobody knows."""
    inputs = np.empty((len(rows), len(scorer.bundle.spec.inputs)))
    named = ((number, row) for number, row in enumerate(rows) if isinstance(row, str))
    strangers = look_up(scorer, named, inputs)
    for number, row in enumerate(rows):
        if number in strangers:
            faults.append(strangers[number])
        elif isinstance(row, dict):
            try:
                inputs[number] = scorer.bundle.rows([row])
            except InstanceError as error:
                faults += [f"row {number}: {fault}" for fault in error.faults]
        elif not isinstance(row, str):
            found = type(row).__name__
            faults.append(f"row {number}: expected an object or an entity's id, found a {found}")
        if len(faults) >= MOST_FAULTS:
            break
    return inputs, strangers


def _entities(
    rows: Sequence[object], named: object, faults: list[str]
) -> Sequence[str | None] | None:
    """Whom the rows are about, as far as it is said."""
    own = [row if isinstance(row, str) else None for row in rows]
    if named is None:
        return own if any(one is not None for one in own) else None
    if (
        not isinstance(named, list)
        or len(named) != len(rows)
        or not all(one is None or isinstance(one, str) for one in named)
    ):
        faults.append("entities: expected a text or null for each instance, found otherwise")
        return None
    faults += [
        f"row {n}: entities: the instance is entity {one!r:.60}, found {other!r:.60}"
        for n, (one, other) in enumerate(zip(own, named, strict=True))
        if one is not None and other not in {one, None}
    ]
    return [one or other for one, other in zip(own, named, strict=True)]


def _predicted(question: Question, answer: Answer) -> Reply:
    return as_json({"predictions": _rows(question, answer)})


def _explained(question: Question, answer: Answer) -> Reply:
    rows = _rows(question, answer)
    for row, parts in zip(rows, answer.parts or (), strict=True):
        row["parts"] = parts
        del row["decision_id"]  # nothing is decided, and nothing is written down
    return as_json({"explanations": rows})


def _rows(question: Question, answer: Answer) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    champion = question.served.champion.id
    told: Sequence[tuple[Reason, ...] | None] = answer.reasons or [None] * len(answer.pd)
    scored = zip(
        answer.pd.tolist(), answer.points.tolist(), answer.approved.tolist(), told, strict=True
    )
    for number, (pd, points, approved, reasons) in enumerate(scored):
        rows.append(
            {
                "pd": pd,
                "points": points,
                "decision": DECISIONS[approved],
                "reasons": reasons,
                "release": champion
                if answer.challenged is None
                else question.release(answer, number),
                "decision_id": question.decision(number),
            }
        )
    return rows

"""KServe's V2, the open inference protocol, over REST: columns as tensors, answers as tensors.

POST /v2/models/NAME/infer  {"inputs": [{"name", "shape", "datatype", "data"}, ...]}
    -> {"model_name", "model_version", "outputs": [{"name", "shape", "datatype", "data"}, ...]}

The inputs are one tensor of each declared input, or `entity`, ids whose inputs are in the snapshot.
Data is JSON, or bytes behind the JSON (the binary tensor data extension). See `tensors.py`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import orjson

from components.contracts.errors import InstanceError
from components.scoring.instances import Matrix, from_columns
from components.scoring.release import DECISIONS
from components.scoring.scorer import Scorer
from serving import tensors
from serving.exchange import (
    MOST_FAULTS,
    NOT_AS_DECLARED,
    ProblemError,
    Reply,
    Request,
    as_json,
    unknown,
)
from serving.models import Served
from serving.question import FEW_ROWS, Answer, Question, look_up
from serving.v1 import parsed

VERSION = "0.1.0"
HEADER = "inference-header-content-length"
OCTETS = b"application/octet-stream"
#: The tensor of ids, where no input has its name.
ENTITY = "entity"
#: What is answered, by name; reasons only where they are asked for.
OUTPUTS = {
    "pd": "FP64",
    "points": "INT64",
    "decision": tensors.BYTES,
    "release": tensors.BYTES,
    "decision_id": tensors.BYTES,
    "reasons": tensors.BYTES,
}
_KNOWN = frozenset({"id", "model_name", "parameters", "inputs", "outputs"})
_DIGITS = 18
_PARAMETERS = frozenset({"reasons", "binary_data_output"})
_OF_OUTPUT, _IN_BYTES = frozenset({"name", "parameters"}), frozenset({"binary_data"})
_Outputs = Sequence[tuple[str, bool]]


def server() -> dict[str, object]:
    """What the server says of itself."""
    return {"name": "vintage", "version": VERSION, "extensions": ["binary_tensor_data"]}


def metadata(served: Served) -> dict[str, object]:
    """What a model takes, and answers."""
    inputs = served.champion.bundle.spec.inputs
    return {
        "name": served.scenario,
        "versions": [served.champion.id],
        "platform": f"vintage_{served.champion.bundle.spec.family}",
        "inputs": [
            {"name": i.name, "datatype": tensors.datatypes(i)[0], "shape": [-1]} for i in inputs
        ],
        "outputs": [
            {"name": name, "datatype": datatype, "shape": [-1]}
            for name, datatype in OUTPUTS.items()
        ],
    }


def read(served: Served, request: Request, most_rows: int) -> Question:
    """The question in a request; raises ProblemError with every fault."""
    start = _json_length(request)
    asked = parsed(request.body[:start])
    reader = tensors.Reader(request.body, start)
    faults = reader.faults
    faults += unknown("body", asked, _KNOWN)
    identity = asked.get("id")
    if not isinstance(identity, str | None):
        faults.append(f"id: expected a text, found {identity!r:.60}")
    if asked.get("model_name", served.scenario) != served.scenario:
        faults.append(
            f"model_name: expected {served.scenario!r}, found {asked['model_name']!r:.60}"
        )
    columns = _columns(served.champion, asked.get("inputs"), reader)
    rows = reader.rows or 0
    if rows > most_rows:
        raise ProblemError(413, f"inputs: expected at most {most_rows:,} rows, found {rows:,}")
    outputs = _outputs(asked, rows, faults)
    entities: Sequence[str] | None = None
    if ENTITY in columns and not _is_input(served.champion, ENTITY):
        ids = _ids(columns[ENTITY], faults)
        entities, inputs = ids, _looked_up(served.champion, ids, faults)
    else:
        inputs = _matrix(served.champion, columns, faults)
    if inputs is None or faults:
        raise ProblemError(400, NOT_AS_DECLARED, tuple(faults))
    return Question(
        served=served,
        inputs=inputs,
        entities=entities,
        reasons=any(name == "reasons" for name, _ in outputs),
        explain=False,
        write=partial(_reply, identity, outputs),
    )


def _json_length(request: Request) -> int:
    given, size = request.headers.get(HEADER), len(request.body)
    if given is None:
        return size
    if not (given.isascii() and given.isdecimal() and len(given) <= _DIGITS and int(given) <= size):
        raise ProblemError(
            400, f"{HEADER}: expected at most the {size:,} bytes of the body, found {given!r:.60}"
        )
    return int(given)


def _is_input(scorer: Scorer, name: str) -> bool:
    return any(declared.name == name for declared in scorer.bundle.spec.inputs)


def _columns(scorer: Scorer, given: object, reader: tensors.Reader) -> dict[str, Sequence[object]]:
    """The tensors that are well formed, by name."""
    faults, found, met = reader.faults, dict[str, Sequence[object]](), set[str]()
    if not isinstance(given, list) or not given:
        expected = 'body: expected {"inputs": [tensor, ...]} with at least one tensor'
        raise ProblemError(400, expected, tuple(faults))
    named = [one.get("name") if isinstance(one, dict) else None for one in given]
    declared = {i.name: tensors.datatypes(i) for i in scorer.bundle.spec.inputs}
    if ENTITY in named and ENTITY not in declared:
        declared = {ENTITY: (tensors.BYTES,)}
    for number, (one, name) in enumerate(zip(given, named, strict=True)):
        if not isinstance(name, str):
            faults.append(f"inputs: expected a name for each tensor, found none for {number}")
            continue
        if name in met:
            faults.append(f"{name}: expected one tensor, found another")
        elif name not in declared:
            beside = f" beside {ENTITY}" if ENTITY in declared else ""
            faults.append(f"{name:.60}: not an input{beside}")
        else:
            values = reader.read(one, declared[name])
            if values is not None:
                found[name] = values
        met.add(name)
        if len(faults) >= MOST_FAULTS:
            break
    faults += [f"{name}: expected a tensor, found none" for name in declared if name not in met]
    if not faults:
        reader.end()
    return found


def _matrix(
    scorer: Scorer, columns: Mapping[str, Sequence[object]], faults: list[str]
) -> Matrix | None:
    inputs = [i for i in scorer.bundle.spec.inputs if i.name in columns]
    if not inputs:
        return None
    try:
        typed = {i.name: tensors.column(i, columns[i.name]) for i in inputs}
        return from_columns(inputs, typed, by_row=True)
    except InstanceError as error:
        faults += error.faults
        return None


def _ids(values: Sequence[object], faults: list[str]) -> list[str]:
    strange = [(n, v) for n, v in enumerate(values) if not isinstance(v, str)]
    faults += [
        f"row {n}: {ENTITY}: expected an id, found {v!r:.60}" for n, v in strange[:MOST_FAULTS]
    ]
    return [value for value in values if isinstance(value, str)]


def _looked_up(scorer: Scorer, entities: Sequence[str], faults: list[str]) -> Matrix | None:
    if faults:
        return None
    inputs = np.empty((len(entities), len(scorer.bundle.spec.inputs)))
    if strangers := look_up(scorer, enumerate(entities), inputs):
        raise ProblemError(404, NOT_AS_DECLARED, tuple(strangers.values()))
    return inputs


def _outputs(asked: Mapping[str, Any], rows: int, faults: list[str]) -> _Outputs:
    """The outputs that are wanted, each with whether in bytes."""
    flags = _flags("parameters", asked.get("parameters"), _PARAMETERS, faults)
    binary = flags.get("binary_data_output", False)
    given = asked.get("outputs")
    if given is None or given == []:
        reasons = flags.get("reasons", rows <= FEW_ROWS)
        return [(name, binary) for name in OUTPUTS if reasons or name != "reasons"]
    if not isinstance(given, list):
        faults.append(f"outputs: expected a list, found a {type(given).__name__}")
        return []
    found: dict[str, bool] = {}
    for one in given:
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str) or name not in OUTPUTS or name in found:
            faults.append(
                f"outputs: expected each of {', '.join(OUTPUTS)} at most once, "
                f"found {name or one!r:.60}"
            )
        elif strange := unknown(f"outputs: {name}", one, _OF_OUTPUT):
            faults += strange
        else:
            where = f"outputs: {name}: parameters"
            own = _flags(where, one.get("parameters"), _IN_BYTES, faults)
            found[name] = own.get("binary_data", binary)
        if len(faults) >= MOST_FAULTS:
            break
    if flags.get("reasons", "reasons" in found) != ("reasons" in found):
        faults.append("parameters: reasons: expected what outputs says, found otherwise")
    return list(found.items())


def _flags(where: str, given: object, known: frozenset[str], faults: list[str]) -> dict[str, bool]:
    """Parameters, each of which is true or false."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        faults.append(f"{where}: expected an object, found a {type(given).__name__}")
        return {}
    faults += unknown(where, given, known)
    flags = {name: value for name, value in given.items() if name in known}
    faults += [
        f"{where}: {name}: expected true or false, found {value!r:.60}"
        for name, value in flags.items()
        if not isinstance(value, bool)
    ]
    return flags


def _reply(identity: str | None, outputs: _Outputs, question: Question, answer: Answer) -> Reply:
    told: list[dict[str, object]] = []
    behind: list[bytes] = []
    versions = {question.served.champion.id}
    if answer.challenged is not None:
        versions = {question.release(answer, row) for row in range(len(answer.pd))}
    if len(versions) > 1 and "release" not in dict(outputs):
        # One version cannot say who answered for whom.
        outputs = [*outputs, ("release", False)]
    for name, binary in outputs:
        tensor, raw = tensors.written(name, _values(name, question, answer), binary=binary)
        told.append(tensor)
        behind.append(raw)
    whole: dict[str, object] = {
        "model_name": question.served.scenario,
        "model_version": versions.pop() if len(versions) == 1 else "",
        "outputs": told,
    }
    if identity is not None:
        whole = {"id": identity, **whole}
    if not any(binary for _, binary in outputs):
        return as_json(whole)
    head = orjson.dumps(whole)
    return Reply(
        200, b"".join([head, *behind]), OCTETS, ((HEADER.encode(), str(len(head)).encode()),)
    )


def _values(name: str, question: Question, answer: Answer) -> Any:
    rows = len(answer.pd)
    match name:
        case "pd":
            return answer.pd
        case "points":
            return answer.points
        case "decision":
            return [DECISIONS[approved] for approved in answer.approved.tolist()]
        case "release":
            return [question.release(answer, row) for row in range(rows)]
        case "decision_id":
            return [question.decision(row) for row in range(rows)]
        case _:
            return [orjson.dumps(reasons).decode() for reasons in answer.reasons or ()]

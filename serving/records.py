"""The lines of the decision log, as `components/scoring/decisions.py` reads them.

A record is written before its answer goes out: it may cost microseconds, and no more.
"""

import time
from binascii import b2a_base64
from dataclasses import asdict
from functools import lru_cache

import orjson

from components.scoring.decisions import FORMAT
from components.scoring.scorer import Scorer
from serving.models import Served
from serving.question import Answer, Question

_SECOND = 1_000_000_000


def header(served: Served, host: str, started: int) -> bytes:
    """The first line of a segment; `started` is in ns since 1970."""
    beside = served.challenger
    inputs = served.champion.bundle.spec.inputs
    return _line(
        {
            "format": FORMAT,
            "scenario": served.scenario,
            "champion": _release(served.champion),
            "challenger": None if beside is None else _release(beside),
            "share": served.share,
            "inputs": [{"name": i.name, "kind": i.kind, "values": i.values} for i in inputs],
            "host": host,
            "started": _utc(started),
        }
    )


def record(question: Question, answer: Answer) -> bytes:
    """The line of one request. Its id comes first: it is found without reading the rest."""
    cells = question.inputs.astype("<f8", copy=False)
    told, flags, other = answer.reasons, answer.challenged, answer.other
    return _line(
        {
            "id": question.id,
            "at": _utc(question.at),
            "rows": len(answer.pd),
            "entities": question.entities,
            "inputs": b2a_base64(cells.tobytes(), newline=False).decode("ascii"),
            "pd": answer.pd.tolist(),
            "points": answer.points.tolist(),
            "approved": answer.approved.tolist(),
            "reasons": None if told is None else [[one.code for one in row] for row in told],
            "challenged": None if flags is None else flags.tolist(),
            "other": None if other is None else other.tolist(),
        }
    )


def _line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def _release(scorer: Scorer) -> dict[str, object]:
    said = asdict(scorer.release)
    del said["scenario"]
    return {"id": scorer.id, **said}


def _utc(at: int) -> str:
    seconds, rest = divmod(at, _SECOND)
    return f"{_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))

"""Seventeen bodies that clients send sooner or later, to every path that scores, on a real server.

One table: what is sent over V1 and over V2, the status, and all that is said to be wrong.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from components.scoring.scorer import Scorer
from tests.making import changed
from tests.serving.asking import PREDICT, ROW, Reply, as_json, scored
from tests.serving.inferring import INFER, KINDS, outputs, tensor
from tests.serving.running import Server, ask_on, connected, running

PATHS = (PREDICT, "/predict", INFER)


class Sent(NamedTuple):
    """A body, and what is said of it: how the detail begins, and every fault."""

    body: bytes
    detail: str
    faults: tuple[str, ...] = ()


class Bad(NamedTuple):
    """The same mistake over both protocols."""

    status: int
    v1: Sent
    v2: Sent
    kind: str = "application/json"


def rows(row: Mapping[str, object]) -> bytes:
    """A body of V1 with one row."""
    return orjson.dumps({"instances": [row]})


def tensors(row: Mapping[str, object]) -> bytes:
    """The same over V2."""
    kinds = {**KINDS, "WEALTH": "FP64", "DEBT": "FP64"}
    inputs = [tensor(name, value, datatype=kinds[name]) for name, value in row.items()]
    return orjson.dumps({"inputs": inputs})


def alike(status: int, v1: bytes, v2: bytes, detail: str, kind: str = "application/json") -> Bad:
    """A mistake of which both protocols say the same."""
    return Bad(status, Sent(v1, detail), Sent(v2, detail), kind)


def row_of(row: Mapping[str, object], v1: tuple[str, ...], v2: tuple[str, ...]) -> Bad:
    """A row that is not as the model declares, and its faults over each protocol."""
    return Bad(
        400,
        Sent(rows(row), "body: not as the model declares", v1),
        Sent(tensors(row), "body: not as the model declares", v2),
    )


def swapped(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """The right bodies with some of their bytes replaced."""
    return rows(ROW).replace(old, new), tensors(ROW).replace(old, new)


NO_JSON = "body: expected JSON, found something else: "
AMOUNT = "AMOUNT: expected a number of at least 0, found"
VISITS = "VISITS: expected a whole number from 0 to 9, found"
ONCE = "body: expected each key of an object once"
RIGHT = rows(ROW), tensors(ROW)
FAR = changed(ROW, REGION="Malmö")
MILLION = b'"1",' * 999_999 + b'"1"'

TABLE = {
    "empty": alike(400, b"", b"", NO_JSON),
    "not JSON": alike(400, b"VISITS=2&AMOUNT=20", b"VISITS=2&AMOUNT=20", NO_JSON),
    "wrong content type": alike(
        415, *RIGHT, "content-type: expected application/json, found 'text/csv'", "text/csv"
    ),
    "truncated": alike(400, RIGHT[0][:-3], RIGHT[1][:-3], NO_JSON),
    "no instances": Bad(
        400,
        Sent(b'{"instances":[]}', 'body: expected {"instances": [row, ...]} with at least one row'),
        Sent(b'{"inputs":[]}', 'body: expected {"inputs": [tensor, ...]} with at least one tensor'),
    ),
    "null cell": row_of(
        changed(ROW, VISITS=None, AMOUNT=None),
        (f"{VISITS} null", f"{AMOUNT} null"),
        (f"row 0: {VISITS} nothing", f"row 0: {AMOUNT} nothing"),
    ),
    "string for number": row_of(
        changed(ROW, VISITS="2", AMOUNT="20"),
        (f"{VISITS} '2'", f"{AMOUNT} '20'"),
        (f"row 0: {VISITS} '2'", f"row 0: {AMOUNT} '20'"),
    ),
    "NaN": alike(400, *swapped(b"20.0", b"NaN"), NO_JSON),
    "huge number": row_of(
        changed(ROW, VISITS=1e30, AMOUNT=-1e300),
        (f"{VISITS} 1e+30", f"{AMOUNT} -1e+300"),
        (
            "row 0: VISITS: expected a number that INT64 holds, found 1e+30",
            f"row 0: {AMOUNT} -1e+300",
        ),
    ),
    "nested too deep": alike(400, *swapped(b"20.0", b"[" * 5_000 + b"]" * 5_000), NO_JSON),
    "10 MB": alike(
        413, *(body.ljust(10_000_001) for body in RIGHT), "body: expected at most 10,000,000 bytes"
    ),
    "1 million rows": Bad(
        413,
        Sent(
            b'{"instances":[%b]}' % MILLION,
            "instances: expected at most 100,000 rows, found 1,000,000",
        ),
        Sent(
            b'{"inputs":[{"name":"entity","shape":[1000000],"datatype":"BYTES","data":[%b]}]}'
            % MILLION,
            "inputs: expected at most 100,000 rows, found 1,000,000",
        ),
    ),
    "extra column": row_of(
        changed(ROW, WEALTH=1, DEBT=2), *[("WEALTH: not an input", "DEBT: not an input")] * 2
    ),
    "missing column": row_of(
        {"INCOME": 40.0, "REGION": "north"},
        (f"{VISITS} nothing", f"{AMOUNT} nothing"),
        ("VISITS: expected a tensor, found none", "AMOUNT: expected a tensor, found none"),
    ),
    # No mistake: inputs have names, and come in any order.
    "wrong order": Bad(
        200,
        Sent(rows(dict(reversed(ROW.items()))), ""),
        Sent(tensors(dict(reversed(ROW.items()))), ""),
    ),
    "duplicate key": Bad(
        400,
        Sent(
            RIGHT[0].replace(b'"VISITS"', b'"VISITS":1,"V\\u0049SITS"'),
            ONCE,
            ("VISITS: expected once in an object, found again",),
        ),
        Sent(
            RIGHT[1].replace(b'"data"', b'"data":[1],"d\\u0061ta"'),
            ONCE,
            ("data: expected once in an object, found again",),
        ),
    ),
    "wrong encoding": alike(
        400, *(body.decode().encode("latin-1") for body in (rows(FAR), tensors(FAR))), NO_JSON,
        "application/json; charset=latin-1",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def server(release: Path) -> Iterator[Server]:
    """A server of the boosted trees."""
    with running(small_loans=release) as made:
        yield made


def expect_scores(reply: Reply, scorer: Scorer) -> None:
    """The right row's answer is the offline one, to the bit."""
    assert reply.status == 200, reply.body
    expected = as_json(scorer.score([ROW]))
    if "predictions" in reply.json():
        assert scored(reply.json()["predictions"]) == expected
    else:
        found = outputs(reply)
        assert [found[name] for name in ("pd", "points", "decision", "release")] == [
            [expected[0][name]] for name in ("pd", "points", "decision", "release")
        ]
        assert [orjson.loads(text) for text in found["reasons"]] == [expected[0]["reasons"]]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", TABLE)
def test_a_bad_body_is_told_all_that_is_wrong_and_the_next_one_is_scored(
    server: Server, scorer: Scorer, name: str, path: str
) -> None:
    bad, over_v2 = TABLE[name], path == INFER
    sent = bad.v2 if over_v2 else bad.v1
    with closing(connected(server.url)) as connection:
        reply = ask_on(connection, path, sent.body, {"content-type": bad.kind})
        after = ask_on(connection, path, RIGHT[over_v2])
    assert reply.status == bad.status, reply.body[:1_000]
    if bad.status == 200:
        expect_scores(reply, scorer)
    else:
        told = reply.json()
        assert reply.headers["content-type"] == "application/problem+json"
        assert told.keys() <= {"type", "title", "status", "detail", "faults"}
        assert told["status"] == bad.status
        assert told["detail"].startswith(sent.detail)
        assert tuple(told.get("faults", ())) == sent.faults
    expect_scores(after, scorer)


# Of a million rows the allocator keeps some memory, up to what one such request needs.
@pytest.mark.parametrize(("large", "rounds", "leeway"), [(False, 15, 500_000), (True, 3, 15e6)])
def test_the_same_again_and_again_leaves_the_server_s_memory_as_it_was(
    server: Server, large: bool, rounds: int, leeway: float
) -> None:
    bodies = [
        (path, sent.body, bad)
        for bad in TABLE.values()
        for path in PATHS
        if (len((sent := bad.v2 if path == INFER else bad.v1).body) > 1_000_000) == large
    ]
    found = []
    for _ in range(2):
        for _ in range(rounds):
            for path, body, bad in bodies:
                with closing(connected(server.url)) as connection:
                    reply = ask_on(connection, path, body, {"content-type": bad.kind})
                assert reply.status == bad.status
        found.append(server.memory)
    assert found[1] < found[0] + leeway, found

"""Thousands of requests that the server's own description allows, and forbids, over the network."""

import os
import re
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from components.scoring.scorer import Scorer
from serving.tensors import NUMBERS
from tests.serving.asking import JSON, PREDICT, ROW
from tests.serving.describing import allowed, spoiled, values
from tests.serving.inferring import INFER, KINDS, LENGTH, TWO, packed
from tests.serving.offline import RELEASE, pds_of, scored
from tests.serving.running import ROOT, Server, ask, ask_on, connected, running
from tests.support import python, user_environment

#: How many requests are sent at least. Schemathesis makes what it can of them in a hundredth of so
#: many seconds, hypothesis the rest.
_REQUESTS = int(os.environ.get("VINTAGE_FUZZ", "2000"))
_MOST_GROWTH = 50_000_000  # bytes
#: A schema cannot say that there are as many entities as instances, or as much data as a shape
#: tells: what it allows beyond that is refused, with a word. What is too large has a 413.
_SETTINGS = """
[checks.positive_data_acceptance]
enabled = false
[checks.negative_data_rejection]
expected-statuses = [400, 401, 404, 405, 406, 413, 415, 422, 431]
"""
_Sent = tuple[str, bytes, dict[str, str]]


def test_no_request_that_the_description_allows_or_forbids_breaks_the_server(
    release: Path, tmp_path: Path
) -> None:
    with running(small_loans=release) as server:
        document = ask(server.url, "/openapi.json").json()
        before = server.memory
        _schemathesis(server, release, tmp_path)
        assert _answers(server.url)[200]
        rest = max(_REQUESTS // 4, _REQUESTS - int(sum(_answers(server.url).values())))
        _hypothesis(server, Scorer(release), document, rest)
        counts = _answers(server.url)
        assert sum(counts.values()) >= _REQUESTS, counts
        assert not [status for status in counts if status >= 500], counts
        assert server.memory < before + _MOST_GROWTH


def _schemathesis(server: Server, release: Path, folder: Path) -> None:
    """Requests that it makes of the description. Every check of its own, and that of `offline`."""
    (folder / "settings.toml").write_text(_SETTINGS)
    done = python(
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file", str(folder / "settings.toml"), "run", f"{server.url}/openapi.json",
        "--max-time", str(_REQUESTS // 100), "--seed", "1", "--generation-database", "none",
        "--continue-on-failure", "--no-color", "--no-shrink", "--warnings", "off",
        cwd=folder,
        timeout=_REQUESTS // 100 + 60,
        environment=user_environment(
            SCHEMATHESIS_HOOKS="tests.serving.offline", PYTHONPATH=str(ROOT),
            **{RELEASE: str(release)},
        ),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-1_000:]


def _hypothesis(server: Server, scorer: Scorer, document: Any, requests: int) -> None:
    """Requests of ours: what the description allows, the same spoiled, and tensors in bytes."""
    by_schema = values(document["components"]["schemas"]["small-loans.Instances"], document)
    right = {"instances": [ROW, "3"], "reasons": True, "entities": [None, "3"]}
    v1 = (by_schema | spoiled(right)).map(lambda body: (PREDICT, orjson.dumps(body), JSON))
    v2 = spoiled({"inputs": list(TWO), "id": "x"}).map(
        lambda body: (INFER, orjson.dumps(body), JSON)
    )
    met = set[int]()
    with closing(connected(server.url)) as connection:

        def send(sent: _Sent) -> None:
            path, body, headers = sent
            reply = ask_on(connection, path, body, headers)
            met.add(reply.status)
            assert reply.status in {200, 400, 404, 413}, reply.body
            if reply.status == 200:
                assert LENGTH in headers or allowed(document, path, orjson.loads(body))
                found = pds_of(reply.body, reply.headers)
                assert found is None or found == scored(scorer, body, headers)

        for strategy in (v1, v2, in_bytes()):
            met.clear()
            _each(strategy, -(-requests // 3), send)
            assert met >= {200, 400}


def _each(strategy: st.SearchStrategy[_Sent], count: int, send: Callable[[_Sent], None]) -> None:
    @settings(
        max_examples=count, deadline=None, database=None, derandomize=True,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def sent(one: _Sent) -> None:
        send(one)

    sent()


@st.composite
def in_bytes(draw: st.DrawFn) -> _Sent:
    """A request of V2 whose tensors are bytes, right or with something wrong about it."""
    rows = draw(st.integers(1, 3))
    inputs, behind = [], list[bytes]()
    for name in draw(st.permutations(list(KINDS))):
        datatype, raw = draw(_tensor(name, rows))
        size = {"binary_data_size": len(raw)}
        shape = draw(st.sampled_from([[rows], [rows, 1]]))
        inputs.append({"name": name, "shape": shape, "datatype": datatype, "parameters": size})
        behind.append(raw)
    asked: Any = {"inputs": inputs, "parameters": {"binary_data_output": draw(st.booleans())}}
    wrong = draw(st.sampled_from(["", "", "", "head", "bytes", "length"]))
    head = orjson.dumps(draw(spoiled(asked)) if wrong == "head" else asked)
    raw, length = b"".join(behind), len(head)
    if wrong == "bytes":
        raw = raw[: draw(st.integers(0, len(raw)))] + draw(st.binary(max_size=6))
    if wrong == "length":
        length = draw(st.integers(0, len(head) + len(raw) + 2))
    return INFER, head + raw, {"content-type": "application/octet-stream", LENGTH: str(length)}


@st.composite
def _tensor(draw: st.DrawFn, name: str, rows: int) -> tuple[str, bytes]:
    if name == "REGION":
        texts = st.sampled_from([b"north", b"south", b"7", b""]) | st.binary(max_size=3)
        return "BYTES", packed(draw(st.lists(texts, min_size=rows, max_size=rows)))
    datatype = draw(st.sampled_from(list(NUMBERS)))
    kind = NUMBERS[datatype]
    few = st.lists(st.integers(0, 9), min_size=rows, max_size=rows)
    if draw(st.integers(0, 5)):
        return datatype, np.array(draw(few), kind).tobytes()
    size = rows * kind.itemsize
    return datatype, draw(st.binary(min_size=size, max_size=size))


def _answers(url: str) -> dict[int, float]:
    """How often the server answered with which status."""
    lines = ask(url, "/metrics").body.decode().splitlines()
    counts: dict[int, float] = {}
    for line in lines:
        if found := re.fullmatch(r'vintage_requests_total\{.*status="(\d+)"\} (.*)', line):
            counts[int(found[1])] = counts.get(int(found[1]), 0.0) + float(found[2])
    return counts

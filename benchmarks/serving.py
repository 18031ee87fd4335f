"""The scoring server beside others.

`python -m benchmarks.serving [one|hundred|binary|entity|start]`, all of them otherwise.

Servers have core 0 and one thread a library, the client has core 1; servers that are compared run
side by side and are asked in turn, the same rows each, and before each load their answers are held
against the model's. A round's figures go to stderr, the medians of the rounds to stdout.

Our default answer has reasons, validation, metrics and the decision log; the peers answer with a
probability alone. MLServer and MLflow run in environments of their own below VINTAGE_BENCH_HOME
(the system's temp where it is not set), made by the first run, which downloads about 1 GB; a peer
that cannot be installed or does not start is left out, and stderr says so.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks import _rounds
from benchmarks._line import line
from benchmarks._load import ask, load
from benchmarks._model import Made, make
from benchmarks._peers import bodies, servers
from benchmarks._processes import CLIENT, SERVER, UnavailableError, on_core
from benchmarks._releases import entity, entity_rows, release, whole_rows
from benchmarks._rounds import Contender, compare, compare_rate, measured
from components.scoring.bundle import MODEL
from components.scoring.release import SNAPSHOT

Values = NDArray[np.float64]
_NAME = "forty-numbers"
_QUESTIONS = 400
_HUNDRED, _TEN_THOUSAND = 100, 10_000
_FEW_ENTITIES, _MANY_ENTITIES = 1_000, 1_000_000
#: As many as the sample data of a scenario has.
_USUAL_ENTITIES = 30_000
_SCENARIOS = ("first", "second", "third", "fourth", "fifth")
_BINARY_RUNS = 15
_STARTS = 5
_NO_SUCH_PATH = (404, 405)
_BITS = 2e-6  # of a probability in single precision


@dataclass(frozen=True)
class Bench:
    """The model, and the folder where everything lies."""

    made: Made
    home: Path
    booster: Path

    def folder(self, name: str) -> Path:
        """A new folder."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.home))

    def release(self, scenario: str, entities: int) -> Path:
        """A new release of the model."""
        return release(self.folder(scenario), self.made.bundle, scenario, entities)

    def pds(self, rows: Values) -> Values:
        """What our server must answer."""
        return self.made.bundle.score(rows).pd

    def raw(self, rows: Values) -> Values:
        """The booster's own probability, before calibration: what the peers must answer."""
        return np.asarray(1 / (1 + np.exp(-self.made.bundle.score(rows).margin)))


def _batches(size: int) -> list[Values]:
    count = max(_QUESTIONS // size, 20)
    return np.split(whole_rows(count * size, 5), count)


def _ours(bench: Bench, stack: ExitStack, batches: list[Values]) -> tuple[Contender, Contender]:
    """Our server once with reasons and once without."""
    folder = bench.folder("ours")
    releases = [bench.release(_NAME, _FEW_ENTITIES)]
    server = stack.enter_context(servers.ours(folder, releases, _NAME))
    pds = [bench.pds(rows) for rows in batches]
    asked, plain = (
        [bodies.named(_NAME, rows, reasons=reasons) for rows in batches]
        for reasons in (True, False)
    )
    return (
        Contender("ours", server, asked, pds, bodies.of_ours_with_reasons),
        Contender("ours without reasons", server, plain, pds, bodies.of_ours),
    )


def _kserve(bench: Bench, stack: ExitStack, batches: list[Values]) -> Contender:
    server = stack.enter_context(servers.kserve(bench.folder("kserve"), bench.booster))
    asked = [bodies.listed(servers.MODEL, rows) for rows in batches]
    raw = [bench.raw(rows) for rows in batches]
    return Contender("kserve", server, asked, raw, bodies.of_list, _BITS)


def _others(bench: Bench, stack: ExitStack, batches: list[Values]) -> list[Contender]:
    raw = [bench.raw(rows) for rows in batches]
    found = []
    for name, start_it, body, read in (
        ("MLServer", servers.mlserver, partial(bodies.tensor, servers.MODEL), bodies.of_tensor),
        ("MLflow", servers.mlflow, bodies.frame, bodies.of_list),
    ):
        try:
            server = stack.enter_context(start_it(bench.folder("peer"), bench.booster))
        except UnavailableError as error:
            print(f"serving: {name} skipped: {error}", file=sys.stderr)
            continue
        asked = [body(rows) for rows in batches]
        found.append(Contender(name, server, asked, raw, read, _BITS))
    return found


def one(bench: Bench) -> None:
    """One row a request: the goals are against KServe, whose answer has no reasons."""
    _beside_others(bench, 1, {1: (None, 5.0, 0.2), 16: (3.0, 7.0, 0.2)})


def hundred(bench: Bench) -> None:
    """A hundred rows a request. Ours has reasons for as many unasked: the goal is with them off."""
    _beside_others(bench, _HUNDRED, {1: (None, 1.3, None), 16: (None, 1.3, None)})


#: By connections: the rate of our default answer, the rate and the p50 with reasons off.
_Goals = dict[int, tuple[float | None, float, float | None]]


def _beside_others(bench: Bench, rows: int, goals: _Goals) -> None:
    batches = _batches(rows)
    with ExitStack() as stack:
        told, plain = _ours(bench, stack, batches)
        kserve = _kserve(bench, stack, batches)
        others = _others(bench, stack, batches)
        for connections, (default, rate, p50) in goals.items():
            found = measured([told, plain, kserve, *others], connections)
            ours, ours_plain, its = (found[c.name] for c in (told, plain, kserve))
            at = f"{rows} rows a request, {connections} connections"
            whole, bare = f"{at}, our default answer", f"{at}, reasons off"
            compare(whole, ours, kserve.name, its, rows=rows, rate=default)
            compare(bare, ours_plain, kserve.name, its, rows=rows, rate=rate, p50=p50)
            for peer in others:
                compare_rate(whole, ours, peer.name, found[peer.name], rows=rows)
                compare_rate(bare, ours_plain, peer.name, found[peer.name], rows=rows)


def binary(bench: Bench) -> None:
    """Ten thousand rows as V2's binary tensors, one request after another; peer: the bare model."""
    rows = whole_rows(_TEN_THOUSAND, 5)
    matrix = rows.astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    raw = onnxruntime.InferenceSession(str(bench.made.bundle.folder / MODEL), options)
    given = {raw.get_inputs()[0].name: matrix}
    request = bodies.binary(_NAME, rows)
    made = [bench.release(_NAME, _FEW_ENTITIES)]
    with servers.ours(bench.folder("ours"), made, _NAME) as server, on_core(CLIENT):
        status = ask(server.port, request).status
        if status in _NO_SUCH_PATH:
            print(f"serving: binary skipped: the server answers {status} to V2", file=sys.stderr)
            return
        contender = Contender("ours", server, [request], [bench.pds(rows)], bodies.of_binary)
        ours, peer = [], []
        for _ in range(_BINARY_RUNS):
            contender.check()
            started = time.perf_counter()
            ask(server.port, request)
            ours.append(_TEN_THOUSAND / (time.perf_counter() - started))
            with on_core(SERVER):
                started = time.perf_counter()
                raw.run(None, given)
                peer.append(_TEN_THOUSAND / (time.perf_counter() - started))
    line(
        "10,000 rows, V2 binary, rows/s (peer: ONNX Runtime alone)",
        ours=median(ours), peer=median(peer), goal=0.5, at_most=False,
    )  # fmt: skip


def by_id(bench: Bench) -> None:
    """One entity of a million by its id, beside its row by hand; both with reasons."""
    made = bench.release(_NAME, _MANY_ENTITIES)
    rows = np.concatenate(list(entity_rows(_MANY_ENTITIES)))
    drawn = np.random.default_rng(7).integers(0, _MANY_ENTITIES, _QUESTIONS).tolist()
    asked = [rows[number : number + 1] for number in drawn]
    pds = [bench.pds(row) for row in asked]
    del rows
    named = [bodies.named(_NAME, row, reasons=True) for row in asked]
    ids = [bodies.by_id(_NAME, [entity(number)]) for number in drawn]
    read = bodies.of_ours_with_reasons
    with servers.ours(bench.folder("ours"), [made], _NAME) as server:
        both = [
            Contender("by row", server, named, pds, read),
            Contender("by id", server, ids, pds, read),
        ]
        for connections in (1, 16):
            found = measured(both, connections)
            compare(
                f"one entity of 1 million by its id, {connections} connections",
                found["by id"], "its row, the same server", found["by row"], p50=1.3,
            )  # fmt: skip


def start(bench: Bench) -> None:
    """Five scenarios: from the start of the process to the first answer, and the memory."""
    made = [bench.release(name, _USUAL_ENTITIES) for name in _SCENARIOS]
    folder = bench.folder("ours")
    seconds, memory = [], []
    rows = whole_rows(_HUNDRED, 5)
    for _ in range(_STARTS):
        with servers.ours(folder, made, _SCENARIOS[-1]) as server, on_core(CLIENT):
            seconds.append(server.ready_seconds)
            asked = [
                bodies.named(name, some, reasons=True)
                for name in _SCENARIOS
                for some in (rows[:1], rows)
            ]
            load(server.port, asked, 16, _rounds.SECONDS)
            memory.append(server.resident_mb(without=SNAPSHOT))
    line(
        "start to ready, five scenarios, s (peer: the limit)",
        ours=median(seconds),
        peer=3.0,
        goal=1.0,
    )
    line(
        "memory with five bundles, without snapshots, MB (peer: the limit)",
        ours=median(memory), peer=300.0, goal=1.0,
    )  # fmt: skip


_ALL: dict[str, Callable[[Bench], None]] = {
    "one": one, "hundred": hundred, "binary": binary, "entity": by_id, "start": start,
}  # fmt: skip


def main(names: list[str]) -> None:
    if not {SERVER, CLIENT} <= (cores := os.sched_getaffinity(0)):
        sys.exit(f"serving: expected cores {SERVER} and {CLIENT}, found {sorted(cores)}")
    with tempfile.TemporaryDirectory(prefix="serving-") as text:
        home = Path(text)
        made = make(home / "model")
        booster = home / "model.json"
        made.booster.save_model(booster)
        for name in names:
            _ALL[name](Bench(made, home, booster))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name", nargs="*", choices=[[], *_ALL])
    main(parser.parse_args().name or list(_ALL))

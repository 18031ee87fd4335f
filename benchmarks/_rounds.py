"""Servers in turn, round after round: what each comes to in the middle."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks._line import line
from benchmarks._load import Answer, ask, load
from benchmarks._processes import CLIENT, Server, on_core

Values = NDArray[np.float64]
ROUNDS, SECONDS, _WARM_SECONDS = 7, 3.0, 1.0
#: Answers that are compared before each measured load.
_CHECKED = 5


@dataclass(frozen=True)
class Contender:
    """A server, what it is asked, and what it must answer."""

    name: str
    server: Server
    requests: Sequence[bytes]
    #: The probabilities of each request's rows.
    expected: Sequence[Values]
    read: Callable[[Answer], Values]
    #: Of a probability; ours answers to the bit.
    tolerance: float = 0.0

    def check(self) -> None:
        """Raise where an answer is not well, or not of these rows by this model."""
        for request, expected in list(zip(self.requests, self.expected, strict=True))[:_CHECKED]:
            answer = ask(self.server.port, request)
            if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
                raise RuntimeError(
                    f"{self.name}: expected 200, found {answer.status} {answer.body[:500]!r}"
                )
            found = self.read(answer).ravel()
            if found.shape != expected.shape or np.abs(found - expected).max() > self.tolerance:
                raise RuntimeError(f"{self.name}: expected {expected[:3]}, found {found[:3]}")


@dataclass(frozen=True)
class Middle:
    """Medians of the rounds."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float  # of the server, a request


def measured(contenders: Sequence[Contender], connections: int) -> dict[str, Middle]:
    """Load each in each round, another one first in each; by name."""
    found: dict[str, list[Middle]] = {one.name: [] for one in contenders}
    with on_core(CLIENT):
        for one in contenders:
            one.check()
            load(one.server.port, one.requests, connections, _WARM_SECONDS)
        for number in range(ROUNDS):
            turn = number % len(contenders)
            for one in [*contenders[turn:], *contenders[:turn]]:
                found[one.name].append(_once(one, connections))
    return {
        name: Middle(*(median(getattr(one, part) for one in rounds) for part in _PARTS))
        for name, rounds in found.items()
    }


_PARTS = tuple(Middle.__dataclass_fields__)


def _once(one: Contender, connections: int) -> Middle:
    one.check()
    before = one.server.cpu_seconds()
    figures = load(one.server.port, one.requests, connections, SECONDS)
    used = one.server.cpu_seconds() - before
    if figures.errors:
        raise RuntimeError(
            f"{one.name}: expected 200 to every request, found {figures.errors} others"
        )
    told = f"{one.name}, {connections} connections: {figures.rate:.0f}/s"
    print(
        f"serving: {told}, p50 {figures.p50_ms:.3f} ms, p99 {figures.p99_ms:.3f} ms",
        file=sys.stderr,
    )
    return Middle(figures.rate, figures.p50_ms, figures.p99_ms, used / figures.answers * 1e6)


def compare(
    what: str, ours: Middle, peer: str, its: Middle, *,
    rows: int = 1, rate: float | None = None, p50: float | None = None,
) -> None:  # fmt: skip
    """The lines of a pair: rows a second, latencies, and the servers' own time."""
    compare_rate(what, ours, peer, its, rows=rows, goal=rate)
    line(f"{what}, p50 ms (peer: {peer})", ours=ours.p50_ms, peer=its.p50_ms, goal=p50)
    line(f"{what}, p99 ms (peer: {peer})", ours=ours.p99_ms, peer=its.p99_ms, goal=None)
    name = f"{what}, the server's CPU us a request (peer: {peer})"
    line(name, ours=ours.cpu_us, peer=its.cpu_us, goal=None)


def compare_rate(
    what: str, ours: Middle, peer: str, its: Middle, *, rows: int, goal: float | None = None
) -> None:
    """The one line of a pair that says how many rows a second each scored."""
    name = f"{what}, rows/s (peer: {peer})"
    line(name, ours=ours.rate * rows, peer=its.rate * rows, goal=goal, at_most=False)

"""What the environment says of the server: its port, limits, time-outs, workers, the token."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from components.contracts.errors import VintageError


@dataclass(frozen=True)
class Limits:
    """What the server bears, and where. Each is `VINTAGE_SERVE_` and its name in capitals."""

    port: int = 8080
    workers: int = 1
    body_bytes: int = 10_000_000
    #: Of all bodies that a worker holds at a time.
    held_bytes: int = 200_000_000
    rows: int = 100_000
    #: Requests of a worker that wait for their answer; more are turned away with 503.
    waiting: int = 1_000
    connections: int = 10_000
    #: Seconds: for a request to arrive whole, for an answer to be taken, between two requests.
    read_seconds: float = 10.0
    write_seconds: float = 30.0
    idle_seconds: float = 75.0
    #: Seconds after SIGTERM while requests are still taken, as a balancer forgets the server; and
    #: those that are left to finish after it.
    drain_seconds: float = 5.0
    stop_seconds: float = 30.0
    #: Seconds between two looks at what is to be served.
    reload_seconds: float = 5.0
    #: Where it is set, a request must bring it as a bearer's; health and metrics need none.
    token: str = field(default="", repr=False)

    @staticmethod
    def from_environment(environ: Mapping[str, str] | None = None) -> "Limits":
        given = os.environ if environ is None else environ
        known = {f"VINTAGE_SERVE_{f.name.upper()}": f for f in fields(Limits)}
        if strange := sorted(n for n in given if n.startswith("VINTAGE_SERVE_") and n not in known):
            raise VintageError(
                f"environment: expected one of {', '.join(sorted(known))}, found {strange[0]}"
            )
        found: dict[str, str | float] = {}
        for name, one in known.items():
            if text := given.get(name, ""):
                found[one.name] = text if one.type is str else _number(name, text, one.type)
        return Limits(**found)  # type: ignore[arg-type]


def _number(name: str, text: str, kind: object) -> float:
    try:
        number = int(text) if kind is int else float(text)
    except ValueError:
        number = -1.0
    least = 1 if kind is int else 0.0
    if not least <= number < float("inf"):
        what = "a whole number of at least 1" if kind is int else "seconds, at least 0"
        raise VintageError(f"{name}: expected {what}, found {text!r:.60}") from None
    return number

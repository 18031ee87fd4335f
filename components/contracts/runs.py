"""What became of a run, as its `summary.json` says it."""

from typing import Literal

from components.contracts.base import Contract
from components.contracts.results import RuleResult

_REASONS = 3  # that a sentence names
Status = Literal[
    "deployed", "registered", "explored", "decided", "monitored", "refused", "skipped", "failed"
]  # fmt: skip


class Stage(Contract):
    """One task in a run's summary."""

    stage: str
    status: str
    reused: bool
    seconds: float


class Layer(Contract):
    """What became of the rows of one table: each is kept, in quarantine, or not known yet."""

    table: str
    landed: int
    kept: int
    quarantined: int
    #: Of a later date than the run's as-of.
    later: int
    #: Why rows are in quarantine, the commonest reason first.
    reasons: tuple[tuple[str, int], ...]

    def sentence(self) -> str:
        parts = [f"{self.table}: {self.landed:,} read", f"{self.kept:,} kept"]
        if self.later:
            parts.append(f"{self.later:,} of a later date")
        named = [f"{why} {rows:,}" for why, rows in self.reasons[:_REASONS]]
        if more := self.reasons[_REASONS:]:
            named.append(f"other reasons {sum(rows for _, rows in more):,}")
        why = f" ({', '.join(named)})" if named else ""
        return ", ".join([*parts, f"{self.quarantined:,} quarantined{why}"])


class RunSummary(Contract):
    """`summary.json`: what became of a run."""

    scenario: str
    run: str
    status: Status
    metrics: dict[str, float]
    gate: tuple[RuleResult, ...]
    #: What was read and cleaned, a line a table; empty where nothing was.
    rows: tuple[Layer, ...] = ()
    release: str
    #: The release's number in the promotions table, where it is the champion.
    champion: int
    stages: tuple[Stage, ...]
    report: str
    error: str
    #: The file with all that the tasks printed; empty on a cluster, where each pod has its own.
    log: str = ""
    #: How the challenge went, in a sentence; empty where there was none.
    challenge: str = ""
    #: Why nothing was trained, in a sentence; empty where there was no reason to skip it.
    skipped: str = ""
    #: Why a month's training was due, or not, in a sentence; empty where nobody asked.
    due: str = ""
    #: What was decided of a month, in a sentence; empty where nothing was.
    decided: str = ""

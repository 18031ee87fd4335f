"""What people, MLflow and the audit are told of a month's report."""

import math
from collections.abc import Iterator, Mapping, Sequence

from components.contracts.drift import Raised
from components.contracts.monitoring import Watched
from components.monitoring.gauges import judged, of_month, of_vintage
from components.monitoring.trends import raised_since

_MOST = 10  # of a kind in a message
#: Rows, release, figures by name.
_Group = list[tuple[int, str, Mapping[str, float | None]]]


def news(watched: Watched, history: Sequence[Watched]) -> Iterator[tuple[str, str]]:
    """Each event that a report is the first to know, and what to say of it.

    `drift`: what was raised and by which watch, before the rest what was not raised the month
    before. `performance`: vintages that are ranked less well than training's rows, beyond noise,
    and of which no report of `history`, those of the months before, said so.
    """
    for release, since in raised_since(watched, history).items():
        if since:
            by = {one.name: one for one in watched.verdicts[release].raised}
            new = [_raised(by[name]) for name, month in since.items() if month == watched.as_of]
            old = [_raised(by[name]) for name, month in since.items() if month < watched.as_of]
            named = _few(new, ", ") or "nothing new"
            more = f"; as before: {_few(old, ', ')}" if old else ""
            yield "drift", f"{watched.as_of}, release {release[:12]}: {named}{more}"
    told = {place for report in history for place, _ in _lower(report)}
    if fresh := [why for place, why in _lower(watched) if place not in told]:
        yield "performance", f"{watched.as_of}, {_few(fresh, '; ')}"


def _raised(one: Raised) -> str:
    return f"{one.name} ({' and '.join(one.by)})"


def _lower(watched: Watched) -> list[tuple[tuple[str, str], str]]:
    """The vintages that are ranked less well, the latest first: each with what to say of it."""
    return [
        ((one.month, one.release), f"AUC of vintage {one.month}, release {one.release[:12]}: "
         f"{one.why}")
        for one in reversed(watched.against)
        if one.verdict == "lower"
    ]  # fmt: skip


def _few(some: Sequence[str], between: str) -> str:
    more = [f"and {len(some) - _MOST} more"] if len(some) > _MOST else []
    return between.join([*some[:_MOST], *more])


def audited(watched: Watched) -> dict[str, object]:
    """A report as the audit keeps it; it passed where it does not alarm."""
    return {
        "kind": "monitoring",
        "passed": not watched.alarmed,
        "month": watched.as_of,
        "releases": sorted(watched.drift),
        "alarmed": watched.alarmed,
        "raised": {
            release: [one.name for one in verdict.raised]
            for release, verdict in watched.verdicts.items()
        },
        "figures": figures(watched),
    }


def figures(watched: Watched) -> dict[str, float]:
    """A report's figures, by names that MLflow takes.

    The figures of the month are of the release that decided most of its rows, those of the last
    vintage that has any are of the release that decided most of that one's. Names of another
    release's end with its first six digits.
    """
    before = {(one.month, one.release): one.trained for one in watched.against}
    month: _Group = [
        (drift.rows, release, {
            **of_month(drift), "drift_raised": len(watched.verdicts[release].raised),
        })
        for release, drift in watched.drift.items()
    ]  # fmt: skip
    vintages: _Group = [
        (one.decisions, one.release, {
            **of_vintage(one),
            "training_auc": trained.value
            if (trained := before.get((one.month, one.release)))
            else None,
        })
        for one in judged(watched)
    ]  # fmt: skip
    return {**_named(month), **_named(vintages)}


def _named(group: _Group) -> dict[str, float]:
    ranked = sorted(group, key=lambda one: (-one[0], one[1]))
    return {
        f"{name}_{release[:6]}" if place else name: float(value)
        for place, (_, release, found) in enumerate(ranked)
        for name, value in found.items()
        if value is not None and math.isfinite(value)
    }

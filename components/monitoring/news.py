"""What people, MLflow and the audit are told of a month's report."""

import math
from collections.abc import Iterator, Mapping

from components.contracts.drift import Raised
from components.contracts.monitoring import Watched
from components.monitoring.gauges import judged, of_month, of_vintage

_MOST = 10  # names in a message
#: Rows, release, figures by name.
_Group = list[tuple[int, str, Mapping[str, float | None]]]


def news(watched: Watched) -> Iterator[tuple[str, str]]:
    """Each event that a report is the first to know, and what to say of it.

    `drift`: what was raised and by which watch. `performance`: a vintage that is mature since this
    month is ranked less well than training's rows, beyond noise.
    """
    for release, verdict in watched.verdicts.items():
        if verdict.alarmed:
            named = [_raised(one) for one in verdict.raised[:_MOST]]
            if more := verdict.raised[_MOST:]:
                named.append(f"and {len(more)} more")
            yield "drift", f"{watched.as_of}, release {release[:12]}: {', '.join(named)}"
    fresh = {
        (one.month, one.release) for one in watched.vintages if one.mature_from == watched.as_of
    }
    for one in watched.against:
        if one.verdict == "lower" and (one.month, one.release) in fresh:
            told = f"AUC of vintage {one.month}, release {one.release[:12]}: {one.why}"
            yield "performance", f"{watched.as_of}, {told}"


def _raised(one: Raised) -> str:
    return f"{one.name} ({' and '.join(one.by)})"


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

"""Reports of months made by hand, for the page and whoever shows or tells them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.contracts.drift import (
    SCORE,
    Alarm,
    Distance,
    Drift,
    Evidence,
    Flag,
    Missing,
    Omitted,
    Raised,
    Rate,
    Shift,
    Unseen,
    Verdict,
)
from components.contracts.monitoring import Example, Gathered, Matched, Trouble, Watched
from components.contracts.results import Bin, Interval, cutoff_key
from components.contracts.vintages import (
    AgainstTraining,
    Calibrated,
    Curve,
    Estimate,
    Measure,
    RollRates,
    SegmentFigures,
    Vintage,
)
from components.figures.rates import wilson

FIRST, SECOND = "0123456789abcdef" * 4, "fedcba9876543210" * 4
CUTOFF = 0.2
_NAMES = ("auc", "gini", "ks", "pr_auc", "brier", "log_loss")
_AT = ("accuracy", "precision", "recall", "f1")


def month_after(month: str, months: int) -> str:
    """The month so many after one."""
    return str(np.datetime64(month, "M") + months)


def interval(value: float, half: float) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def shift(name: str, psi: float | None = 0.02, word: str = "stable", **changes: Any) -> Shift:
    """How far a feature moved; without a PSI it vanished."""
    missing = Missing(count=60, share=0.02, expected=0.018, low=0.012, high=0.026)
    given = {
        "name": name, "rows": 3000, "psi": psi, "by_chance": None if psi is None else 0.035,
        "word": word, "missing": None if psi is None else missing,
    }  # fmt: skip
    return Shift.model_validate({**given, **changes})


def drift_of(rows: int = 3000, features: Sequence[Shift] = (), score: Shift | None = None) -> Drift:
    """A month's drift: what is moderate, significant or gone alarms."""
    score = score or shift(SCORE, 0.012, rows=rows)
    calm = {"stable", "no more than chance", "too few rows to tell"}
    approved = rows * 7 // 10
    low, high = wilson(approved, rows)
    return Drift(
        rows=rows,
        reference_rows=9000,
        score=score,
        ks=Distance(rows=rows, ks=0.021, by_chance=0.0405),
        approval=Rate(count=approved, rows=rows, share=approved / rows, low=low, high=high),
        unscored=Rate(count=3, rows=rows, share=3 / rows, low=0.0002, high=0.0029),
        features=tuple(features),
        alarms=tuple(
            Alarm(name=one.name, why=f"PSI {one.psi}, {one.word}")
            for one in (score, *features)
            if one.word not in calm
        ),
    )


def evidence_of(drift: Drift, drifted: Sequence[str] = ()) -> Evidence:
    """What Evidently says of the same rows."""
    names = [SCORE, *(one.name for one in drift.features if one.psi is not None)]
    gone = [one.name for one in drift.features if one.psi is None]
    return Evidence(
        version="0.7.23",
        seed=1,
        reference=(3000, 9000),
        month=(min(3000, drift.rows), drift.rows),
        flags=tuple(
            Flag(name=one, method="ks", score=1e-9 if one in drifted else 0.31, threshold=5e-05,
                 drifted=one in drifted)
            for one in names
        ),
        shown=tuple(names[:40]),
        omitted=(
            *(Omitted(name=one, why="the month has no such column") for one in gone),
            Omitted(name="the outcome", why="the month has rows without an outcome"),
        ),
    )  # fmt: skip


def verdict_of(drift: Drift, evidence: Evidence) -> Verdict:
    """What either raised."""
    ours = {one.name: one.why for one in drift.alarms}
    theirs = {one.name: f"{one.method} {one.score:.2g}" for one in evidence.flags if one.drifted}
    return Verdict(
        raised=tuple(
            Raised(
                name=name,
                by=tuple(
                    by for by, found in (("PSI", ours), ("Evidently", theirs)) if name in found
                ),  # type: ignore[arg-type]
                why=tuple(found[name] for found in (ours, theirs) if name in found),
            )
            for name in dict.fromkeys((*ours, *theirs))
        )
    )


def vintage(
    month: str, as_of: str, *, release: str = FIRST, rows: int = 3000, matures: int = 6,
    auc: float = 0.74, why: str = "", **changes: Any,
) -> Vintage:  # fmt: skip
    """The decisions of a month, mature after so many more; `why` is why it has no figure."""
    mature_from = month_after(month, matures)
    mature = as_of >= mature_from
    known = rows * 9 // 10 if mature else rows // 50
    none = why or ("" if mature else f"not yet: mature from {mature_from} on")
    values = {"auc": auc, "gini": 2 * auc - 1, "ks": 0.36, "pr_auc": 0.31, "brier": 0.07,
              "log_loss": 0.25, "accuracy": 0.83, "precision": 0.29, "recall": 0.47,
              "f1": 0.36}  # fmt: skip

    def measure(name: str) -> Measure:
        found = None if none else interval(values[name], 0.03)
        return Measure(rows=known, found=found, why=none)

    bins = tuple(
        Bin(rows=known // 10, predicted=pd, observed=pd * 1.1, low=pd * 0.8, high=pd * 1.5)
        for pd in np.linspace(0.01, 0.3, 10).tolist()
    )
    segment = SegmentFigures(
        column="REGION", value="north", rows=1200, bad=110, mean_pd=0.09,
        bad_rate=Measure(rows=1200, found=interval(0.0917, 0.015)),
        auc=Measure(rows=1200, found=interval(auc, 0.05)),
        others={name: Measure(rows=1200, found=interval(values[name], 0.05))
                for name in _NAMES if name != "auc"},
        at_cutoff={name: Measure(rows=1200, found=interval(values[name], 0.02)) for name in _AT},
        calibrated=Calibrated(bins=bins, ece=0.0234, noise=0.0345),
    )  # fmt: skip
    few = "too few rows: expected 30 at least, found 7"
    small = SegmentFigures(
        column="REGION", value="islands", rows=7, bad=0, mean_pd=0.05,
        bad_rate=Measure(rows=7, why=few), auc=Measure(rows=7, why=few),
        others={name: Measure(rows=7, why=few) for name in _NAMES if name != "auc"},
        at_cutoff={name: Measure(rows=7, why=few) for name in _AT},
    )  # fmt: skip
    given = {
        "month": month,
        "as_of": as_of,
        "release": release,
        "cutoff": CUTOFF,
        "decisions": rows,
        "approved": rows * 7 // 10,
        "unscored": 3,
        "known": known,
        "bad": known // 11,
        "known_declined": known * 3 // 10,
        "selected": False,
        "mature_from": mature_from,
        "mature": mature,
        "figures": {name: measure(name) for name in _NAMES},
        "thresholds": {
            cutoff_key(at): {name: measure(name) for name in _AT} for at in (0.5, CUTOFF)
        },
        "calibrated": None if none else Calibrated(bins=bins, ece=0.0123, noise=0.0156),
        "segments": (segment, small) if mature else (),
        "estimate": Estimate(
            bad_rate=Measure(rows=rows, found=interval(0.087, 0.012)),
            auc=Measure(rows=rows, found=interval(0.745, 0.025)),
            ks=Measure(rows=rows, found=interval(0.37, 0.04)),
            basis="Reckoned from the PDs.",
        ),
    }
    return Vintage.model_validate({**given, **changes})


def against(one: Vintage, trained: float | None = 0.76) -> AgainstTraining:
    """A vintage beside training."""
    found = one.figures["auc"]
    verdict = "none"
    why = found.why
    if found.found is not None and trained is not None:
        verdict = "lower" if trained - found.found.value > 0.04 else "not lower"
        why = (
            f"{verdict} than training's by more than noise: {found.found.value:.3f} against "
            f"{trained:.3f}, noise is up to 0.040"
        )
    return AgainstTraining.model_validate({
        "month": one.month, "release": one.release, "auc": found, "verdict": verdict, "why": why,
        "trained": None if trained is None else interval(trained, 0.015),
    })  # fmt: skip


def gathered(month: str, **troubles: Trouble) -> Gathered:
    """A month of the decision log."""
    none = {name: Trouble() for name in ("unreadable", "cut", "damaged", "twice", "clocks")}
    return Gathered.model_validate({
        "scenario": "small-loans", "month": month, "segments": 31, "requests": 2800,
        "decisions": 3000, **none, **troubles,
    })  # fmt: skip


def trouble(found: str, count: int = 2) -> Trouble:
    return Trouble(count=count, example=Example(file="2024-08-02/a.seg", line=17, found=found))


def matched(as_of: str, **changes: Any) -> Matched:
    given = {"as_of": as_of, "joined": 21500, "waiting": 13200, "outcomes": 21600, "repeated": 88,
             "conflicting": 0, "conflict": None, "strange": 0, "stranger": None}  # fmt: skip
    return Matched.model_validate({**given, **changes})


def rolls() -> RollRates:
    return RollRates(
        states=("0", "1 to 29", "30 to 59", "60 to 89", "90 and more"),
        counts=((9100, 410, 0, 0, 0), (220, 90, 130, 0, 0), (31, 22, 20, 71, 0), (4, 3, 6, 11, 47),
                (0, 0, 0, 0, 0)),
        left=(512, 9, 4, 2, 61),
    )  # fmt: skip


def curve(month: str, as_of: str, rows: int = 2100, pace: float = 0.011) -> Curve:
    months = int((np.datetime64(as_of, "M") - np.datetime64(month, "M")).astype(int)) + 1
    bad = [min(rows, int(rows * pace * 9 * (1 - 0.85**age))) for age in range(months)]
    return Curve(month=month, rows=rows, bad=tuple(bad))


def watched(
    as_of: str = "2024-08", *, features: Sequence[Shift] = (), drifted: Sequence[str] = (),
    decided: Mapping[str, str] | None = None, score: Shift | None = None, **changes: Any,
) -> Watched:  # fmt: skip
    """A report; `decided` is month -> release, the months that had decisions. The report's own
    month's drift is of these features, of which Evidently says that some drifted.
    """
    by = {as_of: FIRST} if decided is None else decided
    drift = {}
    if as_of in by:
        drift = {by[as_of]: drift_of(3000, features, score)}
    evidence = {name: evidence_of(found, drifted) for name, found in drift.items()}
    vintages = tuple(vintage(month, as_of, release=name) for month, name in by.items())
    given = {
        "scenario": "small-loans",
        "as_of": as_of,
        "gathered": tuple(gathered(month) for month in by),
        "matched": matched(as_of),
        "drift": drift,
        "evidence": evidence,
        "verdicts": {name: verdict_of(drift[name], evidence[name]) for name in drift},
        "vintages": vintages,
        "against": tuple(against(one) for one in vintages),
        "curves": tuple(curve(month, as_of) for month in by),
        "roll_rates": None,
    }
    return Watched.model_validate({**given, **changes})


def unseen(*values: str) -> tuple[Unseen, ...]:
    return tuple(Unseen(value=value, rows=3) for value in values)

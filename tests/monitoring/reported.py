"""A month's report by hand: two releases decided in August, and one vintage of each is mature."""

from typing import Any

from components.contracts.drift import (
    Distance,
    Drift,
    Evidence,
    Missing,
    Raised,
    Rate,
    Shift,
    Verdict,
)
from components.contracts.monitoring import Matched, Watched
from components.contracts.results import Interval, cutoff_key
from components.contracts.vintages import AgainstTraining, Calibrated, Estimate, Measure, Vintage

OLD, NEW = "a" * 64, "b" * 64
CUTOFF = 0.2
FIGURES = {"auc": 0.7, "gini": 0.4, "ks": 0.3, "pr_auc": 0.5, "brier": 0.1, "log_loss": 0.4}
AT_CUTOFF = {"accuracy": 0.8, "precision": 0.5, "recall": 0.6, "f1": 0.55}


def measure(value: float | None, why: str = "") -> Measure:
    """A figure of 100 rows, or why there is none."""
    found = None if value is None else Interval(value=value, low=value - 0.1, high=value + 0.1)
    return Measure(rows=100, found=found, why=why)


def shift(name: str, psi: float | None = 0.01, missing: float | None = 0.0) -> Shift:
    """How a feature moved; nothing is known of one that vanished."""
    rate = None if missing is None else Missing(count=1, share=missing, expected=0, low=0, high=0.1)
    return Shift(name=name, rows=100, psi=psi, by_chance=0.05, word="stable", missing=rate)


def drift(*features: Shift, rows: int = 100, **changes: Any) -> Drift:
    """A release's month, of which three quarters were approved."""
    given = Drift(
        rows=rows,
        reference_rows=1_000,
        score=shift("the score", 0.02),
        ks=Distance(rows=rows, ks=0.03, by_chance=0.1),
        approval=Rate(count=3 * rows // 4, rows=rows, share=0.75, low=0.7, high=0.8),
        unscored=Rate(count=0, rows=rows, share=0.0, low=0.0, high=0.1),
        features=features,
        alarms=(),
    )
    return given.model_copy(update=changes)


def verdict(**raised: tuple[str, ...]) -> Verdict:
    """What was raised, and by which watches."""
    return Verdict(
        raised=tuple(
            Raised.model_validate({"name": name, "by": by, "why": ("moved",) * len(by)})
            for name, by in raised.items()
        )
    )


def vintage(month: str, release: str = OLD, **changes: Any) -> Vintage:
    """A vintage with figures, mature since August 2024."""
    given = Vintage(
        month=month,
        as_of="2024-08",
        release=release,
        cutoff=CUTOFF,
        decisions=120,
        approved=90,
        unscored=0,
        known=100,
        bad=25,
        known_declined=10,
        selected=False,
        mature_from="2024-08",
        mature=True,
        figures={name: measure(value) for name, value in FIGURES.items()},
        thresholds={
            cutoff_key(0.5): {name: measure(0.99) for name in AT_CUTOFF},
            cutoff_key(CUTOFF): {name: measure(value) for name, value in AT_CUTOFF.items()},
        },
        calibrated=Calibrated(bins=(), ece=0.02, noise=0.05),
        segments=(),
        estimate=Estimate(
            bad_rate=measure(0.22), auc=measure(0.7), ks=measure(0.3), basis="the PDs"
        ),
    )
    return given.model_copy(update=changes)


def young(month: str, release: str = OLD) -> Vintage:
    """A vintage of which nothing is known yet."""
    return vintage(
        month, release, known=0, bad=0, mature=False, mature_from="2025-02", calibrated=None,
        figures={name: measure(None, "not yet") for name in FIGURES}, thresholds={},
    )  # fmt: skip


def against(one: Vintage, trained: float | None, verdict: str) -> AgainstTraining:
    """A vintage beside its training."""
    return AgainstTraining.model_validate(
        {
            "month": one.month,
            "release": one.release,
            "auc": one.figures["auc"],
            "trained": None if trained is None else measure(trained).found,
            "verdict": verdict,
            "why": f"{verdict} than training's by more than noise",
        }
    )


def watched(**changes: Any) -> Watched:
    """A report of August 2024 in which nothing was decided and nothing is known."""
    given = Watched(
        scenario="card-default",
        as_of="2024-08",
        gathered=(),
        matched=Matched(
            as_of="2024-08", joined=100, waiting=20, outcomes=103, repeated=1, conflicting=2,
            conflict="d1", strange=3, stranger="d2",
        ),
        drift={},
        evidence={},
        verdicts={},
        vintages=(),
        against=(),
        curves=(),
        roll_rates=None,
    )  # fmt: skip
    return given.model_copy(update=changes)


def alarming(**changes: Any) -> Watched:
    """A report of a month that two releases shared: one's features moved, the other's did not."""
    before = vintage("2024-01", mature_from="2024-07")
    first, second = vintage("2024-02", OLD), vintage("2024-02", NEW, decisions=30)
    moved = drift(shift("LIMIT", 0.4, 0.1), shift("AGE", 0.01), rows=100)
    return watched(
        drift={OLD: moved, NEW: drift(shift("LIMIT"), rows=300)},
        evidence={release: evidence() for release in (OLD, NEW)},
        verdicts={OLD: verdict(LIMIT=("PSI", "Evidently"), AGE=("Evidently",)), NEW: verdict()},
        vintages=(before, first, second, young("2024-08", OLD), young("2024-08", NEW)),
        against=(
            against(before, 0.9, "lower"),
            against(first, 0.8, "lower"),
            against(second, None, "none"),
            against(young("2024-08"), 0.8, "none"),
        ),
    ).model_copy(update=changes)


def evidence() -> Evidence:
    """Evidently was asked nothing."""
    return Evidence(
        version="0", seed=1, reference=(0, 0), month=(0, 0), flags=(), shown=(), omitted=()
    )

"""What Prometheus is told of a month's report: as far as it has a figure, in one order."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from components.contracts.drift import Drift
from components.contracts.gauges import Gauge
from components.contracts.monitoring import Watched
from components.contracts.results import cutoff_key
from components.contracts.vintages import Measure, Vintage
from components.figures.words import AT_CUTOFF

#: Every gauge, and what it is.
HELP = {
    "vintage_month_timestamp_seconds": "Start of the month that the last report is of.",
    "vintage_month_decisions": "Rows that were decided on in the month.",
    "vintage_approval_ratio": "Approved rows over all rows of the month.",
    "vintage_score_psi": "PSI of the month's score against the release's frozen bins.",
    "vintage_score_ks": "Largest distance of the month's score from the release's reference.",
    "vintage_feature_psi": "PSI of a feature's month against the release's frozen bins.",
    "vintage_feature_missing_ratio": "Rows of the month that lack a feature over all of them.",
    "vintage_drift_raised": "Features, the score among them, that a watch raised.",
    "vintage_scoring_figure": "A figure of the last vintage that is mature and known well enough.",
    "vintage_scoring_vintage_timestamp_seconds": "Start of the month of that vintage.",
    "vintage_training_figure": "The same figure of the rows that training kept for its test.",
    "vintage_scoring_auc_lower": "1 where that vintage's AUC is below training's beyond noise.",
    "vintage_expected_bad_ratio": "Bad rows over all rows that the PDs of the month let expect.",
    "vintage_bad_ratio": "Bad rows over all rows with an outcome of that vintage.",
    "vintage_outcomes_waiting": "Decisions up to the month's end that have no outcome yet.",
    "vintage_outcomes_conflicting": "Decisions with both outcomes.",
    "vintage_outcomes_strange": "Decisions that have an outcome and do not exist.",
    "vintage_training_age_months": "Months from the last training's as-of to the report's month.",
    "vintage_retrain_after_months": "Months after a training at which the next one is due.",
    "vintage_snapshot_timestamp_seconds": "The day as of which the serving snapshot was made.",
}
_ORDER = {name: place for place, name in enumerate(HELP)}
#: The gauges of a release's month, by the name of the figure.
_OF_MONTH = {
    "decisions": "vintage_month_decisions",
    "approval_ratio": "vintage_approval_ratio",
    "score_psi": "vintage_score_psi",
    "score_ks": "vintage_score_ks",
}
_Labels = dict[str, str]


@dataclass(frozen=True)
class Standing:
    """What is registered, and what serves. Days as in 2024-08-31; empty where they are not known.

    `trained_as_of` is the day of the last training, `snapshot_as_of` that of the snapshot of the
    release `serving`, which is empty where none serves.
    """

    trained_as_of: str
    retrain_after: int
    serving: str
    snapshot_as_of: str


def gauges(watched: Watched, standing: Standing) -> list[Gauge]:
    """A report as gauges, by name and labels; what is not known, or is no number, is none."""
    told = [
        *_of_report(watched),
        *_of_months(watched),
        *_of_vintages(watched),
        *_of_standing(watched, standing),
    ]
    found = [
        Gauge(name=name, help=HELP[name], labels=labels, value=value)
        for name, labels, value in told
        if value is not None and math.isfinite(value)
    ]
    return sorted(found, key=lambda one: (_ORDER[one.name], *one.labels.values()))


_Told = Iterator[tuple[str, _Labels, float | None]]


def _of_report(watched: Watched) -> _Told:
    matched = watched.matched
    yield "vintage_month_timestamp_seconds", {}, _start(watched.as_of)
    yield "vintage_outcomes_waiting", {}, matched.waiting
    yield "vintage_outcomes_conflicting", {}, matched.conflicting
    yield "vintage_outcomes_strange", {}, matched.strange


def _of_months(watched: Watched) -> _Told:
    for release, drift in watched.drift.items():
        by = {"release": release}
        for name, value in of_month(drift).items():
            yield _OF_MONTH[name], by, value
        for one in drift.features:
            labels = {**by, "feature": one.name}
            missing = None if one.missing is None else one.missing.share
            yield "vintage_feature_psi", labels, one.psi
            yield "vintage_feature_missing_ratio", labels, missing
    for release, verdict in watched.verdicts.items():
        for watch in ("PSI", "Evidently"):
            raised = sum(watch in one.by for one in verdict.raised)
            yield "vintage_drift_raised", {"release": release, "watch": watch.lower()}, raised
    for vintage in watched.vintages:
        if vintage.month == watched.as_of:
            expected = _value(vintage.estimate.bad_rate)
            yield "vintage_expected_bad_ratio", {"release": vintage.release}, expected


def of_month(drift: Drift) -> Mapping[str, float | None]:
    """A release's month in a few figures, by name."""
    return {
        "decisions": drift.rows,
        "approval_ratio": drift.approval.share,
        "score_psi": drift.score.psi,
        "score_ks": None if drift.ks is None else drift.ks.ks,
    }


def _of_vintages(watched: Watched) -> _Told:
    against = {(one.month, one.release): one for one in watched.against}
    for vintage in judged(watched):
        by = {"release": vintage.release}
        for name, value in of_vintage(vintage).items():
            yield "vintage_scoring_figure", {**by, "figure": name}, value
        yield "vintage_scoring_vintage_timestamp_seconds", by, _start(vintage.month)
        yield "vintage_bad_ratio", by, vintage.bad / vintage.known
        beside = against.get((vintage.month, vintage.release))
        if beside is not None and beside.trained is not None:
            yield "vintage_training_figure", {**by, "figure": "auc"}, beside.trained.value
        if beside is not None and beside.verdict != "none":
            yield "vintage_scoring_auc_lower", by, float(beside.verdict == "lower")


def judged(watched: Watched) -> list[Vintage]:
    """The vintages of the last month that has one which is mature and has rows enough."""
    known = [one for one in watched.vintages if one.mature and one.calibrated is not None]
    last = max((one.month for one in known), default="")
    return [one for one in known if one.month == last]


def of_vintage(vintage: Vintage) -> Mapping[str, float | None]:
    """The figures of a mature vintage, by name; threshold metrics at its release's cut-off."""
    at_cutoff = vintage.thresholds.get(cutoff_key(vintage.cutoff), {})
    measures = {**vintage.figures, **at_cutoff}
    found = {
        name: _value(measures[name])
        for name in ("auc", "gini", "ks", *AT_CUTOFF, "brier")
        if name in measures
    }
    ece = None if vintage.calibrated is None else vintage.calibrated.ece
    return {**found, "ece": ece}


def _of_standing(watched: Watched, standing: Standing) -> _Told:
    if trained := standing.trained_as_of:
        # A report on a month before the training is not of a model that is too old.
        age = max(0, _months(watched.as_of) - _months(trained))
        yield "vintage_training_age_months", {}, age
    yield "vintage_retrain_after_months", {}, standing.retrain_after
    if standing.serving and standing.snapshot_as_of:
        day = datetime.fromisoformat(standing.snapshot_as_of).replace(tzinfo=UTC).timestamp()
        yield "vintage_snapshot_timestamp_seconds", {"release": standing.serving}, day


def _value(measure: Measure) -> float | None:
    return None if measure.found is None else measure.found.value


def _start(month: str) -> float:
    """The first moment of a month, in seconds since 1970."""
    return datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC).timestamp()


def _months(day: str) -> int:
    """The months up to that of a day, or of a month."""
    return 12 * int(day[:4]) + int(day[5:7])

"""How the decisions of a month did, once their outcomes are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.contracts.results import Bin, Interval, cutoff_key
from components.contracts.vintages import Calibrated, Measure, SegmentFigures, Vintage
from components.contracts.watching import WatchSpec
from components.figures.bootstrap import Label, Scores, ece_by_noise, intervals
from components.figures.groups import each_group, groups_of
from components.figures.metrics import (
    calibration_bins,
    calibration_error,
    confusion,
    ranking_metrics,
)
from components.figures.rates import wilson
from components.figures.words import AT_CUTOFF
from components.monitoring.estimate import estimate

UNKNOWN = -1
_CUTOFF = 0.5
_RANKING = ("auc", "gini", "ks", "pr_auc", "brier", "log_loss")
#: Who would have been called bad is not among them.
_CHOSEN = "only approved rows have an outcome"

Flags = NDArray[np.bool_]
Days = NDArray[np.datetime64]


@dataclass(frozen=True)
class Decided:
    """The decisions of one release in one month; every array has a place for each of them."""

    month: str
    release: str
    cutoff: float
    #: NaN where it is no number.
    pd: Scores
    approved: Flags
    #: 1 bad, 0 good, -1 not known as of the report.
    bad: Label
    #: The columns that are looked at apart.
    segments: Mapping[str, Sequence[object]]


def known_by(as_of: str, bad: Flags, known: Days) -> Label:
    """Outcomes as they were known at the end of a month; `known` is NaT where there is none."""
    # NaT is in no month: comparing with it is false.
    return np.where(known.astype("datetime64[M]") <= np.datetime64(as_of, "M"), bad, UNKNOWN)


def mature_from(month: str, spec: WatchSpec) -> str:
    """The month at whose end the outcomes of a vintage are known."""
    return str(np.datetime64(month, "M") + spec.mature_months)


def vintage(decided: Decided, as_of: str, spec: WatchSpec, checked: Sequence[Bin] = ()) -> Vintage:
    """The figures of a vintage that is mature; of every one, what its PDs alone say.

    `checked` are the tenths that the model's calibration was looked at in when it was trained.
    """
    scored = np.isfinite(decided.pd)
    known = scored & (decided.bad != UNKNOWN)
    label, pd = decided.bad[known], decided.pd[known]
    first = mature_from(decided.month, spec)
    mature = np.datetime64(as_of, "M") >= np.datetime64(first, "M")
    few = _too_few(label, spec) if mature else f"not yet: mature from {first} on"
    selected = _is_selected(decided.approved[scored], known[scored])
    return Vintage(
        month=decided.month,
        as_of=as_of,
        release=decided.release,
        cutoff=decided.cutoff,
        decisions=len(decided.pd),
        approved=int(decided.approved.sum()),
        unscored=int((~scored).sum()),
        known=len(label),
        bad=int(label.sum()),
        known_declined=int((~decided.approved[known]).sum()),
        selected=selected,
        mature_from=first,
        mature=bool(mature),
        figures=_ranking(label, pd, few or _one_class(label, spec), spec.seed),
        thresholds={
            cutoff_key(cutoff): _at_cutoff(label, pd, cutoff, few or _CHOSEN * selected, spec)
            for cutoff in (_CUTOFF, decided.cutoff)
        },
        calibrated=None if few else _calibrated(label, pd, spec.seed),
        segments=tuple(_segments(decided, known, selected, spec)) if mature else (),
        estimate=estimate(decided.pd[scored], checked, spec),
    )


def _too_few(label: Label, spec: WatchSpec) -> str:
    """Why there is no figure of these rows at all; empty where there may be."""
    return _short("rows", len(label), spec.least_rows)


def _one_class(label: Label, spec: WatchSpec) -> str:
    """Why there is no figure that takes both classes; empty where there may be."""
    bad = int(label.sum())
    sides = (("bad rows", bad), ("good rows", len(label) - bad))
    return next((why for name, n in sides if (why := _short(name, n, spec.least_of_class))), "")


def _short(name: str, found: int, least: int) -> str:
    return "" if found >= least else f"too few {name}: expected {least} at least, found {found}"


def _is_selected(approved: Flags, known: Flags) -> bool:
    """Whether outcomes of declined rows are known less than half as often as of approved ones."""
    if approved.all() or not approved.any():
        return False
    return bool(2 * known[~approved].mean() < known[approved].mean())


def _ranking(label: Label, pd: Scores, why: str, seed: int) -> dict[str, Measure]:
    rows = len(label)
    if why:
        return {name: Measure(rows=rows, why=why) for name in _RANKING}
    found = intervals(label, pd, ranking_metrics(label, pd), seed)
    return {name: Measure(rows=rows, found=interval) for name, interval in found.items()}


def _at_cutoff(
    label: Label, pd: Scores, cutoff: float, why: str, spec: WatchSpec
) -> dict[str, Measure]:
    """Each is a rate of some of the rows, F1 a curve of one."""
    if why:
        return {name: Measure(rows=len(label), why=why) for name in AT_CUTOFF}
    (passed, false), (missed, caught) = confusion(label, pd, cutoff)
    least = spec.least_of_class
    # Of all rows that are bad or called so, how many are both: F1 is 2 j / (1 + j) of that share.
    both = _rate(caught, caught + false + missed, least, "rows that are bad or called so")
    return {
        "accuracy": _rate(passed + caught, len(label), spec.least_rows, "rows"),
        "precision": _rate(caught, caught + false, least, "rows called bad"),
        "recall": _rate(caught, caught + missed, least, "bad rows"),
        "f1": both if both.found is None else Measure(rows=both.rows, found=_f1(both.found)),
    }


def _rate(hits: int, rows: int, least: int, name: str) -> Measure:
    if why := _short(name, rows, least):
        return Measure(rows=rows, why=why)
    low, high = wilson(hits, rows)
    return Measure(rows=rows, found=Interval(value=hits / rows, low=low, high=high))


def _f1(share: Interval) -> Interval:
    value, low, high = (2 * j / (1 + j) for j in (share.value, share.low, share.high))
    return Interval(value=value, low=low, high=high)


def _calibrated(label: Label, pd: Scores, seed: int) -> Calibrated:
    bins = calibration_bins(label, pd)
    return Calibrated(bins=bins, ece=calibration_error(bins), noise=ece_by_noise(pd, seed))


def _segments(
    decided: Decided, known: Flags, selected: bool, spec: WatchSpec
) -> list[SegmentFigures]:
    found = []
    for column, values in decided.segments.items():
        # Of all decisions, known or not: which outcomes came moves no border.
        for value, own in each_group(groups_of(values)):
            label, pd = decided.bad[own & known], decided.pd[own & known]
            if not len(label):
                continue
            few = _too_few(label, spec)
            ranking = _ranking(label, pd, few or _one_class(label, spec), spec.seed)
            found.append(
                SegmentFigures(
                    column=column,
                    value=value,
                    rows=len(label),
                    bad=int(label.sum()),
                    mean_pd=float(pd.mean()),
                    bad_rate=_rate(int(label.sum()), len(label), spec.least_rows, "rows"),
                    auc=ranking.pop("auc"),
                    others=ranking,
                    at_cutoff=_at_cutoff(
                        label, pd, decided.cutoff, few or _CHOSEN * selected, spec
                    ),
                    calibrated=None if few else _calibrated(label, pd, spec.seed),
                )
            )
    return found

"""How what was decided did: sections of a monitoring report."""

from collections.abc import Sequence

from components.contracts.monitoring import Watched
from components.contracts.results import cutoff_key
from components.contracts.vintages import AgainstTraining, Calibrated, Curve, Vintage
from components.figures.numbers import share, share_span, span
from components.figures.page import Row, folded, note, opened, pictures, table
from components.figures.rates import wilson
from components.figures.words import AT_CUTOFF, NAMES
from components.monitoring import pictures as drawn
from components.monitoring.words import (
    bad_rate,
    each,
    measured,
    measured_rate,
    unless,
)

_MOST_MONTHS = 12
_RANKING = ("gini", "ks")
_OTHERS = ("pr_auc", "brier", "log_loss")
_HALF = 0.5


def vintages(watched: Watched) -> list[str]:
    """What came of every month's decisions, the latest first."""
    found = sorted(watched.vintages, key=lambda one: (one.month, one.release), reverse=True)
    if not found:
        return ["<p>No decisions are known.</p>"]
    heads = (
        "Month", "Release", "Decisions", "Approved", "Expected bad rate",
        "With an outcome", "Bad", "Bad rate", "Outcomes of", "Mature",
    )  # fmt: skip
    return [
        opened(
            heads, [_counts(one) for one in found], most=_MOST_MONTHS,
            numbers=(2, 3, 4, 5, 6, 7), wide=True,
            soft=[place for place, one in enumerate(found) if not one.mature],
        ),
        note(
            "Expected: of all decisions, from their PDs alone; it holds while those are right. "
            "In grey what is not mature: the outcomes that came early are no sample of it."
        ),
        *_did([one for one in found if one.mature], watched.against),
    ]  # fmt: skip


def _counts(one: Vintage) -> Row:
    return (
        one.month,
        one.release[:12],
        one.decisions,
        f"{one.approved:,} ({share(one.approved / one.decisions)})",
        measured_rate(one.estimate.bad_rate),
        one.known,
        one.bad,
        bad_rate(one) if one.mature else None,
        outcomes_of(one),
        "mature" if one.mature else f"not yet: mature from {one.mature_from} on",
    )


def outcomes_of(one: Vintage) -> str:
    """Whose outcomes are known: those of approved rows are harder to rank."""
    if not one.known:
        return "-"
    if not one.selected:
        return "all rows"
    some = f", and {one.known_declined:,} declined" if one.known_declined else " only"
    return f"approved rows{some}"


def _did(mature: Sequence[Vintage], against: Sequence[AgainstTraining]) -> list[str]:
    if not mature:
        return []
    beside = {(one.month, one.release): one for one in against}
    pairs = [(one, beside.get((one.month, one.release))) for one in mature]
    heads = (
        "Month", "Release", "Rows", "AUC", "Training's AUC", "Against training",
        *(NAMES[name] for name in _RANKING), "ECE", *(NAMES[name] for name in AT_CUTOFF),
    )  # fmt: skip
    return [
        "<h3>How the models did</h3>",
        opened(
            heads, [_figures(*pair) for pair in pairs], most=_MOST_MONTHS,
            numbers=(2,), wide=True,
            failed=[place for place, (_, own) in enumerate(pairs) if is_lower(own)],
        ),
        note(
            "95 % intervals. In red: an AUC that is lower than training's by more than noise. An "
            "ECE is above 0 by noise alone, for PDs that are right up to what is said. Accuracy, "
            "precision, recall and F1 are at the release's own cut-off."
        ),
        *_calibration(mature),
        folded("Other figures", _others(mature)),
        *_segments(mature),
    ]  # fmt: skip


def is_lower(against: AgainstTraining | None) -> bool:
    """Whether an AUC is lower than training's by more than noise."""
    return against is not None and against.verdict == "lower"


def _figures(one: Vintage, against: AgainstTraining | None) -> Row:
    auc = one.figures["auc"]
    trained = None if against is None else against.trained
    at = one.thresholds[cutoff_key(one.cutoff)]
    return (
        one.month,
        one.release[:12],
        one.known,
        measured(auc),
        "-" if trained is None else span(trained),
        _beside_training(one, against),
        *(unless(one.figures[name], auc.why) for name in _RANKING),
        _ece(one.calibrated),
        *each([at[name] for name in AT_CUTOFF], auc.why),
    )


def _ece(found: Calibrated | None) -> str:
    return "-" if found is None else f"{found.ece:.4f} (noise: up to {found.noise:.4f})"


def _beside_training(one: Vintage, against: AgainstTraining | None) -> str:
    if against is None or against.why == one.figures["auc"].why:
        return "-"
    return against.verdict if against.verdict == "not lower" else against.why


def _calibration(mature: Sequence[Vintage]) -> list[str]:
    """Of the latest month that has one."""
    shown = [(one, one.calibrated) for one in mature if one.calibrated is not None]
    return [
        pictures(*(
            f"<h3>Calibration of {one.month}</h3>"
            + note(f"Release {one.release[:12]}, {one.known:,} rows in tenths: PD across, bad "
                   "rate up, 95 % intervals")
            + drawn.calibration(found.bins)
            for one, found in shown
            if one.month == shown[0][0].month
        ))
    ] if shown else []  # fmt: skip


def _others(mature: Sequence[Vintage]) -> str:
    heads = (
        "Month", "Release", "Rows", "Cut-off", *(NAMES[name] for name in _OTHERS),
        *(f"{NAMES[name]} at {_HALF}" for name in AT_CUTOFF),
    )  # fmt: skip
    rows = []
    for one in mature:
        at = one.thresholds[cutoff_key(_HALF)]
        losses = [one.figures[name] for name in _OTHERS]
        rows.append((
            one.month, one.release[:12], one.known, one.cutoff, *each(losses),
            *each([at[name] for name in AT_CUTOFF], losses[-1].why),
        ))  # fmt: skip
    return table(heads, rows, numbers=(2, 3), wide=True)


def _segments(mature: Sequence[Vintage]) -> list[str]:
    heads = (
        "Segment", "Rows", "Bad", "Bad rate", "Mean PD", NAMES["auc"],
        *(NAMES[name] for name in _RANKING), "ECE", *(NAMES[name] for name in AT_CUTOFF),
    )  # fmt: skip
    tables = [
        folded(
            f"{one.month}, release {one.release[:12]}",
            table(heads, [
                (f"{own.column}: {own.value}", own.rows, own.bad, measured_rate(own.bad_rate),
                 share(own.mean_pd), unless(own.auc, own.bad_rate.why),
                 *(unless(own.others[name], own.auc.why) for name in _RANKING),
                 _ece(own.calibrated),
                 *each([own.at_cutoff[name] for name in AT_CUTOFF], own.bad_rate.why))
                for own in one.segments
            ], numbers=range(1, 6), wide=True),
        )
        for one in mature
        if one.segments
    ]  # fmt: skip
    return [folded("Segments", "".join(tables))] if tables else []


def going_bad(found: Sequence[Curve]) -> list[str]:
    """The share of each vintage that had gone bad, so many months after it was decided."""
    some = [one for one in found if one.rows]
    if not some:
        return ["<p>No vintage has a row that can go bad.</p>"]
    if not any(one.bad[-1] for one in some):
        return [f"<p>None of {sum(one.rows for one in some):,} rows has gone bad yet.</p>"]
    ages = max(len(one.bad) for one in some)
    rows = [
        (one.month, one.rows,
         *(share_span(bad / one.rows, *wilson(bad, one.rows)) for bad in one.bad),
         *([""] * (ages - len(one.bad))))
        for one in reversed(some)
    ]  # fmt: skip
    heads = ("Decided in", "Rows", *map(str, range(ages)))
    return [
        note(
            "Of the rows that can go bad, those that had, by months since they were decided. The "
            "later a vintage the darker its line; in the table with 95 % intervals."
        ),
        pictures(drawn.curves(some)),
        folded("The figures", table(heads, rows, numbers=range(1, len(heads)), wide=True)),
    ]

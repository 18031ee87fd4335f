"""What PDs alone say of rows whose outcomes are not known.

Outcomes are drawn from the PDs many times, and the figures of each draw are what may come. How
sure the PDs are is in it too: in each draw, the odds of every tenth of the PDs move together by as
much as the rows that the calibration was checked on could not have told from none.

All of it holds only while the calibration does. Where the population's bad rate moves and its
features do not, no PD shows it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.contracts.results import Bin, Interval
from components.contracts.vintages import Estimate, Measure, Vintage
from components.contracts.watching import WatchSpec
from components.figures.bootstrap import Counts, Scores, band_starts, ranks

_DRAWS = 1_000


def estimate(pd: Scores, checked: Sequence[Bin], spec: WatchSpec) -> Estimate:
    """Of rows with these PDs; `checked` are the tenths in which PDs and outcomes were compared
    when the model was trained, none where that is not known.
    """
    rows, pd = len(pd), np.sort(pd)
    if rows < spec.least_rows:
        why = f"too few rows: expected {spec.least_rows} at least, found {rows}"
        none = Measure(rows=rows, why=why)
        return Estimate(bad_rate=none, auc=none, ks=none, basis=_basis(checked))
    good, bad = _drawn(pd, checked, spec.seed)
    rate = _interval(float(pd.mean()), bad.sum(axis=1) / rows)
    return Estimate(
        bad_rate=Measure(rows=rows, found=rate),
        **_ranked(pd, good, bad, spec.least_of_class),
        basis=_basis(checked),
    )


def _ranked(pd: Scores, good: Counts, bad: Counts, least: int) -> dict[str, Measure]:
    expected = {"bad": float(pd.sum()), "good": float((1 - pd).sum())}
    for name, count in expected.items():
        if count < least:
            why = f"too few {name} rows: expected {least} at least, the PDs promise {count:.1f}"
            return {figure: Measure(rows=len(pd), why=why) for figure in ("auc", "ks")}
    # A draw of one class alone has no such figure, as no such vintage has.
    both = good.any(axis=1) & bad.any(axis=1)
    drawn = ranks(good[both], bad[both])
    values = {"auc": expected_auc(pd), "ks": float(drawn["ks"].mean())}
    return {
        name: Measure(rows=len(pd), found=_interval(value, drawn[name]))
        for name, value in values.items()
        if value is not None
    }


def expected_auc(pd: Scores) -> float | None:
    """The expected number of pairs in the right order over that of all pairs, a tie counting half.

    A pair is a bad row and a good one; no row is both. None where no pair can be.
    """
    pd = np.sort(pd)
    starts = np.flatnonzero(np.diff(pd, prepend=-1.0))
    bad, good, itself = (np.add.reduceat(part, starts) for part in (pd, 1 - pd, pd * (1 - pd)))
    pairs = bad.sum() * good.sum() - itself.sum()
    if pairs <= 0:
        return None
    below = np.cumsum(good) - good
    return float((bad @ (below + good / 2) - itself.sum() / 2) / pairs)


def _drawn(pd: Scores, checked: Sequence[Bin], seed: int) -> tuple[Counts, Counts]:
    """How many rows of each band are good, and bad; a line a draw."""
    rng = np.random.default_rng(seed)
    starts = band_starts(pd)
    sizes, spread = _uncertain(pd, checked)
    bad = np.empty((_DRAWS, len(starts)), dtype=np.int64)
    for line in bad:
        odds = np.repeat(np.exp(spread * rng.standard_normal(len(spread))), sizes)
        true = pd * odds / (1 - pd + pd * odds)
        line[:] = np.add.reduceat((rng.random(len(pd)) < true).astype(np.int64), starts)
    return np.diff(starts, append=len(pd)) - bad, bad


def _uncertain(pd: Scores, checked: Sequence[Bin]) -> tuple[NDArray[np.int64], Scores]:
    """How many of the sorted PDs are nearest to each tenth, and how far its log odds may be off.

    That is the standard error of a rate's log odds, with one good and one bad row more: a tenth
    without a bad row is not sure of anything either.
    """
    if not checked:
        return np.array([len(pd)]), np.zeros(1)
    tenths = sorted(checked, key=lambda one: one.predicted)
    middles = np.array([one.predicted for one in tenths])
    borders = np.searchsorted(pd, (middles[:-1] + middles[1:]) / 2)
    rows = np.array([one.rows for one in tenths]) + 2
    rate = (np.array([one.rows * one.observed for one in tenths]) + 1) / rows
    return np.diff(borders, prepend=0, append=len(pd)), 1 / np.sqrt(rows * rate * (1 - rate))


def _interval(value: float, drawn: Scores) -> Interval:
    # Outwards to a figure that was drawn: of few rows, few figures can come.
    low = float(np.quantile(drawn, 0.025, method="lower"))
    high = float(np.quantile(drawn, 0.975, method="higher"))
    return Interval(value=value, low=min(low, value), high=max(high, value))


def _basis(checked: Sequence[Bin]) -> str:
    rows = sum(one.rows for one in checked)
    sure = (
        f"the band has what {rows:,} rows could not tell of the calibration when it was trained"
        if rows
        else "the band does not have how sure the calibration is: nothing is known of that"
    )
    return f"Reckoned from the PDs, without outcomes. It holds only while they are right; {sure}."


def still_right(found: Sequence[Vintage], release: str) -> str:
    """What the latest outcomes say of a release's PDs, on which its estimates stand."""
    judged = [
        (one.month, one.calibrated)
        for one in found
        if one.release == release and one.calibrated is not None
    ]
    if not judged:
        return "No vintage of this release has shown yet whether its PDs are right."
    month, shown = max(judged, key=lambda one: one[0])
    of = f"ECE {shown.ece:.3f}, by noise up to {shown.noise:.3f}"
    if shown.right:
        return f"The PDs of {month}, the latest with outcomes, were right ({of})."
    return (
        f"The PDs of {month}, the latest with outcomes, were not right ({of}): what is "
        "estimated of later ones does not hold."
    )

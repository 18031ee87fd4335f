"""The cut-off: chosen from the development rows' scores, and what it earns on others.

An approved account that stays good earns the margin on its exposure, one that goes bad loses the
loss given default; both cost what an account costs. A declined applicant earns nothing.
"""

from collections.abc import Sequence
from typing import assert_never

import numpy as np

from components.contracts.policy import ApprovalLimit, Economics, FixedCutoff, Policy, ProfitCutoff
from components.contracts.results import CutoffDocument, Profit
from components.evaluation.bootstrap import Label, Scores

_CURVE_POINTS = 200
Percentiles = Sequence[float]


def choose(
    policy: Policy, percentiles: Percentiles, judged: Percentiles | None = None
) -> CutoffDocument:
    """The cut-off of a policy for a model whose development PDs have these percentiles.

    `judged` are those of the model that was judged, where another one is released. Test rows
    have no say in it: what they show of the cut-off would be no test any more.
    """
    match policy.cutoff:
        case FixedCutoff(approve_below=below):
            rule = "as declared"
        case ProfitCutoff():
            assert policy.economics is not None  # noqa: S101 - the contract has seen to it
            below, rule = break_even(policy.economics), _in_words(policy.economics)
        case ApprovalLimit(share=share):
            below = _limit(share, percentiles)
            rule = (
                f"at most {share:.4g} of the applicants, those with the lowest PDs by the bundle "
                "to be released"
            )
        case _:
            assert_never(policy.cutoff)
    economics = policy.economics
    return CutoffDocument(
        version=policy.version,
        rule=rule,
        approve_below=below,
        approval_share=share_below(below, percentiles),
        judged_share=share_below(below, percentiles if judged is None else judged),
        profit=None if economics is None else _expected_profit(economics, below, percentiles),
    )


def break_even(economics: Economics) -> float:
    """The PD at which an account is expected to earn nothing: below it, it earns."""
    earned = economics.margin * economics.ead - economics.cost
    return min(1.0, max(0.0, earned / ((economics.margin + economics.lgd) * economics.ead)))


def _in_words(economics: Economics) -> str:
    return (
        f"expected profit above 0: an account of {economics.ead:,.10g} earns {economics.margin:.4g}"
        f" of it, loses {economics.lgd:.4g} of it when bad, costs {economics.cost:,.10g}"
    )


def _limit(share: float, percentiles: Percentiles) -> float:
    if share == 1:
        return 1.0
    return float(percentiles[round(share * (len(percentiles) - 1))])


def share_below(cutoff: float, percentiles: Percentiles) -> float:
    """The share of the rows with these percentiles whose PD is below a cut-off."""
    place = int(np.searchsorted(percentiles, cutoff, side="left"))
    if place in (0, len(percentiles)):
        return float(place > 0)
    low, high = percentiles[place - 1], percentiles[place]
    return (place - 1 + (cutoff - low) / (high - low)) / (len(percentiles) - 1)


def _expected_profit(economics: Economics, cutoff: float, percentiles: Percentiles) -> float:
    """Money per applicant, if PDs are right and lie evenly between their percentiles."""
    share = share_below(cutoff, percentiles)
    steps = np.linspace(0, 1, len(percentiles))
    at = np.append(steps[steps < share], share)
    pd = np.interp(at, steps, percentiles)
    each = (1 - pd) * economics.margin - pd * economics.lgd
    return float(np.trapezoid(each * economics.ead - economics.cost, at))


def earned(economics: Economics, label: Label, pd: Scores, cutoff: float) -> Scores:
    """What each row earns when those below the cut-off are approved."""
    return np.where(pd < cutoff, _if_approved(economics, label), 0.0)


def _if_approved(economics: Economics, label: Label) -> Scores:
    of_exposure = np.where(label == 1, -economics.lgd, economics.margin)
    return of_exposure * economics.ead - economics.cost


def profit(economics: Economics, label: Label, pd: Scores, cutoff: float) -> Profit:
    """Profit per applicant by cut-off: what these rows would have earned."""
    order = np.argsort(pd, kind="stable")
    cutoffs, starts = np.unique(pd[order], return_index=True)
    before = np.concatenate([[0.0], np.cumsum(_if_approved(economics, label)[order])]) / len(pd)
    profits = before[starts]
    if cutoffs[-1] < 1:  # approves all
        cutoffs, profits = np.append(cutoffs, 1.0), np.append(profits, before[-1])
    best = int(np.argmax(profits))
    thinned = np.linspace(0, len(cutoffs) - 1, min(_CURVE_POINTS, len(cutoffs))).astype(int)
    return Profit(
        curve=tuple((float(cutoffs[i]), float(profits[i])) for i in np.unique(thinned)),
        chosen=(cutoff, float(earned(economics, label, pd, cutoff).mean())),
        best=(float(cutoffs[best]), float(profits[best])),
    )

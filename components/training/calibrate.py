"""Calibration: from log odds to PDs that mean what they say, on rows the model had not seen."""

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from components.contracts.families import Family
from components.scoring.model import Calibration
from components.scoring.spec import Isotonic, Platt
from components.training.models import Label, Values

_LEAST_ROWS = 1_000  # below them isotonic steps are noise


def choose(
    family: Family, unseen: Values, label: Label, judged: Values, judged_label: Label
) -> str:
    """`platt` or `isotonic`, fitted on one set of margins: the lower log loss on another."""
    # Only a straight line leaves a scorecard's points the sum of its bins' points.
    if family.kind == "scorecard" or len(label) < _LEAST_ROWS:
        return "platt"
    found = {kind: fit(kind, unseen, label) for kind in ("platt", "isotonic")}
    losses = {
        kind: log_loss(judged_label, Calibration(spec)(judged)) for kind, spec in found.items()
    }
    return min(losses, key=lambda kind: losses[kind])


def fit(kind: str, margin: Values, label: Label) -> Platt | Isotonic:
    """Fit one kind of calibration."""
    return _isotonic(margin, label) if kind == "isotonic" else _platt(margin, label)


def _platt(margin: Values, label: Label) -> Platt:
    # Platt's own targets: every row is a little of the other class, so that there is a slope, and
    # no PD of 0 or 1, where margins tell the classes apart without a fault.
    bad, good = int(label.sum()), int(len(label) - label.sum())
    share = np.where(label == 1, (bad + 1) / (bad + 2), 1 / (good + 2))
    model = LogisticRegression(C=np.inf, max_iter=1000).fit(
        np.append(margin, margin)[:, None],
        np.repeat([1, 0], len(margin)),
        sample_weight=np.append(share, 1 - share),
    )
    slope = float(model.coef_[0, 0])
    if slope <= 0:  # a model worse than chance: its order stands, its PDs are the base rate's
        return Platt(1e-6, float(np.log(label.mean() / (1 - label.mean()))))
    return Platt(slope, float(model.intercept_[0]))


def _isotonic(margin: Values, label: Label) -> Isotonic:
    # No PD of 0 or 1 from rows that are finite in number.
    edge = 0.5 / len(label)
    model = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    model.fit(margin, label)
    steps, pds = model.X_thresholds_, model.y_thresholds_
    if len(steps) < 2:  # noqa: PLR2004 - one margin for all rows
        return Isotonic((float(steps[0]), float(steps[0]) + 1), (float(pds[0]),) * 2)
    return Isotonic(tuple(steps.tolist()), tuple(pds.tolist()))

"""The figures of a model on one set of rows, and the curves that a report draws."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from components.contracts.results import Bin, Confusion, Curves, Profit, Tenth
from components.figures.bootstrap import GROUPS, Label, Scores
from components.figures.rates import wilson

_SCORE_BINS = 40
_ROC_POINTS = 200
_SHUFFLED_ROWS = 2_000  # enough to rank the inputs; the whole test set would take its time
_LEAST_OF_CLASS = 200  # of them


def ranking_metrics(label: Label, pd: Scores) -> dict[str, float]:
    """The figures that need no cut-off."""
    auc = float(sk.roc_auc_score(label, pd))
    fall_out, recall, _ = sk.roc_curve(label, pd)
    return {
        "auc": auc,
        "gini": 2 * auc - 1,
        "ks": float((recall - fall_out).max()),
        "pr_auc": float(sk.average_precision_score(label, pd)),
        "brier": float(sk.brier_score_loss(label, pd)),
        "log_loss": float(sk.log_loss(label, pd)),
        "ece": calibration_error(calibration_bins(label, pd)),
    }


def threshold_metrics(label: Label, pd: Scores, cutoff: float) -> dict[str, float]:
    """The figures of calling every PD at or above the cut-off bad."""
    called = (pd >= cutoff).astype(np.int64)
    return {
        "accuracy": float(sk.accuracy_score(label, called)),
        "precision": float(sk.precision_score(label, called, zero_division=0)),
        "recall": float(sk.recall_score(label, called, zero_division=0)),
        "f1": float(sk.f1_score(label, called, zero_division=0)),
    }


def confusion(label: Label, pd: Scores, cutoff: float) -> Confusion:
    """((good called good, good called bad), (bad called good, bad called bad))."""
    (a, b), (c, d) = sk.confusion_matrix(label, pd >= cutoff, labels=[0, 1]).tolist()
    return (a, b), (c, d)


def calibration_bins(label: Label, pd: Scores) -> tuple[Bin, ...]:
    """Rows in ten groups of equal size by PD: what was predicted, what came."""
    order = np.argsort(pd, kind="stable")
    return tuple(
        _bin(label[group], pd[group]) for group in np.array_split(order, GROUPS) if len(group)
    )


def _bin(label: Label, pd: Scores) -> Bin:
    rows, observed = len(label), float(label.mean())
    low, high = wilson(int(label.sum()), rows)
    return Bin(
        rows=rows,
        predicted=float(pd.mean()),
        observed=observed,
        low=low,
        high=high,
    )


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """ECE: the distance between predicted and observed, weighted by rows."""
    rows = sum(group.rows for group in bins)
    return sum(group.rows * abs(group.predicted - group.observed) for group in bins) / rows


def lift_table(label: Label, pd: Scores) -> tuple[Tenth, ...]:
    """Tenths of the rows, the highest PDs first: how many of the bad rows they hold."""
    order = np.argsort(-pd, kind="stable")
    rate, bad = float(label.mean()), int(label.sum())
    tenths, before = [], 0
    for group in np.array_split(order, GROUPS):
        if not len(group):
            continue
        own = int(label[group].sum())
        before += own
        tenths.append(
            Tenth(rows=len(group), bad=own, lift=own / len(group) / rate, captured=before / bad)
        )
    return tuple(tenths)


def importance(
    score: Callable[[NDArray[np.float64]], Scores],
    inputs: NDArray[np.float64],
    label: Label,
    groups: Mapping[str, tuple[int, ...]],
    seed: int,
) -> tuple[tuple[str, float], ...]:
    """AUC lost when a group of input columns is shuffled, the same measure for every family."""
    rng = np.random.default_rng(seed)
    some = _some_rows(label, rng)
    rows, truth = inputs[some], label[some]
    if len(np.unique(truth)) == 1:
        return ()
    whole = float(sk.roc_auc_score(truth, score(rows)))
    lost = []
    for name, positions in groups.items():
        shuffled = rows.copy()
        columns = list(positions)
        shuffled[:, columns] = rows[rng.permutation(len(rows))][:, columns]
        lost.append((name, whole - float(sk.roc_auc_score(truth, score(shuffled)))))
    return tuple(sorted(lost, key=lambda pair: -pair[1]))


def _some_rows(label: Label, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows to shuffle: the classes in proportion, but enough of the rarer one."""
    if len(label) <= _SHUFFLED_ROWS:
        return np.arange(len(label))
    good, bad = (rng.permutation(np.flatnonzero(label == side)) for side in (0, 1))
    few = [min(len(side), _LEAST_OF_CLASS) for side in (good, bad)]
    taken = int(np.clip(round(_SHUFFLED_ROWS * label.mean()), few[1], _SHUFFLED_ROWS - few[0]))
    return np.sort(np.concatenate([good[: _SHUFFLED_ROWS - taken], bad[:taken]]))


def curves(
    label: Label,
    pd: Scores,
    *,
    importances: tuple[tuple[str, float], ...],
    target: dict[str, tuple[int, int]],
    profit: Profit | None,
) -> Curves:
    """What the report draws of one model."""
    fall_out, recall, _ = sk.roc_curve(label, pd)
    thinned = np.unique(np.linspace(0, len(recall) - 1, min(_ROC_POINTS, len(recall))).astype(int))
    edges = np.linspace(0.0, 1.0, _SCORE_BINS + 1)
    return Curves(
        roc=tuple((float(fall_out[i]), float(recall[i])) for i in thinned),
        calibration=calibration_bins(label, pd),
        lift=lift_table(label, pd),
        profit=profit,
        score_edges=tuple(edges.tolist()),
        scores_good=tuple(np.histogram(pd[label == 0], edges)[0].tolist()),
        scores_bad=tuple(np.histogram(pd[label == 1], edges)[0].tolist()),
        importance=importances,
        target=target,
    )

"""The figures of a model on one set of rows, and the curves that a report draws."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from components.contracts.results import Bin, Curves, Interval

Label = NDArray[np.int64]
Scores = NDArray[np.float64]
_CALIBRATION_BINS = 10
_SCORE_BINS = 40
_ROC_POINTS = 200
_BANDS = 5
_RESAMPLES = 500
_SHUFFLED_ROWS = 4_000  # enough to rank the inputs; the whole test set would take its time


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


def confusion(label: Label, pd: Scores, cutoff: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """((good called good, good called bad), (bad called good, bad called bad))."""
    (a, b), (c, d) = sk.confusion_matrix(label, pd >= cutoff, labels=[0, 1]).tolist()
    return (a, b), (c, d)


def calibration_bins(label: Label, pd: Scores) -> tuple[Bin, ...]:
    """Rows in ten groups of equal size by PD: what was predicted, what came."""
    order = np.argsort(pd, kind="stable")
    return tuple(
        Bin(
            rows=len(group),
            predicted=float(pd[group].mean()),
            observed=float(label[group].mean()),
        )
        for group in np.array_split(order, _CALIBRATION_BINS)
        if len(group)
    )


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """ECE: the distance between predicted and observed, weighted by rows."""
    rows = sum(group.rows for group in bins)
    return sum(group.rows * abs(group.predicted - group.observed) for group in bins) / rows


def auc_interval(label: Label, pd: Scores, seed: int) -> Interval:
    """AUC with its 95 % bootstrap interval; good and bad rows are resampled apart."""
    rng = np.random.default_rng(seed)
    good, bad = np.sort(pd[label == 0]), pd[label == 1]
    drawn = []
    for _ in range(_RESAMPLES):
        some_good = good[np.sort(rng.integers(0, len(good), len(good)))]
        some_bad = bad[rng.integers(0, len(bad), len(bad))]
        below = np.searchsorted(some_good, some_bad, "left")
        ties = np.searchsorted(some_good, some_bad, "right") - below
        drawn.append(float((below + 0.5 * ties).sum()) / (len(good) * len(bad)))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value=float(sk.roc_auc_score(label, pd)), low=float(low), high=float(high))


def importance(
    score: Callable[[NDArray[np.float64]], Scores],
    inputs: NDArray[np.float64],
    label: Label,
    groups: Mapping[str, tuple[int, ...]],
    seed: int,
) -> tuple[tuple[str, float], ...]:
    """AUC lost when a group of input columns is shuffled, the same measure for every family."""
    rng = np.random.default_rng(seed)
    some = np.sort(rng.permutation(len(inputs))[:_SHUFFLED_ROWS])
    rows, truth = inputs[some], label[some]
    whole = float(sk.roc_auc_score(truth, score(rows)))
    lost = []
    for name, positions in groups.items():
        shuffled = rows.copy()
        columns = list(positions)
        shuffled[:, columns] = rows[rng.permutation(len(rows))][:, columns]
        lost.append((name, whole - float(sk.roc_auc_score(truth, score(shuffled)))))
    return tuple(sorted(lost, key=lambda pair: -pair[1]))


def curves(
    label: Label,
    pd: Scores,
    importances: tuple[tuple[str, float], ...],
    target: dict[str, tuple[int, int]],
) -> Curves:
    """What the report draws of one model."""
    fall_out, recall, _ = sk.roc_curve(label, pd)
    thinned = np.unique(np.linspace(0, len(recall) - 1, min(_ROC_POINTS, len(recall))).astype(int))
    edges = np.linspace(0.0, 1.0, _SCORE_BINS + 1)
    return Curves(
        roc=tuple((float(fall_out[i]), float(recall[i])) for i in thinned),
        calibration=calibration_bins(label, pd),
        score_edges=tuple(edges.tolist()),
        scores_good=tuple(np.histogram(pd[label == 0], edges)[0].tolist()),
        scores_bad=tuple(np.histogram(pd[label == 1], edges)[0].tolist()),
        importance=importances,
        target=target,
    )


def groups_of(values: list[object]) -> NDArray[np.str_]:
    """The group of each row: a category as it is, a number as the fifth of the rows it is in."""
    known = [v for v in values if v is not None]
    if not known or isinstance(known[0], str):
        return np.array([str(v) for v in values])
    numbers = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _BANDS + 1)))
    places = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, max(len(edges) - 2, 0))
    upper = edges[1:] if len(edges) > 1 else edges
    names = [f"{low:g} to {high:g}" for low, high in zip(edges, upper, strict=False)]
    return np.where(np.isnan(numbers), "None", np.array(names)[places])


def _place(name: str) -> tuple[float, str]:
    """Numbers and bands in the order of their size, then names."""
    try:
        return float(name.split(" ", maxsplit=1)[0]), name
    except ValueError:
        return np.inf, name


def by_group(
    groups: NDArray[np.str_], label: Label, pd: Scores, cutoff: float
) -> dict[str, dict[str, float]]:
    """Rows, bad rate, mean PD and share under the cut-off of each value of a protected column."""
    return {
        str(name): {
            "rows": float((groups == name).sum()),
            "bad_rate": float(label[groups == name].mean()),
            "mean_pd": float(pd[groups == name].mean()),
            "below_cutoff": float((pd[groups == name] < cutoff).mean()),
        }
        for name in sorted(np.unique(groups), key=_place)
    }

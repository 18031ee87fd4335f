"""The bootstrap: rows drawn again with replacement, good and bad apart.

A draw is how often each row was taken. Rows are sorted once, and each draw only counts over them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from components.contracts.results import Interval
from components.scoring.reference import Bins, psi

Label = NDArray[np.int64]
Scores = NDArray[np.float64]
Counts = NDArray[np.int64]
_RESAMPLES = 500
#: Groups of equal size that calibration is measured in.
GROUPS = 10
#: What lies beyond cannot be; the others have no upper end.
_BOUNDS = {"gini": (-1.0, 1.0), "log_loss": (0.0, np.inf), "psi": (0.0, np.inf)}


def draws(label: Label, resamples: int, seed: int | list[int]) -> Iterator[tuple[Counts, Counts]]:
    """How often each good row, and each bad row, was drawn; both in the order of the rows."""
    rng = np.random.default_rng(seed)
    good, bad = int((label == 0).sum()), int((label == 1).sum())
    for _ in range(resamples):
        yield _drawn(rng, good), _drawn(rng, bad)


def _drawn(rng: np.random.Generator, rows: int) -> Counts:
    return np.bincount(rng.integers(0, rows, rows), minlength=rows)


class Ranked:
    """One score of the rows, sorted once: its AUC in any draw."""

    def __init__(self, label: Label, pd: Scores) -> None:
        good, bad = pd[label == 0], pd[label == 1]
        self._order = np.argsort(good, kind="stable")
        self._below = np.searchsorted(good[self._order], bad, side="left")
        self._up_to = np.searchsorted(good[self._order], bad, side="right")
        self._before = np.zeros(len(good) + 1, dtype=np.int64)

    def auc(self, good: Counts, bad: Counts) -> float:
        """The share of pairs in the right order, a tie counting half."""
        # Whole numbers up to the division: models that tie do so to the bit.
        before = self._before
        np.cumsum(good[self._order], out=before[1:])
        pairs = int(before[-1]) * int(bad.sum())
        return int(bad @ (before[self._below] + before[self._up_to])) / (2 * pairs)


def auc_interval(label: Label, pd: Scores, seed: int) -> Interval:
    """AUC with its 95 % interval."""
    ranked = Ranked(label, pd)
    drawn = [ranked.auc(good, bad) for good, bad in draws(label, _RESAMPLES, seed)]
    return _interval("auc", float(sk.roc_auc_score(label, pd)), np.array(drawn))


def intervals(
    label: Label, pd: Scores, score: Bins, found: dict[str, float], seed: int
) -> dict[str, Interval]:
    """The ranking metrics that were found, with their 95 % intervals.

    `score` are the bins of the development rows' score, for the interval of `psi`.
    """
    rows = _Rows(label, pd, score)
    drawn = [rows.figures(good, bad) for good, bad in draws(label, _RESAMPLES, seed)]
    return {
        name: _interval(name, value, np.array([one[name] for one in drawn]))
        for name, value in found.items()
    }


def _interval(name: str, value: float, drawn: Scores) -> Interval:
    # Figures that grow with noise (KS, ECE, PSI) are larger in a draw than in the rows
    # themselves; the middle of the draws is moved to the figure, and their spread kept.
    low, middle, high = np.quantile(drawn, [0.025, 0.5, 0.975])
    least, most = _BOUNDS.get(name, (0.0, 1.0))
    return Interval(
        value=value,
        low=max(least, float(value - (middle - low))),
        high=min(most, float(value + (high - middle))),
    )


class _Rows:
    """The rows in the order of their PDs: every ranking metric in any draw."""

    def __init__(self, label: Label, pd: Scores, score: Bins) -> None:
        self._good, self._bad = np.flatnonzero(label == 0), np.flatnonzero(label == 1)
        self._order = np.argsort(pd, kind="stable")
        self._pd, self._label = pd[self._order], label[self._order]
        self._score = score
        self._ties = np.flatnonzero(np.diff(self._pd, prepend=-1.0))  # where a new PD begins
        self._squares = (self._pd - self._label) ** 2
        least = np.finfo(np.float64).eps
        sure = np.clip(self._pd, least, 1 - least)
        self._losses = -np.log(np.where(self._label == 1, sure, 1 - sure))
        sizes = [len(part) for part in np.array_split(pd, GROUPS) if len(part)]
        self._borders = np.cumsum([0, *sizes[:-1]])

    def figures(self, good: Counts, bad: Counts) -> dict[str, float]:
        """The ranking metrics of one draw."""
        rows = len(self._pd)
        drawn = np.empty(rows, dtype=np.int64)
        drawn[self._good], drawn[self._bad] = good, bad
        drawn = drawn[self._order]
        # Good and bad rows of each PD, and up to it.
        bad_at = np.add.reduceat(drawn * self._label, self._ties)
        good_at = np.add.reduceat(drawn, self._ties) - bad_at
        bad_to, good_to = np.cumsum(bad_at), np.cumsum(good_at)
        all_bad, all_good = int(bad_to[-1]), int(good_to[-1])
        auc = int(bad_at @ (2 * good_to - good_at)) / (2 * all_bad * all_good)
        caught = all_bad - bad_to + bad_at
        called = np.maximum(caught + all_good - good_to + good_at, 1)
        taken = np.repeat(np.arange(rows), drawn)
        pd, gaps = self._pd[taken], (self._pd - self._label)[taken]
        return {
            "auc": auc,
            "gini": 2 * auc - 1,
            "ks": float(max(0.0, (good_to / all_good - bad_to / all_bad).max())),
            # Sums, not products of matrices, which round otherwise on another number of threads.
            "pr_auc": float((bad_at * (caught / called)).sum()) / all_bad,
            "brier": float((drawn * self._squares).sum()) / rows,
            "log_loss": float((drawn * self._losses).sum()) / rows,
            "ece": float(np.abs(np.add.reduceat(gaps, self._borders)).sum()) / rows,
            "psi": psi(self._score.expected, self._score.shares(pd)),
        }

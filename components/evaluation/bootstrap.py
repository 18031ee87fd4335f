"""The bootstrap: rows drawn again with replacement.

For figures of ranks (AUC, Gini, KS) good and bad rows are drawn apart: how many there are of each
does not touch them. Whatever depends on the bad rate needs all rows drawn together, lest the
interval is too narrow. A draw is how often each row was taken. Rows are sorted once, and each draw
only counts over them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from components.contracts.results import Interval

Label = NDArray[np.int64]
Scores = NDArray[np.float64]
Counts = NDArray[np.int64]
_RESAMPLES = 500
#: Groups of equal size that calibration is measured in.
GROUPS = 10
#: What lies beyond cannot be; the others have no upper end.
_BOUNDS = {"gini": (-1.0, 1.0), "log_loss": (0.0, np.inf)}


def draws(label: Label, resamples: int, seed: int | list[int]) -> Iterator[tuple[Counts, Counts]]:
    """How often each good row, and each bad row, was drawn; both in the order of the rows."""
    rng = np.random.default_rng(seed)
    good, bad = int((label == 0).sum()), int((label == 1).sum())
    for _ in range(resamples):
        yield _drawn(rng, good), _drawn(rng, bad)


def draws_together(rows: int, resamples: int, seed: int | list[int]) -> Iterator[Counts]:
    """How often each row was drawn, whatever its class."""
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield _drawn(rng, rows)


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


def intervals(label: Label, pd: Scores, found: dict[str, float], seed: int) -> dict[str, Interval]:
    """The ranking metrics that were found, with their 95 % intervals.

    ECE has none: it is positive by noise alone, and a draw has more noise than the rows. See
    `ece_by_noise`.
    """
    rows = _Rows(label, pd)
    drawn = [
        rows.ranks(*apart) | rows.losses(together)
        for apart, together in zip(
            draws(label, _RESAMPLES, seed),
            draws_together(len(label), _RESAMPLES, seed),
            strict=True,
        )
    ]
    return {
        name: _interval(name, found[name], np.array([one[name] for one in drawn]))
        for name in drawn[0]
    }


def _interval(name: str, value: float, drawn: Scores) -> Interval:
    # KS is larger in a draw, which is noisier, than in the rows themselves: the middle of the
    # draws is moved to the figure, and their spread kept.
    low, middle, high = np.quantile(drawn, [0.025, 0.5, 0.975])
    least, most = _BOUNDS.get(name, (0.0, 1.0))
    return Interval(
        value=value,
        low=max(least, float(value - (middle - low))),
        high=min(most, float(value + (high - middle))),
    )


def ece_by_noise(pd: Scores, seed: int) -> float:
    """What the ECE of right PDs stays below 95 times in 100: outcomes drawn from the PDs."""
    rng = np.random.default_rng(seed)
    pd = np.sort(pd)
    borders = group_starts(len(pd))
    drawn = [
        np.abs(np.add.reduceat(pd - (rng.random(len(pd)) < pd), borders)).sum() / len(pd)
        for _ in range(_RESAMPLES)
    ]
    return float(np.quantile(drawn, 0.95))


def group_starts(rows: int) -> NDArray[np.int64]:
    """Where the groups of sorted rows begin that calibration is measured in."""
    sizes = [len(part) for part in np.array_split(np.arange(rows), GROUPS) if len(part)]
    return np.cumsum([0, *sizes[:-1]])


class _Rows:
    """The rows in the order of their PDs: every ranking metric in any draw."""

    def __init__(self, label: Label, pd: Scores) -> None:
        self._good, self._bad = np.flatnonzero(label == 0), np.flatnonzero(label == 1)
        self._order = np.argsort(pd, kind="stable")
        self._label = label[self._order]
        pd = pd[self._order]
        self._ties = np.flatnonzero(np.diff(pd, prepend=-1.0))  # where a new PD begins
        self._squares = (pd - self._label) ** 2
        least = np.finfo(np.float64).eps
        sure = np.clip(pd, least, 1 - least)
        self._losses = -np.log(np.where(self._label == 1, sure, 1 - sure))

    def _counted(self, drawn: Counts) -> tuple[Counts, Counts]:
        """Good and bad rows of each PD in a draw of the sorted rows."""
        bad = np.add.reduceat(drawn * self._label, self._ties)
        return np.add.reduceat(drawn, self._ties) - bad, bad

    def ranks(self, good: Counts, bad: Counts) -> dict[str, float]:
        """The figures of ranks, in a draw of good and bad rows apart."""
        drawn = np.empty(len(self._order), dtype=np.int64)
        drawn[self._good], drawn[self._bad] = good, bad
        good_at, bad_at = self._counted(drawn[self._order])
        bad_to, good_to = np.cumsum(bad_at), np.cumsum(good_at)
        all_bad, all_good = int(bad_to[-1]), int(good_to[-1])
        auc = int(bad_at @ (2 * good_to - good_at)) / (2 * all_bad * all_good)
        return {
            "auc": auc,
            "gini": 2 * auc - 1,
            "ks": float(max(0.0, (good_to / all_good - bad_to / all_bad).max())),
        }

    def losses(self, drawn: Counts) -> dict[str, float]:
        """The figures that depend on the bad rate, in a draw of all rows together."""
        rows, drawn = len(drawn), drawn[self._order]
        good_at, bad_at = self._counted(drawn)
        caught = np.cumsum(bad_at[::-1])[::-1]
        called = np.maximum(caught + np.cumsum(good_at[::-1])[::-1], 1)
        return {
            # Sums, not products of matrices, which round otherwise on another number of threads.
            "pr_auc": float((bad_at * (caught / called)).sum()) / max(1, int(bad_at.sum())),
            "brier": float((drawn * self._squares).sum()) / rows,
            "log_loss": float((drawn * self._losses).sum()) / rows,
        }

"""The bootstrap: rows drawn again with replacement.

For figures of ranks (AUC, Gini, KS) good and bad rows are drawn apart: how many there are of each
does not touch them. Whatever depends on the bad rate needs all rows drawn together, lest the
interval is too narrow. A draw is how often each row was taken.

Intervals of one model are drawn over bands of like PDs: rows of one PD and class are the same, and
how many of them a draw takes needs no look at each. Two models on the same rows share no bands.
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
#: Bands of PDs at most. Where there are more PDs, those of a band count as tied in the draws, and
#: as they are in the figures themselves.
_BANDS = 2_000
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
    bands = _Bands(label, pd)
    drawn = ranks(*bands.apart(seed))["auc"]
    return _interval("auc", float(sk.roc_auc_score(label, pd)), drawn)


def intervals(label: Label, pd: Scores, found: dict[str, float], seed: int) -> dict[str, Interval]:
    """The ranking metrics that were found, with their 95 % intervals.

    ECE has none: it is positive by noise alone, and a draw has more noise than the rows. See
    `ece_by_noise`.
    """
    bands = _Bands(label, pd)
    drawn = ranks(*bands.apart(seed)) | bands.losses(*bands.together(seed))
    return {name: _interval(name, found[name], values) for name, values in drawn.items()}


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


def band_starts(pd: Scores) -> NDArray[np.intp]:
    """Where the bands of sorted PDs begin; no two rows of one PD are in two of them."""
    starts = np.flatnonzero(np.diff(pd, prepend=-1.0))  # where a new PD begins
    if len(starts) > _BANDS:
        _, first = np.unique(starts * _BANDS // len(pd), return_index=True)
        starts = starts[first]
    return starts


def ranks(good: Counts, bad: Counts) -> dict[str, Scores]:
    """The figures of ranks, one a draw: of how many good, and bad, rows of each band it took."""
    good_to, bad_to = good.cumsum(axis=1), bad.cumsum(axis=1)
    all_good, all_bad = good_to[:, -1:], bad_to[:, -1:]
    pairs = (bad * (2 * good_to - good)).sum(axis=1)
    auc = pairs / (2 * all_bad * all_good)[:, 0]
    apart = (good_to / all_good - bad_to / all_bad).max(axis=1)
    return {"auc": auc, "gini": 2 * auc - 1, "ks": np.maximum(0.0, apart)}


class _Bands:
    """Rows in bands by their PDs, ascending: every ranking metric in many draws at once.

    A draw is a row of two tables: how many good, and how many bad rows of each band it took.
    """

    def __init__(self, label: Label, pd: Scores) -> None:
        order = np.argsort(pd, kind="stable")
        pd, label = pd[order], label[order]
        starts = band_starts(pd)
        self.bad: Counts = np.add.reduceat(label, starts)
        self.good: Counts = np.diff(starts, append=len(pd)) - self.bad
        least = np.finfo(np.float64).eps
        sure = np.clip(pd, least, 1 - least)
        self._means = {
            "brier": (_means(pd**2, label == 0, starts), _means((1 - pd) ** 2, label == 1, starts)),
            "log_loss": (
                _means(-np.log(1 - sure), label == 0, starts),
                _means(-np.log(sure), label == 1, starts),
            ),
        }

    def apart(self, seed: int) -> tuple[Counts, Counts]:
        """Draws of good and bad rows, as many of each as there are."""
        rng = np.random.default_rng(seed)
        good, bad = (
            rng.multinomial(rows.sum(), rows / rows.sum(), _RESAMPLES)
            for rows in (self.good, self.bad)
        )
        return good, bad

    def together(self, seed: int) -> tuple[Counts, Counts]:
        """Draws of all rows, whatever their class."""
        rows = np.concatenate([self.good, self.bad])
        drawn = np.random.default_rng(seed).multinomial(rows.sum(), rows / rows.sum(), _RESAMPLES)
        return drawn[:, : len(self.good)], drawn[:, len(self.good) :]

    def losses(self, good: Counts, bad: Counts) -> dict[str, Scores]:
        """The figures that depend on the bad rate, one a draw."""
        rows = (good + bad).sum(axis=1)
        caught = bad[:, ::-1].cumsum(axis=1)[:, ::-1]
        called = np.maximum(caught + good[:, ::-1].cumsum(axis=1)[:, ::-1], 1)
        # Sums, not products of matrices, which round otherwise on another number of threads.
        precision = (bad * (caught / called)).sum(axis=1)
        return {
            "pr_auc": precision / np.maximum(1, bad.sum(axis=1)),
            **{
                name: ((good * of_good).sum(axis=1) + (bad * of_bad).sum(axis=1)) / rows
                for name, (of_good, of_bad) in self._means.items()
            },
        }


def _means(loss: Scores, own: NDArray[np.bool_], starts: NDArray[np.int64]) -> Scores:
    """The mean loss of each band's own rows; 0 where it has none."""
    sums: Scores = np.add.reduceat(np.where(own, loss, 0.0), starts)
    means: Scores = sums / np.maximum(1, np.add.reduceat(own.astype(np.int64), starts))
    return means

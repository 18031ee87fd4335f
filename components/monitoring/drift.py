"""How far a month's rows moved from the bins that the bundle froze.

PSI, missing values and unseen categories of every feature; PSI and distance of the score. What a
month alarms by is in docs/decisions/0021-when-a-month-alarms.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from components.contracts.drift import (
    ALL_MISSING,
    SCORE,
    VANISHED,
    Alarm,
    Distance,
    Drift,
    Missing,
    Rate,
    Shift,
    Unseen,
)
from components.contracts.results import LEAST_ROWS, Moved
from components.figures.chance import bands, dealt_shares, ks_by_chance, share_by_chance
from components.figures.psi import FEW_ROWS, psi_word
from components.figures.rates import wilson
from components.scoring.instances import Matrix
from components.scoring.reference import Bins, Reference, freeze, moves, psi

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
#: How often a report alarms of which nothing moved; see `evidence.py` for Evidently's share.
LEVEL = 0.002
_CHUNK = 16_384  # rows


@dataclass(frozen=True)
class Month:
    """The decisions of one month, or of any other span."""

    #: Of the features' columns; one that the reference knows and the month lacks has vanished.
    names: Sequence[str]
    features: Matrix
    pd: Values
    approved: NDArray[np.bool_]
    #: Feature -> its values by code, of those that are categories.
    categories: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Counted:
    """Rows a bin, missing ones after the last, and then the unseen categories'."""

    name: str
    #: Shares of so many rows.
    expected: Values
    reference_rows: int
    counts: Counts
    #: The place of the missing ones.
    missing: int
    unseen: tuple[Unseen, ...] = ()

    @property
    def shares(self) -> Values:
        return np.asarray(self.counts / self.counts.sum())

    @property
    def psi(self) -> float:
        return psi(self.expected, self.shares)


def drift(reference: Reference, month: Month, own: Values | None = None) -> Drift:
    """A month against a reference. Nothing that a month may hold, or lack, raises.

    `own` are PDs by the bundle itself of rows that it was not fitted on. Without them the score is
    held against the reference's, which is of the models of the folds: those are spread in another
    way, a tree's most of all.
    """
    rows, scored = len(month.pd), reference.rows
    if own is not None:
        of_own = freeze((), (), own.reshape(-1, 1), own)
        reference = replace(reference, score=of_own.score, percentiles=of_own.percentiles)
        scored = len(own)
    there = [name for name in reference.features if name in month.names]
    gone = [name for name in reference.features if name not in month.names]
    score_counts = _score(reference.score, month.pd, scored)
    counted = [score_counts, *_features(reference, month, there)]
    vanished = [_none(name, VANISHED, 0) for name in gone]
    if rows:
        score, *features = _shifts(counted, rows)
    else:
        score, *features = (_none(one.name, FEW_ROWS, 0) for one in counted)
    features = sorted(features, key=lambda shift: -(shift.psi or 0.0))
    return Drift(
        rows=rows,
        reference_rows=reference.rows,
        score=score,
        ks=_distance(reference, scored, month.pd),
        approval=_rate(int(month.approved.sum()), rows),
        unscored=_rate(int(np.isnan(month.pd).sum()), rows),
        features=(*vanished, *features),
        alarms=tuple(alarm for one in (*vanished, score, *features) if (alarm := _alarm(one))),
    )


def _rate(count: int, rows: int) -> Rate:
    if not rows:
        return Rate(count=0, rows=0, share=None, low=None, high=None)
    low, high = wilson(count, rows)
    return Rate(count=count, rows=rows, share=count / rows, low=low, high=high)


def _none(name: str, word: str, rows: int) -> Shift:
    return Shift(name=name, rows=rows, psi=None, by_chance=None, word=word, missing=None)


def _score(bins: Bins, pd: Values, reference_rows: int) -> _Counted:
    counts = np.zeros(len(bins.edges) + 2, dtype=np.int64)
    for start in range(0, len(pd), _CHUNK):
        counts += np.bincount(bins.places(pd[start : start + _CHUNK]), minlength=len(counts))
    return _Counted(SCORE, np.array(bins.expected), reference_rows, counts, len(counts) - 1)


def _features(reference: Reference, month: Month, names: Sequence[str]) -> list[_Counted]:
    """The counts of these features, in their order."""
    columns = [month.names.index(name) for name in names]
    bins = [reference.features[name] for name in names]
    counts = [np.zeros(len(own.edges) + 2, dtype=np.int64) for own in bins]
    strange: list[dict[float, int]] = [{} for _ in names]
    for start in range(0, len(month.features), _CHUNK):
        # Columns in one piece, as many rows of them as fit the cache.
        part = np.ascontiguousarray(month.features[start : start + _CHUNK, columns].T)
        for place, values in enumerate(part):
            own = counts[place]
            known = values
            if names[place] in month.categories:
                out = _outside(values, len(bins[place].edges))
                for code in values[out].tolist():
                    strange[place][code] = strange[place].get(code, 0) + 1
                known = values[~out]
            own += np.bincount(bins[place].places(known), minlength=len(own))
    return [
        _Counted(name, expected, reference.rows, found, len(counts[place]) - 1, unseen)
        for place, name in enumerate(names)
        for expected, found, unseen in [
            _with_unseen(bins[place], counts[place], strange[place], month.categories.get(name))
        ]
    ]


def _outside(codes: Values, last: int) -> NDArray[np.bool_]:
    """Where there is a code that is not one of a category's, 0 to the last."""
    inside = (codes >= 0) & (codes <= last) & (codes == np.rint(codes))
    return np.asarray(~inside & ~np.isnan(codes))


def _with_unseen(
    bins: Bins, counts: Counts, strange: Mapping[float, int], values: Sequence[str] | None
) -> tuple[Values, Counts, tuple[Unseen, ...]]:
    """Expected shares, counts, and the categories that no row had at training."""
    missing = len(counts) - 1
    expected = np.array(bins.expected)
    if values is None:
        return expected, counts, ()
    unseen = [
        Unseen(value=values[code] if code < len(values) else f"code {code}", rows=int(rows))
        for code, rows in enumerate(counts[:missing])
        if rows and not expected[code]
    ]
    unseen += [Unseen(value=f"code {code:g}", rows=rows) for code, rows in sorted(strange.items())]
    # What no bin is for has one of its own, where nobody is expected.
    return np.append(expected, 0.0), np.append(counts, sum(strange.values())), tuple(unseen)


def _shifts(counted: Sequence[_Counted], rows: int) -> list[Shift]:
    """What moved, against the most that chance gives in a report of all of these."""
    dealt = [_deal(one, rows, seed) for seed, one in enumerate(counted)]
    most = bands(dealt, LEVEL)
    return [_shift(one, by_chance, rows) for one, by_chance in zip(counted, most, strict=True)]


def _deal(one: _Counted, rows: int, seed: int) -> Values:
    """PSIs of months that have not moved, one a deal."""
    before, after = dealt_shares(one.expected, one.reference_rows, one.shares, rows, seed)
    return np.asarray(moves(before, after).sum(axis=1))


def _shift(one: _Counted, by_chance: float, rows: int) -> Shift:
    expected = float(one.expected[one.missing])
    low, high = share_by_chance(expected, one.reference_rows, rows)
    missing = Missing(
        count=int(one.counts[one.missing]),
        share=float(one.shares[one.missing]),
        expected=expected,
        low=low,
        high=high,
    )
    word = psi_word(Moved(name=one.name, psi=one.psi, by_chance=by_chance))
    if rows < LEAST_ROWS:
        word = FEW_ROWS
    elif word in {"moderate", "significant"} and missing.count == rows:
        word = ALL_MISSING
    return Shift(
        name=one.name, rows=rows, psi=one.psi, by_chance=by_chance, word=word, missing=missing,
        unseen=one.unseen,
    )  # fmt: skip


def _alarm(shift: Shift) -> Alarm | None:
    if shift.word == VANISHED:
        return Alarm(name=shift.name, why="it was there at training, and there is no such column")
    if shift.word not in {"moderate", "significant", ALL_MISSING}:
        return None
    # Only what has figures has such a word.
    why = f"PSI {shift.psi:.2f} of {shift.rows:,} rows, {shift.word}"
    return Alarm(name=shift.name, why=f"{why}; chance gives at most {shift.by_chance:.3f}")


def _distance(reference: Reference, rows: int, pd: Values) -> Distance | None:
    """The distance of the scores that are there from the reference's percentiles, of so many
    rows.
    """
    known = pd[~np.isnan(pd)]
    if not len(known):
        return None
    percentiles = np.array(reference.percentiles)
    at = np.unique(percentiles)
    # A value that many rows share is many percentiles; up to it, its last one counts.
    expected = (np.searchsorted(percentiles, at, side="right") - 1) / (len(percentiles) - 1)
    places = np.searchsorted(at, known, side="left")
    found = np.bincount(places, minlength=len(at) + 1).cumsum()[: len(at)] / len(known)
    return Distance(
        rows=len(known),
        ks=float(np.abs(found - expected).max()),
        by_chance=ks_by_chance(rows, len(known)),
    )

"""The search for a family's parameters: by mean AUC over folds, the hopeless given up early."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from typing import Any, cast

import numpy as np
import optuna
from sklearn.metrics import roc_auc_score

from components.contracts.families import Choice, Family, Search, Space, Spaces
from components.contracts.results import Trial
from components.scoring.instances import Matrix
from components.training.columns import Feature
from components.training.folds import Fold, Prepared, preparation, prepare
from components.training.models import Fitted, Label, Rows, Values, fit_model

#: Fits at a time, each on one thread. The same on any machine: what is asked next depends on it.
_ABREAST = 4
#: A trial goes on while, of those that saw all folds, no larger share was better on the same ones.
_BETTER = 0.25

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Bench:
    """The rows that a family is tried on, cut into folds; prepared once for each preparation."""

    features: tuple[Feature, ...]
    values: Matrix
    label: Label
    folds: tuple[Fold, ...]
    seed: int
    _made: dict[tuple[str, int], tuple[Prepared, Rows]] = field(default_factory=dict)

    def fit(self, family: Family, number: int, *, lane: int, stopping: bool) -> tuple[Fitted, Rows]:
        """Fit on one fold; returns the model, and the fold's other rows as it sees them.

        With `stopping`, boosting ends where those rows say so. Fits on one fold at the same time
        are in different lanes: boosting's matrices are not made for two readers.
        """
        key = (preparation(family), number)
        if key not in self._made:
            fold = self.folds[number]
            made = prepare(
                family, self.features, self.values[fold.fit], self.label[fold.fit], self.seed
            )
            judged = made.judged(self.values[fold.judge], self.label[fold.judge])
            self._made.setdefault(key, (made, judged))
        made, judged = self._made[key]
        watch = judged if stopping else None
        rows = made.rows.in_lane(lane)
        fitted = fit_model(family, rows, signs=made.signs, seed=self.seed, watch=watch, threads=1)
        return fitted, judged

    def forget(self, family: Family) -> None:
        """Keep what was prepared for this family alone: each is a copy of the rows."""
        kept = preparation(family)
        for key in [key for key in self._made if key[0] != kept]:
            del self._made[key]


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    family: Family  # with the best parameters
    auc: float
    #: Log odds of every row by the model of the fold that had not seen it.
    unseen: Values
    trials: tuple[Trial, ...]


def search(
    bench: Bench, family: Family, how: Search, progress: Callable[[int, int, float], None]
) -> Found:
    """Try a family's parameters. Calls `progress(tried, of, best AUC)` after each trial.

    The declared parameters are the first to be tried, wherever they lie, so that a search never
    ends below them. A family without spaces is tried once, as it is declared.
    """
    spaces = family.spaces()
    planned = _planned(family)
    total = how.trials if spaces and family.method != "grid" else len(planned)
    # What is declared outside the spaces is no point of theirs: no sampler learns from it.
    outside = any(not space.holds(planned[0][name]) for name, space in spaces.items())
    study = optuna.create_study(
        direction="maximize",
        sampler=_sampler(family, bench.seed),
        # Its own pruners hold a trial's best step against the others: an easy fold would save all.
        pruner=optuna.pruners.NopPruner(),
    )
    for point in [{}, *planned[1:]] if outside else planned:
        study.enqueue_trial(point)
    tried: list[_Try] = []
    with ThreadPoolExecutor(_ABREAST) as pool:
        while len(tried) < total:
            some = [
                _asked(study, family, {} if outside and not number else spaces, len(bench.label))
                # The declared parameters go alone: they are what the others must beat.
                for number in range(len(tried), min(total, len(tried) + _ABREAST) if tried else 1)
            ]
            _try(bench, some, [t for t in tried if not t.pruned], pool, stopping=bool(spaces))
            for trial in some:
                if trial.pruned:
                    study.tell(trial.asked, state=optuna.trial.TrialState.PRUNED)
                else:
                    study.tell(trial.asked, trial.mean)
                tried.append(trial)
                whole = [t.mean for t in tried if not t.pruned]
                progress(len(tried), total, max(whole, default=trial.mean))
            bench.forget(family)
    best = max((t for t in tried if not t.pruned), key=lambda trial: trial.mean)
    return Found(
        family=best.family.at(best.found()),
        auc=best.mean,
        unseen=best.unseen,
        trials=tuple(
            Trial(
                number=number,
                parameters={**{name: getattr(t.family, name) for name in spaces}, **t.found()},
                folds=tuple(t.aucs),
                pruned=t.pruned,
            )
            for number, t in enumerate(tried)
        ),
    )


@dataclass
class _Try:
    """One trial at work."""

    asked: optuna.Trial
    family: Family
    unseen: Values
    aucs: list[float] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    pruned: bool = False

    @property
    def mean(self) -> float:
        return float(np.mean(self.aucs))

    def found(self) -> dict[str, int]:
        """The rounds of boosting, where they were found by stopping early."""
        rounds = round(float(np.mean(self.rounds)))
        return {"rounds": rounds} if rounds and not self.pruned else {}


def _asked(study: optuna.Study, family: Family, spaces: Spaces, rows: int) -> _Try:
    asked = study.ask()
    values = {name: _suggest(asked, name, space) for name, space in spaces.items()}
    return _Try(asked, family.at(values), np.full(rows, np.nan))


def _hopeless(trial: _Try, whole: list[_Try]) -> bool:
    """Whether too many of those that saw all folds were better on the folds that this one saw."""
    seen = len(trial.aucs)
    better = sum(sum(other.aucs[:seen]) > sum(trial.aucs) for other in whole)
    return bool(whole) and better >= max(1.0, _BETTER * len(whole))


def _try(
    bench: Bench, trials: list[_Try], whole: list[_Try], pool: ThreadPoolExecutor, *, stopping: bool
) -> None:
    """Try these on the folds, some fits at a time; each is given up when it falls behind."""

    def fit(job: tuple[int, _Try, int]) -> tuple[Fitted, Values]:
        lane, trial, number = job
        fitted, judged = bench.fit(trial.family, number, lane=lane, stopping=stopping)
        return fitted, fitted.margin(judged.matrix)

    folds = len(bench.folds)
    while going := [t for t in trials if not t.pruned and len(t.aucs) < folds]:
        # The fewer there are, the more folds of each at a time.
        wide = _ABREAST // len(going)
        wanted = [(t, n) for t in going for n in range(len(t.aucs), folds)[:wide]]
        lanes = [sum(n == other for _, other in wanted[:at]) for at, (_, n) in enumerate(wanted)]
        jobs = [(lane, *job) for lane, job in zip(lanes, wanted, strict=True)]
        for (_, trial, number), (fitted, margin) in zip(jobs, pool.map(fit, jobs), strict=True):
            fold = bench.folds[number]
            trial.unseen[fold.judge] = margin
            trial.rounds.append(fitted.rounds)
            trial.aucs.append(float(roc_auc_score(bench.label[fold.judge], margin)))
            trial.asked.report(trial.mean, number)
        for trial in going:
            trial.pruned = len(trial.aucs) < folds and _hopeless(trial, whole)


def _planned(family: Family) -> list[dict[str, Any]]:
    """What is tried whatever comes of it: the declared parameters, and the points of a grid."""
    spaces, declared = family.spaces(), family.parameters()
    first = {name: declared[name] for name in spaces}
    if family.method != "grid":
        return [first]
    points = product(*(space.grid() for space in spaces.values()))
    grid = [dict(zip(spaces, point, strict=True)) for point in points]
    return [first, *(point for point in grid if point != first)]


def _sampler(family: Family, seed: int) -> optuna.samplers.BaseSampler:
    if family.method == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)  # which a grid never asks


def _suggest(trial: optuna.Trial, name: str, space: Space) -> float | int | str:
    if isinstance(space, Choice):
        return cast(float | int | str, trial.suggest_categorical(name, space.grid()))
    if space.whole:
        return trial.suggest_int(name, int(space.low), int(space.high), log=space.log)
    return trial.suggest_float(name, space.low, space.high, log=space.log)

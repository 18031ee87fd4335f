"""The search: what is tried, in which order, what is given up, and what is found."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from components.contracts.families import (
    Between,
    Choice,
    Family,
    LogisticFamily,
    Search,
    TreeFamily,
    XGBoostFamily,
)
from components.contracts.results import Trial
from components.training.columns import Feature, feature_list
from components.training.folds import cut
from components.training.search import _ABREAST, Bench, Found, search
from tests.making import EVERY, data, same_bits, train_spec

FOLDS = 3
DEPTH = Between(low=1, high=6, whole=True)
SHARE = Between(low=0.001, high=0.5, log=True)
methods = pytest.mark.parametrize("method", ["tpe", "random", "grid"])


def bench(seed: int = 1, rows: int = 240) -> Bench:
    """Rows of the use case in folds."""
    made = data(rows)
    folds = cut(made.label, None, folds=FOLDS, seed=1)
    return Bench(feature_list(train_spec()), made.features, made.label, folds, seed)


def riddle(rows: int = 400) -> Bench:
    """Rows whose label no single feature tells, but two together do."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(rows, 2))
    label = ((values[:, 0] > 0) != (values[:, 1] > 0)).astype(np.int64)
    label ^= (rng.random(rows) < 0.05).astype(np.int64)
    features = (Feature(0, "LEFT"), Feature(1, "RIGHT"))
    return Bench(features, values, label, cut(label, None, folds=FOLDS, seed=1), 1)


def tried(family: Family, how: Search, rows: Bench | None = None) -> Found:
    """A search whose progress nobody looks at."""
    return search(rows or bench(), family, how, lambda *_: None)


@methods
def test_the_declared_parameters_are_the_first_to_be_tried(method: Any) -> None:
    family = TreeFamily(max_depth=4, least_share=0.03, method=method, search={"max_depth": DEPTH})
    found = tried(family, Search(trials=4))
    assert found.trials[0].parameters == {"max_depth": 4}
    as_declared = tried(family.at({"search": {}}), Search())
    assert found.trials[0].folds == as_declared.trials[0].folds
    assert not found.trials[0].pruned


@methods
def test_declared_parameters_that_lie_outside_the_spaces_are_tried_first_too(method: Any) -> None:
    space = Between(low=0.3, high=0.5)
    family = TreeFamily(method=method, search={"least_share": space})
    found = tried(family, Search(trials=4))
    first, *rest = found.trials
    assert first.parameters == {"least_share": 0.01}
    assert rest
    assert all(space.holds(trial.parameters["least_share"]) for trial in rest)
    # One leaf, or two: nothing of it is better than what was declared.
    assert (found.auc, found.family.parameters()["least_share"]) == (first.auc, 0.01)


@pytest.mark.parametrize("family", EVERY, ids=lambda family: family.kind)
@pytest.mark.parametrize("method", ["tpe", "random"])
def test_a_family_is_tried_as_often_as_declared_within_its_own_spaces(
    family: Any, method: Any
) -> None:
    own = family.at({"method": method, "search": None})
    found = tried(own, Search(trials=6))
    assert [trial.number for trial in found.trials] == list(range(6))
    for trial in found.trials[1:]:
        asked = {name: trial.parameters[name] for name in own.spaces()}
        assert all(own.spaces()[name].holds(value) for name, value in asked.items())
        assert set(trial.parameters) - set(asked) <= {"rounds"}


@methods
def test_twenty_trials_are_twenty_parameter_sets(method: Any) -> None:
    spaces = {"inverse_penalty": Between(low=0.01, high=10, log=True, steps=20)}
    family = LogisticFamily(inverse_penalty=0.01, method=method, search=spaces)
    found = tried(family, Search())
    assert len({str(trial.parameters) for trial in found.trials}) == len(found.trials) == 20


@pytest.mark.parametrize(
    ("declared", "extra"), [({"max_depth": 2}, 0), ({"max_depth": 3}, 1), ({"max_depth": 9}, 1)]
)
def test_a_grid_tries_each_of_its_points_once(declared: dict[str, int], extra: int) -> None:
    spaces = {"max_depth": Choice(values=(2, 5)), "least_share": SHARE}
    family = TreeFamily(least_share=0.001, method="grid", search=spaces).at(declared)
    found = tried(family, Search(trials=6))
    points = [tuple(trial.parameters.values()) for trial in found.trials]
    grid = set(product((2, 5), SHARE.grid()))
    assert len(points) == len(set(points)) == 6 + extra
    assert grid <= set(points)


@methods
def test_the_same_seed_tries_the_same(method: Any) -> None:
    family = XGBoostFamily(
        rounds=15,
        method=method,
        search={"max_depth": DEPTH, "eta": Between(low=0.05, high=0.5, steps=2)},
    )
    how = Search(trials=8)
    first, again = (tried(family, how, bench(5)) for _ in range(2))
    assert again.trials == first.trials
    assert again.family == first.family
    assert same_bits(again.unseen, first.unseen)


@pytest.mark.parametrize("method", ["tpe", "random"])
def test_another_seed_tries_something_else(method: Any) -> None:
    family, how = LogisticFamily(method=method), Search(trials=4)
    first, other = (tried(family, how, bench(seed)) for seed in (1, 2))
    assert other.trials != first.trials
    assert other.trials[0].parameters == first.trials[0].parameters


def test_a_family_that_searches_nothing_is_tried_once_as_it_is_declared() -> None:
    family = XGBoostFamily(rounds=7, search={})
    found = tried(family, Search(trials=9))
    assert found.family == family
    assert [(t.parameters, t.pruned, len(t.folds)) for t in found.trials] == [({}, False, FOLDS)]


@methods
def test_a_hopeless_trial_is_given_up_before_it_has_seen_every_fold(method: Any) -> None:
    spaces = {"max_depth": DEPTH, "least_share": Between(low=0.001, high=0.5)}
    found = tried(TreeFamily(method=method, search=spaces), Search(trials=18))
    pruned = [trial for trial in found.trials if trial.pruned]
    whole = [trial for trial in found.trials if not trial.pruned]
    assert pruned
    assert all(1 <= len(trial.folds) < FOLDS for trial in pruned)
    assert all(len(trial.folds) == FOLDS for trial in whole)
    assert not found.trials[0].pruned
    # Given up for what it showed: of those done before it was begun, a quarter or more were better
    # on the folds that it saw.
    for trial in pruned:
        begun = 1 + (trial.number - 1) // _ABREAST * _ABREAST
        done = [other for other in whole if other.number < begun]
        seen = len(trial.folds)
        better = sum(sum(other.folds[:seen]) > sum(trial.folds) for other in done)
        assert better >= max(1, len(done) / 4)


@methods
@pytest.mark.parametrize("kind", [TreeFamily, LogisticFamily])
def test_the_best_is_the_highest_mean_of_the_trials_that_saw_every_fold(
    method: Any, kind: Any
) -> None:
    found = tried(kind(method=method), Search(trials=12))
    whole = [trial for trial in found.trials if not trial.pruned]
    best: Trial = max(whole, key=lambda trial: trial.auc)
    assert found.auc == pytest.approx(best.auc)
    kept = found.family.parameters()
    assert {name: kept[name] for name in best.parameters} == best.parameters
    again = tried(found.family.at({"search": {}}), Search())
    assert again.auc == pytest.approx(best.auc)


def test_unseen_margins_are_one_a_row_by_models_that_had_not_seen_it() -> None:
    rows, family = bench(), LogisticFamily(search={})
    found = tried(family, Search(), rows)
    assert np.isfinite(found.unseen).all()
    for number, fold in enumerate(rows.folds):
        fitted, judged = rows.fit(family, number, lane=0, stopping=False)
        assert same_bits(found.unseen[fold.judge], fitted.margin(judged.matrix))


@methods
def test_progress_is_told_after_each_trial_with_the_best_so_far(method: Any) -> None:
    told: list[tuple[int, int, float]] = []
    family = TreeFamily(method=method, search={"max_depth": DEPTH, "least_share": SHARE})
    how = Search(trials=9)
    found = search(bench(), family, how, lambda *seen: told.append(seen))
    total = len(found.trials)
    best = [
        max(t.auc for t in found.trials[: number + 1] if not t.pruned) for number in range(total)
    ]
    assert told == [(n + 1, total, pytest.approx(best[n])) for n in range(total)]


def test_boosting_keeps_the_rounds_at_which_it_stopped() -> None:
    family = XGBoostFamily(rounds=300, eta=0.3, search={"max_depth": DEPTH})
    found = tried(family, Search(trials=6))
    whole = [trial for trial in found.trials if not trial.pruned]
    assert all(1 <= trial.parameters["rounds"] < 300 for trial in whole)  # type: ignore[operator]
    assert not any("rounds" in trial.parameters for trial in found.trials if trial.pruned)
    best = max(whole, key=lambda trial: trial.auc)
    assert found.family.parameters()["rounds"] == best.parameters["rounds"]
    rows = bench()
    at_best = family.at({"max_depth": best.parameters["max_depth"]})
    stopped = [rows.fit(at_best, n, lane=0, stopping=True)[0].rounds for n in range(FOLDS)]
    assert best.parameters["rounds"] == round(float(np.mean(stopped)))


@methods
@pytest.mark.parametrize(
    ("family", "spaces", "least"),
    [
        (TreeFamily(max_depth=1), {"max_depth": Between(low=1, high=7, whole=True)}, 0.3),
        (
            XGBoostFamily(max_depth=1, rounds=40),
            {"max_depth": Choice(values=(1, 4)), "eta": Between(low=0.1, high=0.5)},
            0.3,
        ),
        (TreeFamily(least_share=0.5), {"least_share": SHARE}, 0.1),
    ],
    ids=["depth", "depth of boosting", "leaves"],
)
def test_a_search_finds_what_a_bad_declaration_missed(
    method: Any, family: Any, spaces: Any, least: float
) -> None:
    rows = riddle()
    searching = family.at({"method": method, "search": spaces})
    found = tried(searching, Search(trials=8), rows)
    assert found.auc > tried(family.at({"search": {}}), Search(), rows).auc + least


def test_what_prepares_the_columns_may_be_searched_too() -> None:
    rng = np.random.default_rng(4)
    values = rng.integers(0, 7, (500, 1)).astype(np.float64)
    label = (rng.random(500) < np.where(values[:, 0] % 2, 0.85, 0.15)).astype(np.int64)
    rows = Bench(
        (Feature(0, "CITY", categories=7),),
        values,
        label,
        cut(label, None, folds=FOLDS, seed=1),
        1,
    )
    spaces = {"encoder": Choice(values=("ordinal", "woe"))}
    for method in ("tpe", "random", "grid"):
        family = LogisticFamily(encoder="ordinal", search=spaces).at({"method": method})
        found = tried(family, Search(trials=6), rows)
        assert found.family.encoder == "woe"
        assert found.auc > found.trials[0].auc + 0.2

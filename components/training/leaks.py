"""What no model may learn from: a feature that knows the outcome, a person on both sides."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from components.scoring.instances import Matrix
from components.training.bins import Label, Values
from components.training.columns import Feature

#: The AUC of one feature by itself from which it is taken for the label. What a lender honestly
#: knows (a bureau's score, a payment that is late already) stays below 0.95; a copy of the label
#: in which one row of fifty is wrong has 0.98.
MOST_ALONE = 0.98
#: Rows of each class that it is measured on: an AUC does not mind how many there are of each.
_ROWS = 10_000
#: Fewer rows of a class say nothing; folds refuse them too.
_LEAST_OF_CLASS = 20
_LEAVES = 20
_LEAST_LEAF = 5

#: Share of a side's rows that may have a twin among the train rows, of twins that are no chance.
MOST_TWINS = 0.05
#: Twins are no chance where, by how common its values are, fewer train rows than this would be
#: expected to be like a row: values may go together fiftyfold before the share above is passed.
_BY_CHANCE = 0.001
#: Nor are more rows alike than one person has: what many share is a class of clients.
_OF_A_PERSON = 20


def shared_groups(sides: Mapping[str, NDArray[np.int64]]) -> list[str]:
    """A group's rows belong to one side; `sides` are the groups of each side's rows."""
    each = np.concatenate([np.unique(groups) for groups in sides.values()])
    _, times = np.unique(each, return_counts=True)
    shared = int((times > 1).sum())
    expected = f"group: expected each on one side of {', '.join(sides)}"
    return [f"{expected}, found {shared:,} on several"] if shared else []


def outcome(feature: Feature, values: Values, label: Label) -> str:
    """Why a feature of the train rows cannot be but the label itself; empty where it can."""
    found = _alone(feature, values, label)
    if found < MOST_ALONE:
        return ""
    return (
        f"feature {feature.name}: expected an AUC below {MOST_ALONE:g} of it alone, found "
        f"{found:.4f}: it knows the outcome"
    )


def _alone(feature: Feature, values: Values, label: Label) -> float:
    """The AUC of the best use of one feature: of its values in their order, and of what half of
    some rows teaches of the other half (so that a value that few rows have tells nothing).
    """
    rng = np.random.default_rng(0)
    classes = [rng.permutation(np.flatnonzero(label == side))[:_ROWS] for side in (0, 1)]
    if min(map(len, classes)) < _LEAST_OF_CLASS:
        return 0.0
    rows = np.concatenate(classes)
    values, label = values[rows], label[rows]
    ordered = []
    if not feature.categories:
        # Places, not values: trees read float32, in which large ones that differ are alike.
        places = np.unique(values, return_inverse=True)[1]
        values = np.where(np.isnan(values), np.nan, places.astype(np.float64))
        ends = (np.nan_to_num(values, nan=end) for end in (-1.0, float(len(values))))
        ordered = [float(roc_auc_score(label, one)) for one in ends]
    halves = np.arange(0, len(rows), 2), np.arange(1, len(rows), 2)
    taught = [
        roc_auc_score(
            label[judge], _rates(feature.categories, values[fit], label[fit], values[judge])
        )
        for fit, judge in (halves, halves[::-1])
    ]
    return max([float(np.mean(taught)), *ordered, *(1 - auc for auc in ordered)])


def _rates(categories: int, values: Values, label: Label, asked: Values) -> Values:
    """How bad other values are by these rows; missing is a value like any."""
    if categories:
        place = np.nan_to_num(values, nan=categories).astype(np.intp)
        rows = np.bincount(place, minlength=categories + 1)
        bad = np.bincount(place, weights=label, minlength=categories + 1)
        rates: Values = (bad + label.mean()) / (rows + 1)
        return rates[np.nan_to_num(asked, nan=categories).astype(np.intp)]
    tree = DecisionTreeClassifier(
        max_leaf_nodes=_LEAVES, min_samples_leaf=_LEAST_LEAF, random_state=0
    ).fit(values[:, None], label)
    found: Values = tree.predict_proba(asked[:, None])[:, 1]
    return found


def twins(sides: Mapping[str, Matrix]) -> list[str]:
    """Rows of other sides that are, input by input, those of a train row: one person twice.

    Inputs, not features: several features of one column say the same again, and by them what is
    common would look like one chance in a million.
    """
    train = sides["train"]
    named = {side: _names(values) for side, values in sides.items()}
    profiles, times = np.unique(named["train"], return_counts=True)
    distinct = len(np.unique(np.concatenate(list(named.values()))))
    rows = sum(map(len, named.values()))
    faults = []
    for side in ("validation", "test"):
        if not len(named.get(side, ())) or not len(profiles):
            continue
        place = np.minimum(np.searchsorted(profiles, named[side]), len(profiles) - 1)
        alike = (profiles[place] == named[side]) & (times[place] <= _OF_A_PERSON)
        alike[alike] = _expected(train, sides[side][alike]) < _BY_CHANCE
        found, of = int(alike.sum()), len(alike)
        if found > MOST_TWINS * of:
            faults.append(
                f"identical profiles: expected at most {MOST_TWINS:.0%} of the {side} rows to be "
                f"those of a train row in every input, found {found:,} of {of:,} ({distinct:,} "
                f"distinct profiles among {rows:,} rows); group the split by the columns of the "
                "profile"
            )
    return faults


def _names(values: Matrix) -> NDArray[np.void]:
    """One name a row: equal values, equal names; missing is a value, and -0 is 0."""
    plain = np.ascontiguousarray(np.where(np.isnan(values), np.nan, values + 0.0))
    return plain.view(np.dtype((np.void, plain.itemsize * plain.shape[1])))[:, 0]


def _expected(train: Matrix, values: Matrix) -> Values:
    """How many train rows would be like each row, were the inputs of a row strangers."""
    found = np.full(len(values), np.log(len(train)))
    for column, asked in zip(train.T, values.T, strict=True):
        known, times = np.unique(column, return_counts=True)
        found += np.log(times[np.searchsorted(known, asked)] / len(train))
    expected: Values = np.exp(found)
    return expected

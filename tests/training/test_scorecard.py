"""The scorecard's table: its points add up to the score, its counts to the rows."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.contracts.modelling import Feature
from components.contracts.policy import Points
from components.scoring.bundle import SCORECARD, Bundle
from components.scoring.instances import Matrix
from components.scoring.spec import BinnedColumn, CodedColumn
from components.training.bins import Weights
from components.training.fit import train
from tests.making import (
    FEATURES,
    REGIONS,
    Models,
    data,
    silent,
    train_spec,
    with_features,
)
from tests.making import SCORECARD as FAMILY

SPECIAL = tuple(
    feature.model_copy(update={"special": (0.0, 9.0)}) if feature.name == "VISITS" else feature
    for feature in FEATURES
)


@dataclass(frozen=True)
class Card:
    """A scorecard with its table and the rows that it was made of."""

    bundle: Bundle
    table: dict[str, Any]
    features: Matrix
    label: NDArray[np.int64]

    def section(self, name: str) -> dict[str, Any]:
        """The table's part on a feature."""
        (found,) = (part for part in self.table["features"] if part["feature"] == name)
        return dict(found)

    def place(self, column: CodedColumn | BinnedColumn, value: float) -> int:
        """Which line of its feature a value belongs to, reckoned by hand."""
        if isinstance(column, CodedColumn):
            return len(column.values) if math.isnan(value) else int(value)
        codes = [code for code, _ in column.special]
        if math.isnan(value):
            return len(column.values) + len(codes)
        if value in codes:
            return len(column.values) + codes.index(value)
        return sum(value > edge for edge in column.edges)

    def lines(self, row: NDArray[np.float64]) -> list[dict[str, Any]]:
        """The lines of the table that a row is on, one a feature."""
        spec = self.bundle.spec
        return [
            self.section(spec.features[c.feature].name)["bins"][self.place(c, row[c.feature])]
            for c in (*spec.columns.coded, *spec.columns.binned)
        ]


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    """A scorecard of a feature of every kind: special codes, missing values, categories."""
    folder = tmp_path_factory.mktemp("card")
    spec, made = train_spec(FAMILY, features=SPECIAL), data()
    train(made, spec, folder, silent)
    bundle = Bundle.load(folder / "scorecard")
    rows = made.rows("train", "validation")
    table = json.loads((folder / "scorecard" / SCORECARD).read_text())
    return Card(bundle, table, made.features[rows], made.label[rows])


def unrounded(bundle: Bundle, margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points that PDs stand for, before they are rounded."""
    spec = bundle.spec
    odds = -(spec.calibration.slope * margin + spec.calibration.intercept)  # type: ignore[union-attr]
    scale = spec.points
    return np.asarray(
        scale.base_points + scale.pdo / math.log(2) * (odds - math.log(scale.base_odds))
    )


CELLS = st.tuples(
    st.just(math.nan) | st.floats(-1e9, 1e9),
    st.just(math.nan) | st.sampled_from([0.0, 9.0, 4.0, -1.0]),
    st.just(math.nan) | st.sampled_from([float(code) for code in range(len(REGIONS))]),
    st.just(math.nan) | st.floats(0, 1e6),
    st.just(math.nan) | st.floats(-1e3, 1e3),
)


@settings(deadline=None, max_examples=100)
@given(cells=CELLS, edge=st.integers(0, 10**6))
def test_the_points_of_a_rows_bins_add_up_to_its_score(
    card: Card, cells: tuple[float, ...], edge: int
) -> None:
    row = np.array(cells)
    columns = card.bundle.spec.columns.binned
    bounds = columns[edge % len(columns)].edges
    if edge % 3 and bounds:  # now and then a value on the very edge of a bin
        row[columns[edge % len(columns)].feature] = bounds[edge % len(bounds)]
    added = card.table["intercept_points"] + sum(line["points"] for line in card.lines(row))
    scores = card.bundle.score_features(row[None, :])
    assert added == pytest.approx(float(unrounded(card.bundle, scores.margin)[0]), abs=1e-6)
    assert abs(added - int(card.bundle.points(scores.pd)[0])) <= 0.5 + 1e-6


def test_the_points_add_up_for_every_row_that_it_was_made_of(card: Card) -> None:
    scores = card.bundle.score_features(card.features)
    base = card.table["intercept_points"]
    added = [base + sum(line["points"] for line in card.lines(row)) for row in card.features]
    assert added == pytest.approx(unrounded(card.bundle, scores.margin).tolist())
    assert np.rint(added).astype(int).tolist() == card.bundle.points(scores.pd).tolist()


def test_every_row_is_on_one_line_of_each_feature(card: Card) -> None:
    rows, bad = len(card.label), int(card.label.sum())
    assert card.table["rows"] == rows == 480
    counted: dict[tuple[int, str], int] = {}
    for row in card.features:
        for number, line in enumerate(card.lines(row)):
            counted[number, line["label"]] = counted.get((number, line["label"]), 0) + 1
    for number, column in enumerate(
        (*card.bundle.spec.columns.coded, *card.bundle.spec.columns.binned)
    ):
        lines = card.section(card.bundle.spec.features[column.feature].name)["bins"]
        assert sum(line["rows"] for line in lines) == rows
        assert sum(line["bad"] for line in lines) == bad
        assert sum(line["share"] for line in lines) == pytest.approx(1)
        for line in lines:
            assert line["rows"] == counted.get((number, line["label"]), 0)
            assert line["share"] == pytest.approx(line["rows"] / rows)
            assert line["bad_rate"] == pytest.approx(line["bad"] / max(1, line["rows"]))


def test_a_line_says_which_values_it_is_for(card: Card) -> None:
    names = {part["feature"]: [line["label"] for line in part["bins"]]
             for part in card.table["features"]}  # fmt: skip
    assert set(names) == {feature.name for feature in FEATURES}
    assert names["REGION"] == [*REGIONS, "missing"]
    assert names["VISITS"][-3:] == ["exactly 0", "exactly 9", "missing"]
    assert names["AMOUNT"][0].startswith("to ")
    assert names["AMOUNT"][-2].startswith("above ")
    assert all(len(set(labels)) == len(labels) for labels in names.values())


def test_features_come_with_the_most_telling_first(card: Card) -> None:
    values = [part["iv"] for part in card.table["features"]]
    assert values == sorted(values, reverse=True)
    assert min(values) >= 0
    # AMOUNT was planted as what tells most.
    assert card.table["features"][0]["feature"] == "AMOUNT"
    for part in card.table["features"]:
        bad = np.array([float(line["bad"]) for line in part["bins"]])
        rows = np.array([float(line["rows"]) for line in part["bins"]])
        assert part["iv"] == pytest.approx(Weights(card.label).value(bad, rows - bad))


def test_more_evidence_of_bad_is_fewer_points_and_amount_goes_one_way(card: Card) -> None:
    for part in card.table["features"]:
        slopes = {line["points"] / line["woe"] for line in part["bins"] if line["woe"]}
        assert max(slopes) == pytest.approx(min(slopes))
    amount = card.section("AMOUNT")["bins"][:-1]  # the last is missing
    woe, points = ([line[name] for line in amount] for name in ("woe", "points"))
    assert len(amount) > 2
    assert woe == sorted(woe)
    assert points == sorted(points, reverse=True)


@pytest.mark.parametrize(
    "scale", [Points(), Points(base_points=500, base_odds=15, pdo=40)], ids=["600", "500"]
)
def test_twice_the_odds_are_worth_the_declared_points(tmp_path: Path, scale: Points) -> None:
    spec = train_spec(FAMILY, points=scale)
    train(data(300), spec, tmp_path, silent)
    bundle = Bundle.load(tmp_path / "scorecard")
    odds = scale.base_odds * np.array([0.5, 1, 2, 4, 8])
    found = bundle.points(1 / (1 + odds))
    assert found.tolist() == [scale.base_points + scale.pdo * n for n in range(-1, 4)]
    table = json.loads((tmp_path / "scorecard" / SCORECARD).read_text())
    for name in ("base_points", "base_odds", "pdo"):
        assert table[name] == getattr(scale, name)


def test_a_scorecard_of_categories_alone_adds_up_too(tmp_path: Path) -> None:
    features = tuple(f for f in FEATURES if f.name == "REGION")
    spec, whole = train_spec(FAMILY, features=features), data(300)
    made = with_features(whole.inputs[:, [2]], whole.label, spec)
    train(made, spec, tmp_path, silent)
    bundle = Bundle.load(tmp_path / "scorecard")
    table = json.loads((tmp_path / "scorecard" / SCORECARD).read_text())
    margin = bundle.score_features(np.array([[0.0], [1.0], [2.0], [np.nan]])).margin
    points = [table["intercept_points"] + line["points"] for line in table["features"][0]["bins"]]
    assert points == pytest.approx(unrounded(bundle, margin).tolist())


@pytest.mark.parametrize("family", ["xgboost", "logistic", "tree", "forest"])
def test_only_a_scorecard_has_a_table(models: Models, family: str) -> None:
    assert not (models.folder / family / SCORECARD).exists()
    assert (models.folder / "scorecard" / SCORECARD).exists()


def test_a_number_that_never_teaches_is_one_line_worth_nothing(tmp_path: Path) -> None:
    features = (*FEATURES[:4], Feature(name="NOISE", title="noise", expression="VISITS * 0 + 1"))
    spec, whole = train_spec(FAMILY, features=features), data(300)
    made = with_features(whole.inputs, whole.label, spec)
    train(made, spec, tmp_path, silent)
    table = json.loads((tmp_path / "scorecard" / SCORECARD).read_text())
    last = table["features"][-1]
    assert (last["feature"], [line["label"] for line in last["bins"]]) == (
        "NOISE", ["all", "missing"],
    )  # fmt: skip
    assert [line["points"] for line in last["bins"]] == pytest.approx([0, 0], abs=1e-6)

"""Rows as Evidently takes them: which rows of gold, whose score, and categories as texts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from components.contracts.drift import SCORE
from components.monitoring import evidence
from components.monitoring.drift import LEVEL, Month, drift
from components.monitoring.frames import categories_of, of_month, of_reference, own_score
from components.monitoring.report import _month
from components.scoring.bundle import Bundle
from tests.making import FAMILIES, REGIONS, Models, inputs_of, models, write_gold

__all__ = ["models"]


@pytest.fixture(scope="module")
def gold(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gold(tmp_path_factory.mktemp("gold") / "final-dataset", models.data)


def _is_same(frame: pd.Series, cells: object) -> bool:
    return bool(np.array_equal(frame.to_numpy(), np.asarray(cells), equal_nan=True))


def test_the_reference_has_the_rows_that_the_bundle_was_frozen_on(
    models: Models, gold: Path
) -> None:
    bundle = models.bundle("xgboost")
    found = of_reference(bundle, gold, own_score(bundle, gold))
    developed = models.data.features[models.data.rows("train", "validation")]
    assert len(found) == bundle.reference().rows == len(developed)
    names = [feature.name for feature in bundle.spec.features]
    assert set(found) == {*names, SCORE}
    for place, name in enumerate(names):
        if name != "REGION":
            assert _is_same(found[name], developed[:, place])
    codes = developed[:, names.index("REGION")]
    texts = [None if np.isnan(code) else REGIONS[int(code)] for code in codes]
    assert found["REGION"].tolist() == texts


def test_the_reference_s_score_is_the_bundle_s_own_of_rows_that_it_has_not_seen(
    models: Models, gold: Path
) -> None:
    bundle = models.bundle("xgboost")
    tested = bundle.score(models.data.inputs[models.data.rows("test")]).pd
    score = of_reference(bundle, gold, own_score(bundle, gold))[SCORE]
    assert _is_same(score[: len(tested)], tested)
    assert score[len(tested) :].isna().all()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_score_of_rows_that_have_not_moved_is_not_flagged(
    models: Models, gold: Path, family: str
) -> None:
    bundle = models.bundle(family)
    before = of_reference(bundle, gold, own_score(bundle, gold))[SCORE].dropna()
    for seed in range(20):
        now = bundle.score(inputs_of(1_000, 1_000 + seed)).pd
        assert ks_2samp(before, now, method="asymp")[1] > LEVEL


@pytest.mark.parametrize("family", FAMILIES)
def test_the_psi_of_the_score_of_rows_that_have_not_moved_raises_nothing(
    models: Models, gold: Path, family: str
) -> None:
    bundle = models.bundle(family)
    own, names = own_score(bundle, gold), [feature.name for feature in bundle.spec.features]
    for seed in range(5):
        inputs = inputs_of(1_000, 2_000 + seed)
        pd, features = bundle.score(inputs).pd, bundle.features(inputs)
        month = Month(names, features, pd, np.ones(1_000, bool), categories_of(bundle.spec))
        found = drift(bundle.reference(), month, own)
        assert SCORE not in {alarm.name for alarm in found.alarms}
        # Against the models of the folds a tree's every month is raised.
        by_folds = drift(bundle.reference(), month).alarms
        assert family != "tree" or SCORE in {alarm.name for alarm in by_folds}


def test_a_sample_of_the_reference_and_of_a_month_is_taken_before_anything_is_made_of_it(
    models: Models, gold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = models.bundle("logistic")
    whole = of_reference(bundle, gold, own_score(bundle, gold))
    month = Month(["INCOME"], inputs_of(900, 3)[:, :1], np.arange(900.0), np.ones(900, bool), {})
    every = of_month(month)
    monkeypatch.setattr(evidence, "_SAMPLE", 100)
    seen = []

    def features(_: Bundle, matrix: np.ndarray) -> np.ndarray:
        seen.append(len(matrix))
        return matrix

    columns = Bundle.columns
    monkeypatch.setattr(Bundle, "columns", lambda own, given: features(own, columns(own, given)))
    some, now = of_reference(bundle, gold, own_score(bundle, gold)), of_month(month)
    assert (len(some), len(now), seen) == (100, 100, [100, 100])
    places = evidence.sampled(len(whole))
    assert _is_same(some["INCOME"], whole["INCOME"].iloc[places])
    assert _is_same(now[SCORE], every[SCORE].iloc[evidence.sampled(900)])


def test_a_code_that_is_no_category_s_is_a_text_too() -> None:
    codes = np.array([[0.0], [np.nan], [2.0], [0.5]])
    month = Month(["REGION"], codes, np.zeros(4), np.ones(4, bool), {"REGION": ("north", "south")})
    assert of_month(month)["REGION"].tolist() == ["north", None, "code 2", "code 0.5"]


def test_a_column_that_nobody_logged_has_vanished_and_what_is_made_of_it_is_missing(
    models: Models,
) -> None:
    import pyarrow as pa

    bundle = models.bundle("xgboost")
    rows = pa.table(
        {"pd": [0.1, 0.2], "approved": [True, True], "in_INCOME": [None, None],
         "in_REGION": ["north", None], "in_AMOUNT": [1.0, 2.0]}
    )  # fmt: skip
    month = _month(bundle, [rows])
    assert list(month.names) == ["INCOME", "REGION", "AMOUNT", "SHARE"]
    assert np.isnan(month.features[:, [0, 3]]).all()
    assert month.categories == categories_of(bundle.spec) == {"REGION": REGIONS}

"""The gold table as training reads it, and the rows that it refuses to learn from."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.contracts.errors import InstanceError, VintageError
from components.contracts.modelling import Feature
from components.contracts.scenario import TrainSpec
from components.training.fit import train
from components.training.matrix import Data, check, read_gold
from tests.making import (
    EVERY,
    FAMILIES,
    FEATURES,
    data,
    silent,
    train_spec,
    with_features,
    write_gold,
)

SPEC = train_spec()


def computed(*expressions: str) -> tuple[Data, TrainSpec]:
    """The rows with features of these expressions added: A, B, ..."""
    added = tuple(
        Feature(name=name, title=name, expression=text)
        for name, text in zip("ABCD", expressions, strict=False)
    )
    made, spec = data(300), train_spec(features=(*FEATURES, *added))
    return with_features(made.inputs, made.label, spec), spec


def spoiled(folder: Path, name: str, values: Any) -> Path:
    """A gold table with other values in a column."""
    path = write_gold(folder, data(60)) / "part-0.parquet"
    table = pq.read_table(path)
    place = table.column_names.index(name)
    pq.write_table(table.set_column(place, name, pa.array(values)), path)
    return folder


def test_a_gold_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = data()
    made.label[5] = -1
    found = read_gold(write_gold(tmp_path / "gold", made), SPEC)
    assert np.array_equal(found.inputs, made.inputs, equal_nan=True)
    assert np.array_equal(found.features, made.features, equal_nan=True)
    assert np.array_equal(found.label, made.label)
    assert np.array_equal(found.split, made.split)
    assert found.rows("train", "test").sum() == 480
    assert found.groups is None


@pytest.mark.parametrize("groups", ["folds", "sides"])
def test_the_groups_are_read_where_the_rows_have_some(tmp_path: Path, groups: Any) -> None:
    made = replace(data(200), groups=np.arange(200) // 10 - 2**62)
    gold = write_gold(tmp_path / "gold", made)
    found = read_gold(gold, SPEC.model_copy(update={"groups": groups}))
    assert found.groups is not None
    assert found.groups.dtype == np.int64
    assert np.array_equal(found.groups, made.groups)  # type: ignore[arg-type]
    assert read_gold(gold, SPEC).groups is None


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "INCOME",
            [np.inf, -np.inf, *[1.0] * 58],
            "columns: INCOME: expected a number, found inf; 2 rows like it",
        ),
        (
            "AMOUNT",
            ["2024-01-31"] * 60,
            "columns: AMOUNT: expected a number of at least 0, found '2024-01-31'; 60 rows like it",
        ),
        (
            "VISITS",
            [*["1"] * 59, None],
            "columns: VISITS: expected a whole number from 0 to 9, found '1'; 59 rows like it; "
            "VISITS: expected a whole number from 0 to 9, found nothing; 1 row like it",
        ),
        (
            "REGION",
            [*["north"] * 59, "west"],
            "columns: REGION: expected one of north, south, 7, found 'west'; 1 row like it",
        ),
    ],
)
def test_a_column_of_another_kind_is_refused_by_name(
    tmp_path: Path, name: str, values: Any, message: str
) -> None:
    gold = spoiled(tmp_path / "gold", name, values)
    with pytest.raises(InstanceError) as refused:
        read_gold(gold, SPEC)
    assert str(refused.value) == message


@pytest.mark.parametrize("kind", ["date32", "timestamp", "bool"])
def test_dates_and_flags_are_no_numbers(tmp_path: Path, kind: str) -> None:
    made: dict[str, Any] = {
        "date32": pa.array([19_000] * 60, pa.date32()),
        "timestamp": pa.array([19_000] * 60, pa.timestamp("ns")),
        "bool": pa.array([True, False] * 30),
    }
    gold = spoiled(tmp_path / "gold", "INCOME", made[kind])
    with pytest.raises(InstanceError, match=r"^columns: INCOME: expected a number, found "):
        read_gold(gold, SPEC)


@pytest.mark.parametrize(
    ("expressions", "message"),
    [
        (("AMOUNT / 0",), "feature A: expected values, found all missing"),
        (
            ("AMOUNT * 0",),
            "feature A: expected values that differ, found 0 in all 180 train rows",
        ),
        (("7",), "feature A: expected values that differ, found 7 in all 180 train rows"),
        (
            ("where(missing(INCOME), 0 / 0, 3)",),
            "feature A: expected values that differ, found 3 in all ",
        ),
        (
            ("INCOME * 1",),
            "feature A: expected values of its own, found those of INCOME in every row",
        ),
        (
            ("INCOME - AMOUNT", "INCOME - AMOUNT", "INCOME - AMOUNT"),
            "feature B: expected values of its own, found those of A in every row\n"
            "feature C: expected values of its own, found those of A in every row",
        ),
        (("1", "2"), "feature A: expected values that differ, found 1 in all 180 train rows\n"),
        (("1", "2"), "\nfeature B: expected values that differ, found 2 in all 180 train rows"),
        (
            ("AMOUNT * 1000000000000000000000000000000000000000000000000000000000000",),
            "feature A: expected values of at most 3.4e+38, found ",
        ),
    ],
)
def test_a_feature_that_cannot_teach_anything_is_refused_by_name(
    expressions: tuple[str, ...], message: str
) -> None:
    with pytest.raises(VintageError, match=re.escape(message)) as refused:
        check(*computed(*expressions))
    assert not re.search("feature (INCOME|VISITS|REGION|AMOUNT|SHARE):", str(refused.value))


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("label", [0, 1, None])
def test_rows_of_one_class_are_refused_with_their_numbers(split: str, label: int | None) -> None:
    made = data(300)
    rows = made.rows(split)
    if label is None:
        made.split[rows] = "score"
        found = "none"
    else:
        made.label[rows] = label
        found = f"{rows.sum()} of class {label}"
    with pytest.raises(VintageError) as refused:
        check(made, SPEC)
    expected = f"label {SPEC.label}: expected both classes among the {split} rows, found {found}"
    assert str(refused.value).splitlines()[0] == expected


def test_all_that_is_wrong_is_told_at_once() -> None:
    made = data(300)
    made.label[:] = 1
    made.features[:, 0] = np.nan
    made.features[:, 1] = 4.0
    made.features[:, 4] = made.features[:, 3]
    with pytest.raises(VintageError) as refused:
        check(made, SPEC)
    assert [line.partition(": ")[0] for line in str(refused.value).splitlines()] == [
        f"label {SPEC.label}", "feature INCOME", "feature VISITS", "feature SHARE",
    ]  # fmt: skip


def test_features_that_differ_among_the_train_rows_are_accepted() -> None:
    check(data(300), SPEC)


@pytest.mark.parametrize("constant", [("train",), ("train", "validation")])
def test_a_feature_that_differs_in_other_rows_only_is_refused(constant: tuple[str, ...]) -> None:
    made = data(300)
    made.features[made.rows(*constant), 3] = 1.0
    with pytest.raises(VintageError, match="feature AMOUNT: expected values that differ, found 1"):
        check(made, SPEC)


def test_a_value_too_large_is_refused_in_whichever_rows_it_is() -> None:
    for split in ("train", "validation", "test"):
        made = data(300)
        made.features[np.flatnonzero(made.rows(split))[0], 0] = -1e300
        message = "feature INCOME: expected values of at most 3.4e+38, found 1e+300"
        with pytest.raises(VintageError, match=re.escape(message)):
            check(made, SPEC)


@pytest.mark.parametrize("family", EVERY, ids=FAMILIES)
def test_thirty_rows_are_refused_with_their_number_and_nothing_is_written(
    tmp_path: Path, family: Any
) -> None:
    made = data(30)
    check(made, SPEC)
    with pytest.raises(VintageError, match=r"^training: expected at least \d+ rows of each class "):
        train(made, train_spec(family), tmp_path, silent)
    assert not list(tmp_path.iterdir())


def test_groups_too_few_for_the_folds_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    made = replace(data(300), groups=np.arange(300) % 2)
    with pytest.raises(VintageError, match="expected at least 3 groups for 3 folds, found 2"):
        train(made, train_spec(EVERY[1]), tmp_path, silent)
    assert not list(tmp_path.iterdir())

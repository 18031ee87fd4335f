"""A small use case for the tests: its declaration, its rows, and bundles trained on them."""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from components.contracts.families import (
    Family,
    ForestFamily,
    LogisticFamily,
    ScorecardFamily,
    Search,
    Training,
    TreeFamily,
    XGBoostFamily,
)
from components.contracts.modelling import Feature, Reason
from components.contracts.outcomes import GivenLabel, StratifiedSplit
from components.contracts.policy import FixedCutoff, Gate, Policy, Rule
from components.contracts.results import Candidate, Candidates
from components.contracts.scenario import Scenario, TrainSpec
from components.contracts.sources import Column, Kind, Merge, Source
from components.scoring.bundle import GOLDEN, Bundle, write_manifest
from components.scoring.instances import Matrix
from components.scoring.release import BUNDLE, RELEASE, SNAPSHOT, CutOff, Release
from components.scoring.snapshot import pack
from components.scoring.transform import RowFeatures
from components.training.fit import train
from components.training.matrix import Data, row_features, scoring_inputs

REGIONS = ("north", "south", "7")
# As declared, nothing searched: a test that searches says so.
XGBOOST = XGBoostFamily(rounds=40, max_depth=3, search={})
LOGISTIC = LogisticFamily(search={})
SCORECARD = ScorecardFamily(search={})
TREE = TreeFamily(search={})
FOREST = ForestFamily(trees=12, search={})
EVERY = (XGBOOST, LOGISTIC, SCORECARD, TREE, FOREST)
FAMILIES = tuple(family.kind for family in EVERY)
SEARCH = Search(folds=3)

PEOPLE = Source(
    name="people",
    grain="one row a person",
    files=("people.csv",),
    key=("ID",),
    columns=(
        Column(name="ID", kind=Kind.KEY),
        Column(name="AGE", kind=Kind.INTEGER, minimum=18),
        Column(name="INCOME", kind=Kind.NUMBER, max_missing=0.5),
        Column(name="VISITS", kind=Kind.INTEGER, minimum=0, maximum=9),
        Column(name="REGION", kind=Kind.CATEGORY, values=REGIONS, max_missing=0.5),
        Column(name="BAD", kind=Kind.INTEGER, minimum=0, maximum=1),
    ),
)
LOANS = Source(
    name="loans",
    grain="one row a person",
    files=("loans.csv",),
    key=("ID",),
    columns=(
        Column(name="ID", kind=Kind.KEY),
        Column(name="AMOUNT", kind=Kind.NUMBER, minimum=0),
        Column(name="SPARE", kind=Kind.NUMBER, max_missing=1.0),
    ),
)
FEATURES = (
    Feature(
        name="INCOME",
        title="income",
        reason=Reason(
            code="INC",
            text="Income of {value}; usual is {reference}",
            missing="Income is not known",
        ),
    ),
    Feature(
        name="VISITS",
        title="visits",
        reason=Reason(code="VIS", text="Many visits", below="Few visits"),
    ),
    Feature(name="REGION", title="region", reason=Reason(code="REG", text="Lives in {value}")),
    Feature(
        name="AMOUNT",
        title="amount",
        monotone=1,
        reason=Reason(code="AMT", text="Asks for {value}, usual is {reference}"),
    ),
    Feature(
        name="SHARE",
        title="income a visit",
        expression="INCOME / VISITS",
        reason=Reason(code="SHR", text="Income a visit is out of the usual"),
    ),
)


def scenario(**changes: Any) -> Scenario:
    """The use case, with some of its parts replaced."""
    declared: dict[str, Any] = {
        "name": "small-loans",
        "title": "Small loans",
        "sources": (PEOPLE, LOANS),
        "merge": Merge(table="applicants", grain="one row a person", key="ID"),
        "label": GivenLabel(column="BAD"),
        "split": StratifiedSplit(),
        "features": FEATURES,
        "protected": ("AGE",),
        "training": Training(families=(XGBOOST, LOGISTIC), search=SEARCH),
        "gate": Gate(rules=(Rule(metric="auc", floor=0.6),)),
        "policy": Policy(cutoff=FixedCutoff(approve_below=0.3)),
    }
    return Scenario(**{**declared, **changes})


def train_spec(*families: Family, **changes: Any) -> TrainSpec:
    """The slice of the train task, for some families."""
    if families:
        changes["training"] = Training(families=families, search=SEARCH)
    return scenario(**changes).train()


def inputs_of(rows: int, seed: int) -> Matrix:
    """Input rows: INCOME, VISITS, REGION, AMOUNT; a fifth of INCOME and REGION is missing."""
    rng = np.random.default_rng(seed)
    matrix = np.column_stack(
        [
            rng.normal(50, 20, rows),
            rng.integers(0, 10, rows),
            rng.integers(0, len(REGIONS), rows),
            rng.gamma(2.0, 10.0, rows),
        ]
    ).astype(np.float64)
    matrix[rng.random(rows) < 0.2, 0] = np.nan
    matrix[rng.random(rows) < 0.2, 2] = np.nan
    return matrix


def label_of(matrix: Matrix, seed: int) -> NDArray[np.int64]:
    """Bad more often with a larger amount, a lower income and from the south."""
    odds = matrix[:, 3] / 8 - np.nan_to_num(matrix[:, 0], nan=30) / 20 + (matrix[:, 2] == 1)
    draws = np.random.default_rng(seed + 1).random(len(matrix))
    return (draws < 1 / (1 + np.exp(-odds))).astype(np.int64)


def with_features(inputs: Matrix, label: NDArray[np.int64], spec: TrainSpec) -> Data:
    """Rows as the train task reads them: of ten, six to train, two to validate, two to test."""
    sides = np.array(["train"] * 6 + ["validation"] * 2 + ["test"] * 2)
    compute = RowFeatures(scoring_inputs(spec.inputs), row_features(spec.features))
    return Data(inputs, compute(inputs), label, sides[np.arange(len(inputs)) % len(sides)])


def data(rows: int = 600, seed: int = 7) -> Data:
    """Rows of the use case."""
    inputs = inputs_of(rows, seed)
    return with_features(inputs, label_of(inputs, seed), train_spec())


def plain_rows(matrix: Matrix) -> list[dict[str, object]]:
    """An input matrix as a caller would give it, every fourth missing value left out."""
    rows: list[dict[str, object]] = []
    for number, (income, visits, region, amount) in enumerate(matrix.tolist()):
        row: dict[str, object] = {
            "INCOME": None if np.isnan(income) else income,
            "VISITS": int(visits),
            "REGION": None if np.isnan(region) else REGIONS[int(region)],
            "AMOUNT": amount,
        }
        gone = number % 4 == 0
        rows.append({name: value for name, value in row.items() if value is not None or not gone})
    return rows


def plain_columns(matrix: Matrix) -> dict[str, list[object]]:
    """An input matrix as typed columns."""
    rows = plain_rows(matrix)
    return {c.name: [row.get(c.name) for row in rows] for c in train_spec().inputs}


def write_gold(folder: Path, made: Data) -> Path:
    """The gold table of these rows, in one Parquet file."""
    folder.mkdir()
    columns: dict[str, Sequence[object]] = {
        **plain_columns(made.inputs),
        "VISITS": made.inputs[:, 1].tolist(),
        "ID": [str(n) for n in range(len(made.label))],
        "AGE": [float(18 + n % 50) for n in range(len(made.label))],
        "_label": [None if label < 0 else label for label in made.label.tolist()],
        "_split": made.split.tolist(),
        **({} if made.groups is None else {"_group": made.groups.tolist()}),
    }
    pq.write_table(pa.table(columns), folder / "part-0.parquet")
    return folder


@dataclass(frozen=True, repr=False)
class Models:
    """What training handed over, and what it learned from."""

    folder: Path
    candidates: Candidates
    spec: TrainSpec
    data: Data

    def of(self, family: str) -> Candidate:
        return next(c for c in self.candidates.candidates if c.family == family)

    def bundle(self, family: str) -> Bundle:
        return Bundle.load(self.folder / family, self.of(family).bundle)

    def release(self, family: str, folder: Path, approve_below: float = 0.3) -> Path:
        """A release of one family in a folder, with a snapshot of the first forty rows."""
        ids = [str(n) for n in range(40)]
        inputs = scoring_inputs(self.spec.inputs)
        copytree(self.folder / family, folder / BUNDLE)
        made = Release(
            scenario=self.spec.scenario,
            family=family,
            bundle=self.of(family).bundle,
            snapshot=pack(folder / SNAPSHOT, ids, inputs, self.data.inputs[: len(ids)]),
            policy=CutOff(1, approve_below),
        )
        (folder / RELEASE).write_text(made.to_json())
        return folder


def train_models(folder: Path) -> Models:
    """Every family on the use case, trained in a folder."""
    spec, made = train_spec(*EVERY), data()
    return Models(folder, train(made, spec, folder, silent), spec, made)


def silent(family: str, tried: int, of: int, best: float) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Bundles of every family, made once; tests that change one take a copy."""
    return train_models(tmp_path_factory.mktemp("models"))


@contextmanager
def copy_of(folder: Path) -> Iterator[Path]:
    """A copy of a folder, for as long as it is needed."""
    with TemporaryDirectory() as name:
        yield copytree(folder, Path(name) / folder.name)


def rewrite(folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> str:
    """Change a JSON file of a bundle, then close the bundle again. Returns the new id."""
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))
    return write_manifest(folder)


def score_otherwise(folder: Path) -> None:
    """Let a golden row of a release have a PD that it does not score; every hash holds."""

    def other(golden: dict[str, Any]) -> None:
        golden["pd"][3] = math.nextafter(golden["pd"][3], 1)

    made = replace(Release.read(folder), bundle=rewrite(folder / BUNDLE, GOLDEN, other))
    (folder / RELEASE).write_text(made.to_json())


def packages_after(statement: str) -> set[str]:
    """The packages, beyond Python's own, that a fresh interpreter holds after a statement."""
    report = "import sys; print(*(name for name in sys.modules))"
    done = subprocess.run(  # noqa: S603 - our own interpreter, our own text
        [sys.executable, "-c", f"{statement}; {report}"],
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
    )
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    return {name for name in tops - sys.stdlib_module_names if not name.startswith("_")}


def same_bits(left: NDArray[np.float64], right: NDArray[np.float64]) -> bool:
    """Whether two arrays hold the same floats, to the bit."""
    return left.shape == right.shape and left.tobytes() == right.tobytes()


def changed(row: Mapping[str, object], **values: object) -> dict[str, object]:
    """A row with some values replaced."""
    return {**row, **values}

"""Each of the dated and labelled scenarios for once, on a small sample: from files to a score."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

import samples
from components.contracts.families import Search
from components.contracts.policy import Gate, Rule
from components.contracts.scenario import Scenario
from components.etl.labels import LABEL
from components.etl.splits import GROUP, SPLIT
from components.evaluation import step as evaluation
from pipelines.cli import main
from pipelines.scenarios import load
from tests.pages import lines, section
from tests.support import Walk

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Scenario -> rows of its sample: with fewer, a fold or a side has too few bad rows.
ROWS = {
    "credit-approval": 24_000, "loan-default": 500, "repeat-loans": 3_000, "transactions": 6_000,
}  # fmt: skip


def cheap(scenario: Scenario) -> Scenario:
    """The scenario with its first family alone, as declared, and a gate that small samples pass."""
    family = scenario.training.families[0].model_copy(update={"search": {}, "method": "tpe"})
    search = {"families": (family,), "search": Search(trials=1, folds=2)}
    training = scenario.training.model_copy(update=search)
    gate = Gate(rules=(Rule(metric="auc", floor=0.0),))
    return scenario.model_copy(update={"training": training, "gate": gate})


@dataclass(frozen=True)
class Ran:
    """One run to a champion, its exploration, and what was planted in its files."""

    walk: Walk
    planted: dict[str, int]
    gold: list[dict[str, Any]]
    page: str

    def facts(self, name: str) -> dict[str, Any]:
        """What an entry of the store tells of itself."""
        found: dict[str, Any] = self.walk.entry(name)["facts"]  # type: ignore[assignment]
        return found

    def cleaned(self) -> dict[tuple[str, str], int]:
        """Column and what became of it -> rows."""
        return {(c["column"], c["what"]): c["rows"] for c in self.facts("silver")["cleaning"]}

    def labels(self) -> list[int]:
        return [row[LABEL] for row in self.gold if row[LABEL] is not None]


Run = Callable[[str], Ran]


@pytest.fixture(scope="module")
def runs(
    spark: "SparkSession", empty_tracking: Path, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Each scenario is run when it is first asked for."""
    del spark  # used by the steps
    made: dict[str, Ran] = {}

    def run(name: str) -> Ran:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            (folder / "home").mkdir()
            shutil.copy(empty_tracking, folder / "home")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("VINTAGE_HOME", str(folder / "home"))
                made[name] = _run(name, folder)
        return made[name]

    return run


def _run(name: str, folder: Path) -> Ran:
    planted = samples.write(name, folder / "data", rows=ROWS[name], seed=42)
    walk = Walk(cheap(load(name)), folder / "data", "first")
    walk.to_deployed()
    evaluation.explore(
        spec=walk.scenario.explore().brief(), run="first", timeout_minutes=5,
        silver=walk.paper("silver"), gold=walk.paper("gold"), exploration=walk.paper("explored"),
    )  # fmt: skip
    gold = pq.read_table(Path(str(walk.entry("gold")["uri"])) / "final-dataset").to_pylist()
    page = Path(str(walk.entry("explored")["uri"])) / "exploration.html"
    return Ran(walk, planted, gold, page.read_text())


@pytest.mark.parametrize("name", ROWS)
def test_every_row_that_lands_is_kept_or_in_quarantine_with_its_reason(
    name: str, runs: Run
) -> None:
    facts = runs(name).facts("silver")
    for layer in facts["layers"]:
        assert layer["landed"] == layer["kept"] + layer["quarantined"] + layer["later"], layer
        reasons = [n for table, _, n in facts["quarantine"] if table == layer["table"]]
        assert sum(reasons) == layer["quarantined"], layer
    assert facts["layers"][0]["landed"] == runs(name).planted["rows"]


@pytest.mark.parametrize("name", ROWS)
def test_gold_has_one_row_a_key_and_both_classes_on_every_side(name: str, runs: Run) -> None:
    ran = runs(name)
    keys = [row[ran.walk.scenario.merge.key] for row in ran.gold]
    assert len(set(keys)) == len(keys) == ran.facts("gold")["rows"]
    for side, counts in ran.facts("gold")["splits"].items():
        of_side = [row[LABEL] for row in ran.gold if row[SPLIT] == side]
        assert counts == {"rows": len(of_side), "bad": sum(label == 1 for label in of_side)}
        assert set(of_side) == ({None} if side == "score" else {0, 1})
    assert {"train", "validation", "test"} <= set(ran.facts("gold")["splits"])


@pytest.mark.parametrize("name", ROWS)
def test_somebody_of_the_snapshot_has_features_and_a_score(
    name: str, runs: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = runs(name).walk
    monkeypatch.setenv("VINTAGE_HOME", str(walk.home))
    who = str(walk.record("features")["facts"]["example"])  # type: ignore[index]
    assert main(["features", name, "--id", who]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["inputs"]) == {column.name for column in walk.scenario.inputs()}
    assert main(["score", name, "--id", who]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert 0 < answer["pd"] < 1
    assert answer["id"] == who
    assert main(["score", name, "--json", json.dumps(found["inputs"])]) == 0
    assert json.loads(capsys.readouterr().out)["pd"] == answer["pd"]


@pytest.mark.parametrize("name", ROWS)
def test_the_page_shows_layers_gaps_target_every_feature_correlations_and_drift(
    name: str, runs: Run
) -> None:
    ran = runs(name)
    features = lines(section(ran.page, "Features"))
    assert len(features) == 1 + len(ran.walk.scenario.features)
    assert {"IV", "PSI"} <= set(features[0].split("|"))
    layers = lines(section(ran.page, "From files to rows"))
    for source in ran.walk.scenario.sources:
        assert any(line.startswith(f"{source.name}|{source.grain}|") for line in layers)
    for table, why, rows in ran.facts("silver")["quarantine"]:
        assert f"{table}|{why}|{rows:,}" in layers
    for part in ("What was cleaned", "Rows and target", "Missing values", "Each feature",
                 "Correlations", "Drift", "Identical rows"):  # fmt: skip
        assert section(ran.page, part), part


def test_credit_approval_labels_who_has_a_record_and_keeps_a_profile_on_one_side(
    runs: Run,
) -> None:
    ran = runs("credit-approval")
    planted = ran.planted
    assert ran.facts("silver")["quarantine"] == [
        ["applications", "key on rows that differ", 2 * planted["two_persons"]]
    ]
    assert len(ran.labels()) == planted["joined"]
    assert sum(ran.labels()) == planted["bad_2_to_5"]
    assert ran.cleaned()["DAYS_EMPLOYED", "replaced '365243', now missing"] == planted["pensioners"]
    assert ran.facts("gold")["strangers"] == planted["records_only"]
    strange = f"The label&#x27;s table knows {planted['records_only']:,} more who are no rows here"
    assert strange in section(ran.page, "Rows and target")
    sides: dict[object, set[str]] = {}
    for row in ran.gold:
        if row[LABEL] is not None:
            sides.setdefault(row[GROUP], set()).add(row[SPLIT])
    assert len(sides) == planted["joined_profiles"] < planted["joined"]
    assert {len(found) for found in sides.values()} == {1}


def test_credit_approval_s_risk_flag_is_the_label_that_gold_has_of_an_id(runs: Run) -> None:
    ran = runs("credit-approval")
    with (Path(ran.walk.data) / "credit_record.csv").open(newline="") as file:
        records = [(row["ID"], row["STATUS"]) for row in csv.DictReader(file)]
    bad = {who for who, status in records if status in {"2", "3", "4", "5"}}
    found = {row["ID"]: row[LABEL] for row in ran.gold}
    known = {who for who, _ in records}
    assert found == {who: int(who in bad) if who in known else None for who in found}
    page = Path(__file__).parents[2] / "docs" / "scenarios" / "credit-approval.md"
    assert "`Risk_Flag`" in page.read_text() and f"`{LABEL}`" in page.read_text()


def test_loan_default_labels_loans_cleans_marks_and_stores_no_private_column(runs: Run) -> None:
    ran = runs("loan-default")
    planted, cleaned = ran.planted, ran.cleaned()
    assert len(ran.labels()) == planted["rows"]
    assert sum(ran.labels()) == planted["defaults"]
    assert ran.facts("gold")["history"] == {"found": 25, "needed": 14}
    assert cleaned["Age", "out of range, now missing"] == (
        planted["age_negative"] + planted["age_huge"]
    )
    for column, what, kind in (
        ("Age", "stripped", "age_underscore"),
        ("Annual_Income", "stripped", "income_underscore"),
        ("Amount_invested_monthly", "out of range, now missing", "invested_10000"),
        ("Spending", "replaced '!@9#%8', now missing", "behaviour_garbled"),
        ("Payment_of_Min_Amount", "replaced 'NM', now missing", "minimum_unknown"),
    ):
        assert cleaned[column, what] == planted[kind], (column, what)
    assert sum(row["click_months"] == 0 for row in ran.gold) >= planted["no_clickstream"]
    silver = Path(str(ran.walk.entry("silver")["uri"]))
    for table in {path.parent for path in silver.rglob("*.parquet")}:
        assert not {"Name", "SSN"} & set(pq.read_table(table).column_names), table


def test_repeat_loans_sees_what_was_before_a_loan_and_tells_who_came_back(runs: Run) -> None:
    ran = runs("repeat-loans")
    planted = ran.planted
    assert ran.facts("silver")["quarantine"] == [["loans", "repeated row", planted["duplicates"]]]
    job, what = ran.cleaned(), "out of range, now missing"
    assert job["job_start_date", what] == planted["job_start_future"]
    before: dict[object, list[tuple[object, int]]] = {}
    for row in ran.gold:
        before.setdefault(row["id"], []).append((row["loan_date"], row["nb_previous_loans"]))
    assert len(before) == planted["clients"]
    for loans in before.values():
        for day, count in loans:
            assert count == sum(other < day for other, _ in loans)
    persons = json.loads(
        (Path(str(ran.walk.entry("evaluation")["uri"])) / "evaluation.json").read_text()
    )["persons"]
    assert persons["entity"] == "id"
    assert 0 < persons["both"] < planted["clients"]


def test_transactions_label_is_one_of_three_clusters_and_a_table_shows_them(runs: Run) -> None:
    ran = runs("transactions")
    assert ran.facts("silver")["quarantine"] == [
        ["transactions", "Value: not number or out of range", ran.planted["sign_mismatch"]],
        ["transactions", "repeated row", ran.planted["duplicates"]],
    ]
    clusters = ran.facts("gold")["labels"]
    assert len(clusters) == 3
    assert sum(c["rows"] for c in clusters) == len(ran.labels())
    (risky,) = (c for c in clusters if c["at_risk"])
    assert risky["rows"] == sum(ran.labels())
    assert risky["distance"] == max(c["distance"] for c in clusters) > 0
    shown = lines(section(ran.page, "How the label was made"))
    for line, c in zip(shown[1:], clusters, strict=True):
        said = [f"{c['rows']:,}", f"{c['distance']:+.2f}", "at risk" if c["at_risk"] else None]
        assert set(said) - {None} <= set(line.split("|"))
    assert ran.facts("gold")["unseen"] + len(ran.gold) == ran.planted["customers"]


def test_credit_approval_split_by_id_is_refused_before_it_is_trained_on(
    runs: Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ran = runs("credit-approval")
    monkeypatch.setenv("VINTAGE_HOME", str(ran.walk.home))
    split = ran.walk.scenario.split.model_copy(update={"by": ("ID",)})
    walk = Walk(ran.walk.scenario.model_copy(update={"split": split}), ran.walk.data, "by-id")
    walk.ingest()
    walk.features()
    with pytest.raises(SystemExit):
        walk.train()
    assert "the test rows to be those of a train row in every input" in str(
        walk.record("train")["error"]
    )
    said = capfd.readouterr().err
    distinct, joined = ran.planted["joined_profiles"], ran.planted["joined"]
    assert f"({distinct:,} distinct profiles among {joined:,} rows)" in said

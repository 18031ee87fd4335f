"""The steps of ETL: read, call, write. Spark starts only where something has to be made."""

# Imports of Spark and the contracts wait inside the functions: a reused step never needs them.

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from components.contracts.errors import ContractError
from components.storage.keys import file_digest
from components.storage.objects import Entry
from components.storage.steps import Artifact, Task, hand_over, take, task

if TYPE_CHECKING:
    from components.contracts.scenario import IngestSpec

_LIBRARIES = ("pyspark",)


def ingest(
    *, spec: str, data: str, run: str, timeout_minutes: float, bronze: Artifact, silver: Artifact
) -> None:
    """Land the sources, check their contract, clean and merge them.

    1. Hash the files of the data folder that the declaration names.
    2. Reuse bronze and silver where those bytes were ingested before; else start Spark.
    3. Publish bronze (`raw`) and silver (`cleaned`, with its quarantine); hand both over.
    """
    scenario = json.loads(spec)["scenario"]
    with task("ingest", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        folder = work.store.fetch(data)
        accepted = {name for source in json.loads(spec)["sources"] for name in source["files"]}
        files = {
            path.name: file_digest(path)
            for path in sorted(folder.iterdir())
            if path.name in accepted and path.is_file()
        }
        landed = work.reuse_or_make(
            f"{scenario}/raw",
            spec=spec,
            inputs=files,
            rooms=("etl",),
            libraries=_LIBRARIES,
            make=lambda target: _land(work, spec, folder, target),
        )
        cleaned = work.reuse_or_make(
            f"{scenario}/cleaned",
            spec=spec,
            inputs={"raw": landed.digest},
            rooms=("etl",),
            libraries=_LIBRARIES,
            make=lambda target: _clean(work, spec, landed, target),
        )
        work.record.facts = {"rows": cleaned.facts["rows"], "layers": cleaned.facts["layers"]}
        hand_over(landed, bronze)
        hand_over(cleaned, silver)


def _land(work: Task, spec: str, folder: Path, target: Path) -> Mapping[str, object]:
    from components.contracts.scenario import IngestSpec
    from components.etl import bronze
    from components.etl.session import spark_session, write_table

    declared = IngestSpec.model_validate_json(spec)
    checks: list[bronze.Check] = []
    found: dict[str, tuple[Path, list[str]]] = {}
    for source in declared.sources:
        path = bronze.find_file(source, folder)
        if isinstance(path, bronze.Check):
            checks.append(path)
            continue
        header, faults = bronze.read_header(source, path)
        checks += faults
        if not faults:
            found[source.name] = (path, header)
    facts: dict[str, object] = {}
    if found:
        size = sum(path.stat().st_size for path, _ in found.values())
        with spark_session(f"{declared.scenario} bronze", work.settings.home, size) as spark:
            for source in declared.sources:
                if source.name not in found:
                    continue
                path, header = found[source.name]
                place = target / source.name
                write_table(bronze.read_landed(spark, path, header), place)
                rows = bronze.renamed(spark.read.parquet(str(place)), source)
                lines, facts[source.name] = bronze.check_contract(rows, source)
                checks += lines
    if broken := bronze.failures(checks):
        raise ContractError(f"data {folder}", broken)
    (target / "contract.json").write_text(json.dumps(bronze.table(checks), indent=1))
    return facts


def _clean(work: Task, spec: str, landed: Entry, target: Path) -> Mapping[str, object]:
    from components.contracts.scenario import IngestSpec
    from components.etl import bronze, silver
    from components.etl.session import spark_session, write_table

    declared = IngestSpec.model_validate_json(spec)
    raw, size = work.store.local(landed), sum(landed.files.values())
    with spark_session(f"{declared.scenario} silver", work.settings.home, size) as spark:
        cleaned, rejected = {}, []
        for source in declared.sources:
            rows_in = bronze.renamed(spark.read.parquet(str(raw / source.name)), source)
            good, bad = silver.clean(rows_in, source)
            cleaned[source.name] = good.cache()
            rejected.append(bad)
        merged, unmatched = silver.merge(cleaned, declared.merge)
        write_table(merged, target / declared.merge.table)
        quarantine = unmatched
        for frame in rejected:
            quarantine = quarantine.unionByName(frame)
        write_table(quarantine.coalesce(1), target / "quarantine")
        rows = spark.read.parquet(str(target / declared.merge.table)).count()
        reasons = [
            (row["table"], row["reason"], row["count"])
            for row in spark.read.schema(silver.QUARANTINE)
            .parquet(str(target / "quarantine"))
            .selectExpr("table", "split(reason, '[:;]| to ')[0] AS reason")
            .groupBy("table", "reason")
            .count()
            .orderBy("table", "reason")
            .collect()
        ]
        sizes = {name: frame.count() for name, frame in cleaned.items()}
        met = silver.keys(cleaned, declared.merge)
    layers = _layers(declared, landed.facts, sizes, met, rows, reasons)
    return {"rows": rows, "layers": layers, "quarantine": reasons}


def _layers(
    declared: "IngestSpec",
    facts: Mapping[str, object],
    cleaned: Mapping[str, int],
    met: int,
    rows: int,
    reasons: list[tuple[str, str, int]],
) -> list[dict[str, object]]:
    """One line a table: rows in, kept, quarantined; raises where they do not add up."""
    from components.etl.silver import check_counts

    lines = []
    for source in declared.sources:
        landed = facts[source.name]["landed"]  # type: ignore[index]
        out = sum(count for table, _, count in reasons if table == source.name)
        check_counts(source.name, landed, cleaned[source.name], out)
        lines.append(
            {
                "table": source.name, "grain": source.grain, "landed": landed,
                "kept": cleaned[source.name], "quarantined": out,
            }
        )  # fmt: skip
    table = declared.merge.table
    out = sum(count for t, _, count in reasons if t == table)
    check_counts(table, met, rows, out)
    lines.append(
        {"table": table, "grain": declared.merge.grain, "landed": met, "kept": rows,
         "quarantined": out}
    )  # fmt: skip
    return lines


def features(
    *, spec: str, run: str, timeout_minutes: float, silver: Artifact,
    gold: Artifact, snapshot: Artifact,
) -> None:  # fmt: skip
    """Make the gold table and the snapshot for look-ups.

    1. Reuse both where this silver was met before with this slice; else start Spark.
    2. Publish gold (`training`) and the packed snapshot (`snapshots`); hand both over.
    """
    scenario = json.loads(spec)["scenario"]
    with task("features", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        cleaned = take(silver)
        made = work.reuse_or_make(
            f"{scenario}/training",
            spec=spec,
            inputs={"silver": cleaned.digest},
            rooms=("etl",),
            libraries=_LIBRARIES,
            make=lambda target: _gold(work, spec, cleaned, target),
        )
        packed = work.reuse_or_make(
            f"{scenario}/snapshots",
            spec=spec,
            inputs={"gold": made.digest},
            rooms=("etl", "scoring"),
            libraries=("numpy", "pyarrow"),
            make=lambda target: _pack(work, spec, made, target),
        )
        work.record.facts = {"rows": made.facts["rows"], "splits": made.facts["splits"]}
        hand_over(made, gold)
        hand_over(packed, snapshot)


def _gold(work: Task, spec: str, cleaned: Entry, target: Path) -> Mapping[str, object]:
    from components.contracts.scenario import FeaturesSpec
    from components.etl import gold
    from components.etl.session import spark_session, write_table

    declared = FeaturesSpec.model_validate_json(spec)
    table, size = work.store.local(cleaned) / declared.table, sum(cleaned.files.values())
    with spark_session(f"{declared.scenario} gold", work.settings.home, size) as spark:
        silver = spark.read.parquet(str(table))
        write_table(gold.gold_table(silver, declared), target / "final-dataset")
        written = spark.read.parquet(str(target / "final-dataset"))
        counted = written.groupBy(gold.SPLIT, gold.LABEL).count().collect()
    splits: dict[str, dict[int, int]] = {}
    for row in counted:
        splits.setdefault(row[gold.SPLIT], {})[row[gold.LABEL]] = row["count"]
    gold.check_classes(splits, declared)
    return {
        "rows": sum(row["count"] for row in counted),
        "splits": {
            side: {"rows": sum(found.values()), "bad": found.get(1, 0)}
            for side, found in sorted(splits.items())
        },
    }


def _pack(work: Task, spec: str, made: Entry, target: Path) -> Mapping[str, object]:
    import pyarrow.parquet as pq

    from components.contracts.scenario import FeaturesSpec
    from components.scoring.instances import from_columns
    from components.scoring.snapshot import pack
    from components.scoring.spec import Input

    declared = FeaturesSpec.model_validate_json(spec)
    inputs = [Input(**column.scoring_input()) for column in declared.inputs]
    folder = work.store.local(made) / "final-dataset"
    table = pq.read_table(folder, columns=[declared.key, *(i.name for i in inputs)])
    columns = {name: table[name].to_pylist() for name in table.column_names}
    matrix = from_columns(inputs, columns)
    sha256 = pack(target / "snapshot.bin", columns[declared.key], inputs, matrix)
    return {"sha256": sha256, "rows": table.num_rows}

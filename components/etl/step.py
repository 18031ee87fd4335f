"""The steps of ETL: read, call, write. Spark starts only where something has to be made."""

# Imports of Spark and the contracts wait inside the functions: a reused step never needs them.

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from components.contracts.errors import ContractError, VintageError
from components.etl.asof import day_of, resolve
from components.storage import registry
from components.storage.keys import file_digest
from components.storage.objects import Entry
from components.storage.steps import Artifact, Task, hand_over, take, task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from components.etl.contract import Check

#: Asked for Spark's session, with the bytes of input that it will read.
_Spark = Callable[[int], "SparkSession"]
_LIBRARIES = ("pyspark",)
_BATCH = 16_384  # rows of the snapshot that are in memory at once
_FILES = "files.json"  # in bronze: what the contract says of the files


def ingest(
    *, spec: str, data: str, as_of: str, run: str, timeout_minutes: float,
    bronze: Artifact, silver: Artifact,
) -> None:  # fmt: skip
    """Land the sources, check their contract as of a day, clean and merge them.

    1. Read what is in a database; hash that, and the files that the declaration names.
    2. Reuse bronze where those bytes landed before, silver where they were cleaned as of that
       day; else start Spark.
    3. Publish bronze (`raw`) and silver (`cleaned`, with its contract and quarantine); hand both
       over.
    """
    scenario = json.loads(spec)["scenario"]
    with (
        task("ingest", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work,
        _scratch(work) as tables,
        _session(work, f"{scenario} ingest") as spark,
    ):
        day = day_of(as_of, datetime.now(UTC).date())
        folder = work.store.fetch(data)
        if day and not any(source.get("date") for source in json.loads(spec)["sources"]):
            raise VintageError(f"as-of {day}: expected a scenario with dated sources, found none")
        read = _read_tables(work, spark, spec, tables)
        sources = [s for s in json.loads(spec)["sources"] if s["name"] not in read]
        landed = work.reuse_or_make(
            f"{scenario}/raw",
            spec=spec,
            inputs={
                **_digests(folder, {name for source in sources for name in source["files"]}),
                **{f"table {name}": text for name, text in _digests(tables, read).items()},
            },
            rooms=("etl",),
            libraries=_LIBRARIES,
            make=lambda target: _land(work, spark, spec, data, (folder, tables), day, target),
        )
        looked_from = resolve(day, _latest(landed.facts))
        cleaned = work.reuse_or_make(
            f"{scenario}/cleaned",
            spec=spec,
            inputs={"raw": landed.digest, "as_of": looked_from},
            rooms=("etl",),
            libraries=_LIBRARIES,
            make=lambda target: _clean(work, spark, spec, data, landed, looked_from, target),
        )
        told = ("rows", "as_of", "layers", "quarantine")
        work.record.facts = {name: cleaned.facts[name] for name in told}
        hand_over(landed, bronze)
        hand_over(cleaned, silver)


@contextmanager
def _session(work: Task, name: str) -> Iterator[_Spark]:
    """Spark's session of a step: started when it is first asked for, with the bytes of input that
    it will read, and the same one after that.
    """
    with ExitStack() as stack:
        started: list[SparkSession] = []

        def ask(input_bytes: int) -> "SparkSession":
            if not started:
                from components.etl.session import spark_session

                session = spark_session(name, work.settings.home, input_bytes)
                started.append(stack.enter_context(session))
            return started[0]

        yield ask


@contextmanager
def _scratch(work: Task) -> Iterator[Path]:
    """A folder for what nobody needs after the step."""
    folder = work.store.scratch()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The hash of every file of these names, and of those in folders of these names."""
    places = [folder / name for name in sorted(names)]
    found = [path for place in places for path in (place, *sorted(place.rglob("*")))]
    return {str(path.relative_to(folder)): file_digest(path) for path in found if path.is_file()}


def _latest(facts: Mapping[str, object]) -> dict[str, str]:
    """The last date of each source of bronze that has dates."""
    sources = cast("Mapping[str, Mapping[str, str]]", facts)
    return {name: found["last"] for name, found in sources.items() if found.get("last")}


def _places(facts: Mapping[str, object]) -> dict[str, str]:
    """What each source of bronze was read from."""
    sources = cast("Mapping[str, Mapping[str, str]]", facts)
    return {name: found["place"] for name, found in sources.items()}


def _read_tables(work: Task, spark: _Spark, spec: str, folder: Path) -> list[str]:
    """Write the sources that are tables of a database to files; the names of those."""
    place, sources = work.settings.sources, json.loads(spec)["sources"]
    names = [source["name"] for source in sources if place and source.get("table")]
    if not names:
        return []
    from components.contracts.scenario import IngestSpec
    from components.etl import jdbc

    declared, settings = IngestSpec.model_validate_json(spec), work.settings
    jar = jdbc.driver(settings.jars, settings.home)
    database = jdbc.Database(spark(0), jar, place, settings.sources_user, settings.sources_password)
    for source in declared.sources:
        if source.name in names:
            database.read(source, folder / source.name)
    return names


def _land(
    work: Task, spark: _Spark, spec: str, data: str, places: tuple[Path, Path], day: str,
    target: Path,
) -> Mapping[str, object]:  # fmt: skip
    """`places` are the folders of the files and of what was read from a database."""
    from components.contracts.scenario import IngestSpec
    from components.etl import bronze, cleaning, contract

    declared, (folder, tables) = IngestSpec.model_validate_json(spec), places
    checks, landings = list[contract.Check](), []
    for source in declared.sources:
        files = sorted((tables / source.name).glob("*.parquet"))
        landing, found = bronze.inspect(source, files or bronze.find_files(source, folder), folder)
        checks += found
        landings.append(landing)
    _refuse(data, checks)  # of all files, before Spark starts
    facts: dict[str, object] = {}
    session = spark(sum(path.stat().st_size for one in landings for path in one.files))
    for landing in landings:
        name = landing.source.name
        told, found = bronze.land(session, landing, target / name)
        facts[name] = {**told, "place": landing.place}
        checks += found
        if contract.failures(found):
            shutil.rmtree(target / name, ignore_errors=True)
    if contract.failures(checks):  # what is wrong with the others is told with it
        looked_from = day or max(_latest(facts).values(), default="")
        with _scratch(work) as spare:
            cleaned = cleaning.clean_all(session, declared, target, looked_from, spare, spare)
        checks += [check for one in cleaned.values() for check in one.checks]
    _refuse(data, checks, _places(facts))
    (target / _FILES).write_text(json.dumps(contract.table(checks)))
    return facts


def _clean(
    work: Task, spark: _Spark, spec: str, data: str, landed: Entry, as_of: str, target: Path
) -> Mapping[str, object]:
    from components.contracts.scenario import IngestSpec
    from components.etl import cleaning, contract

    declared, raw = IngestSpec.model_validate_json(spec), work.store.local(landed)
    session = spark(sum(landed.files.values()))
    with _scratch(work) as spare:
        cleaned = cleaning.clean_all(session, declared, raw, as_of, target, spare)
        checks = [check for one in cleaned.values() for check in one.checks]
        _refuse(data, checks, _places(landed.facts))
        told = cleaning.finish(session, declared, landed.facts, cleaned, target)
        checks += cleaning.merge_checks(declared, told)
        _refuse(data, checks)
        lines = [*json.loads((raw / _FILES).read_text()), *contract.table(checks)]
        (target / "contract.json").write_text(json.dumps(lines, indent=1))
    return {"as_of": as_of, **told}


def _refuse(data: str, checks: "Sequence[Check]", places: Mapping[str, str] | None = None) -> None:
    from components.etl.contract import failures

    if broken := failures(checks, places):
        raise ContractError(f"data {data}", broken)


def features(
    *, spec: str, run: str, timeout_minutes: float, silver: Artifact,
    gold: Artifact, snapshot: Artifact,
) -> bool:  # fmt: skip
    """Make the gold table and the snapshot for look-ups.

    1. Reuse both where this silver was met before with this slice; else start Spark.
    2. Publish gold (`training`) and the packed snapshot (`snapshots`); hand both over.
    3. Say whether there is history enough to train on.
    """
    scenario = json.loads(spec)["scenario"]
    with task("features", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        cleaned = take(silver)
        as_of = str(cleaned.facts.get("as_of", ""))
        made = work.reuse_or_make(
            f"{scenario}/training",
            spec=spec,
            inputs={"silver": cleaned.digest, "as_of": as_of},
            rooms=("etl",),
            libraries=(*_LIBRARIES, "numpy"),
            make=lambda target: _gold(work, spec, cleaned, as_of, target),
        )
        packed = work.reuse_or_make(
            f"{scenario}/snapshots",
            spec=spec,
            inputs={"gold": made.digest},
            rooms=("etl", "scoring"),
            libraries=("numpy", "pyarrow"),
            make=lambda target: _pack(work, spec, made, target),
        )
        told = ("rows", "splits", "ready", "history")
        work.record.facts = {name: made.facts[name] for name in told}
        work.record.facts["example"] = packed.facts["example"]
        hand_over(made, gold)
        hand_over(packed, snapshot)
    return bool(made.facts["ready"])


def _gold(work: Task, spec: str, cleaned: Entry, as_of: str, target: Path) -> Mapping[str, object]:
    from components.contracts.scenario import FeaturesSpec
    from components.etl import gold
    from components.etl.session import files_for, spark_session, write_table

    declared = FeaturesSpec.model_validate_json(spec)
    folder, size = work.store.local(cleaned), sum(cleaned.files.values())
    place = target / "final-dataset"
    with spark_session(f"{declared.scenario} gold", work.settings.home, size) as spark:
        tables = {name: spark.read.parquet(str(folder / name)) for name in gold.tables_of(declared)}
        made = gold.gold_table(tables, declared, as_of)
        parts, by = gold.laid_out(made.table, declared, files_for(size))
        write_table(parts, place, by=by)
        written = spark.read.parquet(str(place))
        counts = gold.count(written, declared)
        write_table(gold.latest_rows(written, declared), target / "latest")
    return {
        "rows": sum(rows for found in counts.values() for rows in found.values()),
        "splits": {
            side: {"rows": sum(found.values()), "bad": found.get(1, 0)}
            for side, found in sorted(counts.items())
        },
        "ready": made.ready,
        **made.facts,
    }


def _pack(work: Task, spec: str, made: Entry, target: Path) -> Mapping[str, object]:
    import pyarrow.parquet as pq

    from components.contracts.scenario import FeaturesSpec
    from components.scoring.instances import from_columns
    from components.scoring.snapshot import pack
    from components.scoring.spec import Input

    declared = FeaturesSpec.model_validate_json(spec)
    inputs = [Input(**column.scoring_input()) for column in declared.inputs]
    files = sorted((work.store.local(made) / "latest").iterdir())
    ids = [
        identity
        for file in files
        # The entity comes first; its name would cost an import of Spark.
        for identity in pq.read_table(file, columns=pq.read_schema(file).names[:1])[0].to_pylist()
    ]
    blocks = (
        from_columns(inputs, {i.name: batch[i.name].to_pylist() for i in inputs})
        for file in files
        for batch in pq.ParquetFile(file).iter_batches(_BATCH)
    )
    sha256 = pack(target / "snapshot.bin", ids, inputs, blocks)
    return {"sha256": sha256, "rows": len(ids), "example": ids[0] if ids else ""}


def decide(
    *, spec: str, run: str, timeout_minutes: float, silver: Artifact, gold: Artifact,
    decisions: Artifact,
) -> None:  # fmt: skip
    """Decide on every row of the run's month with the champion that serves.

    1. Find the month: that of the day as of which silver was cleaned; today's where nothing is
       dated.
    2. A month is decided once: where that was, it stands, whoever is champion by now.
    3. Publish the decisions (`decided`) and hand them over.
    """
    scenario = json.loads(spec)["scenario"]
    with task("decide", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        day = str(take(silver).facts.get("as_of", "")) or datetime.now(UTC).date().isoformat()
        made, release = take(gold), registry.deployed_release(work.store, scenario)
        if release is None:
            raise VintageError(
                f"{scenario}: expected a deployed champion to decide with, found none; "
                f"train one with: vintage run {scenario}"
            )
        decided = work.find_or_make(
            f"{scenario}/decided/{day[:7]}",
            lambda target: _decide(work, spec, made, release, day, target),
        )
        by = str(decided.facts["release"])
        told = ("rows", "approved", "release", "month")
        work.record.facts = {name: decided.facts[name] for name in told}
        stands = (by, decided.facts["gold"]) != (release, made.digest)
        work.record.facts |= {"stands": stands, "place": decided.uri}
        hand_over(decided, decisions)


def _decide(
    work: Task, spec: str, made: Entry, release: str, day: str, target: Path
) -> Mapping[str, object]:
    from components.contracts.scenario import FeaturesSpec
    from components.etl import batch
    from components.etl.session import count_rows, files_for, spark_session, write_table

    declared = FeaturesSpec.model_validate_json(spec)
    folder = work.store.local(registry.find_release(work.store, declared.scenario, release))
    size = sum(made.files.values())
    with spark_session(f"{declared.scenario} decide", work.settings.home, size) as spark:
        table = spark.read.parquet(str(work.store.local(made) / "final-dataset"))
        rows = batch.rows_of_month(table, declared, day)
        decided = batch.decide(rows, folder, release).repartition(files_for(size), "decision")
        place = target / "decisions"
        # A moment of Spark's own kind has no zone, and other readers have ceased to know it.
        spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        write_table(decided.sortWithinPartitions("decision"), place)
        approved = spark.read.parquet(str(place)).where("approved").count()
    return {
        "rows": count_rows(place), "approved": approved, "release": release,
        "gold": made.digest, "month": day[:7],
    }  # fmt: skip

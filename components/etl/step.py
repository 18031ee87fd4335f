"""The steps of ETL: read, call, write. Spark starts only where something has to be made."""

# Imports of Spark and the contracts wait inside the functions: a reused step never needs them.

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from components.contracts.errors import VintageError
from components.etl.asof import day_of, latest, resolve
from components.storage import registry
from components.storage.keys import file_digest, text_digest
from components.storage.objects import Entry, Store, published
from components.storage.steps import Artifact, Task, hand_over, take, task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from components.contracts.scenario import FeaturesSpec
    from components.etl.gold import Gold

#: Asked for Spark's session, with the bytes of input that it will read.
_Spark = Callable[[int], "SparkSession"]
_LIBRARIES = ("pyspark",)
_TABLE = "final-dataset"  # of gold


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
        looked_from = resolve(day, latest(landed.facts))
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
                from components.etl.executors import Executors
                from components.etl.session import spark_session

                own, store = work.settings, work.store
                whose = (own.executors, own.executor_image, own.pod, own.pod_address)
                places = (store.uri, own.endpoint, own.jars, own.home)
                pods = Executors(*whose, *places) if own.executors and own.pod else None
                session = spark_session(name, own.home, input_bytes, pods, store.remote)
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


def _read_tables(work: Task, spark: _Spark, spec: str, folder: Path) -> list[str]:
    """Write the sources that are tables of a database to files; the names of those."""
    place, sources = work.settings.sources, json.loads(spec)["sources"]
    names = [source["name"] for source in sources if place and source.get("table")]
    if not names:
        return []
    from components.contracts.scenario import IngestSpec
    from components.etl import jars, jdbc

    declared, settings = IngestSpec.model_validate_json(spec), work.settings
    (jar,) = jars.have([jdbc.DRIVER], settings.jars, settings.home)
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
    from components.etl import landing

    declared, (files, tables) = IngestSpec.model_validate_json(spec), places
    with _scratch(work) as spare:
        return landing.land(
            spark, declared, data, files=files, tables=tables, day=day, target=target, spare=spare
        )


def _clean(
    work: Task, spark: _Spark, spec: str, data: str, landed: Entry, as_of: str, target: Path
) -> Mapping[str, object]:
    from components.contracts.scenario import IngestSpec
    from components.etl import landing

    declared, session = IngestSpec.model_validate_json(spec), spark(sum(landed.files.values()))
    raw = work.store.local(landed)
    with _scratch(work) as spare:
        return landing.clean(
            session, declared, data, raw=raw, facts=landed.facts, as_of=as_of, target=target,
            spare=spare,
        )  # fmt: skip


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

        def make(session: "SparkSession", folder: Path, declared: "FeaturesSpec") -> "Gold":
            from components.etl.gold import gold_table, tables_of
            from components.etl.session import read_table

            names = tables_of(declared)
            tables = {name: read_table(session, folder / name) for name in names}
            return gold_table(tables, declared, as_of)

        return _publish_gold(work, spec, ("silver", cleaned), as_of, make, (gold, snapshot))


def look_back(
    *, spec: str, run: str, timeout_minutes: float, gold: Artifact, day: str,
    earlier: Artifact, snapshot: Artifact,
) -> bool:  # fmt: skip
    """Make the gold table of an earlier day (or month) out of gold, and its snapshot; both are
    published and handed over as `features` does, as if it had been run on that day.
    """
    from components.contracts.scenario import FeaturesSpec
    from components.etl.earlier import expect_days
    from components.etl.earlier import look_back as table_of
    from components.etl.session import read_table

    scenario = json.loads(spec)["scenario"]
    with task("look-back", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        expect_days(FeaturesSpec.model_validate_json(spec))
        whole = take(gold)
        as_of = resolve(day_of(day), {"gold": str(whole.facts["as_of"])})

        def make(session: "SparkSession", folder: Path, declared: FeaturesSpec) -> "Gold":
            return table_of(read_table(session, folder / _TABLE), declared, as_of)

        return _publish_gold(work, spec, ("gold", whole), as_of, make, (earlier, snapshot))


def _publish_gold(
    work: Task, spec: str, source: tuple[str, Entry], as_of: str,
    make: "Callable[[SparkSession, Path, FeaturesSpec], Gold]",
    artifacts: tuple[Artifact, Artifact],
) -> bool:  # fmt: skip
    """Find or make the gold table of a day and its snapshot, and hand them over; whether there is
    history enough. `make` is told where the files of the source lie.
    """
    scenario, (role, entry), (gold, snapshot) = work.record.scenario, source, artifacts

    def write(target: Path) -> Mapping[str, object]:
        from components.contracts.scenario import FeaturesSpec
        from components.etl.gold import write
        from components.etl.session import files_for

        declared, size = FeaturesSpec.model_validate_json(spec), sum(entry.files.values())
        with _session(work, f"{scenario} gold") as spark:
            made = make(spark(size), work.store.local(entry), declared)
            return write(made, declared, target, files_for(size))

    made = work.reuse_or_make(
        f"{scenario}/training",
        spec=spec,
        inputs={role: entry.digest, "as_of": as_of},
        rooms=("etl",),
        libraries=(*_LIBRARIES, "numpy"),
        make=write,
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


def months_known(
    *, spec: str, run: str, timeout_minutes: float, gold: Artifact, days: Sequence[str]
) -> dict[str, int]:
    """Of each day (or month), how many months had a mature label by then, as gold knows it."""
    from components.contracts.scenario import FeaturesSpec
    from components.etl import earlier

    declared = FeaturesSpec.model_validate_json(spec)
    scenario = declared.scenario
    with (
        task("months-known", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work,
        _session(work, f"{scenario} months") as spark,
    ):
        asked = [date.fromisoformat(day_of(day)) for day in days]
        known = earlier.months_known(_read_gold(work, spark, take(gold)), declared, asked)
        work.record.reused = False
        return {day: known[found] for day, found in zip(days, asked, strict=True)}


def _read_gold(work: Task, spark: _Spark, made: Entry) -> "DataFrame":
    from components.etl.session import read_table

    return read_table(spark(sum(made.files.values())), work.store.local(made) / _TABLE)


def _pack(work: Task, spec: str, made: Entry, target: Path) -> Mapping[str, object]:
    from components.contracts.scenario import FeaturesSpec
    from components.etl.packing import pack_latest

    declared = FeaturesSpec.model_validate_json(spec)
    return pack_latest(work.store.local(made), declared, target / "snapshot.bin")


def decide(
    *, spec: str, run: str, timeout_minutes: float, silver: Artifact, gold: Artifact,
    decisions: Artifact,
) -> None:  # fmt: skip
    """Decide on every row of the run's month with the champion that serves.

    1. Find the month: that of the day of gold; today's where nothing is dated.
    2. A month is decided once: where that was, it stands, whoever is champion by now. A month
       without rows has no decisions.
    3. Publish the decisions (`decided`) and hand them over.
    4. Take in what came of rows that were decided before: `outcomes`, and `standings` where the
       label is made of payments. What was taken in before is not taken in again.
    """
    scenario = json.loads(spec)["scenario"]
    with (
        task("decide", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work,
        _session(work, f"{scenario} decide") as spark,
    ):
        cleaned, made = take(silver), take(gold)
        day = str(made.facts["as_of"]) or datetime.now(UTC).date().isoformat()
        release = registry.deployed_release(work.store, scenario)
        if release is None:
            raise VintageError(
                f"{scenario}: expected a deployed champion to decide with, found none; "
                f"train one with: vintage run {scenario}"
            )
        decided = work.find_or_make(
            f"{scenario}/decided/{day[:7]}",
            lambda target: _decide(work, spark, spec, made, release, day, target),
        )
        by = str(decided.facts["release"])
        told = ("rows", "approved", "release", "month")
        work.record.facts = {name: decided.facts[name] for name in told}
        stands = (by, decided.facts["gold"]) != (release, made.digest)
        work.record.facts |= {"stands": stands, "place": decided.uri}
        hand_over(decided, decisions)
        months = _entries(work.store, f"{scenario}/decided")
        settled = work.reuse_or_make(
            f"{scenario}/settled",
            spec=spec,
            inputs={
                "gold": made.digest, "as_of": str(made.facts["as_of"]), "silver": cleaned.digest,
                **{month.key: month.digest for month in months},
            },
            rooms=("etl",),
            libraries=(*_LIBRARIES, "pyarrow"),
            make=lambda _: _settle(work, spark, spec, (made, cleaned), months),
        )  # fmt: skip
        work.record.facts["outcomes"] = settled.facts["outcomes"]


def _decide(
    work: Task, spark: _Spark, spec: str, made: Entry, release: str, day: str, target: Path
) -> Mapping[str, object]:
    from components.contracts.scenario import DecideSpec
    from components.etl import batch
    from components.etl.session import files_for

    declared = DecideSpec.model_validate_json(spec)
    folder = work.store.local(registry.find_release(work.store, declared.scenario, release))
    rows = batch.rows_of_month(_read_gold(work, spark, made), declared, day)
    files = files_for(sum(made.files.values()))
    told = batch.write(batch.decide(rows, folder, release), target / "decisions", files)
    return {**told, "release": release, "gold": made.digest, "month": day[:7]}


def _settle(
    work: Task, spark: _Spark, spec: str, tables: tuple[Entry, Entry], months: Sequence[Entry]
) -> Mapping[str, int]:
    """Publish what gold and silver know of the decisions of some months, as far as nobody said it
    before; how many rows that were.
    """
    from components.contracts.scenario import DecideSpec
    from components.etl import settling

    declared, (made, cleaned) = DecideSpec.model_validate_json(spec), tables
    store, places = work.store, {kind: f"{declared.scenario}/{kind}" for kind in settling.KINDS}
    if not settling.is_known_later(declared):
        return dict.fromkeys(places, 0)
    with _scratch(work) as folder:
        found = settling.settle(
            _read_gold(work, spark, made),
            store.local(cleaned),
            declared,
            str(made.facts["as_of"]),
            decisions=[store.local(month) / "decisions" for month in months],
            said={kind: [*map(store.local, _entries(store, at))] for kind, at in places.items()},
            target=folder,
        )
        for kind, rows in found.items():
            if rows:
                digest = file_digest(folder / kind / settling.FILES[kind])
                store.publish(
                    f"{places[kind]}/{text_digest(digest)}", folder / kind, {"rows": rows}
                )
    return found


def _entries(store: Store, prefix: str) -> list[Entry]:
    """What was published right under a prefix."""
    return [entry for key in published(store, prefix) if (entry := store.find(key)) is not None]

"""One Spark session a step, or one for many steps: starting one costs seconds.

It is local, or has executors on Kubernetes, which read and write by an exchange.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pyarrow.parquet as pq
from py4j.protocol import Py4JError, Py4JJavaError  # type: ignore[import-untyped]
from pyspark.sql import DataFrame, SparkSession

from components.etl.exchange import Exchange
from components.etl.executors import Executors
from components.etl.faults import named
from components.etl.java import java_home

_SMALL = 50_000_000  # bytes of input; below it the JVM is warm only when the work is done
#: Bytes of input for which a table has a file, and a task that writes it; and while there are few.
_FILE, _FIRST_FILE, _FEW = 64_000_000, 1_000_000, 4
#: Tasks for input below `_SMALL`, and above it. Every task writes its code out anew: of wide tables
#: with few rows that is much of the work. How many there are is not to depend on the machine.
_TASKS = (4, 8)
_LOCAL = {"spark.master": "local[*]", "spark.driver.host": "127.0.0.1"}
#: The session that is open in this process, at most one: what is asked for inside it gets it.
_open: list[SparkSession] = []
#: Where the executors of that session read and write; none: on the disk of this process.
_exchanges: list[Exchange] = []


@contextmanager
def spark_session(
    name: str,
    workshop: Path,
    input_bytes: int,
    executors: Executors | None = None,
    remote: Callable[[Path], str | None] = lambda _: None,
) -> Iterator[SparkSession]:
    """A session, stopped at the end; `workshop` keeps what Spark and Java need on disk.

    It is local, or its work is done by executors; `remote` is then asked for local paths whose
    like they can reach.

    Inside another one it is that one, with what is right for so many bytes, and goes on after it;
    what was cached meanwhile is let go.
    """
    tasks = str(_TASKS[input_bytes >= _SMALL])
    sized = {"spark.sql.shuffle.partitions": tasks, "spark.sql.files.minPartitionNum": tasks}
    if _open:
        with settings(_open[0], sized):
            try:
                yield _open[0]
            finally:
                _open[0].catalog.clearCache()
        return
    workshop.mkdir(parents=True, exist_ok=True)
    own = _LOCAL if executors is None else executors.settings()
    try:
        session = _start(name, workshop, input_bytes, {**sized, **own})
    except Py4JJavaError as error:
        if executors is None:
            raise
        raise executors.not_there(str(error.java_exception.getMessage())) from error
    _open.append(session)
    try:
        if executors is not None:
            _exchanges.append(Exchange(session, executors.place, remote))
        yield session
    except Exception as error:
        fault = named(error, "" if executors is None else executors.store)
        if fault is None:
            raise
        raise fault from error
    finally:
        _close(session)


def _close(session: SparkSession) -> None:
    """Stop a session, and empty its exchange; there is nothing to stop where its Java is gone."""
    with suppress(ConnectionError, Py4JError), ExitStack() as last:
        last.callback(session.stop)
        for exchange in _exchanges:
            last.callback(exchange.clear)
        _open.clear()
        _exchanges.clear()


@contextmanager
def settings(session: SparkSession, wanted: Mapping[str, str]) -> Iterator[None]:
    """Settings of a running session for a while; then they are as they were."""
    before = {name: session.conf.get(name) for name in wanted}
    try:
        for name, value in wanted.items():
            session.conf.set(name, value)
        yield
    finally:
        for name, former in before.items():
            session.conf.set(name, str(former))


def _start(name: str, workshop: Path, input_bytes: int, own: Mapping[str, str]) -> SparkSession:
    # The second compiler pays on long work and costs a fifth of the time of a short one.
    compiler = "-XX:TieredStopAtLevel=1 " if input_bytes < _SMALL else ""
    os.environ["JAVA_HOME"] = str(java_home(workshop))
    os.environ["PYSPARK_PYTHON"] = sys.executable  # workers are of this environment
    session = (
        SparkSession.builder.appName(name)
        .config("spark.driver.memory", "2g")
        # What Spark writes anew for every query fills the usual room for compiled code; then Java
        # compiles no more.
        .config(
            "spark.driver.extraJavaOptions",
            f"{compiler}-XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m",
        )
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.local.dir", str(workshop / "spark"))
        .config("spark.sql.warehouse.dir", str(workshop / "spark" / "warehouse"))
        .config("spark.sql.session.timeZone", "UTC")
        .config(map=dict(own))
        # The JVM compiles no longer method: the stages of wide tables are cut into shorter ones.
        .config("spark.sql.codegen.hugeMethodLimit", "8000")
        # It multiplies the conditions of wide tables by one another: minutes for nothing.
        .config("spark.sql.constraintPropagation.enabled", "false")
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .config("spark.sql.caseSensitive", "true")  # a file's columns are its own affair
        # A pruned column would hide that its line was malformed.
        .config("spark.sql.csv.parser.columnPruning.enabled", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    return session


def files_for(input_bytes: int) -> int:
    """How many files a table is written to that is made of so many bytes."""
    few = min(_FEW, input_bytes // _FIRST_FILE)
    return max(1, few, round(input_bytes / _FILE))


def write_table(
    frame: DataFrame, folder: Path, *, files: int | None = None, by: str | None = None
) -> None:
    """Write Parquet with stable file names, so that equal content has an equal digest.

    At most so many files (none: as many as the frame has parts); `by` lays them out in a folder
    for each value of a column.
    """
    whole = frame if files is None else frame.coalesce(files)
    writer = whole.write if by is None else whole.write.partitionBy(by)
    writer.parquet(_exchanges[0].place(folder) if _exchanges else str(folder))
    for exchange in _exchanges:
        exchange.bring(folder)
    for extra in [*folder.rglob(".*.crc"), *folder.glob("_*")]:
        extra.unlink()
    for place in {part.parent for part in folder.rglob("part-*.parquet")}:
        for number, part in enumerate(sorted(place.glob("part-*.parquet"))):
            part.rename(place / f"part-{number:05d}.parquet")


def seen(path: Path) -> str:
    """Where the open session reads a file or folder of this process."""
    return _exchanges[0].seen(path) if _exchanges else str(path)


def read_table(spark: SparkSession, *places: Path) -> DataFrame:
    """The rows of Parquet in files or folders of this process."""
    return spark.read.parquet(*map(seen, places))


def count_rows(folder: Path) -> int:
    """Rows of a written table, from the ends of its files."""
    return sum(pq.read_metadata(part).num_rows for part in folder.rglob("part-*.parquet"))

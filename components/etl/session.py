"""One Spark session a step: starting one costs seconds."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from components.etl.java import java_home

_SMALL = 50_000_000  # bytes of input; below it the JVM is warm only when the work is done
#: Bytes of input for which a table has a file, and a task that writes it; and while there are few.
_FILE, _FIRST_FILE, _FEW = 64_000_000, 1_000_000, 4


@contextmanager
def spark_session(name: str, workshop: Path, input_bytes: int) -> Iterator[SparkSession]:
    """A local session, stopped at the end; `workshop` keeps what Spark and Java need on disk."""
    # The second compiler pays on long work and costs a fifth of the time of a short one.
    compiler = "-XX:TieredStopAtLevel=1 " if input_bytes < _SMALL else ""
    # Every task writes its code out anew: of wide tables with few rows that is much of the work.
    # How many there are is not to depend on the machine.
    tasks = 4 if input_bytes < _SMALL else 8
    os.environ["JAVA_HOME"] = str(java_home(workshop))
    os.environ["PYSPARK_PYTHON"] = sys.executable  # workers are of this environment
    session = (
        SparkSession.builder.master("local[*]")
        .appName(name)
        .config("spark.driver.memory", "2g")
        .config("spark.driver.extraJavaOptions", f"{compiler}-XX:+UseSerialGC")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.local.dir", str(workshop / "spark"))
        .config("spark.sql.warehouse.dir", str(workshop / "spark" / "warehouse"))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", tasks)
        # The JVM compiles no longer method: the stages of wide tables are cut into shorter ones.
        .config("spark.sql.codegen.hugeMethodLimit", "8000")
        # It multiplies the conditions of wide tables by one another: minutes for nothing.
        .config("spark.sql.constraintPropagation.enabled", "false")
        .config("spark.sql.files.minPartitionNum", tasks)
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .config("spark.sql.caseSensitive", "true")  # a file's columns are its own affair
        # A pruned column would hide that its line was malformed.
        .config("spark.sql.csv.parser.columnPruning.enabled", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    finally:
        session.stop()


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
    writer.parquet(str(folder))
    for extra in [*folder.rglob(".*.crc"), *folder.glob("_*")]:
        extra.unlink()
    for place in {part.parent for part in folder.rglob("part-*.parquet")}:
        for number, part in enumerate(sorted(place.glob("part-*.parquet"))):
            part.rename(place / f"part-{number:05d}.parquet")


def count_rows(folder: Path) -> int:
    """Rows of a written table, from the ends of its files."""
    return sum(pq.read_metadata(part).num_rows for part in folder.rglob("part-*.parquet"))

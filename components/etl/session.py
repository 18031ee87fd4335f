"""One Spark session a step: starting one costs seconds."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from components.etl.java import java_home

_SMALL = 200_000_000  # bytes of input; below it the JVM is warm only when the work is done


@contextmanager
def spark_session(name: str, workshop: Path, input_bytes: int) -> Iterator[SparkSession]:
    """A local session, stopped at the end; `workshop` keeps what Spark and Java need on disk."""
    # The second compiler pays on long work and costs a fifth of the time of a short one.
    compiler = "-XX:TieredStopAtLevel=1 " if input_bytes < _SMALL else ""
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
        .config("spark.sql.shuffle.partitions", "8")
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


def write_table(frame: DataFrame, folder: Path) -> None:
    """Write Parquet with stable file names, so that equal content has an equal digest."""
    frame.write.parquet(str(folder))
    for extra in [*folder.glob(".*.crc"), *folder.glob("_*")]:
        extra.unlink()
    for number, part in enumerate(sorted(folder.glob("part-*.parquet"))):
        part.rename(folder / f"part-{number:05d}.parquet")

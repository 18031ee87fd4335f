"""One Spark session a step: starting one costs seconds."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from components.etl.java import java_home


@contextmanager
def spark_session(name: str, workshop: Path) -> Iterator[SparkSession]:
    """A local session, stopped at the end; `workshop` keeps what Spark and Java need on disk."""
    os.environ["JAVA_HOME"] = str(java_home(workshop))
    session = (
        SparkSession.builder.master("local[*]")
        .appName(name)
        .config("spark.driver.memory", "2g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.local.dir", str(workshop / "spark"))
        .config("spark.sql.warehouse.dir", str(workshop / "spark" / "warehouse"))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "8")
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

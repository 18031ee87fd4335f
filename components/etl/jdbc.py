"""Tables of a database, read over JDBC into Parquet files as if they had landed so."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.contracts.sources import Source
from components.etl.jars import Jar
from components.etl.session import write_table

DRIVER = Jar(
    "org.postgresql", "postgresql", "42.7.14",
    "73914527305a40cce504b0d3d90b23caf565136912d607ae8ae7c5895512332c",
)  # fmt: skip
_SCHEME = "jdbc:postgresql:"
_FETCH_ROWS = 10_000  # at a time: a table may be larger than memory
#: SQLSTATE classes that may mend themselves: no connection, too many of them, a server starting.
_TRANSIENT = ("08", "53", "57")


def settle(folder: Path) -> None:
    """Write a table's files anew, so that equal rows are equal bytes, which say what to reuse.

    Spark lists the encodings of a column in the order of a Java set: another in each process.
    """
    for part in folder.glob("part-*.parquet"):
        anew = part.with_suffix(".anew")
        with (
            pq.ParquetFile(part) as old,
            pq.ParquetWriter(anew, old.schema_arrow.remove_metadata()) as new,
        ):
            for batch in old.iter_batches():
                new.write_batch(batch)
        anew.replace(part)


class Database:
    """A database that sources are read from. Nothing that it raises tells the password."""

    def __init__(self, spark: SparkSession, jar: Path, url: str, user: str, password: str) -> None:
        if not url.startswith(_SCHEME):
            raise VintageError(f"VINTAGE_SOURCES: expected {_SCHEME}//host/database, found another")
        if "@" in url or "password" in url.lower():
            raise VintageError(
                "VINTAGE_SOURCES: expected a URL without user and password, which have settings of "
                "their own, found one with them"
            )
        self._spark = spark
        self._place = url.partition("?")[0]
        self._password = password
        self._options = {
            "url": url, "user": user, "password": password, "driver": "org.postgresql.Driver",
            "fetchsize": str(_FETCH_ROWS), "connectTimeout": "10", "options": "-c TimeZone=UTC",
        }  # fmt: skip
        spark.sql(f"ADD JAR '{jar}'")

    def read(self, source: Source, folder: Path) -> None:
        """Write a source's table to Parquet: all text, in the order of its key."""
        try:
            found = self._query(f"select * from {source.table} where false").columns  # noqa: S608 - declared
            # The database's own text: Spark's types hold neither its numbers nor its dates whole.
            names = ", ".join(f'cast("{name}" as varchar) as "{name}"' for name in found)
            rows = self._query(f"select {names} from {source.table}")  # noqa: S608 - as above
            declared = [name for name in found if source.column_of(name) in source.key]
            order = [*declared, *(name for name in found if name not in declared)]
            ordered = rows.sortWithinPartitions(*(F.col(f"`{name}`") for name in order))
            write_table(ordered, folder)
            settle(folder)
        except (Py4JJavaError, PySparkException) as error:
            # What Spark knows it wraps in an exception of its own, with Java's inside.
            java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
            raise self._named(source, java) from None

    def _query(self, query: str) -> DataFrame:
        return self._spark.read.format("jdbc").options(**self._options, query=query).load()

    def _named(self, source: Source, cause: Any) -> VintageError:
        """The error for a Java exception: what the driver said, where it was the driver."""
        state, said = "", ""
        while cause is not None:
            said = str(cause.getMessage()).splitlines()[0]
            if cause.getClass().getName() == "org.postgresql.util.PSQLException":
                state = str(cause.getSQLState())
                # An attempt that failed may be a name, a firewall, a certificate.
                if (why := cause.getCause()) is not None:
                    said += f" ({str(why.toString()).splitlines()[0]})"
                break
            cause = cause.getCause()
        if self._password:
            said = said.replace(self._password, "***")
        kind = EnvironmentFaultError if state.startswith(_TRANSIENT) else VintageError
        return kind(
            f"source {source.name}: expected table {source.table} of {self._place}, found: {said}"
        )

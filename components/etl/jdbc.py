"""Tables of a database, read over JDBC into Parquet files as if they had landed so."""

import hashlib
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pyspark
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.contracts.sources import Source
from components.etl.java import java_home
from components.etl.session import write_table

_ORGANISATION, _NAME, _VERSION = "org.postgresql", "postgresql", "42.7.14"
_SHA256 = "73914527305a40cce504b0d3d90b23caf565136912d607ae8ae7c5895512332c"
_SCHEME = "jdbc:postgresql:"
_FETCH_ROWS = 10_000  # at a time: a table may be larger than memory
#: SQLSTATE classes that may mend themselves: no connection, too many of them, a server starting.
_TRANSIENT = ("08", "53", "57")


def driver(jars: Path, workshop: Path) -> Path:
    """The JDBC driver's jar in a folder of jars, its hash checked; had by its coordinates where it
    is not there yet, with the Java for which `workshop` has a launcher.
    """
    jar = jars / f"{_NAME}-{_VERSION}.jar"
    if not jar.exists():
        jars.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=jars) as folder:
            found = _resolve(Path(folder), workshop, jar)
            _check(found)
            found.replace(jar)
    _check(jar)
    return jar


def _resolve(folder: Path, workshop: Path, jar: Path) -> Path:
    """Ask Ivy, which Spark brings, for the driver."""
    (ivy,) = (Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar")
    done = subprocess.run(  # noqa: S603 - our own Java on our own words
        [java_home(workshop) / "bin" / "java", "-jar", ivy, "-notransitive", "-types", "jar",
         "-dependency", _ORGANISATION, _NAME, _VERSION, "-cache", folder / "ivy",
         "-retrieve", f"{folder}/[artifact].[ext]"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = folder / f"{_NAME}.jar"
    if done.returncode or not found.exists():
        raise EnvironmentFaultError(
            f"JDBC driver {_ORGANISATION}:{_NAME}:{_VERSION}: expected it from Maven, or at {jar}; "
            "found it at neither"
        )
    return found


def _check(jar: Path) -> None:
    if (digest := hashlib.sha256(jar.read_bytes()).hexdigest()) != _SHA256:
        raise VintageError(
            f"JDBC driver {jar}: expected sha256 {_SHA256[:12]}, found {digest[:12]}; "
            "nothing of it was run"
        )


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

"""ETL at scale: repeat-loans from files to the gold table and the snapshot, beside others.

`python -m benchmarks.etl 1 5 20` takes sizes in millions of rows (1 and 5 otherwise). Each size is
held against the first by rows; the peers run at the largest: a Spark job written by hand, which
reads and writes the same layers and does nothing else, and DuckDB, which goes from the file to the
gold table at once. Every job is a process of its own on the same files.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import samples
from benchmarks._line import line

_SCENARIO = "repeat-loans"
_DEFAULT = (1, 5)
_HEAP_GB = 2.0  # of Spark's driver, see components/etl/session.py
_KEEP = (
    "loan_id", "id", "code_gender", "flag_own_car", "name_family_status", "name_income_type",
    "status", "birthday", "job_start_date", "loan_date", "loan_amount",
)  # fmt: skip


def ours(data: Path, home: Path) -> None:
    """The two steps as a pipeline runs them."""
    from benchmarks._steps import gold_of
    from pipelines.scenarios import load

    gold_of(load(_SCENARIO), data, home)


def by_hand(data: Path, home: Path) -> None:
    """What somebody writes who trusts the data: the same layers, and no check of any."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    from components.etl.session import spark_session

    size = (data / "loans.csv").stat().st_size
    with spark_session("by hand", home, size) as spark:
        landed = spark.read.csv(str(data), header=True, escape='"')
        month = F.coalesce(F.substring("loan_date", 1, 7), F.lit("unknown"))
        landed.withColumn("snapshot_month", month).write.partitionBy("snapshot_month").parquet(
            str(home / "bronze")
        )
        bronze = spark.read.parquet(str(home / "bronze"))
        dates = ("birthday", "job_start_date", "loan_date")
        numbers = ("status", "loan_amount", "amt_income_total", "cnt_children", "cnt_fam_members")
        typed = bronze.select(
            *(F.col(name).try_cast("date").alias(name) for name in dates),
            *(F.col(name).try_cast("double").alias(name) for name in numbers),
            *(c for c in bronze.columns if c not in {*dates, *numbers}),
        )
        typed.dropDuplicates(["loan_id"]).write.partitionBy("snapshot_month").parquet(
            str(home / "silver")
        )
        silver = spark.read.parquet(str(home / "silver"))
        before = (
            Window.partitionBy("id")
            .orderBy(F.unix_date("loan_date"))
            .rangeBetween(Window.unboundedPreceding, -1)
        )
        gold = silver.select(
            *_KEEP,
            F.count(F.lit(1)).over(before).alias("nb_previous_loans"),
            F.avg("loan_amount").over(before).alias("avg_amount_loans_previous"),
            "snapshot_month",
        )
        gold.write.partitionBy("snapshot_month").parquet(str(home / "gold"))
        written = spark.read.parquet(str(home / "gold"))
        latest = written.groupBy("id").agg(F.max_by(F.struct(*_KEEP[1:]), "loan_date"))
        latest.sort("id").write.parquet(str(home / "latest"))


def by_duckdb(data: Path, home: Path) -> None:
    """One query from the file to the gold table."""
    import duckdb

    kept = ", ".join(name for name in _KEEP if name not in {"loan_date", "loan_amount"})
    with duckdb.connect(config={"memory_limit": "4GB", "temp_directory": str(home)}) as session:
        session.execute(
            f"""
            COPY (
                WITH loans AS (
                    SELECT DISTINCT ON (loan_id) * REPLACE (
                        TRY_CAST(loan_date AS DATE) AS loan_date,
                        TRY_CAST(loan_amount AS DOUBLE) AS loan_amount
                    )
                    FROM read_csv('{data}/loans.csv', all_varchar = true, header = true)
                )
                SELECT {kept}, loan_date, loan_amount,
                    count(*) OVER past AS nb_previous_loans,
                    avg(loan_amount) OVER past AS avg_amount_loans_previous
                FROM loans
                WINDOW past AS (
                    PARTITION BY id ORDER BY loan_date
                    RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 DAY PRECEDING
                )
            ) TO '{home}/gold.parquet' (FORMAT parquet)
            """  # noqa: S608 - names of ours
        )


_JOBS = {"ours": ours, "by_hand": by_hand, "by_duckdb": by_duckdb}


def _measure(job: str, data: Path) -> tuple[float, float]:
    """Seconds and the largest process in GB of one job, in a process and a folder of its own."""
    with tempfile.TemporaryDirectory(dir=data) as home:
        command = [sys.executable, "-m", "benchmarks.etl", "--job", job, str(data), home]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak


def _job(name: str, data: Path, home: Path) -> None:
    started = time.perf_counter()
    _JOBS[name](data, home)
    seconds = time.perf_counter() - started
    largest = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps([seconds, largest / 1e6]))


def main(millions: tuple[int, ...]) -> None:
    first: float | None = None
    for size in millions:
        with tempfile.TemporaryDirectory(prefix="etl-") as folder:
            data = Path(folder) / "data"
            samples.write(_SCENARIO, data, rows=size * 1_000_000, seed=42)
            seconds, peak = _measure("ours", data)
            each = seconds / size
            first = each if first is None else first
            name = f"etl, {_SCENARIO}, {size} million rows"
            line(f"{name}, s a million (peer: the first size)", ours=each, peer=first, goal=1.0)
            line(f"{name}, GB of memory (peer: twice the driver's heap)", ours=peak,
                 peer=2 * _HEAP_GB, goal=1.0)  # fmt: skip
            if size != millions[-1]:
                continue
            hand, _ = _measure("by_hand", data)
            line(f"{name}, s (peer: a Spark job by hand)", ours=seconds, peer=hand, goal=1.2)
            duck, _ = _measure("by_duckdb", data)
            line(f"{name}, s (peer: DuckDB, one layer)", ours=seconds, peer=duck, goal=None)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        _job(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main(tuple(int(size) for size in sys.argv[1:]) or _DEFAULT)

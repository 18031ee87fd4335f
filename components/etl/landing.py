"""From files to bronze, from bronze to silver: written to a folder, or every fault told at once."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from pyspark.sql import SparkSession

from components.contracts.errors import ContractError
from components.contracts.scenario import IngestSpec
from components.etl import bronze, cleaning, contract
from components.etl.asof import latest
from components.etl.contract import Check

_FILES = "files.json"  # in bronze: what the contract says of the files


def land(
    spark: Callable[[int], SparkSession],
    declared: IngestSpec,
    data: str,
    *,
    files: Path,
    tables: Path,
    day: str,
    target: Path,
    spare: Path,
) -> dict[str, object]:
    """Write bronze; what it tells of each source. `spark` is asked for a session with the bytes of
    input, `data` is what the files are called, `tables` holds what was read from a database, and
    `spare` what nobody needs later. Raises ContractError.
    """
    checks, landings = list[Check](), []
    for source in declared.sources:
        read = sorted((tables / source.name).glob("*.parquet"))
        landing, found = bronze.inspect(source, read or bronze.find_files(source, files), files)
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
        looked_from = day or max(latest(facts).values(), default="")
        cleaned = cleaning.clean_all(session, declared, target, looked_from, spare, spare)
        checks += [check for one in cleaned.values() for check in one.checks]
    _refuse(data, checks, _places(facts))
    (target / _FILES).write_text(json.dumps(contract.table(checks)))
    return facts


def clean(
    session: SparkSession,
    declared: IngestSpec,
    data: str,
    *,
    raw: Path,
    facts: Mapping[str, object],
    as_of: str,
    target: Path,
    spare: Path,
) -> dict[str, object]:
    """Write silver as of a day, of bronze and what it tells of itself. Raises ContractError."""
    cleaned = cleaning.clean_all(session, declared, raw, as_of, target, spare)
    checks = [check for one in cleaned.values() for check in one.checks]
    _refuse(data, checks, _places(facts))
    told = cleaning.finish(session, declared, facts, cleaned, target)
    checks += cleaning.merge_checks(declared, told)
    _refuse(data, checks)
    lines = [*json.loads((raw / _FILES).read_text()), *contract.table(checks)]
    (target / "contract.json").write_text(json.dumps(lines, indent=1))
    return {"as_of": as_of, **told}


def _places(facts: Mapping[str, object]) -> dict[str, str]:
    """What each source of bronze was read from."""
    sources = cast("Mapping[str, Mapping[str, str]]", facts)
    return {name: found["place"] for name, found in sources.items()}


def _refuse(data: str, checks: Sequence[Check], places: Mapping[str, str] | None = None) -> None:
    if broken := contract.failures(checks, places):
        raise ContractError(f"data {data}", broken)

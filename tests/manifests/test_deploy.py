"""`make deploy` on clusters that are not what it needs says so, and touches none of them."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.manifests.renders import ROOT

_NEW = '{"spec": {"properties": {"storageContainerName": {}}}}'


def _kubectl(folder: Path, crd: str) -> Path:
    """A kubectl of a cluster with this definition of an InferenceService ("": none); what it was
    asked for is in the file.
    """
    asked = folder / "asked"
    text = f"""#!/bin/sh
echo "$@" >> {asked}
case "$*" in
  version*) echo v1.34 ;;
  "get crd"*) [ -n '{crd}' ] && echo '{crd}' ;;
  *) exit 1 ;;
esac
"""
    program = folder / "kubectl"
    program.write_text(text)
    program.chmod(0o755)
    return asked


@pytest.mark.parametrize(
    ("crd", "said"),
    [
        ("", "expected a cluster with KServe 0.20 or newer, found no InferenceService"),
        (
            '{"spec": {"properties": {"storageUri": {}}}}',
            "expected KServe 0.20 or newer, found one whose InferenceService has no "
            "storageContainerName",
        ),
        (_NEW, "expected KServe's controller to be ready, found it is not"),
    ],
)
def test_an_old_kserve_is_named_before_anything_is_applied(
    crd: str, said: str, tmp_path: Path
) -> None:
    asked = _kubectl(tmp_path, crd)
    done = subprocess.run(  # noqa: S603 - our own script
        [ROOT / "manifests" / "deploy", "kind"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr
    assert "apply" not in asked.read_text()

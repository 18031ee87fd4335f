"""Write the golden IRs anew: python -m tests.pipelines.write_golden. Then read the diff."""

import tempfile
from pathlib import Path

import yaml

from pipelines.scenarios import load
from tests.pipelines.test_pipelines import EVERY, GOLDEN, compiled

if __name__ == "__main__":
    for name, kind in EVERY:
        with tempfile.TemporaryDirectory() as folder:
            spec = compiled(load(name), kind, Path(folder))
        (GOLDEN / f"{name}-{kind}.yaml").write_text(yaml.safe_dump(spec, sort_keys=True))

"""Write the golden IR anew: python -m tests.pipelines.write_golden. Then read the diff."""

import tempfile
from pathlib import Path

import yaml

from pipelines.scenarios import names
from tests.pipelines.test_training_pipeline import GOLDEN, _compiled, _without_source

if __name__ == "__main__":
    for name in names():
        with tempfile.TemporaryDirectory() as folder:
            spec = _without_source(_compiled(name, Path(folder)))
        (GOLDEN / f"{name}.yaml").write_text(yaml.safe_dump(spec, sort_keys=True))

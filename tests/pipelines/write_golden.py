"""Write the golden IRs anew: python -m tests.pipelines.write_golden. Then read the diff."""

import yaml

from tests.pipelines.test_pipelines import EVERY, GOLDEN, of_scenario

if __name__ == "__main__":
    for name, kind in EVERY:
        spec = of_scenario(name, kind)
        (GOLDEN / f"{name}-{kind}.yaml").write_text(yaml.safe_dump(spec, sort_keys=True))

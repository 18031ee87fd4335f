"""Write the golden renders anew: python -m tests.manifests.write_golden. Then read the diff."""

from tests.manifests.renders import GOLDEN, OVERLAYS, built

if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for overlay in OVERLAYS:
        (GOLDEN / f"{overlay}.yaml").write_text(built(overlay))

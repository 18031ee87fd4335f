"""The line that every benchmark prints."""

import json


def line(benchmark: str, *, ours: float, peer: float, goal: float, at_most: bool = True) -> None:
    """Print one JSON line. `goal` bounds ours / peer: from above, or from below."""
    ratio = ours / peer
    met = ratio <= goal if at_most else ratio >= goal
    figures = {"ours": ours, "peer": peer, "ratio": ratio, "goal": goal}
    rounded = {name: round(value, 4) for name, value in figures.items()}
    print(json.dumps({"benchmark": benchmark, **rounded, "met": met}), flush=True)
